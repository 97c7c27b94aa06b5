//! What of an upload form decides about the upload. All other fields are read and forgotten: the metadata that counts is
//! the one inside the file.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use depot_proto::{DistributionFilename, DistributionKind, ErrorCode, ProjectName, SdistFormat, Version};

use super::{digests::Digests, multipart::MultipartError};
use crate::http::error::{ApiError, ApiResult};

/// The most bytes of a field that is looked at.
const MAX_SHORT: usize = 1024;
/// The most bytes of the attestations; one has about five thousand.
const MAX_ATTESTATIONS: usize = 1 << 20;
/// The most bytes of a field that is not looked at, such as the description.
const MAX_FORGOTTEN: usize = 10 << 20;

/// The field of the file.
pub(super) const CONTENT: &str = "content";
const ATTESTATIONS: &str = "attestations";

/// The fields that are looked at.
const KEPT: [&str; 9] = [
    ":action",
    "protocol_version",
    "name",
    "version",
    "filetype",
    "md5_digest",
    "sha256_digest",
    "blake2_256_digest",
    ATTESTATIONS,
];

/// The fields of a form that came up to now.
#[derive(Debug, Default)]
pub(super) struct Form(BTreeMap<&'static str, String>);

/// A field that is coming.
#[derive(Debug)]
pub(super) struct Field {
    /// None for one that is forgotten.
    kept: Option<&'static str>,
    shown: String,
    is_file: bool,
    value: Vec<u8>,
    size: usize,
}

impl Field {
    /// A field of this name; a file where none should be is refused.
    pub(super) fn begin(name: &str, is_file: bool) -> ApiResult<Self> {
        let kept = KEPT.into_iter().find(|kept| *kept == name);
        let shown: String = name.chars().take(40).flat_map(char::escape_default).collect();
        if kept.is_some() && is_file {
            return Err(invalid(format!("the field `{shown}` is a file in place of a text")));
        }
        Ok(Self { kept, shown, is_file, value: Vec::new(), size: 0 })
    }

    /// Takes the next bytes of it.
    pub(super) fn take(&mut self, bytes: &[u8]) -> ApiResult<()> {
        self.size += bytes.len();
        let limit = match self.kept {
            Some(ATTESTATIONS) => MAX_ATTESTATIONS,
            Some(_) => MAX_SHORT,
            None => MAX_FORGOTTEN,
        };
        if self.size > limit {
            let shown = &self.shown;
            return Err(ApiError::too_large(format!("the field `{shown}` has more than {limit} bytes")));
        }
        // A signature is a file that is forgotten, and may be of any bytes.
        if !self.is_file && memchr::memchr(0, bytes).is_some() {
            return Err(invalid(format!("the field `{}` has a NUL byte", self.shown)));
        }
        if self.kept.is_some() {
            self.value.extend_from_slice(bytes);
        }
        Ok(())
    }
}

impl Form {
    /// Takes a field that came whole.
    pub(super) fn take(&mut self, field: Field) -> ApiResult<()> {
        let Some(name) = field.kept else { return Ok(()) };
        let value = String::from_utf8(field.value)
            .map_err(|_| invalid(format!("the field `{name}` is not UTF-8")))?;
        match self.0.insert(name, value) {
            Some(earlier) if earlier != self.0[name] => {
                Err(invalid(format!("the field `{name}` is there twice, with different values")))
            }
            _ => Ok(()),
        }
    }

    /// Takes the action of the query, which some put there.
    pub(super) fn take_query(&mut self, query: Option<&str>) -> ApiResult<()> {
        let mut pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        match pairs.find(|(key, _)| matches!(*key, ":action" | "%3Aaction" | "%3aaction")) {
            Some((_, action)) => {
                let mut field = Field::begin(":action", false)?;
                field.take(action.as_bytes())?;
                self.take(field)
            }
            None => Ok(()),
        }
    }

    /// What a field says. Old clients write `UNKNOWN` where nothing is known.
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty() && *value != "UNKNOWN")
    }

    /// Refuses what is not asked for here, as far as that was said.
    pub(super) fn check_protocol(&self) -> ApiResult<()> {
        match self.get(":action") {
            None | Some("file_upload") => {}
            Some("submit" | "submit_pkg_info" | "doc_upload") => {
                let detail =
                    "a project is made by its first upload, and documentation is not taken: upload files";
                return Err(ApiError::new(StatusCode::GONE, ErrorCode::InvalidForm, detail));
            }
            Some(_) => return Err(invalid("the only `:action` is `file_upload`")),
        }
        match self.get("protocol_version") {
            None | Some("1") => Ok(()),
            Some(_) => Err(invalid("Unknown protocol version: send `protocol_version` 1")),
        }
    }

    /// Whether a form that came whole asks for anything.
    pub(super) fn check_complete(&self) -> ApiResult<()> {
        self.check_protocol()?;
        if self.get(":action").is_none() {
            return Err(invalid("the form has no `:action`: send `:action=file_upload`"));
        }
        Ok(())
    }

    /// Whether the project is known before the file's name is read for good.
    pub(super) fn names_project(&self) -> bool {
        self.get("name").is_some()
    }

    /// The file of this name, which decides what it is; what the form says must agree.
    pub(super) fn filename(&self, filename: &str) -> ApiResult<DistributionFilename> {
        let refuse = |detail: String| ApiError::bad_request(ErrorCode::InvalidFilename, detail);
        let read = match self.get("name") {
            None => DistributionFilename::guess(filename),
            Some(name) => {
                let project: ProjectName = name.parse().map_err(|error| {
                    let detail = format!("the form's `name` is an invalid value: {error}");
                    ApiError::bad_request(ErrorCode::InvalidName, detail)
                })?;
                DistributionFilename::parse(filename, &project)
            }
        };
        let read = read.map_err(|error| match error {
            depot_proto::FilenameError::OtherProject { .. } => {
                ApiError::bad_request(ErrorCode::MetadataMismatch, error.to_string())
            }
            error => refuse(error.to_string()),
        })?;
        check_kind(&read, self.get("filetype"))?;
        match self.get("version") {
            Some(said) if Version::read(said).key() != read.version().key() => {
                let said: String = said.chars().take(80).flat_map(char::escape_default).collect();
                let version = read.version();
                let detail = format!("`{filename}` is of version {version}, and the form says `{said}`");
                Err(ApiError::bad_request(ErrorCode::MetadataMismatch, detail))
            }
            _ => Ok(read),
        }
    }

    /// The digests that the file must have.
    pub(super) fn digests(&self) -> ApiResult<Digests> {
        let digest = |name, bytes: usize| match self.get(name) {
            None => Ok(None),
            Some(hex) if hex.len() == 2 * bytes && hex.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                Ok(Some(hex.to_ascii_lowercase()))
            }
            Some(_) => Err(invalid(format!(
                "the form's `{name}` is an invalid value: it has {} hexadecimal digits",
                2 * bytes
            ))),
        };
        Ok(Digests {
            md5: digest("md5_digest", 16)?,
            sha256: digest("sha256_digest", 32)?,
            blake2: digest("blake2_256_digest", 32)?,
        })
    }

    /// The attestations, a JSON array.
    pub(super) fn attestations(&self) -> Option<&str> {
        self.get(ATTESTATIONS)
    }
}

