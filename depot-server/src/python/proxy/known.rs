//! What is known here of the files of a page, beyond what upstream says.
//!
//! The page, `HEAD` and `GET` tell of one and the same metadata of a file, and it is found in this order:
//!
//! 1. What is in a wheel that is kept, as that was held against its digest.
//! 2. What was fetched without the file and is kept beside the page: of the digest that upstream lists; where that could not be
//!    had, what is in the whole wheel after all; and where there is none either, that there is none to be had. The last two, and
//!    all where upstream lists no digest, hold for as long as upstream lists the same digests of the file and its metadata.
//! 3. What upstream lists.

use std::{collections::HashMap, fs, io, path::Path};

use depot_proto::{
    FileRecord, Origin, ProjectName, Sha256Digest,
    layout::Part,
    simple::{MetadataMark, PageFile, ProjectPage},
};
use depot_tree::{Tree, TreeError};
use serde::{Deserialize, Serialize};

use super::upstream_facts;

/// What is known of one file.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// Its record, if it is kept, or was and had to go.
    pub(super) record: Option<FileRecord>,
    /// What is served as its core metadata, where that is known better than from upstream.
    pub(super) metadata: Option<MetadataMark>,
}

/// What is known of the files of a project, by their names.
pub(super) type KnownFiles = HashMap<String, Known>;

/// Sounds the alarm where an index lists other bytes for a file: its name, the digest that is kept and the listed one.
type Alarm<'a> = &'a dyn Fn(&str, Sha256Digest, Sha256Digest);

/// Looks at what is kept of a project, and brings its records up to what its page says. May block.
pub(super) fn look(
    tree: &Tree,
    pages: &Path,
    upstream: &ProjectPage,
    index: &str,
    alarm: Alarm<'_>,
) -> KnownFiles {
    let project = &upstream.project;
    let mut known = KnownFiles::new();
    sidecars(pages, upstream, &mut known);
    let kept = tree.filenames(project).unwrap_or_else(|error| {
        tracing::warn!(%project, %error, "what is kept of a project cannot be listed");
        Vec::new()
    });
    for filename in kept {
        match record(tree, project, &filename, (upstream, index), alarm) {
            Ok(Some(record)) => {
                let known = known.entry(filename).or_default();
                if let Some(sha256) = record.core_metadata {
                    known.metadata = Some(MetadataMark::Sha256(sha256));
                } else if ends_in(&record.filename, ".whl") && is_unlisted(upstream, &record.filename) {
                    known.metadata = Some(MetadataMark::Absent);
                }
                known.record = Some(record);
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "a record of a kept file cannot be read"),
        }
    }
    known
}

/// The page of a project as far as the files that are kept of it tell; none if none are. May block.
pub(super) fn recollect(tree: &Tree, project: &ProjectName) -> Option<ProjectPage> {
    let kept = tree.filenames(project).ok().filter(|kept| !kept.is_empty())?;
    let records = kept.iter().filter_map(|filename| tree.record(project, filename).ok().flatten());
    let files = records.map(|record| {
        let url = match &record.facts.origin {
            Some(Origin::Mirrored { url, .. }) => url.clone(),
            _ => String::new(),
        };
        let provenance = record.facts.provenance.clone();
        let upload_time = record.facts.upload_time;
        PageFile { provenance, upload_time, ..record.to_page_file(url) }
    });
    Some(ProjectPage { files: files.collect(), ..ProjectPage::new(project.clone()) })
}

/// The record of a file, with what upstream says of it now.
fn record(
    tree: &Tree,
    project: &ProjectName,
    filename: &str,
    (upstream, index): (&ProjectPage, &str),
    alarm: Alarm<'_>,
) -> Result<Option<FileRecord>, TreeError> {
    let Some(record) = tree.record(project, filename)? else { return Ok(None) };
    let Some(file) = upstream.files.iter().find(|file| file.filename == filename) else {
        return Ok(Some(record));
    };
    if let Some(listed) = file.sha256()
        && listed != record.sha256
    {
        alarm(filename, record.sha256, listed);
        // Of all that is said of other bytes only a yank counts: it is shown of the file, and holds when no page lists it.
        if !file.yanked.is_yanked() || record.facts.yanked.is_yanked() {
            return Ok(Some(record));
        }
        let changed = tree.change_record(project, filename, |record| {
            record.facts.yanked = file.yanked.clone();
            true
        })?;
        return Ok(changed.map(|changed| changed.record));
    }
    let facts = upstream_facts(index, file);
    if !record.clone().take_facts(&facts, Some(facts.digest())) {
        return Ok(Some(record));
    }
    let changed = tree.change_record(project, filename, |record| {
        let digest = facts.digest();
        record.take_facts(&facts, Some(digest))
    })?;
    Ok(changed.map(|changed| changed.record))
}

