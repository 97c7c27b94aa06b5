//! `depot python bundle create`: look, pack, report.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use depot_proto::layout::Part;
use depot_tree::Tree;
use serde_json::json;

use super::{
    Stop,
    collect::{Collected, Only, collect},
    keys::SigningKey,
    manifest::{Blob, Item, Manifest, Place, SCHEMA, identify},
    read,
    receipt::Receipt,
    volumes,
    write::{Volume, Written, write},
};
use crate::{
    args::CreateArgs,
    exit::ExitStatus,
    output::{Printer, bytes, count, seconds},
    progress::Progress,
    python::{failed, needs::needs, saved_tree},
};

/// What came of it.
struct Created {
    manifest: Manifest,
    collected: Collected,
    volumes: Vec<Written>,
}

/// Runs the verb.
pub(super) async fn run(args: CreateArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let started = Instant::now();
    let stop = Stop::default();
    let _guard = stop.guard();
    let tree = Arc::new(saved_tree(&args.needs.tree.dir)?);
    let only = if args.needs.is_given() { Some(named(&args, &tree, printer).await?) } else { None };
    let talk = printer.clone();
    let (args, created) = tokio::task::spawn_blocking(move || {
        let created = create(&args, &tree, only.as_ref(), &stop, &talk)?;
        anyhow::Ok((args, created))
    })
    .await??;
    show(&args, &created, started.elapsed(), printer);
    Ok(ExitStatus::Done)
}

/// The files of what was named, with all that it requires.
async fn named(args: &CreateArgs, tree: &Arc<Tree>, printer: &Printer) -> anyhow::Result<Only> {
    let needs = needs(&args.needs, tree, printer).await?;
    failed::tell(&needs.failed, printer);
    anyhow::ensure!(needs.failed.is_empty(), "what is named is not all in the tree: save it first");
    Ok(needs.files)
}

fn create(
    args: &CreateArgs,
    tree: &Tree,
    only: Option<&Only>,
    stop: &Stop,
    printer: &Printer,
) -> anyhow::Result<Created> {
    let key = args.sign.as_deref().map(SigningKey::open).transpose()?;
    let base = match (&args.since, &args.base) {
        (Some(receipt), _) => Some(Receipt::open(receipt)?),
        (None, Some(bundle)) => Some(read::receipt_of(bundle)?),
        (None, None) => None,
    };
    refuse_to_overwrite(args)?;
    let mut collected = collect(tree, base.as_ref(), only)?;
    let items = std::mem::take(&mut collected.items);
    let removed = std::mem::take(&mut collected.removed);
    let base_id = base.as_ref().map(|base| base.bundle);
    let id = identify(base_id, items.iter(), &removed, &collected.receipt);
    collected.receipt.bundle = id;
    let receipt = collected.receipt.to_document()?;
    let listed = removed.iter().map(|place| place.to_string().len() as u64 + 8).sum();
    let sizes = volumes::cut(&items, args.max_size, (receipt.len() as u64, listed))?;
    let manifest = Manifest {
        schema: SCHEMA.to_owned(),
        id,
        volume: 0,
        volumes: u32::try_from(sizes.len())?,
        base: base_id,
        created_by: concat!("depot ", env!("CARGO_PKG_VERSION")).to_owned(),
        as_of: collected.as_of,
        signer: key.as_ref().map(SigningKey::public).transpose()?.map(|key| key.id()),
        receipt: None,
        items: Vec::new(),
        removed: Vec::new(),
    };
    printer.say(&format!(
        "plan: {} ({}), {} changed, {} gone, {} there already, in {}",
        count(collected.new.0, "new file"),
        bytes(collected.new.1),
        collected.changed,
        removed.len(),
        collected.receipt.len() - collected.new.0 - collected.changed,
        count(sizes.len(), "volume"),
    ));
    let mut created = Created { manifest, collected, volumes: Vec::new() };
    let progress = Progress::start(printer, created.collected.new.0 + created.collected.changed);
    let mut items = items.into_iter();
    for (number, size) in (1..).zip(sizes) {
        let manifest = Manifest {
            volume: number,
            receipt: (number == 1).then(|| Blob::of(&receipt)),
            removed: if number == 1 { removed.clone() } else { Vec::new() },
            items: items.by_ref().take(size).collect(),
            ..created.manifest.clone()
        };
        let volume = Volume {
            tree,
            manifest: &manifest,
            receipt: (number == 1).then_some(&receipt[..]),
            key: key.as_ref(),
        };
        let path = path_of(args, number);
        let written = write(&volume, &path, stop, &mut |item| tell(&progress, item))?;
        created.volumes.push(written);
    }
    progress.finish();
    created.manifest.removed = removed;
    // From here on there is a bundle: until now there was none, and no volume of one.
    for volume in &mut created.volumes {
        volume.place()?;
    }
    if let Some(path) = &args.receipt {
        created.collected.receipt.write(path)?;
    }
    Ok(created)
}

