//! Upload forms, written out as each uploader writes them.

use std::fmt::Write as _;

use blake2::{Blake2b, Digest as _, digest::consts::U32};
use depot_tests::{RawResponse, sha256_hex};
use md5::Md5;

use crate::python::depot::Depot;
use crate::python::index::Built;

/// A form in the order in which its parts are sent.
#[derive(Clone)]
pub(super) struct Form {
    boundary: String,
    parts: Vec<u8>,
}

impl Form {
    pub(super) fn new() -> Self {
        Self { boundary: "b0undary-of-a-form".to_owned(), parts: Vec::new() }
    }

    /// What every form of this file begins with.
    pub(super) fn of(file: &Built) -> Self {
        let Pieces { name, version, filetype, .. } = Pieces::of(file);
        let form = Self::new().field(":action", "file_upload").field("protocol_version", "1");
        form.field("name", &name).field("version", &version).field("filetype", filetype)
    }

    pub(super) fn boundary(mut self, boundary: &str) -> Self {
        assert!(self.parts.is_empty());
        boundary.clone_into(&mut self.boundary);
        self
    }

    pub(super) fn field(self, name: &str, value: &str) -> Self {
        self.part(&format!("Content-Disposition: form-data; name=\"{name}\""), value.as_bytes())
    }

    /// The file, with a media type of its own or none.
    pub(super) fn content(self, file: &Built, content_type: Option<&str>) -> Self {
        self.file("content", &file.filename, content_type, &file.bytes)
    }

    pub(super) fn file(self, name: &str, filename: &str, content_type: Option<&str>, bytes: &[u8]) -> Self {
        let mut head = format!("Content-Disposition: form-data; name=\"{name}\"; filename=\"{filename}\"");
        if let Some(content_type) = content_type {
            let _ = write!(head, "\r\nContent-Type: {content_type}");
        }
        self.part(&head, bytes)
    }

    /// A part with these header lines.
    pub(super) fn part(mut self, head: &str, bytes: &[u8]) -> Self {
        let start = format!("--{}\r\n{head}\r\n\r\n", self.boundary);
        self.parts.extend_from_slice(start.as_bytes());
        self.parts.extend_from_slice(bytes);
        self.parts.extend_from_slice(b"\r\n");
        self
    }

    pub(super) fn body(&self) -> Vec<u8> {
        [self.parts.as_slice(), format!("--{}--\r\n", self.boundary).as_bytes()].concat()
    }

    pub(super) fn content_type(&self) -> String {
        format!("Content-Type: multipart/form-data; boundary={}\r\n", self.boundary)
    }

    /// Sends it as the administrator, to the first of the addresses.
    pub(super) fn post(&self, depot: &Depot) -> RawResponse {
        self.post_to(depot, "/python/", Some(&depot.token()))
    }

    pub(super) fn post_to(&self, depot: &Depot, path: &str, token: Option<&str>) -> RawResponse {
        depot.request("POST", path, token, &self.content_type(), &self.body())
    }
}

/// What the forms of a file are put together from.
struct Pieces {
    name: String,
    version: String,
    filetype: &'static str,
    /// None for a source distribution.
    python: Option<String>,
}

impl Pieces {
    fn of(file: &Built) -> Self {
        let stem = |end| file.filename.strip_suffix(end);
        let sdist = stem(".tar.gz").or_else(|| stem(".zip"));
        let parts: Vec<&str> = sdist.or_else(|| stem(".whl")).unwrap().split('-').collect();
        let python = sdist.is_none().then(|| parts[parts.len() - 3].to_owned());
        let metadata = String::from_utf8(file.metadata.clone()).unwrap();
        let name = metadata.lines().find_map(|line| line.strip_prefix("Name: ")).unwrap().to_owned();
        let filetype = if sdist.is_some() { "sdist" } else { "bdist_wheel" };
        Self { name, version: parts[1].to_owned(), filetype, python }
    }
}

pub(super) fn md5_hex(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

pub(super) fn blake2_hex(bytes: &[u8]) -> String {
    hex(&Blake2b::<U32>::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Those who upload, each with the oddities of its forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Uploader {
    Twine5,
    Twine7,
    Uv,
    Poetry,
    Pdm,
    Hatch,
    Flit,
    Maturin,
    Distutils,
}

impl Uploader {
    pub(super) const ALL: [Self; 9] = [
        Self::Twine5,
        Self::Twine7,
        Self::Uv,
        Self::Poetry,
        Self::Pdm,
        Self::Hatch,
        Self::Flit,
        Self::Maturin,
        Self::Distutils,
    ];

    /// What it says it reads.
    pub(super) fn accept(self) -> &'static str {
        match self {
            Self::Uv => "application/json;q=0.9, text/plain;q=0.8, text/html;q=0.7",
            _ => "*/*",
        }
    }

    /// Its form of a file.
    pub(super) fn form(self, file: &Built) -> Form {
        let Pieces { name, version, filetype, python } = Pieces::of(file);
        let sdist_tag = if self == Self::Flit { None } else { Some("source".to_owned()) };
        // twine alone changes the name before it sends it.
        let name = match self {
            Self::Twine5 | Self::Twine7 => name.replace(['_', '.'], "-"),
            _ => name,
        };
        let mut form = Form::new();
        if self != Self::Hatch {
            form = form.field(":action", "file_upload").field("protocol_version", "1");
        }
        form = form.field("name", &name).field("version", &version);
        form = form.field("filetype", filetype);
        if let Some(tag) = python.or(sdist_tag) {
            form = form.field("pyversion", &tag);
        }
        form = match self {
            Self::Twine5 | Self::Twine7 => form.field("metadata_version", "2.4").field("comment", ""),
            // Nothing required of Python is said as such.
            Self::Uv => form
                .field("metadata_version", "2.5")
                .field("requires_python", "")
                .field("import_names", name.as_str()),
            Self::Poetry => form
                .field("metadata_version", "2.1")
                .field("classifiers", "Private :: a")
                .field("classifiers", "b"),
            Self::Pdm => form
                .field("provides_extras", "milk")
                .field("requires_python", ">=3.8")
                .field("requires_python", ">=3.8"),
            // The headers of METADATA as they stand there, and the action at the end of them.
            Self::Hatch => form
                .field("metadata_version", "2.4")
                .field("description", "Ein Töpfchen\r\n--b0undary is not meant\r\n\r\n")
                .field(":action", "file_upload")
                .field("protocol_version", "1"),
            Self::Flit => form.field("metadata_version", "2.3"),
            Self::Maturin => form.field("metadata_version", "2.4").field("dynamic", "x"),
            Self::Distutils => form
                .field("metadata_version", "1.0")
                .field("home_page", "UNKNOWN")
                .field("license", "UNKNOWN"),
        };
        let (md5, sha256, blake2) = match self {
            Self::Twine5 | Self::Poetry | Self::Pdm | Self::Hatch => (true, true, true),
            Self::Twine7 | Self::Uv => (false, true, true),
            Self::Flit => (true, true, false),
            Self::Maturin => (false, true, false),
            Self::Distutils => (true, false, false),
        };
        for (sent, field, digest) in [
            (md5, "md5_digest", md5_hex(&file.bytes)),
            (sha256, "sha256_digest", sha256_hex(&file.bytes)),
            (blake2, "blake2_256_digest", blake2_hex(&file.bytes)),
        ] {
            if sent {
                form = form.field(field, &digest);
            }
        }
        match self {
            Self::Uv | Self::Flit => form.content(file, None),
            _ => form.content(file, Some("application/octet-stream")),
        }
    }
}
