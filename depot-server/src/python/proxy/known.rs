//! What is known here of the files of a page, beyond what upstream says.

use std::{collections::HashMap, fs, path::Path};

use depot_proto::{
    FileRecord, Origin, ProjectName, Sha256Digest,
    layout::Part,
    simple::{MetadataMark, PageFile, ProjectPage},
};
use depot_tree::{Tree, TreeError};

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
                let metadata = Some(mark(record.core_metadata)).filter(|_| ends_in(&filename, ".whl"));
                known.insert(filename, Known { record: Some(record), metadata });
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
        return Ok(Some(record));
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
    let listed: HashMap<&str, MetadataMark> =
        upstream.files.iter().map(|file| (file.filename.as_str(), file.core_metadata)).collect();
    for name in entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()) {
        let (filename, part) = Part::split(&name);
        if part == Part::Record && listed.contains_key(filename) {
            let document = fs::read(pages.join(upstream.project.as_str()).join(&name)).unwrap_or_default();
            known.entry(filename.to_owned()).or_default().record = FileRecord::read(&document, None).ok();
        }
        if part != Part::Metadata || matches!(listed.get(filename), None | Some(MetadataMark::Sha256(_))) {
            continue;
        }
        if let Ok(metadata) = fs::read(pages.join(upstream.project.as_str()).join(&name)) {
            // An empty one says that there is none to be had.
            let metadata = mark((!metadata.is_empty()).then(|| Sha256Digest::of(&metadata)));
            known.entry(filename.to_owned()).or_default().metadata = Some(metadata);
        }
    }
}

fn mark(digest: Option<Sha256Digest>) -> MetadataMark {
    digest.map_or(MetadataMark::Absent, MetadataMark::Sha256)
}

fn ends_in(filename: &str, extension: &str) -> bool {
    let start = filename.len().saturating_sub(extension.len());
    filename.get(start..).is_some_and(|end| end.eq_ignore_ascii_case(extension))
}
