//! Whether a saved tree has what a lock names.

use depot_proto::layout::Part;
use depot_tree::Tree;

use super::{super::requirements::Listed, LockedFile};

/// Fails with the reason if the tree does not have the file, with its bytes, under a digest that the lock pins it to. It
/// may read the file, and blocks.
pub(in crate::python) fn held(tree: &Tree, file: &LockedFile) -> Result<(), String> {
    let (project, filename) = (file.filename.project(), file.filename.as_str());
    let record = tree.record(project, filename).map_err(|error| error.to_string())?;
    let Some(record) = record else { return Err("it is not in the tree".to_owned()) };
    if !tree.has_bytes(project, filename, record.size) {
        return Err("its bytes are not in the tree".to_owned());
    }
    if file.hashes.is_empty() {
        return Ok(());
    }
    let is_right = match file.hashes.judge(&record.to_page_file(String::new()).hashes) {
        Listed::Meant => true,
        Listed::Other => false,
        Listed::Unknown => {
            let opened = tree.open_part(project, filename, Part::Bytes).map_err(|error| error.to_string())?;
            let opened = opened.ok_or("its bytes are not in the tree")?;
            file.hashes.allow(opened.file).map_err(|error| error.to_string())?
        }
    };
    if is_right {
        return Ok(());
    }
    Err(format!("the tree has it with the sha256 {}, and the lock pins it to {}", record.sha256, file.hashes))
}