/// Metadata that was fetched without the file, and what remains of files that had to go.
fn sidecars(pages: &Path, upstream: &ProjectPage, known: &mut KnownFiles) {
    let Ok(entries) = fs::read_dir(pages.join(upstream.project.as_str())) else { return };
    let folder = pages.join(upstream.project.as_str());
    let listed: HashMap<&str, &PageFile> =
        upstream.files.iter().map(|file| (file.filename.as_str(), file)).collect();
    for name in entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()) {
        let (filename, part) = Part::split(&name);
        if part == Part::Record && listed.contains_key(filename) {
            let document = fs::read(folder.join(&name)).unwrap_or_default();
            known.entry(filename.to_owned()).or_default().record = FileRecord::read(&document, None).ok();
        }
        let Some(file) = listed.get(filename).filter(|_| part == Part::Metadata) else { continue };
        if is_plain(&folder, file) {
            // It is what is listed, or is of no use.
            continue;
        }
        if let Ok(Some(metadata)) = metadata(&folder, filename, Some(file)) {
            let metadata = mark((!metadata.is_empty()).then(|| Sha256Digest::of(&metadata)));
            known.entry(filename.to_owned()).or_default().metadata = Some(metadata);
        }
    }
}

/// For which listing metadata was taken that is not the listed one.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Noted {
    /// The digest of the metadata that was listed.
    listed: Option<Sha256Digest>,
    /// That of the file.
    file: Option<Sha256Digest>,
    /// That of what was taken.
    taken: Sha256Digest,
}

impl Noted {
    /// What to note of a document; nothing if it is what is listed.
    pub(super) fn of(file: &PageFile, taken: Sha256Digest) -> Option<Self> {
        let listed = digest_of(file.core_metadata);
        (listed != Some(taken)).then(|| Self { listed, file: file.sha256(), taken })
    }

    fn holds(&self, file: &PageFile, taken: Sha256Digest) -> bool {
        let is_same = self.file.is_none() || file.sha256().is_none() || self.file == file.sha256();
        is_same && self.listed == digest_of(file.core_metadata) && self.taken == taken
    }
}

/// Where that is noted.
pub(super) fn note_name(filename: &str) -> String {
    format!("{filename}{}.note", Part::Metadata.suffix())
}

/// The metadata of a file that is kept beside its page, in the folder of its project; none if none is, or what is kept holds
/// no more, or is spoiled. It is empty if there is none to be had. May block.
pub(super) fn metadata(
    folder: &Path,
    filename: &str,
    listed: Option<&PageFile>,
) -> io::Result<Option<Vec<u8>>> {
    let path = folder.join(format!("{filename}{}", Part::Metadata.suffix()));
    let metadata = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read?,
    };
    let Some(listed) = listed else { return Ok(Some(metadata)) };
    let (taken, digest) = (Sha256Digest::of(&metadata), digest_of(listed.core_metadata));
    if digest == Some(taken) {
        return Ok(Some(metadata));
    }
    let holds = match fs::read(folder.join(note_name(filename))) {
        Ok(note) => serde_json::from_slice::<Noted>(&note).is_ok_and(|note| note.holds(listed, taken)),
        Err(_) => digest.is_none(),
    };
    Ok(Some(metadata).filter(|_| holds))
}

/// Whether upstream lists a digest of the metadata, and nothing was noted against it.
fn is_plain(folder: &Path, file: &PageFile) -> bool {
    digest_of(file.core_metadata).is_some() && !folder.join(note_name(&file.filename)).exists()
}

/// Whether upstream lists a file without metadata, or not at all.
fn is_unlisted(upstream: &ProjectPage, filename: &str) -> bool {
    let listed = upstream.files.iter().find(|file| file.filename == filename);
    listed.is_none_or(|file| file.core_metadata == MetadataMark::Absent)
}

fn digest_of(mark: MetadataMark) -> Option<Sha256Digest> {
    match mark {
        MetadataMark::Sha256(sha256) => Some(sha256),
        MetadataMark::Absent | MetadataMark::Present => None,
    }
}

fn mark(digest: Option<Sha256Digest>) -> MetadataMark {
    digest.map_or(MetadataMark::Absent, MetadataMark::Sha256)
}

fn ends_in(filename: &str, extension: &str) -> bool {
    let start = filename.len().saturating_sub(extension.len());
    filename.get(start..).is_some_and(|end| end.eq_ignore_ascii_case(extension))
}
