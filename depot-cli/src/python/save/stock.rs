//! What of the files wanted is in the tree already.

use depot_dist::Limits;
use depot_proto::{DistributionFilename, DistributionKind, RecordError, layout::Part};
use depot_tree::{Finding, Tree, TreeError, Verified};

use super::super::{
    fetch::{Fetched, OTHER_DIGEST, Outcome, conflict, facts, refresh},
    resolve::Wanted,
};
use crate::output::explain;

/// The files wanted, by whether they are there.
pub(super) struct Stock {
    /// Which files were found right, now or before.
    pub(super) verified: Verified,
    /// What must be fetched; the largest first, so that none is left for last.
    pub(super) missing: Vec<Wanted>,
    /// What is there, with what the index says of it now; or why it cannot be.
    pub(super) present: Vec<(Wanted, anyhow::Result<Fetched>)>,
    /// What a person should know of what must be fetched.
    pub(super) warnings: Vec<String>,
}

/// What of a file wanted is in the tree.
enum Found {
    Right(Fetched),
    Nothing,
    /// There is a record that cannot be read; whoever fetches the file may write it again.
    Unreadable(TreeError),
}

/// Parts what is in the tree, and right, from what must be fetched. May block for as long as reading takes.
pub(super) fn take_stock(tree: &Tree, files: Vec<Wanted>) -> Stock {
    let verified = Verified::load(tree);
    let mut stock = Stock { verified, missing: Vec::new(), present: Vec::new(), warnings: Vec::new() };
    for wanted in files {
        match look_up(tree, &mut stock.verified, &wanted) {
            Ok(Found::Nothing) => stock.missing.push(wanted),
            Ok(Found::Right(present)) => stock.present.push((wanted, Ok(present))),
            Ok(Found::Unreadable(error)) => {
                stock.warnings.push(format!("{}: the file is fetched again", explain(&error.into())));
                stock.missing.push(wanted);
            }
            Err(error) => stock.present.push((wanted, Err(error))),
        }
    }
    stock.missing.sort_by_key(|wanted| std::cmp::Reverse(wanted.file.size));
    stock
}

fn look_up(tree: &Tree, verified: &mut Verified, wanted: &Wanted) -> anyhow::Result<Found> {
    let (project, filename) = (wanted.filename.project(), wanted.filename.as_str());
    let known = match tree.record(project, filename) {
        // That of a newer depot is left to that.
        Err(error @ TreeError::Record { source: RecordError::TooNew(_), .. }) => return Err(error.into()),
        Err(error @ TreeError::Record { .. }) => return Ok(Found::Unreadable(error)),
        known => known?,
    };
    let Some(known) = known else { return Ok(Found::Nothing) };
    if wanted.file.sha256().is_some_and(|sha256| sha256 != known.sha256) {
        return Err(conflict(&known));
    }
    if !verified.is_right(tree, project, filename, known.sha256)? {
        return Ok(Found::Nothing);
    }
    for pin in &wanted.pins {
        let bytes = tree.open_part(project, filename, Part::Bytes)?;
        let bytes = bytes.ok_or_else(|| anyhow::anyhow!("its bytes are gone"))?;
        anyhow::ensure!(pin.allow(bytes.file)?, OTHER_DIGEST);
    }
    let is_news = wanted.is_listed && refresh(tree, &wanted.filename, &facts(&wanted.index, &wanted.file))?;
    let outcome = if is_news { Outcome::Updated } else { Outcome::Present };
    let warning = mend_metadata(tree, &wanted.filename)?;
    Ok(Found::Right(Fetched { outcome, sha256: known.sha256, size: known.size, resumed: 0, warning }))
}

/// Writes the metadata beside a wheel again where it is lost or damaged; what a person should know of that.
fn mend_metadata(tree: &Tree, filename: &DistributionFilename) -> anyhow::Result<Option<String>> {
    let (project, name) = (filename.project(), filename.as_str());
    if filename.kind() != DistributionKind::Wheel || tree.verify_metadata(project, name)? == Finding::Right {
        return Ok(None);
    }
    let Some(bytes) = tree.open_part(project, name, Part::Bytes)? else { return Ok(None) };
    let metadata = depot_dist::read(bytes.file, filename, &Limits::default())?.raw_metadata;
    tree.write_metadata(project, name, &metadata)?;
    Ok(Some(format!("the metadata beside {filename} was lost or damaged, and was written again")))
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
