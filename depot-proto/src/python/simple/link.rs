//! From an entry of a page, HTML or JSON, to a file: the rules that both forms share.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use url::Url;

use super::{MAX_FILES, MAX_SKIPPED, MetadataMark, PageError, PageFile, SkippedFile};
use crate::{DistributionFilename, ProjectName};

/// The algorithms that a fragment may name. Other words before a `=` there, such as `egg`, mean something else.
const FRAGMENT_HASHES: [&str; 8] =
    ["sha256", "sha512", "sha384", "sha224", "sha1", "md5", "blake2b", "blake2s"];

/// A file's name and link as an entry gives them.
#[derive(Default)]
pub(super) struct Link<'a> {
    /// The address, as written.
    pub(super) href: &'a str,
    /// The file name, where the entry says it.
    pub(super) filename: Option<&'a str>,
    /// What a reader of the page would see; the last resort for a name.
    pub(super) text: &'a str,
}

/// The files of a page, as they are read.
pub(super) struct Listing<'a> {
    base: Url,
    project: &'a ProjectName,
    files: Vec<PageFile>,
    skipped: Vec<SkippedFile>,
    too_long: bool,
}

impl<'a> Listing<'a> {
    pub(super) fn new(base: Url, project: &'a ProjectName) -> Self {
        Self { base, project, files: Vec::new(), skipped: Vec::new(), too_long: false }
    }

    /// Takes one entry: `facts` holds everything but name, URL and the fragment's hash.
    pub(super) fn take(&mut self, link: &Link<'_>, facts: Result<PageFile, String>) {
        if self.files.len() >= MAX_FILES {
            self.too_long = true;
            return;
        }
        match facts.and_then(|facts| self.file(link, facts)) {
            Ok(file) => self.files.push(file),
            Err(reason) => {
                let what = link.filename.filter(|name| !name.is_empty()).unwrap_or(link.href);
                self.skip(what, reason);
            }
        }
    }

    /// Notes an entry that is not a file.
    pub(super) fn skip(&mut self, what: &str, reason: String) {
        if self.skipped.len() < MAX_SKIPPED {
            let what = what.chars().take(200).flat_map(char::escape_debug).collect();
            self.skipped.push(SkippedFile { what, reason });
        }
    }

    pub(super) fn finish(self) -> Result<(Vec<PageFile>, Vec<SkippedFile>), PageError> {
        if self.too_long {
            return Err(PageError::TooLong(MAX_FILES));
        }
        Ok((self.files, self.skipped))
    }

    fn file(&self, link: &Link<'_>, mut facts: PageFile) -> Result<PageFile, String> {
        if link.href.trim().is_empty() {
            return Err("it has no URL".to_owned());
        }
        let mut url =
            self.base.join(link.href).map_err(|error| format!("its URL cannot be read: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") && url.scheme() != self.base.scheme() {
            return Err(format!("its URL is of the scheme `{}`", url.scheme().escape_debug()));
        }
        if let Some(fragment) = url.fragment() {
            let said = fragment.split('&').filter_map(|part| part.split_once('='));
            for (algorithm, digest) in said {
                let algorithm = algorithm.to_ascii_lowercase();
                if FRAGMENT_HASHES.contains(&algorithm.as_str()) && !facts.hashes.contains_key(&algorithm) {
                    add_hash(&mut facts.hashes, &algorithm, digest)?;
                }
            }
            url.set_fragment(None);
        }
        facts.filename = match link.filename {
            Some(name) if !name.is_empty() => name.to_owned(),
            _ => self.name_of(&url, link.text)?,
        };
        check_safe(&facts.filename)?;
        facts.url = url.into();
        facts.provenance = facts.provenance.and_then(|text| self.provenance(text.trim()));
        Ok(facts)
    }

    /// The address of a provenance document. The specification wants it absolute; one that is relative means, as the link
    /// of its file does, an address beside the page.
    fn provenance(&self, text: &str) -> Option<String> {
        let absolute = Url::parse(text).is_ok();
        let url = self.base.join(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        Some(if absolute { text.to_owned() } else { url.into() })
    }

    /// The name in the last segment of the path, or the text of a link that leads elsewhere if that is a file's name.
    fn name_of(&self, url: &Url, text: &str) -> Result<String, String> {
        let segment = url.path().rsplit('/').next().unwrap_or_default();
        if segment.is_empty() {
            let text = text.trim();
            return match DistributionFilename::parse(text, self.project) {
                Ok(_) => Ok(text.to_owned()),
                Err(_) => Err("its URL does not end in a file name".to_owned()),
            };
        }
        let name = percent_decode_str(segment).decode_utf8();
        Ok(name.map_err(|_| "its file name is not UTF-8")?.into_owned())
    }
}

/// Whether a file may have this name anywhere; a page must not be able to name a path.
fn check_safe(filename: &str) -> Result<(), &'static str> {
    if matches!(filename, "" | "." | "..") {
        return Err("its file name is that of a folder");
    }
    if filename.contains(['/', '\\']) {
        return Err("its file name holds a path separator");
    }
    if filename.contains(char::is_control) {
        return Err("its file name holds a control character");
    }
    Ok(())
}

/// Notes a digest in the one spelling of both its parts.
///
/// What is no digest is passed over, except for SHA-256: a file must not become one that nobody can verify by a slip.
pub(super) fn add_hash(
    hashes: &mut BTreeMap<String, String>,
    algorithm: &str,
    digest: &str,
) -> Result<(), String> {
    let algorithm = algorithm.trim().to_ascii_lowercase();
    let digest = digest.trim().to_ascii_lowercase();
    let is_hex = digest.len() >= 32
        && digest.len().is_multiple_of(2)
        && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    if algorithm == "sha256" && !(is_hex && digest.len() == 64) {
        return Err("its sha256 is not 64 hexadecimal digits".to_owned());
    }
    if is_hex && !algorithm.is_empty() {
        hashes.insert(algorithm, digest);
    }
    Ok(())
}

/// Reads the text form of a metadata mark: `true`, `false`, or `sha256=` and the hash.
///
/// A hash that cannot be used still says that the metadata is there.
pub(super) fn metadata_mark(text: &str) -> MetadataMark {
    let text = text.trim();
    if text.is_empty() || text.eq_ignore_ascii_case("false") {
        return MetadataMark::Absent;
    }
    match text.split_once('=') {
        Some((algorithm, digest)) if algorithm.trim().eq_ignore_ascii_case("sha256") => {
            digest.trim().parse().map_or(MetadataMark::Present, MetadataMark::Sha256)
        }
        _ => MetadataMark::Present,
    }
}

/// The text, unless it says nothing.
pub(super) fn filled(text: &str) -> Option<String> {
    (!text.trim().is_empty()).then(|| text.to_owned())
}
