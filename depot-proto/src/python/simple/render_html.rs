//! Rendering HTML pages (PEP 503, 592, 629, 658, 714, 740, 792).
//!
//! One line for each anchor, with attributes before the first `>`, no raw `>` in any of them, and bare text inside:
//! some clients read pages with a regular expression. HTML knows no sizes, but claims the version that the same page
//! claims as JSON.

use std::fmt::Write as _;

use super::{API_VERSION, MetadataMark, PageFile, ProjectPage, quote};
use crate::{ProjectName, hex};

pub(super) fn project(page: &ProjectPage) -> Vec<u8> {
    let mut html = String::with_capacity(600 + page.files.len() * 640);
    open(&mut html, page.api_version());
    meta(&mut html, "pypi:project-status", page.status.as_str());
    if let Some(reason) = page.status_reason.as_deref().filter(|reason| !reason.trim().is_empty()) {
        meta(&mut html, "pypi:project-status-reason", reason);
    }
    heading(&mut html, "Links for ", page.project.as_str());
    for file in &page.files {
        anchor(&mut html, file);
    }
    close(html, page.last_serial)
}

pub(super) fn root_head() -> Vec<u8> {
    let mut html = String::new();
    open(&mut html, API_VERSION);
    heading(&mut html, "Simple index", "");
    html.into_bytes()
}

pub(super) fn root_entries(names: impl Iterator<Item = impl AsRef<str>>) -> Vec<u8> {
    let mut html = String::new();
    for name in names {
        let name = name.as_ref();
        // A name that is none leads nowhere, but its link stays inside the index.
        let normalized = name.parse::<ProjectName>();
        html.push_str("    <a href=\"");
        match &normalized {
            Ok(normalized) => html.push_str(normalized.as_str()),
            Err(_) => html.push_str(&quote(name)),
        }
        html.push_str("/\">");
        escape(&mut html, name);
        html.push_str("</a><br>\n");
    }
    html.into_bytes()
}

pub(super) fn root_tail(last_serial: Option<u64>) -> Vec<u8> {
    close(String::new(), last_serial)
}

fn open(html: &mut String, api_version: &str) {
    html.push_str("<!DOCTYPE html>\n<html lang=\"en\">\n  <head>\n    <meta charset=\"utf-8\">\n");
    meta(html, "pypi:repository-version", api_version);
}

fn meta(html: &mut String, name: &str, content: &str) {
    let _ = write!(html, "    <meta name=\"{name}\" content=\"");
    escape(html, content);
    html.push_str("\">\n");
}

fn heading(html: &mut String, words: &str, name: &str) {
    let _ =
        write!(html, "    <title>{words}{name}</title>\n  </head>\n  <body>\n    <h1>{words}{name}</h1>\n");
}

fn close(mut html: String, last_serial: Option<u64>) -> Vec<u8> {
    html.push_str("  </body>\n</html>\n");
    if let Some(serial) = last_serial {
        // Where mirrors look for it.
        let _ = writeln!(html, "<!--SERIAL {serial}-->");
    }
    html.into_bytes()
}

fn anchor(html: &mut String, file: &PageFile) {
    html.push_str("    <a href=\"");
    escape(html, &file.url);
    if let Some(digest) = file.sha256() {
        html.push_str("#sha256=");
        html.push_str(&hex(digest.as_bytes()));
    }
    html.push('"');
    if let Some(requires_python) = file.requires_python.as_deref().filter(|text| !text.trim().is_empty()) {
        attribute(html, "data-requires-python", requires_python);
    }
    if file.yanked.is_yanked() {
        // Never without a value: Python's parser reads that as `None`, and pip that as not yanked.
        attribute(html, "data-yanked", file.yanked.reason().unwrap_or_default());
    }
    let mark = match file.core_metadata {
        // Not `false`: pip reads any value as "it is there".
        MetadataMark::Absent => None,
        MetadataMark::Present => Some("true".to_owned()),
        MetadataMark::Sha256(digest) => Some(format!("sha256={}", hex(digest.as_bytes()))),
    };
    if let Some(mark) = mark {
        attribute(html, "data-dist-info-metadata", &mark);
        attribute(html, "data-core-metadata", &mark);
    }
    if let Some(provenance) = &file.provenance {
        attribute(html, "data-provenance", provenance);
    }
    html.push('>');
    escape(html, &file.filename);
    html.push_str("</a><br>\n");
}

fn attribute(html: &mut String, name: &str, value: &str) {
    html.push(' ');
    html.push_str(name);
    html.push_str("=\"");
    escape(html, value);
    html.push('"');
}

/// Writes text so that every parser reads it back, in an attribute or outside; line ends too, which would otherwise
/// break an anchor's line, or (CR) be read as another.
fn escape(html: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'', '\n', '\r']) {
        html.push_str(&rest[..at]);
        html.push_str(match rest.as_bytes()[at] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            b'"' => "&quot;",
            b'\'' => "&#39;",
            b'\n' => "&#10;",
            _ => "&#13;",
        });
        rest = &rest[at + 1..];
    }
    html.push_str(rest);
}