fn tell(progress: &Progress, item: &Item) {
    match &item.place {
        Place::Part { filename, part: Part::Bytes, .. } => progress.begin(filename),
        Place::Part { filename, part: Part::Record, .. } => progress.done(&format!("packed {filename}")),
        _ => {}
    }
}

fn path_of(args: &CreateArgs, volume: u32) -> PathBuf {
    if args.max_size.is_some() { volumes::name(&args.output, volume) } else { args.output.clone() }
}

/// A bundle that was carried somewhere must not become another one, nor have volumes of an older one beside it.
fn refuse_to_overwrite(args: &CreateArgs) -> anyhow::Result<()> {
    let is_there = |path: &Path| path.symlink_metadata().is_ok();
    let folder = args.output.parent().filter(|folder| !folder.as_os_str().is_empty());
    anyhow::ensure!(
        folder.is_none_or(Path::is_dir),
        "there is no folder `{}` to write to",
        folder.unwrap_or(Path::new(".")).display()
    );
    let taken = (1..=999).map(|volume| path_of(args, volume)).find(|path| is_there(path));
    match taken {
        Some(path) => anyhow::bail!("`{}` is there already: name another file, or remove it", path.display()),
        None => Ok(()),
    }
}

/// What is carried of projects themselves.
fn news_of(projects: usize) -> String {
    if projects == 0 { String::new() } else { format!(", and news of {},", count(projects, "project")) }
}

fn show(args: &CreateArgs, created: &Created, took: Duration, printer: &Printer) {
    let seconds = seconds(took);
    let Created { manifest, collected, volumes } = created;
    for volume in volumes {
        printer.data(&format!("{}  {}", volume.path().display(), bytes(volume.size)));
    }
    let size: u64 = volumes.iter().map(|volume| volume.size).sum();
    if collected.new.0 + collected.changed + collected.projects == 0 {
        printer.say("nothing is new; the bundle is part of the chain all the same");
    }
    printer.say(&format!(
        "packed {} and {} changed{} into {} ({}) in {seconds} s, bundle {}",
        count(collected.new.0, "new file"),
        collected.changed,
        news_of(collected.projects),
        count(volumes.len(), "volume"),
        bytes(size),
        manifest.id
    ));
    let files = volumes.iter().map(
        |volume| json!({ "path": volume.path(), "size": volume.size, "manifest-sha256": volume.manifest }),
    );
    printer.json(&json!({
        "schema": "depot.bundle-create/1",
        "id": manifest.id,
        "base": manifest.base,
        "signer": manifest.signer,
        "as-of": manifest.as_of,
        "dir": args.needs.tree.dir,
        "receipt": args.receipt,
        "volumes": files.collect::<Vec<_>>(),
        "removed": manifest.removed,
        "counts": {
            "new": collected.new.0,
            "changed": collected.changed,
            "projects": collected.projects,
            "removed": manifest.removed.len(),
            "unchanged": collected.receipt.len() - collected.new.0 - collected.changed,
        },
        "bytes": collected.new.1,
        "size": size,
        "seconds": seconds,
    }));
}
