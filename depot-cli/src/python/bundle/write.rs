//! Writing a volume.

use std::{
    fs::{self, File},
    io::{Read as _, Write},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use depot_proto::{Sha256Digest, Sha256Hasher};
use depot_tree::Tree;

use super::{
    Stop,
    collect::{Content, content},
    keys::SigningKey,
    manifest::{Blob, Item, MANIFEST, Manifest, Place, RECEIPT, SIGNATURE},
    member,
};
use crate::python::whole;

/// How hard zstd tries. Wheels and most sdists are compressed already; the rest is documents, at which it is good.
const LEVEL: i32 = 3;

/// How far back zstd may refer, as a power of two in bytes: what each reader needs at the least.
pub(super) const WINDOW_LOG: u32 = 21;

/// How much of a file is read at once, in bytes.
const CHUNK: usize = 256 * 1024;

/// A volume under its unfinished name; dropped before it is placed, it goes.
#[derive(Debug)]
pub(super) struct Written {
    part: PathBuf,
    path: PathBuf,
    pub(super) size: u64,
    /// The digest of the manifest, which is what was signed.
    pub(super) manifest: Sha256Digest,
    placed: bool,
}

impl Written {
    /// Gives it its name.
    pub(super) fn place(&mut self) -> anyhow::Result<()> {
        let cannot = || format!("cannot write `{}`", self.path.display());
        fs::rename(&self.part, &self.path).with_context(cannot)?;
        self.placed = true;
        whole::sync_folder_of(&self.path).with_context(cannot)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        if !self.placed {
            let _ = fs::remove_file(&self.part);
        }
    }
}

/// What goes into a volume.
pub(super) struct Volume<'a> {
    pub(super) tree: &'a Tree,
    pub(super) manifest: &'a Manifest,
    /// In the first volume.
    pub(super) receipt: Option<&'a [u8]>,
    pub(super) key: Option<&'a SigningKey>,
}

/// Writes a volume beside the name that it will have. `each` is told of each item that went in.
pub(super) fn write(
    volume: &Volume<'_>,
    path: &Path,
    stop: &Stop,
    each: &mut dyn FnMut(&Item),
) -> anyhow::Result<Written> {
    let cannot = || format!("cannot write `{}`", path.display());
    let part = whole::unfinished(path);
    let file = File::create(&part).with_context(cannot)?;
    let manifest = serde_json::to_vec(volume.manifest)?;
    let mut written = Written {
        part,
        path: path.to_owned(),
        size: 0,
        manifest: Sha256Digest::of(&manifest),
        placed: false,
    };
    let mut packer = zstd::Encoder::new(file, LEVEL).with_context(cannot)?;
    packer.window_log(WINDOW_LOG).with_context(cannot)?;
    packer.include_checksum(true).with_context(cannot)?;
    // A frame that knew its size would begin in another way.
    packer.include_contentsize(false).with_context(cannot)?;
    member::write(&mut packer, MANIFEST, &manifest).with_context(cannot)?;
    let signature = volume.key.map(|key| key.sign(&manifest)).unwrap_or_default();
    member::write(&mut packer, SIGNATURE, &signature).with_context(cannot)?;
    if let Some(receipt) = volume.receipt {
        member::write(&mut packer, RECEIPT, receipt).with_context(cannot)?;
    }
    for item in &volume.manifest.items {
        write_item(volume.tree, item, &mut packer, path, stop)?;
        each(item);
    }
    packer.write_all(&member::END).with_context(cannot)?;
    let file = packer.finish().with_context(cannot)?;
    file.sync_all().with_context(cannot)?;
    written.size = file.metadata().with_context(cannot)?.len();
    Ok(written)
}

fn write_item(
    tree: &Tree,
    item: &Item,
    packer: &mut impl Write,
    path: &Path,
    stop: &Stop,
) -> anyhow::Result<()> {
    let name = item.place.to_string();
    let cannot = || format!("cannot write `{}`", path.display());
    match content(tree, &item.place)?.with_context(|| format!("`{name}` is not in the tree"))? {
        Content::Document(document) => {
            anyhow::ensure!(
                Blob::of(&document) == item.blob,
                "`{name}` was changed while it was packed: run the same command again"
            );
            member::write(packer, &name, &document).with_context(cannot)
        }
        Content::Bytes(mut opened) => {
            let Blob { size, sha256 } = item.blob;
            let broken = |found: String| broken(&item.place, &found);
            anyhow::ensure!(opened.size == size, broken(format!("{} and not {size} bytes", opened.size)));
            packer.write_all(&member::header(&name, size)).with_context(cannot)?;
            let mut hasher = Sha256Hasher::new();
            let mut buffer = vec![0; CHUNK];
            let mut left = size;
            while left > 0 {
                stop.check()?;
                let chunk = &mut buffer[..CHUNK.min(usize::try_from(left).unwrap_or(CHUNK))];
                opened.file.read_exact(chunk).with_context(|| format!("cannot read `{name}`"))?;
                hasher.update(chunk);
                packer.write_all(chunk).with_context(cannot)?;
                left -= chunk.len() as u64;
            }
            let found = hasher.finish();
            anyhow::ensure!(found == sha256, broken(format!("the sha256 {found} and not {sha256}")));
            packer.write_all(&member::END[..member::padding(size)]).with_context(cannot)
        }
    }
}

fn broken(place: &Place, found: &str) -> anyhow::Error {
    anyhow::anyhow!("`{place}` is damaged in the tree, with {found}: save it again")
}
