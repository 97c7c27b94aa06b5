//! The pages of the Simple API, rendered in the plainest way.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::{FakeFile, Project, Site, Style};
use crate::archives::sha256_hex;

/// What a path segment keeps as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The forms that a page has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    HtmlV1,
    Html,
}

impl Form {
    /// The form that an index of this style answers to this `Accept` header.
    pub(super) fn choose(style: Style, accept: &str) -> Self {
        let wants = |kind: &str| {
            ["v1", "latest"]
                .iter()
                .any(|version| accept.contains(&format!("vnd.pypi.simple.{version}+{kind}")))
        };
        match style {
            Style::Json if wants("json") => Self::Json,
            Style::Json if wants("html") => Self::HtmlV1,
            Style::Json | Style::HtmlOnly => Self::Html,
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/vnd.pypi.simple.v1+json",
            Self::HtmlV1 => "application/vnd.pypi.simple.v1+html; charset=utf-8",
            Self::Html => "text/html; charset=utf-8",
        }
    }
}

pub(super) fn root<'a>(names: impl Iterator<Item = &'a String>, form: Form) -> String {
    if form == Form::Json {
        let projects: Vec<Value> = names.map(|name| json!({ "name": name })).collect();
        return json!({ "meta": { "api-version": "1.4" }, "projects": projects }).to_string();
    }
    let links = names.fold(String::new(), |mut links, name| {
        let _ = writeln!(links, "<a href=\"{name}/\">{name}</a><br>");
        links
    });
    html("Simple index", "", &links)
}

pub(super) fn project(site: &Site, name: &str, project: &Project, form: Form) -> String {
    match form {
        Form::Json => json_page(site, name, project),
        Form::HtmlV1 | Form::Html => html_page(site, name, project),
    }
}

fn json_page(site: &Site, name: &str, project: &Project) -> String {
    let mut versions: Vec<&str> = project.files.iter().map(|file| file.version.as_str()).collect();
    versions.sort_unstable();
    versions.dedup();
    let files: Vec<Value> = project.files.iter().map(|file| json_file(site, name, file)).collect();
    let mut page =
        json!({ "meta": { "api-version": "1.4" }, "name": name, "versions": versions, "files": files });
    if let Some((status, reason)) = &project.status {
        page["project-status"] = json!({ "status": status });
        if let Some(reason) = reason {
            page["project-status"]["reason"] = json!(reason);
        }
    }
    page.to_string()
}

fn json_file(site: &Site, name: &str, file: &FakeFile) -> Value {
    let yanked = match file.yanked.as_deref() {
        None => json!(false),
        Some("") => json!(true),
        Some(reason) => json!(reason),
    };
    // Absolute here and relative in HTML, so that both are met, unless nobody may be led elsewhere.
    let origin = if site.relative { "../.." } else { &site.origins[usize::from(file.foreign)] };
    let mut object = json!({
        "filename": file.filename,
        "url": file_url(origin, name, file),
        "hashes": {},
        "yanked": yanked,
    });
    if let Some(sha256) = &file.sha256 {
        object["hashes"]["sha256"] = json!(sha256);
    }
    if let Some(size) = file.size {
        object["size"] = json!(size);
    }
    if let Some(time) = &file.upload_time {
        object["upload-time"] = json!(time);
    }
    if let Some(specifier) = &file.requires_python {
        object["requires-python"] = json!(specifier);
    }
    if let Some(metadata) = &file.metadata {
        object["core-metadata"] = json!({ "sha256": sha256_hex(metadata) });
    }
    if file.provenance.is_some() {
        object["provenance"] = json!(format!("{}.provenance", file_url(&site.origins[0], name, file)));
    }
    object
}

fn html_page(site: &Site, name: &str, project: &Project) -> String {
    let mut head = String::new();
    let mut links = String::new();
    if site.style == Style::Json {
        head.push_str("<meta name=\"pypi:repository-version\" content=\"1.4\">\n");
        if let Some((status, reason)) = &project.status {
            let _ = writeln!(head, "<meta name=\"pypi:project-status\" content=\"{}\">", escape(status));
            if let Some(reason) = reason {
                let reason = escape(reason);
                let _ = writeln!(head, "<meta name=\"pypi:project-status-reason\" content=\"{reason}\">");
            }
        }
    }
    for file in &project.files {
        let origin = if file.foreign { &site.origins[1] } else { "../.." };
        let mut attributes = format!("href=\"{}", file_url(origin, name, file));
        if let Some(sha256) = &file.sha256 {
            let _ = write!(attributes, "#sha256={sha256}");
        }
        attributes.push('"');
        if let Some(specifier) = &file.requires_python {
            let _ = write!(attributes, " data-requires-python=\"{}\"", escape(specifier));
        }
        if let Some(reason) = &file.yanked {
            let _ = write!(attributes, " data-yanked=\"{}\"", escape(reason));
        }
        if let (Style::Json, Some(metadata)) = (site.style, &file.metadata) {
            let _ = write!(attributes, " data-core-metadata=\"sha256={}\"", sha256_hex(metadata));
        }
        let _ = writeln!(links, "<a {attributes}>{}</a><br>", escape(&file.filename));
    }
    html(&format!("Links for {name}"), &head, &links)
}

fn file_url(origin: &str, project: &str, file: &FakeFile) -> String {
    format!("{origin}/files/{project}/{}", utf8_percent_encode(&file.filename, SEGMENT))
}

fn html(title: &str, head: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html>\n<head>\n{head}<title>{title}</title>\n</head>\n<body>\n<h1>{title}</h1>\n\
         {body}</body>\n</html>\n"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#x27;")
}