/// What is taken of what was ever uploaded: wheels, and source distributions in the two packings that installers read.
fn check_kind(filename: &DistributionFilename, filetype: Option<&str>) -> ApiResult<()> {
    let refuse = |detail: String| Err(ApiError::bad_request(ErrorCode::InvalidFilename, detail));
    let name = filename.as_str();
    // Installers look for exactly these.
    let ends = |extension: &str| name.ends_with(extension);
    let is_taken = match filename {
        DistributionFilename::Wheel(_) => ends(".whl"),
        DistributionFilename::Sdist(sdist) => match sdist.format {
            SdistFormat::TarGz => ends(".tar.gz"),
            SdistFormat::Zip => ends(".zip"),
            _ => false,
        },
        DistributionFilename::Legacy(_) => false,
    };
    if !is_taken {
        return refuse(format!("`{name}` cannot be uploaded: .whl, .tar.gz and .zip are taken"));
    }
    match (filetype, filename.kind()) {
        (None, _)
        | (Some("bdist_wheel"), DistributionKind::Wheel)
        | (Some("sdist"), DistributionKind::Sdist) => Ok(()),
        (Some("bdist_wheel" | "sdist"), _) => {
            refuse(format!("`{name}` is not what the form's `filetype` says it is"))
        }
        (Some(_), _) => Err(invalid(
            "the form's `filetype` is an invalid value: `bdist_wheel` and `sdist` are taken, nothing else",
        )),
    }
}

pub(super) fn invalid(detail: impl Into<String>) -> ApiError {
    ApiError::bad_request(ErrorCode::InvalidForm, detail)
}

impl From<MultipartError> for ApiError {
    fn from(error: MultipartError) -> Self {
        let detail = error.to_string();
        match error {
            MultipartError::Truncated => Self::bad_request(ErrorCode::Truncated, detail),
            MultipartError::NoForm => {
                Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, ErrorCode::InvalidForm, detail)
            }
            _ => invalid(detail),
        }
    }
}
