//! `depot python bundle`: a saved tree, or what of it is new, as a file to carry where no network goes.
//!
//! A bundle is a tar in zstd that ordinary tools open: a [`manifest`], its signature, and the items in the manifest's order.
//! `collect` says what is to be carried, `write` writes a volume, `read` reads one and believes nothing, `import` brings
//! what was read into a tree or to a server.

mod collect;
mod create;
mod history;
mod import;
mod inspect;
mod keys;
mod manifest;
mod member;
mod projects;
mod publish;
mod read;
mod receipt;
mod set;
mod upload;
mod volumes;
mod walk;
mod write;

use std::{
    collections::BTreeMap,
    fs::File,
    io::Read as _,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Context as _;
use depot_proto::ProjectName;
use depot_tree::Tree;
use serde_json::Value;

pub(super) use self::receipt::{Held, Receipt};
use crate::{args::BundleVerb, exit::ExitStatus, output::Printer};

/// Runs the verb.
pub(crate) async fn run(verb: BundleVerb, printer: &Printer) -> anyhow::Result<ExitStatus> {
    match verb {
        BundleVerb::Create(args) => create::run(*args, printer).await,
        BundleVerb::Keygen(args) => keys::generate(&args, printer),
        BundleVerb::Inspect(args) => inspect::run(args, printer).await,
        BundleVerb::Import(args) => import::run(args, printer).await,
    }
}

/// What bundles tell of the files of a project in this tree.
pub(super) fn held_in(tree: &Tree, project: &ProjectName) -> anyhow::Result<BTreeMap<String, Held>> {
    let mut files = BTreeMap::new();
    for filename in tree.filenames(project)? {
        let told =
            collect::told(tree, project, &filename).with_context(|| format!("cannot read `{filename}`"))?;
        if let Some(told) = told {
            files.insert(filename, told.held());
        }
    }
    Ok(files)
}

/// What bundles tell of the projects themselves in this tree: marks, which differ where that does.
pub(super) fn marks_in(tree: &Tree) -> anyhow::Result<BTreeMap<ProjectName, String>> {
    collect::marks(tree)
}

/// What bundles tell of a file.
pub(super) fn told_of(tree: &Tree, project: &ProjectName, filename: &str) -> anyhow::Result<Value> {
    let told = collect::told(tree, project, filename)?;
    Ok(told.map(|told| told.record.to_json()).unwrap_or_default())
}

/// The receipt in this file, or that of the bundle that it is.
pub(super) fn receipt_at(path: &Path) -> anyhow::Result<Receipt> {
    let mut begin = [0; 4];
    let opened = File::open(path).with_context(|| format!("cannot open `{}`", path.display()));
    let is_bundle = opened?.read_exact(&mut begin).is_ok() && begin == read::FRAME[..4];
    if is_bundle { read::receipt_of(path) } else { Receipt::open(path) }
}

/// Tells work on another thread that nobody waits for it any more: it ends, and takes away what it has not finished.
#[derive(Clone, Debug, Default)]
struct Stop(Arc<AtomicBool>);

/// Says so when it is dropped.
struct StopGuard(Stop);

impl Stop {
    fn guard(&self) -> StopGuard {
        StopGuard(self.clone())
    }

    fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(!self.0.load(Ordering::Relaxed), "stopped");
        Ok(())
    }
}

impl Drop for StopGuard {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}
