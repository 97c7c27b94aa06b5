//! The files of an index, and what it says of each.

use crate::archives::{SdistBuilder, WheelBuilder};

/// A file that the index lists and serves.
#[derive(Debug, Clone)]
pub struct FakeFile {
    pub(super) filename: String,
    pub(super) version: String,
    pub(super) bytes: axum::body::Bytes,
    pub(super) sha256: Option<String>,
    pub(super) size: Option<u64>,
    pub(super) requires_python: Option<String>,
    pub(super) yanked: Option<String>,
    pub(super) upload_time: Option<String>,
    pub(super) metadata: Option<Vec<u8>>,
    pub(super) provenance: Option<Vec<u8>>,
    pub(super) foreign: bool,
}

impl FakeFile {
    /// A file of any bytes, listed with their sha256 and size. The version is read off the file name.
    pub fn new(filename: &str, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self {
            filename: filename.to_owned(),
            version: version_in(filename),
            sha256: Some(crate::archives::sha256_hex(&bytes)),
            size: Some(bytes.len() as u64),
            bytes: bytes.into(),
            requires_python: None,
            yanked: None,
            upload_time: Some("2024-05-06T07:08:09.000000Z".to_owned()),
            metadata: None,
            provenance: None,
            foreign: false,
        }
    }

    /// Sets what the page says of `Requires-Python`; a file from a builder has the builder's.
    pub fn requires_python(mut self, specifier: &str) -> Self {
        self.requires_python = Some(specifier.to_owned());
        self
    }

    /// Marks the file as yanked; an empty reason is no reason.
    pub fn yanked(mut self, reason: &str) -> Self {
        self.yanked = Some(reason.to_owned());
        self
    }

    /// Sets the upload time, an RFC 3339 text.
    pub fn upload_time(mut self, time: &str) -> Self {
        self.upload_time = Some(time.to_owned());
        self
    }

    /// Lists no upload time.
    pub fn without_upload_time(mut self) -> Self {
        self.upload_time = None;
        self
    }

    /// Lists this sha256 in place of the true one.
    pub fn sha256(mut self, hex: &str) -> Self {
        self.sha256 = Some(hex.to_owned());
        self
    }

    /// Lists no hash.
    pub fn without_hash(mut self) -> Self {
        self.sha256 = None;
        self
    }

    /// Lists this size in place of the true one.
    pub fn size(mut self, size: u64) -> Self {
        self.size = Some(size);
        self
    }

    /// Sets the content of the `.metadata` file; a wheel from a builder has its own.
    pub fn metadata(mut self, metadata: impl Into<Vec<u8>>) -> Self {
        self.metadata = Some(metadata.into());
        self
    }

    /// Offers no `.metadata` file.
    pub fn without_metadata(mut self) -> Self {
        self.metadata = None;
        self
    }

    /// Offers this provenance (PEP 740), below the file's path.
    pub fn provenance(mut self, document: impl Into<Vec<u8>>) -> Self {
        self.provenance = Some(document.into());
        self
    }

    /// Lists the file under the second origin: another port, which asks for no credentials.
    pub fn foreign(mut self) -> Self {
        self.foreign = true;
        self
    }
}

impl From<&WheelBuilder> for FakeFile {
    fn from(wheel: &WheelBuilder) -> Self {
        let mut file = Self::new(&wheel.filename(), wheel.build()).metadata(wheel.metadata());
        wheel.version().clone_into(&mut file.version);
        file.requires_python = wheel.requires_python_text().map(str::to_owned);
        file
    }
}

impl From<&SdistBuilder> for FakeFile {
    fn from(sdist: &SdistBuilder) -> Self {
        let mut file = Self::new(&sdist.filename(), sdist.build());
        sdist.version().clone_into(&mut file.version);
        file.requires_python = sdist.requires_python_text().map(str::to_owned);
        file
    }
}

/// The version in a usual file name; empty where the name is not usual.
fn version_in(filename: &str) -> String {
    if let Some(stem) = filename.strip_suffix(".whl") {
        return stem.split('-').nth(1).unwrap_or_default().to_owned();
    }
    let stem = [".tar.gz", ".tar.bz2", ".zip"].iter().find_map(|end| filename.strip_suffix(end));
    stem.and_then(|stem| stem.rsplit_once('-')).map(|(_, version)| version.to_owned()).unwrap_or_default()
}
