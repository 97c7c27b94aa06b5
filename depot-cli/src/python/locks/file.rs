//! One file of a lock, in the words that locks share.

use std::sync::Arc;

use depot_index::IndexUrl;
use depot_proto::{DistributionFilename, DistributionKind, ProjectName};
use percent_encoding::percent_decode_str;
use url::Url;

use super::{
    super::{
        document::{Table, Wrong},
        requirements::{Hashes, masked},
    },
    Lock, LockedFile,
};

/// What is known of a file before its entry is read.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) project: &'a ProjectName,
    pub(super) index: Option<&'a Arc<IndexUrl>>,
}

/// Reads the entry of a file: `url`, `path`, `size`, `upload-time` and a name, which may be the last part of the address.
/// None, and said, where it is nothing that could be saved.
pub(super) fn read(
    entry: &Table<'_>,
    name: Option<&str>,
    hashes: Hashes,
    around: Around<'_>,
    lock: &mut Lock,
) -> Result<Option<LockedFile>, Wrong> {
    let url = entry.text("url")?;
    let path = entry.text("path")?;
    let last = url.map(|url| url.split(['?', '#']).next().unwrap_or_default()).or(path);
    let last = last.and_then(|address| address.rsplit(['/', '\\']).next());
    let decoded = last.map(|last| match url {
        Some(_) => percent_decode_str(last).decode_utf8_lossy(),
        None => last.into(),
    });
    let Some(name) = name.map(Into::into).or(decoded) else {
        return Err(Wrong::new(entry.line, "a file has neither a name nor an address"));
    };
    let filename = match DistributionFilename::parse(&name, around.project) {
        Ok(filename) if filename.kind() == DistributionKind::Legacy => {
            lock.skip(&name, entry.line, "no installer can use such a file");
            return Ok(None);
        }
        Ok(filename) => filename,
        Err(error) => {
            lock.skip(&masked(&name), entry.line, format!("an index cannot offer it: {error}"));
            return Ok(None);
        }
    };
    let url = match url.map(Url::parse) {
        None => None,
        Some(Ok(url)) if matches!(url.scheme(), "http" | "https") => Some(url),
        // An address on the disk of whoever made the lock says nothing here.
        Some(Ok(url)) if url.scheme() == "file" => None,
        Some(_) => {
            return Err(Wrong::new(entry.line, "`url` is not an address that begins with https: or http:"));
        }
    };
    Ok(Some(LockedFile {
        filename,
        place: lock.place(entry.line),
        url,
        index: around.index.cloned(),
        hashes: Arc::new(hashes),
        size: entry.number("size")?,
        upload_time: entry.time("upload-time").or_else(|| entry.time("upload_time")),
    }))
}

/// The digest of an entry that has one text for it, as `sha256:...`.
pub(super) fn hash(entry: &Table<'_>) -> Result<Hashes, Wrong> {
    let mut hashes = Hashes::default();
    if let Some(item) = entry.get("hash") {
        let text = item.text()?;
        hashes.add(text).map_err(|why| Wrong::new(item.line, why.replace("--hash", "hash")))?;
    }
    Ok(hashes)
}

/// The index that a lock names; none where that is no address of one.
pub(super) fn index(url: Option<&str>) -> Option<Arc<IndexUrl>> {
    url?.parse().ok().map(Arc::new)
}
