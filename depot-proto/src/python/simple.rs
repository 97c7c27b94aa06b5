//! Pages of the Simple API: what an index lists, read from any index and rendered for any installer.
//!
//! Reading is lenient and bounded, because indexes differ; rendering is exact, because installers differ more. The
//! specification is the [simple repository API](https://packaging.python.org/en/latest/specifications/simple-repository-api/)
//! (PEPs 503, 592, 629, 658, 691, 700, 714, 740 and 792). Neither knows where the files lie: a [`PageFile`] carries
//! the URL that a link shall have.

mod link;
mod loose;
mod read_html;
mod read_json;
mod render_html;
mod render_json;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    fmt, mem,
    str::FromStr,
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{media_type::PageFormat, name::ProjectName, version::Version, yank::Yanked};
use crate::{Sha256Digest, Timestamp};

/// The most files read from one page; the largest projects have some ten thousands.
pub const MAX_FILES: usize = 250_000;

/// The most projects read from one root page; the public index has fewer than a million.
pub const MAX_PROJECTS: usize = 2_000_000;

/// The most skipped entries that a page names; what is wrong with more of them is no longer news.
pub const MAX_SKIPPED: usize = 1_000;

/// The version of the API that is claimed where everything it asks for is there (PEP 792).
const API_VERSION: &str = "1.4";

/// The version that asks for no sizes, `versions` or status; keys of later ones may be there all the same.
const API_VERSION_WITHOUT_SIZES: &str = "1.0";

/// What an index lists of one project.
///
/// As JSON it is a form of depot's own, for keeping what was read: the forms that clients read are rendered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectPage {
    /// The project.
    pub project: ProjectName,
    /// Its state of life (PEP 792).
    pub status: ProjectStatus,
    /// Why it is in that state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_reason: Option<String>,
    /// Every version, those without files too (PEP 700). HTML pages have no such list, and it is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<String>,
    /// Its files, in the order of the page.
    pub files: Vec<PageFile>,
    /// The serial of the last change, where the index counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_serial: Option<u64>,
    /// Entries that could not be read; the first [`MAX_SKIPPED`] of them. Nothing of this is rendered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<SkippedFile>,
}

impl ProjectPage {
    /// The page of a project without files.
    pub fn new(project: ProjectName) -> Self {
        Self {
            project,
            status: ProjectStatus::Active,
            status_reason: None,
            versions: Vec::new(),
            files: Vec::new(),
            last_serial: None,
            skipped: Vec::new(),
        }
    }

    /// Adds to [`Self::versions`] those of files that it lacks, and sorts it by PEP 440, with each spelling once.
    ///
    /// An index must name the version of every file (PEP 700), and HTML pages and some JSON ones name none.
    pub fn add_versions(&mut self, of_files: impl IntoIterator<Item = Version>) {
        let mut versions: Vec<(Version, String)> =
            mem::take(&mut self.versions).into_iter().map(|text| (Version::read(&text), text)).collect();
        versions.sort_unstable();
        versions.dedup_by(|one, two| one.1 == two.1);
        let is_missing =
            |version: &Version| versions.binary_search_by(|(listed, _)| listed.cmp(version)).is_err();
        let missing: BTreeSet<Version> = of_files.into_iter().filter(is_missing).collect();
        versions.extend(missing.into_iter().map(|version| (version.clone(), version.to_string())));
        versions.sort_unstable();
        self.versions = versions.into_iter().map(|(_, text)| text).collect();
    }

    /// Whether the list of versions is one: an empty one beside files would be false.
    fn names_versions(&self) -> bool {
        !self.versions.is_empty() || self.files.is_empty()
    }

    /// The version of the API that a rendered page claims, in JSON and HTML alike.
    fn api_version(&self) -> &'static str {
        let is_whole = self.names_versions() && self.files.iter().all(|file| file.size.is_some());
        if is_whole { API_VERSION } else { API_VERSION_WITHOUT_SIZES }
    }
}

