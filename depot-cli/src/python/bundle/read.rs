//! Reading a volume, from its manifest to its end, and believing nothing.

use std::{
    fs::File,
    io::{BufReader, Read, Seek as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;

use super::{
    keys::{PublicKey, SIGNATURE_LEN},
    manifest::{Blob, MANIFEST, Manifest, RECEIPT, SCHEMA, SIGNATURE},
    member,
    receipt::Receipt,
    write::WINDOW_LOG,
};

/// The most bytes of a manifest and of a receipt: over a million files.
const MOST: u64 = 256 << 20;

/// How many times more than its file a volume may unpack to, and how much is nothing to speak of. Packages are compressed
/// already; what unpacks to more was made to fill a disk.
const MOST_RATIO: u64 = 1000;
const NO_BOMB: u64 = 64 << 20;

/// What the frame begins with: zstd's magic number, a descriptor that says no more than that a checksum follows, and the
/// window. A volume is one such frame.
pub(super) const FRAME: [u8; 6] = [0x28, 0xb5, 0x2f, 0xfd, 0x04, ((WINDOW_LOG - 10) << 3) as u8];

/// Who signed a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Signed {
    /// Nobody.
    No,
    /// Somebody, and no key was pinned to tell.
    Unchecked,
    /// This key, which is pinned.
    By(PublicKey),
}

/// A volume whose manifest was read.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) path: PathBuf,
    pub(super) manifest: Manifest,
    pub(super) signed: Signed,
    /// In the first volume.
    pub(super) receipt: Option<Receipt>,
    /// The size of the file.
    pub(super) size: u64,
}

/// What follows the head.
pub(super) type Rest = zstd::Decoder<'static, BufReader<File>>;

/// Opens a volume and reads its manifest; where keys are pinned, only after one of them was found to have signed it.
pub(super) fn open(path: &Path, trusted: &[PublicKey]) -> anyhow::Result<(Head, Rest)> {
    read_head(path, trusted).with_context(|| format!("`{}` is refused", path.display()))
}

fn read_head(path: &Path, trusted: &[PublicKey]) -> anyhow::Result<(Head, Rest)> {
    let mut file = File::open(path).context("it cannot be opened")?;
    let found = file.metadata().context("it cannot be opened")?;
    anyhow::ensure!(
        found.is_file(),
        "it is no file that can be read twice, first to check it: store it first"
    );
    let mut frame = [0; FRAME.len()];
    let begins = file.read_exact(&mut frame);
    anyhow::ensure!(begins.is_ok() && frame == FRAME, "it does not begin as a bundle does");
    file.rewind().context("it cannot be read")?;
    let mut rest = zstd::Decoder::with_buffer(BufReader::with_capacity(256 * 1024, file))?.single_frame();
    rest.window_log_max(WINDOW_LOG)?;
    let manifest = member::whole(&mut rest, MANIFEST, MOST)?;
    let signature = member::whole(&mut rest, SIGNATURE, SIGNATURE_LEN as u64)?;
    let signed = judge(&manifest, &signature, trusted)?;
    let manifest: Manifest = serde_json::from_slice(&manifest).context("its manifest cannot be read")?;
    check(&manifest, found.len())?;
    let key = match &signed {
        Signed::By(key) => Some(key.id()),
        Signed::Unchecked => manifest.signer.clone(),
        Signed::No => None,
    };
    anyhow::ensure!(key == manifest.signer, "its manifest says that another key signed it");
    let receipt = match &manifest.receipt {
        None => None,
        Some(blob) => {
            let document = member::whole(&mut rest, RECEIPT, MOST)?;
            anyhow::ensure!(Blob::of(&document) == *blob, "`{RECEIPT}` is not what the manifest says");
            let receipt = Receipt::read(&document).with_context(|| format!("`{RECEIPT}` cannot be read"))?;
            anyhow::ensure!(receipt.bundle == manifest.id, "`{RECEIPT}` is that of another bundle");
            Some(receipt)
        }
    };
    Ok((Head { path: path.to_owned(), manifest, signed, receipt, size: found.len() }, rest))
}

fn judge(manifest: &[u8], signature: &[u8], trusted: &[PublicKey]) -> anyhow::Result<Signed> {
    match (signature.len(), trusted) {
        (0, []) => Ok(Signed::No),
        (SIGNATURE_LEN, []) => Ok(Signed::Unchecked),
        (0, _) => anyhow::bail!("it is not signed, and a key is pinned"),
        _ => match trusted.iter().find(|key| key.has_signed(manifest, signature)) {
            Some(key) => Ok(Signed::By(key.clone())),
            None => anyhow::bail!(
                "its signature is not that of {}: it was signed with another key, or changed",
                if trusted.len() == 1 { "the pinned key" } else { "any pinned key" }
            ),
        },
    }
}

/// What a manifest can be found to be wrong in by itself.
fn check(manifest: &Manifest, size: u64) -> anyhow::Result<()> {
    anyhow::ensure!(
        manifest.schema == SCHEMA,
        "it is of the form `{}`, which this depot does not know: use a newer one",
        manifest.schema
    );
    let Manifest { volume, volumes, .. } = *manifest;
    anyhow::ensure!((1..=volumes).contains(&volume), "it says that it is volume {volume} of {volumes}");
    anyhow::ensure!((volume == 1) == manifest.receipt.is_some(), "a receipt is in the first volume alone");
    anyhow::ensure!(volume == 1 || manifest.removed.is_empty(), "what is gone is in the first volume alone");
    if let Some(pair) = manifest.items.windows(2).find(|pair| pair[0].place >= pair[1].place) {
        anyhow::bail!("its manifest lists `{}` out of order, or twice", pair[1].place);
    }
    let unpacked = manifest.items.iter().try_fold(0_u64, |sum, item| sum.checked_add(item.blob.size));
    let most = size.saturating_mul(MOST_RATIO).saturating_add(NO_BOMB);
    let is_bomb = unpacked.is_none_or(|unpacked| unpacked > most);
    anyhow::ensure!(!is_bomb, "it would unpack to more than {MOST_RATIO} times its size");
    Ok(())
}

/// Reads what follows the last item, which is nothing.
pub(super) fn end(mut rest: Rest) -> anyhow::Result<()> {
    let mut end = [1; member::END.len()];
    rest.read_exact(&mut end).context("its end is missing")?;
    anyhow::ensure!(end == member::END, "something follows its last item");
    // The checksum of the frame is compared when its end is met.
    let more = rest.read(&mut [0]).context("its end cannot be read")?;
    anyhow::ensure!(more == 0, "something follows its end");
    let mut file = rest.finish();
    let more = file.read(&mut [0]).context("its end cannot be read")?;
    anyhow::ensure!(more == 0, "something follows its end");
    Ok(())
}

/// The receipt that a bundle carries: what the other side has once it was imported.
pub(super) fn receipt_of(path: &Path) -> anyhow::Result<Receipt> {
    let (head, _) = open(path, &[])?;
    head.receipt.with_context(|| {
        let Manifest { volume, volumes, .. } = head.manifest;
        format!("`{}` is volume {volume} of {volumes}: name the first one", path.display())
    })
}
