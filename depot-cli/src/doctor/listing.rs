//! The page of a project in the forms that the index has.

use depot_proto::{DistributionFilename, ProjectName, media_type::PageFormat};
use url::Url;

use super::ask::Answer;

/// What a page turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Html,
}

impl Form {
    /// What a page is, whatever it calls itself: that the type is wrong is told apart.
    pub(super) fn of(answer: &Answer) -> Self {
        let kind = answer.header("content-type").unwrap_or_default().to_ascii_lowercase();
        if kind.contains("json") {
            return Self::Json;
        }
        let is_object = answer.body.trim_ascii_start().starts_with(b"{");
        if is_object && !kind.contains("html") { Self::Json } else { Self::Html }
    }
}

/// What a client makes of a `Content-Type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// It begins with a known type, in any case.
    Pip,
    /// What stands before `;` is a known type to the letter.
    Uv,
    /// The same in any case, and spaces do not matter.
    Poetry,
}

impl Reader {
    pub(super) fn takes(self, content_type: &str) -> bool {
        let essences = PageFormat::ALL.map(|form| form.content_type().split(';').next().unwrap_or_default());
        let before = content_type.split(';').next().unwrap_or_default();
        essences.into_iter().any(|known| match self {
            Self::Pip => content_type.to_ascii_lowercase().starts_with(known),
            Self::Uv => before == known,
            Self::Poetry => before.trim().eq_ignore_ascii_case(known),
        })
    }
}

/// What a page says of a file's metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// It is there.
    There,
    /// It is there, and has this digest.
    Sha256(String),
}

/// A file that a page lists.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) filename: String,
    /// As it is written.
    pub(super) link: String,
    /// Where that leads, without its fragment; none where it leads nowhere.
    pub(super) url: Option<Url>,
    pub(super) sha256: Option<String>,
    pub(super) size: Option<u64>,
    pub(super) requires_python: Option<String>,
    pub(super) mark: Option<Mark>,
    pub(super) provenance: Option<String>,
}

impl Listed {
    /// It as a name of a distribution of this project, if it is one.
    pub(super) fn parsed(&self, project: &ProjectName) -> Option<DistributionFilename> {
        DistributionFilename::parse(&self.filename, project).ok()
    }
}

/// A page, and the files that it lists.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) answer: Answer,
    pub(super) files: Vec<Listed>,
}

/// What the index has of a project.
#[derive(Debug)]
pub(super) struct Pages {
    pub(super) project: ProjectName,
    /// Its address, as clients write it.
    pub(super) url: Url,
    pub(super) json: Option<Page>,
    pub(super) html: Option<Page>,
}

impl Pages {
    /// The better one.
    pub(super) fn best(&self) -> Option<&Page> {
        self.json.as_ref().or(self.html.as_ref())
    }
}

/// Where a link of a page leads, if it is somewhere that can be asked.
pub(super) fn resolve(base: &Url, link: &str) -> Option<Url> {
    let mut url = base.join(link).ok()?;
    url.set_fragment(None);
    (matches!(url.scheme(), "http" | "https") && url.host().is_some()).then_some(url)
}

/// Sixty-four lower-case hexadecimal digits.
pub(super) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && is_lower_hex(text)
}

pub(super) fn is_lower_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}