/// The state of life that an index declares for a project (PEP 792).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProjectStatus {
    /// Nothing special.
    #[default]
    Active,
    /// No more uploads are expected or taken.
    Archived,
    /// Unsafe: no files are offered and no uploads taken.
    Quarantined,
    /// Another project should be used instead.
    Deprecated,
}

impl ProjectStatus {
    /// The word that pages carry.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Archived => "archived",
            Self::Quarantined => "quarantined",
            Self::Deprecated => "deprecated",
        }
    }

    /// Whether files may be offered. Rendering does not look at this: who fills the page does.
    pub fn offers_files(self) -> bool {
        self != Self::Quarantined
    }

    /// Whether files may be uploaded.
    pub fn takes_uploads(self) -> bool {
        !matches!(self, Self::Archived | Self::Quarantined)
    }
}

impl FromStr for ProjectStatus {
    type Err = Infallible;

    /// Reads the word in any case; one that is unknown, from a later specification, is read as active.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        let known = [Self::Archived, Self::Quarantined, Self::Deprecated];
        let text = text.trim();
        Ok(known.into_iter().find(|status| status.as_str().eq_ignore_ascii_case(text)).unwrap_or_default())
    }
}

impl fmt::Display for ProjectStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One file of a project page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageFile {
    /// Its name: not empty, neither `.` nor `..`, and without `/`, `\` and control characters.
    pub filename: String,
    /// Where it is, without a fragment: absolute when it was read, and for rendering either that or relative to the
    /// page (see [`quote`]).
    pub url: String,
    /// Its digests in lower-case hexadecimal by the lower-case names of the algorithms. Only `sha256` is rendered:
    /// pip looks at the first one only and aborts if it does not know it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hashes: BTreeMap<String, String>,
    /// Its size in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// When it was uploaded to the index that published it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_time: Option<Timestamp>,
    /// `Requires-Python`, verbatim, never blank.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requires_python: Option<String>,
    /// Whether installers should pass it over.
    #[serde(default)]
    pub yanked: Yanked,
    /// Whether its core metadata is at the URL with `.metadata` appended.
    #[serde(default)]
    pub core_metadata: MetadataMark,
    /// The absolute URL of its PEP 740 document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provenance: Option<String>,
}

impl PageFile {
    /// Its SHA-256, where the page gave it.
    pub fn sha256(&self) -> Option<Sha256Digest> {
        self.hashes.get("sha256")?.parse().ok()
    }
}

/// What a page says of a file's core metadata (PEP 658, PEP 714).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MetadataMark {
    /// It is not served.
    #[default]
    Absent,
    /// It is served; its hash is unknown.
    Present,
    /// It is served and has this hash.
    Sha256(Sha256Digest),
}

/// An entry of a page that could not be read; it does not spoil the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedFile {
    /// The entry's file name or link, escaped and cut for display.
    pub what: String,
    /// What is wrong with it.
    pub reason: String,
}

/// The projects that an index lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RootPage {
    /// Their names as the page spells them, each a valid name; others are left out.
    pub projects: Vec<String>,
    /// The serial of the last change, where the index counts them.
    pub last_serial: Option<u64>,
}

/// Why bytes are not a page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// They are not JSON, or are cut short.
    #[error("the page is not valid JSON: {0}")]
    Malformed(String),
    /// They are JSON, but not that of a page.
    #[error("the page is JSON, but not a page of the Simple API: {0}")]
    NotAPage(String),
    /// The index speaks a version of the API whose pages may mean something else.
    #[error("the page is of API version {0}, and only version 1 is known")]
    UnsupportedVersion(String),
    /// The page lists more than any real one.
    #[error("the page lists more than {0} entries")]
    TooLong(usize),
}

/// Reads the page of a project.
///
/// Links are resolved against `page_url`, the address that the page was answered from after redirects (without
/// credentials: links would inherit them), or against the page's own `<base href>`. Entries that cannot be read are
/// named in [`ProjectPage::skipped`]. Nothing is asked of the files' names but that they are safe to use: whether one
/// is a distribution of this project is for [`crate::DistributionFilename`] to say.
pub fn read_project(
    format: PageFormat,
    bytes: &[u8],
    page_url: &Url,
    project: &ProjectName,
) -> Result<ProjectPage, PageError> {
    match format {
        PageFormat::Json => read_json::project(bytes, page_url, project),
        PageFormat::HtmlV1 | PageFormat::Html => read_html::project(bytes, page_url, project),
    }
}

