//! A whole bundle: all of its volumes, and what their manifests say together.

use std::path::PathBuf;

use anyhow::Context as _;
use depot_dist::Limits;
use depot_proto::{ProjectName, layout::Part, push::MAX_RECORD_SIZE};

use super::{
    keys::PublicKey,
    manifest::{Item, Place, identify},
    read::{self, Head},
    receipt::{Receipt, mark},
};

/// The most bytes of what belongs to a project.
const MAX_PROJECT: u64 = 1 << 20;

/// The volumes of a bundle, in order, found to belong together.
#[derive(Debug)]
pub(super) struct Set {
    pub(super) heads: Vec<Head>,
    pub(super) receipt: Receipt,
}

/// The items of one file, in a manifest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group<'a> {
    pub(super) project: &'a ProjectName,
    pub(super) filename: &'a str,
    /// None where only what is told of the file travels.
    pub(super) bytes: Option<&'a Item>,
}

impl Set {
    /// Reads the manifests, and refuses what does not go together. The items were not looked at yet.
    pub(super) fn open(files: &[PathBuf], trusted: &[PublicKey]) -> anyhow::Result<Self> {
        let heads = files.iter().map(|path| Ok(read::open(path, trusted)?.0));
        let mut heads = heads.collect::<anyhow::Result<Vec<Head>>>()?;
        heads.sort_by_key(|head| head.manifest.volume);
        check_volumes(&heads)?;
        let receipt = heads[0].receipt.take().context("the first volume has no receipt")?;
        let set = Self { heads, receipt };
        set.check_order()?;
        set.check_receipt()?;
        let manifest = &set.heads[0].manifest;
        let id = identify(manifest.base, set.items(), &manifest.removed, &set.receipt);
        anyhow::ensure!(id == manifest.id, "the bundle is refused: its manifests do not add up to its id");
        Ok(set)
    }

    pub(super) fn items(&self) -> impl Iterator<Item = &Item> {
        self.heads.iter().flat_map(|head| &head.manifest.items)
    }

    /// The files that are carried, with their bytes or without.
    pub(super) fn groups(&self) -> impl Iterator<Item = Group<'_>> {
        let parts = self
            .heads
            .iter()
            .flat_map(|head| head.manifest.items.chunk_by(|a, b| a.place.is_beside(&b.place)));
        parts.filter_map(|items| match &items[0].place {
            Place::Part { project, filename, part } => {
                Some(Group { project, filename, bytes: (*part == Part::Bytes).then_some(&items[0]) })
            }
            Place::Project(_) => None,
        })
    }

    /// No part of one file lies in another volume than the rest, and no volume begins before the last one ended.
    fn check_order(&self) -> anyhow::Result<()> {
        for pair in self.heads.windows(2) {
            let (Some(last), Some(first)) = (pair[0].manifest.items.last(), pair[1].manifest.items.first())
            else {
                continue;
            };
            anyhow::ensure!(
                last.place < first.place && !last.place.is_beside(&first.place),
                "`{}` is refused: it lists `{}` out of order",
                pair[1].path.display(),
                first.place
            );
        }
        Ok(())
    }

    /// What is carried is what the receipt says, and a bundle that builds on nothing carries all that it says.
    fn check_receipt(&self) -> anyhow::Result<()> {
        let mut with_bytes = 0;
        for head in &self.heads {
            for items in head.manifest.items.chunk_by(|a, b| a.place.is_beside(&b.place)) {
                let checked = self.check_group(items).with_context(|| {
                    format!("`{}` is refused: `{}` is listed wrongly", head.path.display(), items[0].place)
                })?;
                with_bytes += usize::from(checked);
            }
        }
        let is_alone = self.heads[0].manifest.base.is_none();
        anyhow::ensure!(
            !is_alone || with_bytes == self.receipt.len(),
            "the bundle is refused: it builds on none, and does not carry all that its receipt lists"
        );
        Ok(())
    }

    /// Whether the items of a file carry its bytes.
    fn check_group(&self, items: &[Item]) -> anyhow::Result<bool> {
        for item in items {
            let most = match &item.place {
                Place::Part { part: Part::Bytes, .. } => u64::MAX,
                Place::Part { part: Part::Record, .. } => MAX_RECORD_SIZE as u64,
                Place::Part { .. } => Limits::default().max_metadata_size,
                Place::Project(_) => MAX_PROJECT,
            };
            anyhow::ensure!(
                item.blob.size <= most,
                "{} bytes are more than is taken of its kind",
                item.blob.size
            );
        }
        let (project, filename) = match &items[0].place {
            Place::Project(project) => {
                let mark = mark(&[items[0].blob.sha256]);
                let is_listed = self.receipt.projects.get(project) == Some(&mark);
                anyhow::ensure!(is_listed, "the receipt says otherwise");
                return Ok(false);
            }
            Place::Part { project, filename, .. } => (project, filename),
        };
        let is = |item: &Item, wanted| matches!(&item.place, Place::Part { part, .. } if *part == wanted);
        anyhow::ensure!(items.last().is_some_and(|item| is(item, Part::Record)), "its record is missing");
        let held = self.receipt.held(project, filename).context("the receipt does not list it")?;
        let documents: Vec<_> =
            items.iter().filter(|item| !is(item, Part::Bytes)).map(|item| item.blob.sha256).collect();
        anyhow::ensure!(held.2 == mark(&documents), "the receipt says otherwise");
        let bytes = items.first().filter(|item| is(item, Part::Bytes));
        anyhow::ensure!(
            bytes.is_none_or(|item| (item.blob.sha256, item.blob.size) == (held.0, held.1)),
            "the receipt has other bytes"
        );
        Ok(bytes.is_some())
    }
}

fn check_volumes(heads: &[Head]) -> anyhow::Result<()> {
    let first = heads.first().context("no volume was named")?;
    let same = |head: &Head| {
        let (a, b) = (&head.manifest, &first.manifest);
        (a.id, a.volumes, a.base) == (b.id, b.volumes, b.base)
    };
    if let Some(other) = heads.iter().find(|head| !same(head)) {
        anyhow::bail!(
            "`{}` and `{}` belong to different bundles: import one after the other",
            first.path.display(),
            other.path.display()
        );
    }
    if let Some(pair) = heads.windows(2).find(|pair| pair[0].manifest.volume == pair[1].manifest.volume) {
        anyhow::bail!("`{}` and `{}` are the same volume", pair[0].path.display(), pair[1].path.display());
    }
    let volumes = first.manifest.volumes;
    let has = |volume: &u32| heads.iter().any(|head| head.manifest.volume == *volume);
    let missing: Vec<String> =
        (1..=volumes).filter(|volume| !has(volume)).take(10).map(|volume| volume.to_string()).collect();
    anyhow::ensure!(
        missing.is_empty(),
        "volume {} of {volumes} is missing: name all volumes of the bundle",
        missing.join(", ")
    );
    Ok(())
}
