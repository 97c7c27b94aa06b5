//! Finishing or sweeping what a process that died left in `tmp/`.

use std::{collections::BTreeMap, fs, path::Path};

use depot_proto::{
    FileRecord, ProjectName,
    layout::{self, Part},
};

use crate::{
    error::{OnPath as _, TreeError},
    publish,
    session::{is_dead, session_of},
    sync,
    tree::{Tree, names},
    verify::hash,
};

/// What was found when a tree was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Files whose publication was cut off after they had become visible, or was finished now. An index of the tree
    /// may not know them yet.
    pub published: Vec<(ProjectName, String)>,
    /// How many files of `tmp/` were removed.
    pub swept: usize,
}

pub(crate) fn recover(tree: &Tree) -> Result<Recovered, TreeError> {
    let tmp = tree.root().join(layout::TMP);
    let mut dead: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in names(&tmp)? {
        if let Some(session) = session_of(&name) {
            dead.entry(session.to_owned()).or_default().push(name);
        }
    }
    dead.retain(|session, _| is_dead(&tmp, session));
    let mut recovered = Recovered::default();
    for name in dead.into_values().flatten() {
        let path = tmp.join(&name);
        if let Some(note) = name.strip_suffix(".json")
            && let Some(published) = finish(tree, note, &path)?
        {
            recovered.published.push(published);
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            removed => removed.on("remove", &path)?,
        }
        recovered.swept += 1;
    }
    Ok(recovered)
}

/// Finishes one publication if its bytes have their name already; they were synced before they got it.
fn finish(tree: &Tree, note: &str, path: &Path) -> Result<Option<(ProjectName, String)>, TreeError> {
    let Some(project) = note.split_once('.').and_then(|(_, project)| project.parse::<ProjectName>().ok())
    else {
        return Ok(None);
    };
    let document = fs::read(path).on("read", path)?;
    // A note that was not written whole belongs to an upload that had not begun to publish.
    let Ok(record) = FileRecord::read(&document, None) else { return Ok(None) };
    let published = tree.exclusively(|| {
        if let Some(present) = tree.record(&project, &record.filename)? {
            return Ok(present.sha256 == record.sha256);
        }
        let Some(bytes) = tree.open_part(&project, &record.filename, Part::Bytes)? else { return Ok(false) };
        let at = tree.path(&project, &record.filename, Part::Bytes);
        if bytes.size != record.size || hash(bytes.file).on("read", &at)? != record.sha256 {
            return Ok(false);
        }
        publish::link(path, &tree.path(&project, &record.filename, Part::Record))?;
        Ok(true)
    })?;
    if published {
        sync::sync_folder(&tree.project_folder(&project))?;
    }
    Ok(published.then_some((project, record.filename)))
}