/// Reads the root page, the list of projects, with the same leniency.
pub fn read_root(format: PageFormat, bytes: &[u8], page_url: &Url) -> Result<RootPage, PageError> {
    match format {
        PageFormat::Json => read_json::root(bytes),
        PageFormat::HtmlV1 | PageFormat::Html => read_html::root(bytes, page_url),
    }
}

/// Renders the page of a project, with its files in the given order.
///
/// What is known is told, of each file for itself, and nothing else is. A page whose files do not all have a size claims
/// version 1.0 of the API, in every format: later ones ask for every size (PEP 700). Keys of later versions may stand in
/// such a page, since readers pass over what they do not know; pip and uv look at no version, take files without a
/// size, and choose by the upload times that are there.
pub fn render_project(page: &ProjectPage, format: PageFormat) -> Vec<u8> {
    match format {
        PageFormat::Json => render_json::project(page),
        PageFormat::HtmlV1 | PageFormat::Html => render_html::project(page),
    }
}

/// Renders the root page, with the names in the given order; links lead to the normalized ones.
pub fn render_root(
    names: impl Iterator<Item = impl AsRef<str>>,
    last_serial: Option<u64>,
    format: PageFormat,
) -> Vec<u8> {
    let entries = render_root_entries(names, format, false);
    [render_root_head(format, last_serial), entries, render_root_tail(format, last_serial)].concat()
}

/// What stands before the first name of a root page: whoever keeps a long one in pieces renders them apart.
pub fn render_root_head(format: PageFormat, last_serial: Option<u64>) -> Vec<u8> {
    match format {
        PageFormat::Json => render_json::root_head(last_serial),
        PageFormat::HtmlV1 | PageFormat::Html => render_html::root_head(),
    }
}

/// Some of the names of a root page; `follow_others` says that they are not the first ones.
pub fn render_root_entries(
    names: impl Iterator<Item = impl AsRef<str>>,
    format: PageFormat,
    follow_others: bool,
) -> Vec<u8> {
    match format {
        PageFormat::Json => render_json::root_entries(names, follow_others),
        PageFormat::HtmlV1 | PageFormat::Html => render_html::root_entries(names),
    }
}

/// What stands after the last name of a root page.
pub fn render_root_tail(format: PageFormat, last_serial: Option<u64>) -> Vec<u8> {
    match format {
        PageFormat::Json => render_json::root_tail(),
        PageFormat::HtmlV1 | PageFormat::Html => render_html::root_tail(last_serial),
    }
}

/// A name as one segment of a URL's path: everything but ASCII letters, digits, `-`, `.`, `_` and `~` is
/// percent-encoded, `+` as `%2B` and `!` as `%21` among it.
///
/// ```
/// assert_eq!(depot_proto::simple::quote("torch-1!2.0+cu124.tar.gz"), "torch-1%212.0%2Bcu124.tar.gz");
/// ```
pub fn quote(name: &str) -> String {
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(name, RESERVED).to_string()
}

/// A version of the API that a page claims, refused if it is of another generation; what is no version counts as 1.0.
fn check_api_version(version: &str) -> Result<(), PageError> {
    let major = version.trim().split('.').next().unwrap_or_default();
    let is_number = !major.is_empty() && major.bytes().all(|byte| byte.is_ascii_digit());
    if is_number && !matches!(major.trim_start_matches('0'), "" | "1") {
        return Err(PageError::UnsupportedVersion(version.trim().chars().take(40).collect()));
    }
    Ok(())
}

/// The versions in PEP 440 order, each once.
fn sorted_versions(versions: &[String]) -> Vec<&str> {
    let mut sorted: Vec<_> = versions.iter().map(|text| (Version::read(text), text.as_str())).collect();
    sorted.sort_unstable();
    sorted.dedup_by(|one, two| one.1 == two.1);
    sorted.into_iter().map(|(_, text)| text).collect()
}
