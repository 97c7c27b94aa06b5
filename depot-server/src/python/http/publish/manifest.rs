//! What is said of a release before the bytes of its files come.

use std::collections::HashSet;

use depot_proto::{
    DistributionFilename, ErrorCode, ProjectName, Sha256Digest, Version,
    publish::{MAX_FILES, Manifest},
};
use serde_json::Value;

use crate::{
    auth::policy::Principal,
    http::error::{ApiError, ApiResult},
    python::{http::receive::too_large, provenance},
};

/// A release that is to be published.
#[derive(Debug)]
pub(super) struct Release {
    pub(super) project: ProjectName,
    pub(super) version: Version,
    /// At least one; all are of this project and version, and no two have names that differ only in case.
    pub(super) files: Vec<File>,
}

/// A file of it.
#[derive(Debug)]
pub(super) struct File {
    pub(super) filename: DistributionFilename,
    pub(super) sha256: Sha256Digest,
    pub(super) size: u64,
    attestations: Vec<Value>,
}

impl Release {
    /// Reads a manifest; no file may be larger than the limit.
    pub(super) fn read(line: &[u8], limit: u64) -> ApiResult<Self> {
        let unclear = |detail: String| ApiError::bad_request(ErrorCode::BadRequest, detail);
        let manifest: Manifest = serde_json::from_slice(line)
            .map_err(|error| unclear(format!("the manifest in the first line cannot be read: {error}")))?;
        let project: ProjectName =
            manifest.project.parse().map_err(|error: depot_proto::ProjectNameError| {
                ApiError::bad_request(ErrorCode::InvalidName, error.to_string())
            })?;
        if manifest.files.len() > MAX_FILES {
            let detail = format!("a release is published with at most {MAX_FILES} files in one request");
            return Err(ApiError::too_large(detail));
        }
        let mut names = HashSet::new();
        let mut files: Vec<File> = Vec::new();
        for file in manifest.files {
            let filename = DistributionFilename::parse(&file.filename, &project)
                .map_err(|error| ApiError::bad_request(ErrorCode::InvalidFilename, error.to_string()))?;
            if file.size > limit {
                return Err(too_large(filename.as_str(), limit));
            }
            if !names.insert(filename.as_str().to_ascii_lowercase()) {
                return Err(unclear(format!("`{filename}` is named twice: send each file once")));
            }
            if let Some(first) = files.first().map(|file| &file.filename)
                && first.version().key() != filename.version().key()
            {
                let detail = format!(
                    "`{first}` and `{filename}` are of two releases: send each release in a request of its own"
                );
                return Err(unclear(detail));
            }
            files.push(File {
                filename,
                sha256: file.sha256,
                size: file.size,
                attestations: file.attestations,
            });
        }
        let version = files.first().map(|file| file.filename.version().clone());
        let version = version.ok_or_else(|| unclear("the manifest names no files".to_owned()))?;
        Ok(Self { project, version, files })
    }
}

impl File {
    /// The document of its attestations, if it has some.
    pub(super) fn provenance(&self, principal: &Principal) -> ApiResult<Option<Vec<u8>>> {
        if self.attestations.is_empty() {
            return Ok(None);
        }
        let attestations = Value::from(self.attestations.clone()).to_string();
        let document = provenance::document(&attestations, self.sha256, principal);
        document.map_err(|error| {
            let detail = format!("the attestations of `{}` are refused: {error}", self.filename);
            ApiError::bad_request(ErrorCode::InvalidForm, detail)
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(project: &str, names: &[&str]) -> ApiResult<Release> {
        let file = |name: &&str| json!({ "filename": name, "sha256": "0".repeat(64), "size": 7 });
        let files: Vec<Value> = names.iter().map(file).collect();
        Release::read(json!({ "project": project, "files": files }).to_string().as_bytes(), 7)
    }

    #[test]
    fn a_release_is_one_project_and_one_version() {
        let release = read("Tea.Pot", &["tea_pot-1.0.tar.gz", "tea_pot-1.0.0-py3-none-any.whl"]).unwrap();
        assert_eq!((release.project.as_str(), release.files.len()), ("tea-pot", 2));
        for (project, names, words) in [
            ("-", &["tea_pot-1.0.tar.gz"][..], "name"),
            ("tea-pot", &[], "names no files"),
            ("tea-pot", &["tea_pot-1.0.tar.gz", "tea_pot-1.1.tar.gz"], "two releases"),
            ("tea-pot", &["tea_pot-1.0.tar.gz", "tea_pot-1.0.TAR.GZ"], ""),
            ("tea-pot", &["tea_pot-1.0.tar.gz", "tea_pot-1.0.tar.gz"], "twice"),
            ("tea-pot", &["kettle-1.0.tar.gz"], "kettle"),
            ("tea-pot", &["../tea_pot-1.0.tar.gz"], ""),
        ] {
            let refused = read(project, names).unwrap_err().problem;
            assert!(refused.detail.contains(words), "{project} {names:?}: {}", refused.detail);
            assert_eq!(refused.status, 400);
        }
        let many: Vec<String> =
            (0..=MAX_FILES).map(|build| format!("a-1-{build}-py3-none-any.whl")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(read("a", &many).unwrap_err().problem.status, 413);
        assert_eq!(read("a", &many[1..]).unwrap().files.len(), MAX_FILES);
        assert_eq!(Release::read(b"{", 7).unwrap_err().problem.status, 400);
    }

    #[test]
    fn a_file_that_is_too_large_is_refused_before_it_is_sent() {
        let file = json!({ "filename": "a-1.tar.gz", "sha256": "0".repeat(64), "size": 8 });
        let manifest = json!({ "project": "a", "files": [file] }).to_string();
        assert_eq!(Release::read(manifest.as_bytes(), 7).unwrap_err().problem.status, 413);
        assert!(Release::read(manifest.as_bytes(), 8).is_ok());
    }
}
