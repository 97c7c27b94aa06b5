//! The provenance of copies (PEP 740), pushed after the files that it speaks of.

use std::sync::Arc;

use depot_proto::{
    FileRecord, ProjectName, Sha256Digest,
    layout::{Part, file_path},
};
use depot_tree::Tree;
use futures_util::{StreamExt as _, stream};

use super::{Local, Report};
use crate::{
    output::explain,
    python::{failed::Failed, server::Server},
};

/// The digest of the provenance that lies beside a copy. Of one's own files it comes with them.
pub(super) fn digest(tree: &Tree, project: &ProjectName, record: &FileRecord) -> Option<Sha256Digest> {
    let path = record.is_mirrored().then(|| file_path(project, &record.filename, Part::Provenance))?;
    // What cannot be read is somebody else's.
    Some(Sha256Digest::of(&tree.document(&path).ok()??))
}

/// Sends what is wanted, but of files that did not get there.
pub(super) async fn push(
    server: &Server,
    tree: &Arc<Tree>,
    wanted: Vec<Local>,
    jobs: usize,
    report: &mut Report,
) {
    let is_there = |local: &Local| !report.failed.iter().any(|failed| failed.item == local.record.filename);
    let wanted: Vec<Local> = wanted.into_iter().filter(is_there).collect();
    let mut sending = stream::iter(wanted)
        .map(|local| async move {
            let sent = send(server, tree, &local).await;
            (local, sent)
        })
        .buffer_unordered(jobs);
    while let Some((local, sent)) = sending.next().await {
        match sent {
            Ok(news) => report.provenance += usize::from(news),
            Err(error) => {
                let item = format!("the provenance of {}", local.record.filename);
                report.failed.push(Failed { item, reason: explain(&error) });
            }
        }
    }
}

/// True if it was news.
async fn send(server: &Server, tree: &Arc<Tree>, local: &Local) -> anyhow::Result<bool> {
    let path = file_path(&local.project, &local.record.filename, Part::Provenance);
    let of = Arc::clone(tree);
    let document = tokio::task::spawn_blocking(move || of.document(&path)).await??;
    let document = document.ok_or_else(|| anyhow::anyhow!("it is not in the tree any more"))?;
    Ok(server.attest(&local.project, &local.record.filename, document).await?)
}
