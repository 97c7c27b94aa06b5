//! A tiny wheel, and the form that carries it.

use std::{
    fmt::Write as _,
    io::{Cursor, Write as _},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use depot_proto::{ProjectName, Sha256Digest};
use zip::{CompressionMethod, ZipWriter, result::ZipResult, write::SimpleFileOptions};

const BOUNDARY: &str = "depot-doctor-a5d1c7f2e9b84d36";

/// A wheel with one empty module.
pub(super) struct Wheel {
    name: String,
    version: String,
    pub(super) filename: String,
    pub(super) bytes: Vec<u8>,
}

impl Wheel {
    /// A wheel of this project and version; another text inside makes other bytes.
    pub(super) fn new(project: &ProjectName, version: &str, text: &str) -> ZipResult<Self> {
        let stem = format!("{}-{version}", project.as_filename_part());
        let info = format!("{stem}.dist-info");
        let members = [
            (
                format!("{}.py", project.as_filename_part()),
                format!("\"\"\"Made by depot doctor: {text}.\"\"\"\n"),
            ),
            (
                format!("{info}/METADATA"),
                format!(
                    "Metadata-Version: 2.1\nName: {project}\nVersion: {version}\nSummary: Made by depot doctor\n"
                ),
            ),
            (
                format!("{info}/WHEEL"),
                "Wheel-Version: 1.0\nGenerator: depot-doctor\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
                    .to_owned(),
            ),
        ];
        let mut record = String::new();
        let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        for (path, content) in &members {
            let digest = URL_SAFE_NO_PAD.encode(Sha256Digest::of(content.as_bytes()).as_bytes());
            let _ = writeln!(record, "{path},sha256={digest},{}", content.len());
            archive.start_file(path, options)?;
            archive.write_all(content.as_bytes())?;
        }
        let _ = writeln!(record, "{info}/RECORD,,");
        archive.start_file(format!("{info}/RECORD"), options)?;
        archive.write_all(record.as_bytes())?;
        let bytes = archive.finish()?.into_inner();
        let filename = format!("{stem}-py3-none-any.whl");
        Ok(Self { name: project.to_string(), version: version.to_owned(), filename, bytes })
    }

    /// The form that twine would send: its type, and its bytes.
    pub(super) fn form(&self) -> (String, Vec<u8>) {
        let digest = Sha256Digest::of(&self.bytes).to_string();
        let fields = [
            (":action", "file_upload"),
            ("protocol_version", "1"),
            ("metadata_version", "2.1"),
            ("name", &self.name),
            ("version", &self.version),
            ("summary", "Made by depot doctor"),
            ("filetype", "bdist_wheel"),
            ("pyversion", "py3"),
            ("sha256_digest", &digest),
        ];
        let mut body = Vec::new();
        for (name, value) in fields {
            let head =
                format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend_from_slice(head.as_bytes());
        }
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"content\"; filename=\"{}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n",
            self.filename
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(&self.bytes);
        body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        (format!("multipart/form-data; boundary={BOUNDARY}"), body)
    }
}
