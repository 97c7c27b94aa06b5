//! What of the files wanted is in the tree already.

use depot_proto::layout::Part;
use depot_tree::{Tree, Verified};

use super::super::{
    fetch::{Fetched, OTHER_DIGEST, Outcome, conflict, facts, refresh},
    resolve::Wanted,
};

/// The files wanted, by whether they are there.
pub(super) struct Stock {
    /// Which files were found right, now or before.
    pub(super) verified: Verified,
    /// What must be fetched; the largest first, so that none is left for last.
    pub(super) missing: Vec<Wanted>,
    /// What is there, with what the index says of it now; or why it cannot be.
    pub(super) present: Vec<(Wanted, anyhow::Result<Fetched>)>,
}

/// Parts what is in the tree, and right, from what must be fetched. May block for as long as reading takes.
pub(super) fn take_stock(tree: &Tree, files: Vec<Wanted>) -> Stock {
    let mut stock = Stock { verified: Verified::load(tree), missing: Vec::new(), present: Vec::new() };
    for wanted in files {
        match look_up(tree, &mut stock.verified, &wanted) {
            Ok(None) => stock.missing.push(wanted),
            Ok(Some(present)) => stock.present.push((wanted, Ok(present))),
            Err(error) => stock.present.push((wanted, Err(error))),
        }
    }
    stock.missing.sort_by_key(|wanted| std::cmp::Reverse(wanted.file.size));
    stock
}

fn look_up(tree: &Tree, verified: &mut Verified, wanted: &Wanted) -> anyhow::Result<Option<Fetched>> {
    let (project, filename) = (wanted.filename.project(), wanted.filename.as_str());
    let Some(known) = tree.record(project, filename)? else { return Ok(None) };
    if wanted.file.sha256().is_some_and(|sha256| sha256 != known.sha256) {
        return Err(conflict(&known));
    }
    if !verified.is_right(tree, project, filename, known.sha256)? {
        return Ok(None);
    }
    for pin in &wanted.pins {
        let bytes = tree.open_part(project, filename, Part::Bytes)?;
        let bytes = bytes.ok_or_else(|| anyhow::anyhow!("its bytes are gone"))?;
        anyhow::ensure!(pin.allow(bytes.file)?, OTHER_DIGEST);
    }
    let is_news = wanted.is_listed && refresh(tree, &wanted.filename, &facts(&wanted.index, &wanted.file))?;
    let outcome = if is_news { Outcome::Updated } else { Outcome::Present };
    Ok(Some(Fetched { outcome, sha256: known.sha256, size: known.size, resumed: 0, warning: None }))
}

/// Whether a file is in the tree by its record and its size; the bytes are not read for a dry run.
pub(super) fn glance(tree: &Tree, wanted: &Wanted) -> Option<Fetched> {
    let (project, filename) = (wanted.filename.project(), wanted.filename.as_str());
    let known = tree.record(project, filename).ok()??;
    let bytes = tree.open_part(project, filename, Part::Bytes).ok()??;
    let is_same = wanted.file.sha256().is_none_or(|sha256| sha256 == known.sha256);
    let present = Fetched {
        outcome: Outcome::Present,
        sha256: known.sha256,
        size: known.size,
        resumed: 0,
        warning: None,
    };
    (is_same && bytes.size == known.size).then_some(present)
}
