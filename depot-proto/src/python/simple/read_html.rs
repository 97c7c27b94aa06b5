//! Reading HTML pages (PEP 503, 592, 629, 658, 714, 740, 792): a tokenizer's events, no tree, no regular expressions.

use std::convert::Infallible;

use html5gum::{
    Span, Tokenizer,
    emitters::callback::{CallbackEmitter, CallbackEvent},
};
use percent_encoding::percent_decode_str;
use url::Url;

use super::{
    MAX_FILES, MAX_PROJECTS, PageError, PageFile, ProjectPage, RootPage, check_api_version,
    link::{Link, Listing, filled, metadata_mark},
};
use crate::{ProjectName, Yanked};

/// The attributes that mean something here; all others are forgotten as they pass.
const ATTRIBUTES: [&str; 10] = [
    "href",
    "name",
    "content",
    "data-requires-python",
    "data-yanked",
    "data-core-metadata",
    "data-dist-info-metadata",
    "data-provenance",
    // Not in any specification, but some mirrors write them and uv reads them.
    "data-size",
    "data-upload-time",
];

/// The most bytes kept of what an anchor encloses; a name is shorter.
const MAX_TEXT: usize = 512;

pub(super) fn project(bytes: &[u8], page_url: &Url, project: &ProjectName) -> Result<ProjectPage, PageError> {
    let scan = Scan::of(bytes, MAX_FILES)?;
    let mut listing = Listing::new(scan.base(page_url), project);
    for anchor in &scan.anchors {
        // An anchor without a link is a place to jump to.
        if let Some(href) = anchor.attribute("href") {
            let link = Link { href, filename: None, text: &anchor.text };
            listing.take(&link, Ok(facts(anchor)));
        }
    }
    let (files, skipped) = listing.finish()?;
    let Ok(status) = scan.status.unwrap_or_default().parse();
    Ok(ProjectPage {
        project: project.clone(),
        status,
        status_reason: scan.status_reason.as_deref().and_then(filled),
        versions: Vec::new(),
        files,
        last_serial: scan.last_serial,
        skipped,
    })
}

pub(super) fn root(bytes: &[u8], page_url: &Url) -> Result<RootPage, PageError> {
    let scan = Scan::of(bytes, MAX_PROJECTS)?;
    let base = scan.base(page_url);
    let named = scan.anchors.iter().filter_map(|anchor| project_of(anchor, &base, page_url));
    Ok(RootPage { projects: named.collect(), last_serial: scan.last_serial })
}

/// The project that an anchor of the root page leads to, as the page spells it.
///
/// The text names it, unless a web server's own listing has cut it short; then the link's last segment does.
fn project_of(anchor: &Anchor, base: &Url, page_url: &Url) -> Option<String> {
    let url = base.join(anchor.attribute("href")?).ok()?;
    // Navigation: the page itself, or one above it.
    if page_url.path().starts_with(url.path()) && url.path().ends_with('/') || url.path() == page_url.path() {
        return None;
    }
    let is_name = |text: &str| text.parse::<ProjectName>().is_ok();
    let text = anchor.text.trim();
    let text = text.strip_suffix('/').unwrap_or(text);
    if is_name(text) {
        return Some(text.to_owned());
    }
    let segment = url.path_segments()?.rfind(|segment| !segment.is_empty())?;
    let name = percent_decode_str(segment).decode_utf8().ok()?;
    is_name(&name).then(|| name.into_owned())
}

/// Everything that an anchor says beside its link.
fn facts(anchor: &Anchor) -> PageFile {
    let metadata =
        anchor.attribute("data-core-metadata").or_else(|| anchor.attribute("data-dist-info-metadata"));
    PageFile {
        size: anchor.attribute("data-size").and_then(|size| size.trim().parse().ok()),
        upload_time: anchor.attribute("data-upload-time").and_then(|time| time.parse().ok()),
        requires_python: anchor.attribute("data-requires-python").and_then(filled),
        yanked: anchor.attribute("data-yanked").map_or(Yanked::No, Yanked::because),
        core_metadata: metadata.map(metadata_mark).unwrap_or_default(),
        provenance: anchor.attribute("data-provenance").and_then(filled),
        ..PageFile::default()
    }
}

/// The known attributes of a tag, the first of equal ones; a value that is not given is empty.
type Attributes = Vec<(&'static str, String)>;

/// An `<a>` and the text up to its end.
struct Anchor {
    attributes: Attributes,
    text: String,
}

impl Anchor {
    fn attribute(&self, name: &str) -> Option<&str> {
        find(&self.attributes, name)
    }
}

fn find<'a>(attributes: &'a Attributes, name: &str) -> Option<&'a str> {
    attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
}

/// The tags that mean something here.
#[derive(Clone, Copy, PartialEq)]
enum Tag {
    Anchor,
    Base,
    Meta,
    Other,
}

