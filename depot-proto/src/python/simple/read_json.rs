//! Reading JSON pages (PEP 691, 700, 714, 740, 792).
//!
//! One entry at a time, keeping only what a page can use: a page of arbitrary depth or of millions of odd values costs
//! no more memory than an ordinary one of its size.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use url::Url;

use super::{
    MAX_FILES, MAX_PROJECTS, MetadataMark, PageError, PageFile, ProjectPage, RootPage, check_api_version,
    link::{Link, Listing, add_hash, filled, metadata_mark},
    loose::{Loose, LooseSeed},
};
use crate::{ProjectName, Yanked};

/// The keys of a core metadata mark, in the order of preference (PEP 714, and PyPI's own misspelling).
const METADATA_KEYS: [&str; 3] = ["core-metadata", "dist-info-metadata", "data-dist-info-metadata"];

pub(super) fn project(bytes: &[u8], page_url: &Url, project: &ProjectName) -> Result<ProjectPage, PageError> {
    let mut listing = Listing::new(page_url.clone(), project);
    let top = read(bytes, "files", |entry| match entry {
        Loose::Object(_) => {
            let text = |key| entry.get(key).and_then(Loose::as_text);
            let link = Link { href: text("url").unwrap_or_default(), filename: text("filename"), text: "" };
            listing.take(&link, facts(&entry));
        }
        _ => listing.skip("an entry of `files`", "it is not an object".to_owned()),
    })?;
    let (files, skipped) = listing.finish()?;
    // The specification puts the status at the top; its own example, and so some index, into `meta`.
    let status = [&top.status, top.meta.get("project-status").unwrap_or(&Loose::Null)]
        .into_iter()
        .find(|status| !matches!(status, Loose::Null))
        .unwrap_or(&Loose::Null);
    let word = status.as_text().or_else(|| status.get("status")?.as_text()).unwrap_or_default();
    let Ok(status_word) = word.parse();
    Ok(ProjectPage {
        project: project.clone(),
        status: status_word,
        status_reason: status.get("reason").and_then(Loose::as_text).and_then(filled),
        versions: top.versions,
        files,
        last_serial: top.meta.get("_last-serial").and_then(Loose::as_integer),
        skipped,
    })
}

pub(super) fn root(bytes: &[u8]) -> Result<RootPage, PageError> {
    let mut projects = Vec::new();
    let mut too_long = false;
    let top = read(bytes, "projects", |entry| {
        let name = entry.get("name").unwrap_or(&entry).as_text().unwrap_or_default();
        if projects.len() >= MAX_PROJECTS {
            too_long = true;
        } else if name.parse::<ProjectName>().is_ok() {
            projects.push(name.to_owned());
        }
    })?;
    if too_long {
        return Err(PageError::TooLong(MAX_PROJECTS));
    }
    Ok(RootPage { projects, last_serial: top.meta.get("_last-serial").and_then(Loose::as_integer) })
}

/// Everything that a file object says beside its name and URL.
fn facts(entry: &Loose) -> Result<PageFile, String> {
    let text = |key| entry.get(key).and_then(Loose::as_text);
    let mut file = PageFile::default();
    if let Some(Loose::Object(hashes)) = entry.get("hashes") {
        for (algorithm, digest) in hashes {
            if let Some(digest) = digest.as_text() {
                add_hash(&mut file.hashes, algorithm, digest)?;
            }
        }
    }
    file.size = entry.get("size").and_then(Loose::as_integer);
    file.upload_time = text("upload-time").and_then(|time| time.parse().ok());
    file.requires_python = text("requires-python").and_then(filled);
    file.yanked = match entry.get("yanked") {
        None | Some(Loose::Null | Loose::Bool(false) | Loose::Integer(0)) => Yanked::No,
        Some(Loose::Text(reason)) => Yanked::because(reason),
        Some(_) => Yanked::Yes,
    };
    let marks = METADATA_KEYS.iter().filter_map(|key| entry.get(key));
    file.core_metadata = marks.map(mark).next().unwrap_or_default();
    file.provenance = text("provenance").and_then(filled);
    Ok(file)
}

fn mark(value: &Loose) -> MetadataMark {
    match value {
        Loose::Bool(true) => MetadataMark::Present,
        Loose::Text(text) => metadata_mark(text),
        Loose::Object(hashes) => match value.get("sha256").and_then(Loose::as_text) {
            Some(digest) => digest.trim().parse().map_or(MetadataMark::Present, MetadataMark::Sha256),
            // No hash at all is falsy, and so not there, although pip and uv would ask for it.
            None if hashes.iter().all(|(_, digest)| digest.as_text().is_none()) => MetadataMark::Absent,
            None => MetadataMark::Present,
        },
        _ => MetadataMark::Absent,
    }
}

/// What stands at the top of a page beside its list.
struct Top {
    meta: Loose,
    status: Loose,
    versions: Vec<String>,
}

/// Reads a page, handing each entry of the list `key` to `each`.
fn read(bytes: &[u8], key: &'static str, each: impl FnMut(Loose)) -> Result<Top, PageError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let top = deserializer
        .deserialize_map(TopVisitor { key, each })
        .and_then(|top| deserializer.end().map(|()| top))
        .map_err(|error| {
            let text = error.to_string().chars().take(200).collect();
            if error.is_data() { PageError::NotAPage(text) } else { PageError::Malformed(text) }
        })?;
    match top.meta.get("api-version") {
        Some(Loose::Text(version)) => check_api_version(version)?,
        Some(Loose::Integer(version)) => check_api_version(&version.to_string())?,
        Some(Loose::Float(version)) => check_api_version(&version.to_string())?,
        _ => {}
    }
    Ok(top)
}

struct TopVisitor<F> {
    key: &'static str,
    each: F,
}

impl<'de, F: FnMut(Loose)> Visitor<'de> for TopVisitor<F> {
    type Value = Top;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with a list `{}`", self.key)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Top, A::Error> {
        let mut top = Top { meta: Loose::Null, status: Loose::Null, versions: Vec::new() };
        let mut listed = false;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "meta" => top.meta = map.next_value_seed(LooseSeed { depth: 2 })?,
                "project-status" => top.status = map.next_value_seed(LooseSeed { depth: 1 })?,
                "versions" => map.next_value_seed(List(&mut |version| {
                    if let Loose::Text(version) = version
                        && top.versions.len() < MAX_FILES
                    {
                        top.versions.push(version);
                    }
                }))?,
                key if key == self.key => {
                    listed = true;
                    map.next_value_seed(List(&mut self.each))?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        if listed { Ok(top) } else { Err(A::Error::missing_field(self.key)) }
    }
}

/// Hands each element of a list on; `null` is an empty one.
struct List<'a, F>(&'a mut F);

impl<'de, F: FnMut(Loose)> DeserializeSeed<'de> for List<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, F: FnMut(Loose)> Visitor<'de> for List<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(entry) = seq.next_element_seed(LooseSeed { depth: 2 })? {
            (self.0)(entry);
        }
        Ok(())
    }
}
