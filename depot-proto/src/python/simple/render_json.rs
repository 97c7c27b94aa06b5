//! Rendering JSON pages (PEP 691, 700, 714, 740, 792). The order of the structs' fields is the order of the keys;
//! there is never a `null`, which uv refuses a whole page for.

use serde::Serialize;

use super::{API_VERSION, MetadataMark, PageFile, ProjectPage, sorted_versions};
use crate::{Timestamp, Yanked, hex};

#[derive(Serialize)]
struct Meta {
    #[serde(rename = "api-version")]
    api_version: &'static str,
    #[serde(rename = "_last-serial", skip_serializing_if = "Option::is_none")]
    last_serial: Option<u64>,
}

#[derive(Serialize)]
struct Page<'a> {
    meta: Meta,
    name: &'a str,
    #[serde(rename = "project-status")]
    status: Status<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    versions: Option<Vec<&'a str>>,
    files: Vec<File<'a>>,
}

#[derive(Serialize)]
struct Status<'a> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct File<'a> {
    filename: &'a str,
    url: &'a str,
    hashes: Hashes,
    #[serde(skip_serializing_if = "Option::is_none")]
    requires_python: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upload_time: Option<Timestamp>,
    yanked: Flag<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    core_metadata: Option<Mark>,
    /// The name of before PEP 714, which older installers read.
    #[serde(skip_serializing_if = "Option::is_none")]
    dist_info_metadata: Option<Mark>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provenance: Option<&'a str>,
}

/// No algorithm but SHA-256: pip looks at the first key only, and aborts an installation if it does not know it.
#[derive(Clone, Serialize)]
struct Hashes {
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
}

/// `true`, `false`, or the reason, which is never empty: pip takes an empty one for false, uv for true.
#[derive(Serialize)]
#[serde(untagged)]
enum Flag<'a> {
    Plain(bool),
    Reason(&'a str),
}

/// `true`, or an object with the hash, which is never empty: specification and installers disagree on what that is.
#[derive(Clone, Serialize)]
#[serde(untagged)]
enum Mark {
    Unhashed(bool),
    Hashed(Hashes),
}

pub(super) fn project(page: &ProjectPage) -> Vec<u8> {
    let reason = page.status_reason.as_deref().filter(|reason| !reason.trim().is_empty());
    to_bytes(&Page {
        meta: Meta { api_version: page.api_version(), last_serial: page.last_serial },
        name: page.project.as_str(),
        status: Status { status: page.status.as_str(), reason },
        versions: page.names_versions().then(|| sorted_versions(&page.versions)),
        files: page.files.iter().map(file).collect(),
    })
}

fn file(listed: &PageFile) -> File<'_> {
    let mark = match listed.core_metadata {
        MetadataMark::Absent => None,
        MetadataMark::Present => Some(Mark::Unhashed(true)),
        MetadataMark::Sha256(digest) => Some(Mark::Hashed(Hashes { sha256: Some(hex(digest.as_bytes())) })),
    };
    File {
        filename: &listed.filename,
        url: &listed.url,
        hashes: Hashes { sha256: listed.sha256().map(|digest| hex(digest.as_bytes())) },
        requires_python: listed.requires_python.as_deref().filter(|text| !text.trim().is_empty()),
        size: listed.size,
        upload_time: listed.upload_time,
        yanked: match listed.yanked.reason() {
            Some(reason) if !reason.is_empty() => Flag::Reason(reason),
            _ => Flag::Plain(listed.yanked != Yanked::No),
        },
        core_metadata: mark.clone(),
        dist_info_metadata: mark,
        provenance: listed.provenance.as_deref(),
    }
}

pub(super) fn root_head(last_serial: Option<u64>) -> Vec<u8> {
    let mut bytes = b"{\"meta\":".to_vec();
    bytes.extend(to_bytes(&Meta { api_version: API_VERSION, last_serial }));
    bytes.extend(b",\"projects\":[");
    bytes
}

pub(super) fn root_entries(names: impl Iterator<Item = impl AsRef<str>>, follow_others: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    for name in names {
        bytes.extend(if bytes.is_empty() && !follow_others { &b"{\"name\":"[..] } else { b",{\"name\":" });
        bytes.extend(to_bytes(&name.as_ref()));
        bytes.push(b'}');
    }
    bytes
}

pub(super) fn root_tail() -> Vec<u8> {
    b"]}".to_vec()
}

fn to_bytes(value: &impl Serialize) -> Vec<u8> {
    // Only a map with other keys than texts, or a failing writer, could fail here: there is neither.
    serde_json::to_vec(value).unwrap_or_default()
}
