//! One file from an index into the tree.

mod peek;
mod sink;

use std::sync::Arc;

use depot_dist::{DistError, Limits};
use depot_index::{Client, IndexUrl};
use depot_proto::{
    DistributionFilename, DistributionKind, Facts, FileRecord, RecordError, Sha256Digest, Timestamp,
    redact::SafeUrl, simple::PageFile,
};
use depot_tree::{Incoming, Published, Tree, TreeError};

pub(super) use self::peek::peek;
use super::{requirements::Hashes, resolve::Wanted};

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fetched {
    pub(super) outcome: Outcome,
    pub(super) sha256: Sha256Digest,
    pub(super) size: u64,
    /// How many of its bytes were here from an earlier run, cut off on the way.
    pub(super) resumed: u64,
    /// Something a person should know about it.
    pub(super) warning: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Its bytes were downloaded.
    Saved,
    /// It was there; what the index says of it was news.
    Updated,
    /// It was there.
    Present,
}

impl Outcome {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Saved => "saved",
            Self::Updated => "updated",
            Self::Present => "present",
        }
    }
}

/// Downloads, checks and publishes a file.
pub(super) async fn fetch(
    client: &Client,
    tree: &Arc<Tree>,
    wanted: Wanted,
    now: Timestamp,
) -> anyhow::Result<Fetched> {
    let Wanted { filename, file, index, pins, is_listed } = wanted;
    let (mut sink, held) = sink::open(tree, &filename, &file, false).await?;
    let resumed = held.size;
    let downloaded = client.resume(&index, &file, &mut sink, held).await?;
    let resumed = if sink.is_restarted() { 0 } else { resumed };
    let incoming = sink.finish(tree, &filename).await?;
    let facts = facts(&index, &file);
    let mut record = FileRecord::new(filename.as_str(), downloaded.sha256, downloaded.size);
    record.facts_digest = Some(facts.digest());
    record.facts = facts;
    record.first_seen = Some(now);
    let tree = Arc::clone(tree);
    let published =
        tokio::task::spawn_blocking(move || publish(&tree, &filename, incoming, record, &pins, is_listed))
            .await?;
    Ok(Fetched { resumed, ..published? })
}

/// What the index says of a file, with the file's address there. No credentials are in it, and no query, which in a
/// signed address is one.
pub(super) fn facts(index: &IndexUrl, file: &PageFile) -> Facts {
    let url = file.url.parse::<SafeUrl>().map(|url| {
        let mut url = url.without_credentials();
        url.set_query(None);
        url.to_string()
    });
    Facts::of_page_file(file, index.as_url().as_str(), &url.unwrap_or_default())
}

fn publish(
    tree: &Tree,
    filename: &DistributionFilename,
    incoming: Incoming,
    mut record: FileRecord,
    pins: &[Arc<Hashes>],
    is_listed: bool,
) -> anyhow::Result<Fetched> {
    let mut sealed = incoming.seal()?;
    for pin in pins {
        anyhow::ensure!(pin.allow(sealed.reader()?)?, OTHER_DIGEST);
    }
    let (metadata, warning) = match depot_dist::read(sealed.reader()?, filename, &Limits::default()) {
        Ok(contents) => {
            let said = record.facts.requires_python.take();
            record.facts.requires_python = contents.metadata.requires_python.or(said);
            let is_wheel = filename.kind() == DistributionKind::Wheel;
            (is_wheel.then_some(contents.raw_metadata), None)
        }
        Err(DistError::Unsupported { .. }) => (None, None),
        Err(DistError::Io(error)) => return Err(error.into()),
        // The index lists it with this digest: it is what it is, and is saved as such.
        Err(error) => (None, Some(format!("{filename} is saved without metadata: {error}"))),
    };
    record.core_metadata = metadata.as_deref().map(Sha256Digest::of);
    let (sha256, size) = (record.sha256, record.size);
    let saved = |outcome| Fetched { outcome, sha256, size, resumed: 0, warning };
    let published = match tree.publish(&sealed, &record, metadata.as_deref()) {
        Err(error @ TreeError::Record { source: RecordError::TooNew(_), .. }) => return Err(error.into()),
        Err(error @ TreeError::Record { .. }) => {
            return Err(anyhow::Error::from(error).context(UNKNOWN_BYTES));
        }
        published => published?,
    };
    match published {
        Published::Created => Ok(saved(Outcome::Saved)),
        Published::Same(_) => {
            // It was fetched although it has a record: its bytes were lost or damaged.
            tree.repair(&sealed, filename.as_str())?;
            if let Some(metadata) = metadata {
                tree.write_metadata(filename.project(), filename.as_str(), &metadata)?;
            }
            if is_listed {
                refresh(tree, filename, &record.facts)?;
            }
            Ok(saved(Outcome::Saved))
        }
        Published::Conflict(known) => Err(conflict(&known)),
    }
}

/// What is said of a record that cannot be read, and may speak of other bytes.
const UNKNOWN_BYTES: &str = "its name is taken by a record that cannot be read, and the bytes beside that are not these: \
                             remove the record if it means nothing to you, and save again";

/// What is said of bytes that are none of those that a list pins.
pub(super) const OTHER_DIGEST: &str = "its bytes have none of the digests that it is pinned to";

/// Other bytes have the name: kept, and said.
pub(super) fn conflict(known: &FileRecord) -> anyhow::Error {
    let (filename, sha256) = (&known.filename, known.sha256);
    anyhow::anyhow!("the tree has `{filename}` with other bytes (sha256 {sha256}), which are kept")
}

/// Brings what the tree says of a file it has up to what the index says now; true if that was news.
pub(super) fn refresh(
    tree: &Tree,
    filename: &DistributionFilename,
    facts: &Facts,
) -> Result<bool, TreeError> {
    let change = |known: &mut FileRecord| known.take_facts(facts, Some(facts.digest()));
    let changed = tree.change_record(filename.project(), filename.as_str(), change)?;
    Ok(changed.is_some_and(|changed| changed.is_news()))
}
