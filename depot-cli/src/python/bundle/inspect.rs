//! `depot python bundle inspect`: what a bundle, or a volume of it, says of itself.

use depot_proto::{ProjectName, ProjectRecord, layout::Part};
use serde_json::{Value, json};

use super::{
    Stop,
    keys::{self, PublicKey},
    manifest::{Blob, Manifest, Place},
    read::{self, Head, Signed},
    set::Set,
    walk::{Carried, Take, walk},
};
use crate::{
    args::InspectArgs,
    exit::ExitStatus,
    output::{Printer, bytes, count},
};

/// Runs the verb.
pub(super) async fn run(args: InspectArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let stop = Stop::default();
    let _guard = stop.guard();
    let inspecting = tokio::task::spawn_blocking(move || {
        let trusted = keys::trusted(&args.trust)?;
        let heads = if args.check {
            check(&args, &trusted, &stop)?
        } else {
            let heads = args.files.iter().map(|path| Ok(read::open(path, &trusted)?.0));
            heads.collect::<anyhow::Result<Vec<Head>>>()?
        };
        anyhow::Ok((heads, args.check))
    });
    let (heads, checked) = inspecting.await??;
    for head in &heads {
        show(head, checked, printer);
    }
    printer.json(&json!({
        "schema": "depot.bundle-inspect/1",
        "checked": checked,
        "volumes": heads.iter().map(to_json).collect::<Vec<_>>(),
    }));
    Ok(ExitStatus::Done)
}

/// Reads all of it, as an import does before it begins.
fn check(args: &InspectArgs, trusted: &[PublicKey], stop: &Stop) -> anyhow::Result<Vec<Head>> {
    let set = Set::open(&args.files, trusted)?;
    for head in &set.heads {
        walk(head, &set.receipt, trusted, stop, &mut Nobody)?;
    }
    Ok(set.heads)
}

/// Takes nothing.
struct Nobody;

impl Take for Nobody {
    fn begin(&mut self, _: &ProjectName, _: &str, _: &Blob) -> anyhow::Result<()> {
        Ok(())
    }

    fn chunk(&mut self, _: &[u8]) -> anyhow::Result<()> {
        Ok(())
    }

    fn file(&mut self, _: Carried) -> anyhow::Result<()> {
        Ok(())
    }

    fn project(&mut self, _: &ProjectRecord) -> anyhow::Result<()> {
        Ok(())
    }
}

/// How many files go with their bytes, how many bytes these are, and how many go without.
fn counts(manifest: &Manifest) -> (usize, u64, usize) {
    let (mut new, mut size, mut records) = (0, 0, 0);
    for item in &manifest.items {
        match &item.place {
            Place::Part { part: Part::Bytes, .. } => {
                new += 1;
                size += item.blob.size;
            }
            Place::Part { part: Part::Record, .. } => records += 1,
            _ => {}
        }
    }
    (new, size, records - new.min(records))
}

fn show(head: &Head, checked: bool, printer: &Printer) {
    let manifest = &head.manifest;
    let (new, size, changed) = counts(manifest);
    let line = |what: &str, text: &str| printer.data(&format!("{what:<10}{text}"));
    line("file", &format!("{} ({})", head.path.display(), bytes(head.size)));
    line("bundle", &manifest.id.to_string());
    line("volume", &format!("{} of {}", manifest.volume, manifest.volumes));
    let base = manifest.base.map_or_else(|| "nothing: it is complete".to_owned(), |base| base.to_string());
    line("builds on", &base);
    if let Some(as_of) = manifest.as_of {
        line("as of", &as_of.to_string());
    }
    line("made by", &manifest.created_by);
    line("signed", &signed(head));
    let new = count(new, "new file");
    line("carries", &format!("{new} ({}), {changed} changed, {} gone", bytes(size), manifest.removed.len()));
    if checked {
        line("checked", "every item is what the manifest says");
    }
}

fn signed(head: &Head) -> String {
    match &head.signed {
        Signed::No => "no".to_owned(),
        Signed::Unchecked => {
            format!("with key {}, which was not checked", head.manifest.signer.as_deref().unwrap_or_default())
        }
        Signed::By(key) => format!("with the pinned key {}", key.id()),
    }
}

fn to_json(head: &Head) -> Value {
    let manifest = &head.manifest;
    let (new, size, changed) = counts(manifest);
    json!({
        "path": head.path,
        "size": head.size,
        "id": manifest.id,
        "volume": manifest.volume,
        "volumes": manifest.volumes,
        "base": manifest.base,
        "created-by": manifest.created_by,
        "as-of": manifest.as_of,
        "signer": manifest.signer,
        "trusted": matches!(head.signed, Signed::By(_)),
        "items": manifest.items,
        "removed": manifest.removed,
        "counts": { "new": new, "changed": changed, "removed": manifest.removed.len() },
        "bytes": size,
    })
}
