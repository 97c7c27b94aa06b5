//! The provenance of what was saved (PEP 740): who built and published it, attested, for whoever checks that on the other
//! side of a gap.

use std::sync::Arc;

use anyhow::Context as _;
use depot_proto::layout::{Part, file_path};
use depot_tree::Tree;
use futures_util::{StreamExt as _, stream};
use serde_json::Value;

use super::{
    super::{
        fetch::{Fetched, Outcome},
        resolve::{Failed, Wanted},
    },
    Source,
    report::Report,
};
use crate::output::{Printer, explain};

/// Fetches what is new of it. What is there already is asked for again where the index says something else of the file.
pub(super) async fn save(
    source: &Source,
    tree: &Arc<Tree>,
    report: &mut Report,
    printer: &Printer,
) -> anyhow::Result<()> {
    let is_wanted = |(wanted, fetched): &(Wanted, Option<Fetched>)| {
        let is_news = fetched.as_ref().is_some_and(|fetched| fetched.outcome != Outcome::Present);
        (wanted.file.provenance.is_some() && fetched.is_some()).then(|| (wanted.clone(), is_news))
    };
    let wanted: Vec<(Wanted, bool)> = report.files.iter().filter_map(is_wanted).collect();
    let fetching = stream::iter(wanted).map(|(wanted, is_news)| async move {
        let done = fetch(source, tree, &wanted, is_news).await;
        (wanted, done)
    });
    let mut fetching = fetching.buffered(source.jobs);
    while let Some((wanted, done)) = fetching.next().await {
        match done {
            Ok(false) => {}
            Ok(true) => {
                report.provenance += 1;
                printer.detail(&format!("saved the provenance of {}", wanted.filename));
            }
            Err(error) => report.failed.push(Failed {
                item: format!("the provenance of {}", wanted.filename),
                reason: explain(&error),
            }),
        }
    }
    Ok(())
}

/// True if it was written.
async fn fetch(source: &Source, tree: &Arc<Tree>, wanted: &Wanted, is_news: bool) -> anyhow::Result<bool> {
    let (tree, name) = (Arc::clone(tree), wanted.filename.clone());
    let path = file_path(name.project(), name.as_str(), Part::Provenance);
    let of = Arc::clone(&tree);
    let known = tokio::task::spawn_blocking(move || of.document(&path)).await??;
    if known.is_some() && !is_news {
        return Ok(false);
    }
    let Some(document) = source.client.provenance(&wanted.index, &wanted.file).await? else {
        return Ok(false);
    };
    if known.as_ref() == Some(&document) {
        return Ok(false);
    }
    let read: Value = serde_json::from_slice(&document).context("what the index has there is not JSON")?;
    anyhow::ensure!(
        read.get("attestation_bundles").is_some_and(Value::is_array),
        "what the index has there attests nothing"
    );
    tokio::task::spawn_blocking(move || tree.put_provenance(name.project(), name.as_str(), &document))
        .await??;
    Ok(true)
}
