//! What is to be published: found, judged, hashed, and put together by release.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use depot_dist::rules::Severity;
use depot_proto::{DistributionFilename, ProjectName, Sha256Digest, Sha256Hasher, Version, VersionKey};
use serde_json::Value;

use super::super::{check, failed::Failed};
use crate::{exit::UsageError, output::Printer};

/// What the names of attestations end in, which lie beside what they attest of.
const ATTESTATION: &str = ".attestation";

/// The largest attestation that is read, in bytes.
const MAX_ATTESTATION: u64 = 256 * 1024;

/// A distribution that the rules have nothing against.
#[derive(Debug)]
pub(super) struct Distribution {
    pub(super) path: PathBuf,
    pub(super) filename: DistributionFilename,
    pub(super) sha256: Sha256Digest,
    pub(super) size: u64,
    /// What lies beside it (PEP 740).
    pub(super) attestations: Vec<Value>,
}

/// The files of a version.
#[derive(Debug)]
pub(super) struct Release {
    pub(super) project: ProjectName,
    pub(super) version: Version,
    pub(super) files: Vec<Distribution>,
}

/// The releases that are meant, and what speaks against sending anything.
pub(super) fn prepare(
    named: &[String],
    strict: bool,
    printer: &Printer,
) -> Result<(Vec<Release>, Vec<Failed>), UsageError> {
    // A shell's `dist/*` names what lies beside the distributions too.
    let named: Vec<String> = named.iter().filter(|named| !named.ends_with(ATTESTATION)).cloned().collect();
    if named.is_empty() {
        return Err(UsageError("name the distributions, not what attests of them".to_owned()));
    }
    let (paths, failed) = check::find(&named)?;
    let mut failed: Vec<Failed> = failed.into_iter().map(|(item, reason)| Failed { item, reason }).collect();
    let mut releases: BTreeMap<(ProjectName, VersionKey), Release> = BTreeMap::new();
    for path in paths {
        // A pattern that depot itself fills in names them as well.
        if path.to_str().is_some_and(|path| path.ends_with(ATTESTATION)) {
            continue;
        }
        match read(&path, strict, printer) {
            Ok(Ok(distribution)) => add(&mut releases, distribution, &mut failed),
            Ok(Err(refused)) => failed.extend(refused),
            Err(error) => {
                let item = path.display().to_string();
                failed.push(Failed { item, reason: crate::output::explain(&error) });
            }
        }
    }
    Ok((releases.into_values().collect(), failed))
}

/// Judges and hashes a file; the findings that it is refused for, one by one.
fn read(path: &Path, strict: bool, printer: &Printer) -> anyhow::Result<Result<Distribution, Vec<Failed>>> {
    let (filename, verdict) = check::judge(path)?;
    let shown = path.display();
    let mut refused = Vec::new();
    for finding in &verdict.findings {
        if finding.severity == Severity::Error || strict {
            refused.push(Failed { item: shown.to_string(), reason: finding.to_string() });
        } else {
            printer.say(&format!("warning: {shown}: {finding}"));
        }
    }
    if verdict.is_refused() || !refused.is_empty() {
        return Ok(Err(refused));
    }
    let (sha256, size) = hash(path)?;
    let attestations = attestations(path, filename.as_str())?;
    Ok(Ok(Distribution { path: path.to_owned(), filename, sha256, size, attestations }))
}

fn hash(path: &Path) -> anyhow::Result<(Sha256Digest, u64)> {
    let (mut file, mut hasher, mut size) = (File::open(path)?, Sha256Hasher::new(), 0);
    let mut part = vec![0; 256 * 1024];
    loop {
        match file.read(&mut part)? {
            0 => return Ok((hasher.finish(), size)),
            read => {
                hasher.update(&part[..read]);
                size += read as u64;
            }
        }
    }
}

/// What attests of a file: `{filename}.publish.attestation` beside it, and others of the kind, by their names.
fn attestations(path: &Path, filename: &str) -> anyhow::Result<Vec<Value>> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_name().to_str().and_then(|name| {
            let kind = name.strip_prefix(filename)?.strip_prefix('.')?.strip_suffix(ATTESTATION)?;
            (!kind.contains('.')).then(|| kind.to_owned())
        });
        if let Some(kind) = kind {
            found.push((kind, entry.path()));
        }
    }
    found.sort_unstable();
    let read = |path: &Path| -> anyhow::Result<Value> {
        let mut text = Vec::new();
        File::open(path)?.take(MAX_ATTESTATION).read_to_end(&mut text)?;
        serde_json::from_slice(&text).with_context(|| format!("`{}` is no attestation", path.display()))
    };
    found.iter().map(|(_, path)| read(path)).collect()
}

/// Puts a distribution to those of its release. One that lies in two places is sent once.
fn add(
    releases: &mut BTreeMap<(ProjectName, VersionKey), Release>,
    distribution: Distribution,
    failed: &mut Vec<Failed>,
) {
    let filename = &distribution.filename;
    let (project, version) = (filename.project().clone(), filename.version().clone());
    let key = (project.clone(), version.key());
    let release = releases.entry(key).or_insert(Release { project, version, files: Vec::new() });
    match release.files.iter().find(|known| known.filename == *filename) {
        None => release.files.push(distribution),
        Some(known) if known.sha256 == distribution.sha256 => {}
        Some(known) => {
            let reason = format!("`{}` has the same name and other bytes", known.path.display());
            failed.push(Failed { item: distribution.path.display().to_string(), reason });
        }
    }
}
