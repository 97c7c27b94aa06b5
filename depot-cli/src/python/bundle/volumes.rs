//! How a bundle is cut into volumes, and what they are called.

use std::path::{Path, PathBuf};

use crate::output::bytes;

use super::{
    keys::SIGNATURE_LEN,
    manifest::{Item, MANIFEST, RECEIPT, SIGNATURE},
    member,
};

/// What the name of a bundle ends in.
const EXTENSION: &str = ".tar.zst";

/// What a manifest says beside its lists, in bytes, and more.
const HEAD: u64 = 2048;

/// What an entry of a list takes up beside its path, in bytes, and more.
const ENTRY: u64 = 140;

/// The name of a volume of this bundle.
pub(super) fn name(output: &Path, volume: u32) -> PathBuf {
    let name = output.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let numbered = match name.strip_suffix(EXTENSION) {
        Some(stem) => format!("{stem}.{volume:03}{EXTENSION}"),
        None => format!("{name}.{volume:03}"),
    };
    output.with_file_name(numbered)
}

/// How many items go into each volume, one after the other, so that none grows larger than `most`. All parts of a file go
/// into the same one, so that each volume can be used alone. `extra` is what else the first one holds: the receipt, and
/// the list of what is gone.
pub(super) fn cut(items: &[Item], most: Option<u64>, extra: (u64, u64)) -> anyhow::Result<Vec<usize>> {
    let Some(most) = most else { return Ok(vec![items.len()]) };
    let first = empty() + member::room(RECEIPT, extra.0) + extra.1;
    anyhow::ensure!(
        packed(first) <= most,
        "the list of what the other side has alone takes {}, which is more than --max-size",
        bytes(packed(first))
    );
    let mut volumes = vec![0];
    let mut filled = first;
    for group in items.chunk_by(|a, b| a.place.is_beside(&b.place)) {
        let size: u64 = group.iter().map(room).sum();
        if packed(filled + size) > most {
            let alone = packed(empty() + size);
            anyhow::ensure!(
                alone <= most,
                "`{}` needs {} in a volume of its own, which is more than --max-size",
                group[0].place,
                bytes(alone)
            );
            volumes.push(0);
            filled = empty();
        }
        filled += size;
        if let Some(last) = volumes.last_mut() {
            *last += group.len();
        }
    }
    Ok(volumes)
}

/// What a volume takes up that carries nothing.
fn empty() -> u64 {
    member::room(MANIFEST, HEAD) + member::room(SIGNATURE, SIGNATURE_LEN as u64) + member::END.len() as u64
}

/// What an item takes up, with its line in the manifest.
fn room(item: &Item) -> u64 {
    let name = item.place.to_string();
    member::room(&name, item.blob.size) + name.len() as u64 + ENTRY
}

/// The most that zstd makes of so many bytes.
fn packed(bytes: u64) -> u64 {
    bytes + bytes / 256 + 1024
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::bundle::manifest::Blob;

    fn item(path: &str, size: u64) -> Item {
        Item { place: path.parse().unwrap(), blob: Blob { size, ..Blob::of(b"") } }
    }

    #[test]
    fn the_parts_of_a_file_stay_together_and_no_volume_is_too_large() {
        let items = [
            item("files/a/a-1.tar.gz", 60_000),
            item("files/a/a-1.tar.gz.json", 500),
            item("files/b/b-1.tar.gz", 30_000),
            item("files/b/b-1.tar.gz.json", 500),
            item("files/c/c-1.tar.gz.json", 500),
        ];
        assert_eq!(cut(&items, None, (0, 0)).unwrap(), [5]);
        assert_eq!(cut(&items, Some(1 << 20), (0, 0)).unwrap(), [5]);
        assert_eq!(cut(&items, Some(80_000), (0, 0)).unwrap(), [2, 3]);
        // The receipt fills the first one.
        assert_eq!(cut(&items, Some(80_000), (60_000, 0)).unwrap(), [0, 2, 3]);
        let error = cut(&items, Some(40_000), (0, 0)).unwrap_err().to_string();
        assert!(error.contains("files/a/a-1.tar.gz"), "{error}");
        assert!(cut(&items, Some(1000), (0, 0)).is_err());
    }

    #[test]
    fn volumes_are_numbered_before_the_extension() {
        assert_eq!(name(Path::new("x/week47.tar.zst"), 2), Path::new("x/week47.002.tar.zst"));
        assert_eq!(name(Path::new("week47"), 12), Path::new("week47.012"));
    }
}
