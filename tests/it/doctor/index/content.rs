//! What the index without faults has.

use std::{collections::BTreeMap, fmt::Write as _, sync::Mutex};

use depot_tests::{SdistBuilder, WheelBuilder, sha256_hex};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

const REQUIRES_PYTHON: &str = ">=3.8,<4";

/// Files, pages and what was uploaded.
pub(super) struct Content {
    origin: String,
    /// By file name.
    pub(super) files: BTreeMap<String, File>,
    /// Uploads to the project `doctor-test`.
    pub(super) uploads: Mutex<BTreeMap<String, Vec<u8>>>,
}

pub(super) struct File {
    pub(super) bytes: Vec<u8>,
    pub(super) metadata: Option<Vec<u8>>,
}

impl Content {
    /// The project `tea-pot`: a page long enough to be worth compressing, with everything in it that a page can say.
    pub(super) fn new(origin: &str) -> Self {
        let mut files = BTreeMap::new();
        let versions = ["1.0", "1.1+lab.2", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7", "1.8"];
        for (number, version) in versions.iter().enumerate() {
            // The first one is the smallest.
            let wheel = WheelBuilder::new("Tea.Pot", version).requires_python(REQUIRES_PYTHON).random_file(
                "tea_pot/leaves.bin",
                1000 + number * 100,
                1,
            );
            files.insert(wheel.filename(), File { bytes: wheel.build(), metadata: Some(wheel.metadata()) });
        }
        let sdist = SdistBuilder::new("Tea.Pot", "1.0").requires_python(REQUIRES_PYTHON);
        files.insert(sdist.filename(), File { bytes: sdist.build(), metadata: None });
        Self { origin: origin.to_owned(), files, uploads: Mutex::default() }
    }

    fn href(filename: &str) -> String {
        const SET: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');
        format!("/files/tea-pot/{}", utf8_percent_encode(filename, SET))
    }

    /// The page of `tea-pot` as JSON; the first file is the smallest wheel.
    pub(super) fn json(&self) -> Vec<u8> {
        let version =
            |filename: &str| filename.split('-').nth(1).unwrap().trim_end_matches(".tar.gz").to_owned();
        let files: Vec<Value> = self
            .files
            .iter()
            .map(|(filename, file)| {
                let mut entry = json!({
                    "filename": filename,
                    "url": Self::href(filename),
                    "hashes": { "sha256": sha256_hex(&file.bytes) },
                    "size": file.bytes.len(),
                    "upload-time": "2026-01-02T03:04:05.000006Z",
                    "requires-python": REQUIRES_PYTHON,
                    "yanked": if filename.ends_with(".tar.gz") { json!("leaks") } else { json!(false) },
                });
                if let Some(metadata) = &file.metadata {
                    entry["core-metadata"] = json!({ "sha256": sha256_hex(metadata) });
                    entry["provenance"] =
                        json!(format!("{}{}.provenance", self.origin, Self::href(filename)));
                }
                entry
            })
            .collect();
        let mut files = files;
        files.sort_by_key(|file| file["size"].as_u64().filter(|_| file["yanked"] == false));
        files.rotate_left(1);
        let mut versions: Vec<String> = self.files.keys().map(|filename| version(filename)).collect();
        versions.dedup();
        json!({
            "meta": { "api-version": "1.4" },
            "name": "tea-pot",
            "project-status": { "status": "active" },
            "versions": versions,
            "files": files,
        })
        .to_string()
        .into_bytes()
    }

    /// The page of `tea-pot` as HTML.
    pub(super) fn html(&self) -> Vec<u8> {
        let mut page = "<!DOCTYPE html>\n<html><head><meta name=\"pypi:repository-version\" content=\"1.4\">\
                        <title>tea-pot</title></head><body>\n"
            .to_owned();
        for (filename, file) in &self.files {
            let _ = write!(
                page,
                "<a href=\"{}#sha256={}\" data-requires-python=\"&gt;=3.8,&lt;4\"",
                Self::href(filename),
                sha256_hex(&file.bytes)
            );
            match &file.metadata {
                Some(metadata) => {
                    let digest = sha256_hex(metadata);
                    for name in ["data-dist-info-metadata", "data-core-metadata"] {
                        let _ = write!(page, " {name}=\"sha256={digest}\"");
                    }
                }
                None => page.push_str(" data-yanked=\"leaks\""),
            }
            let _ = writeln!(page, ">{filename}</a><br>");
        }
        page.push_str("</body></html>\n");
        page.into_bytes()
    }

    /// The page of `doctor-test`, if something was uploaded.
    pub(super) fn upload_page(&self) -> Option<Vec<u8>> {
        let uploads = self.uploads.lock().unwrap();
        let files: Vec<Value> = uploads
            .iter()
            .map(|(filename, bytes)| {
                let hashes = json!({ "sha256": sha256_hex(bytes) });
                json!({ "filename": filename, "url": "x", "hashes": hashes, "size": bytes.len() })
            })
            .collect();
        let meta = json!({ "api-version": "1.4" });
        let page = json!({ "meta": meta, "name": "doctor-test", "versions": [], "files": files });
        (!files.is_empty()).then(|| page.to_string().into_bytes())
    }
}