/// What passes by in the tokenizer's events.
struct Scan {
    anchors: Vec<Anchor>,
    base: Option<String>,
    api_version: Option<String>,
    status: Option<String>,
    status_reason: Option<String>,
    last_serial: Option<u64>,

    limit: usize,
    too_long: bool,
    tag: Tag,
    attributes: Attributes,
    /// Whether the next value belongs to the last of `attributes`.
    value_wanted: bool,
    inside_anchor: bool,
}

impl Scan {
    fn of(bytes: &[u8], limit: usize) -> Result<Self, PageError> {
        let mut scan = Self {
            anchors: Vec::new(),
            base: None,
            api_version: None,
            status: None,
            status_reason: None,
            last_serial: None,
            limit,
            too_long: false,
            tag: Tag::Other,
            attributes: Vec::new(),
            value_wanted: false,
            inside_anchor: false,
        };
        let mut emitter =
            CallbackEmitter::new(|event: CallbackEvent<'_>, _: Span<()>| -> Option<Infallible> {
                scan.see(&event);
                None
            });
        // Scripts and titles hold text that looks like tags.
        emitter.naively_switch_states(true);
        let Ok(()) = Tokenizer::new_with_emitter(bytes, emitter).finish();
        if scan.too_long {
            return Err(PageError::TooLong(limit));
        }
        check_api_version(scan.api_version.as_deref().unwrap_or_default())?;
        Ok(scan)
    }

    /// What links are relative to.
    fn base(&self, page_url: &Url) -> Url {
        let base = self.base.as_deref().and_then(|base| page_url.join(base).ok());
        base.filter(|base| !base.cannot_be_a_base()).unwrap_or_else(|| page_url.clone())
    }

    fn see(&mut self, event: &CallbackEvent<'_>) {
        match *event {
            CallbackEvent::OpenStartTag { name } => {
                self.tag = match name {
                    b"a" => Tag::Anchor,
                    b"base" => Tag::Base,
                    b"meta" => Tag::Meta,
                    _ => Tag::Other,
                };
                self.attributes.clear();
                self.value_wanted = false;
            }
            CallbackEvent::AttributeName { name } => {
                let known = ATTRIBUTES.into_iter().find(|known| known.as_bytes() == name);
                let new =
                    known.filter(|known| self.tag != Tag::Other && find(&self.attributes, known).is_none());
                self.value_wanted = new.is_some();
                self.attributes.extend(new.map(|name| (name, String::new())));
            }
            CallbackEvent::AttributeValue { value } => {
                if let Some((_, slot)) = self.attributes.last_mut()
                    && std::mem::take(&mut self.value_wanted)
                {
                    *slot = String::from_utf8_lossy(value).into_owned();
                }
            }
            CallbackEvent::CloseStartTag { .. } => self.close_tag(),
            CallbackEvent::EndTag { name } => {
                self.attributes.clear();
                self.value_wanted = false;
                self.inside_anchor &= name != b"a";
            }
            CallbackEvent::String { value } => {
                if self.inside_anchor
                    && let Some(anchor) = self.anchors.last_mut()
                {
                    let room = MAX_TEXT.saturating_sub(anchor.text.len());
                    anchor.text.push_str(&String::from_utf8_lossy(&value[..value.len().min(room)]));
                }
            }
            CallbackEvent::Comment { value } => {
                if let Some(serial) = value.trim_ascii().strip_prefix(b"SERIAL ") {
                    self.last_serial =
                        str::from_utf8(serial).ok().and_then(|serial| serial.trim().parse().ok());
                }
            }
            CallbackEvent::Doctype { .. } | CallbackEvent::Error(_) => {}
        }
    }

    fn close_tag(&mut self) {
        let attributes = std::mem::take(&mut self.attributes);
        match std::mem::replace(&mut self.tag, Tag::Other) {
            Tag::Anchor if self.anchors.len() >= self.limit => self.too_long = true,
            Tag::Anchor => {
                self.anchors.push(Anchor { attributes, text: String::new() });
                self.inside_anchor = true;
            }
            Tag::Base => {
                self.base = self.base.take().or_else(|| find(&attributes, "href").map(str::to_owned));
            }
            Tag::Meta => {
                let (Some(name), Some(content)) = (find(&attributes, "name"), find(&attributes, "content"))
                else {
                    return;
                };
                let slot = match name.trim().to_ascii_lowercase().as_str() {
                    "pypi:repository-version" => &mut self.api_version,
                    "pypi:project-status" => &mut self.status,
                    "pypi:project-status-reason" => &mut self.status_reason,
                    _ => return,
                };
                slot.get_or_insert_with(|| content.to_owned());
            }
            Tag::Other => {}
        }
    }
}
