//! Going through the items of a volume, each of which must be what the manifest says, and where it says.

use std::io::Read as _;

use anyhow::Context as _;
use depot_proto::{FileRecord, ProjectName, ProjectRecord, Sha256Digest, Sha256Hasher, layout::Part};

use super::{
    Stop,
    keys::PublicKey,
    manifest::{Blob, Item, Place},
    member, projects,
    read::{self, Head, Rest},
    receipt::{Held, Receipt},
};

/// How much is read at once, in bytes.
const CHUNK: usize = 256 * 1024;

/// A file that was read, and found to be what the manifest says.
#[derive(Clone, Debug)]
pub(super) struct Carried {
    pub(super) project: ProjectName,
    pub(super) record: FileRecord,
    pub(super) metadata: Option<Vec<u8>>,
    pub(super) provenance: Option<Vec<u8>>,
}

/// Whoever is told what is in a bundle.
pub(super) trait Take {
    /// The bytes of a file follow.
    fn begin(&mut self, project: &ProjectName, filename: &str, blob: &Blob) -> anyhow::Result<()>;
    /// Its next bytes; they were not compared with anything yet.
    fn chunk(&mut self, bytes: &[u8]) -> anyhow::Result<()>;
    /// All of a file was read, and is right.
    fn file(&mut self, carried: Carried) -> anyhow::Result<()>;
    /// What is said of a project itself was read, and is right.
    fn project(&mut self, record: &ProjectRecord) -> anyhow::Result<()>;
}

/// Goes through a volume, whose head was read before.
pub(super) fn walk(
    head: &Head,
    receipt: &Receipt,
    trusted: &[PublicKey],
    stop: &Stop,
    take: &mut dyn Take,
) -> anyhow::Result<()> {
    let (again, mut rest) = read::open(&head.path, trusted)?;
    let shown = head.path.display();
    anyhow::ensure!(again.manifest == head.manifest, "`{shown}` was changed while it was read");
    let mut parts = Parts::default();
    for item in &head.manifest.items {
        if let Err(error) = read_item(item, &mut rest, &mut parts, receipt, stop, take) {
            return Err(error.downcast::<NotTaken>().map_or_else(
                |error| {
                    let words =
                        format!("`{shown}` is refused: `{}` is not what the manifest says", item.place);
                    error.context(words)
                },
                |NotTaken(error)| error,
            ));
        }
    }
    read::end(rest).with_context(|| format!("`{shown}` is refused"))
}

/// Whoever was told of an item could not take it, or nobody waits for it any more: the bundle is not to blame.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct NotTaken(anyhow::Error);

/// The documents that were read of a file whose record is still to come.
#[derive(Default)]
struct Parts {
    metadata: Option<Vec<u8>>,
    provenance: Option<Vec<u8>>,
}

fn read_item(
    item: &Item,
    rest: &mut Rest,
    parts: &mut Parts,
    receipt: &Receipt,
    stop: &Stop,
    take: &mut dyn Take,
) -> anyhow::Result<()> {
    stop.check().map_err(NotTaken)?;
    let Item { place, blob } = item;
    let name = place.to_string();
    member::expect(rest, &name, blob.size)?;
    match place {
        Place::Part { project, filename, part: Part::Bytes } => {
            take.begin(project, filename, blob).map_err(NotTaken)?;
            read_bytes(&name, blob, rest, stop, take)?;
        }
        Place::Part { project, filename, part } => {
            let document = read_document(&name, blob, rest)?;
            match part {
                Part::Metadata => parts.metadata = Some(document),
                Part::Provenance => parts.provenance = Some(document),
                _ => {
                    let Parts { metadata, provenance } = std::mem::take(parts);
                    let record = FileRecord::read(&document, None)?;
                    let held = receipt.held(project, filename).context("the receipt does not list it")?;
                    check_record(&record, filename, held, metadata.as_deref())?;
                    let carried = Carried { project: project.clone(), record, metadata, provenance };
                    take.file(carried).map_err(NotTaken)?;
                }
            }
        }
        Place::Project(project) => {
            let document = read_document(&name, blob, rest)?;
            take.project(&projects::read(&document, project)?).map_err(NotTaken)?;
        }
    }
    Ok(())
}

fn read_document(name: &str, blob: &Blob, rest: &mut Rest) -> anyhow::Result<Vec<u8>> {
    let document = member::content(rest, name, blob.size)?;
    check_digest(Sha256Digest::of(&document), blob)?;
    Ok(document)
}

fn read_bytes(
    name: &str,
    blob: &Blob,
    rest: &mut Rest,
    stop: &Stop,
    take: &mut dyn Take,
) -> anyhow::Result<()> {
    let mut hasher = Sha256Hasher::new();
    let mut buffer = vec![0; CHUNK];
    let mut left = blob.size;
    while left > 0 {
        stop.check().map_err(NotTaken)?;
        let chunk = &mut buffer[..CHUNK.min(usize::try_from(left).unwrap_or(CHUNK))];
        rest.read_exact(chunk).context("it ends too early, or cannot be unpacked")?;
        hasher.update(chunk);
        take.chunk(chunk).map_err(NotTaken)?;
        left -= chunk.len() as u64;
    }
    check_digest(hasher.finish(), blob)?;
    Ok(member::padded(rest, name, blob.size)?)
}

fn check_digest(found: Sha256Digest, blob: &Blob) -> anyhow::Result<()> {
    anyhow::ensure!(found == blob.sha256, "its sha256 is {found} and not {}", blob.sha256);
    Ok(())
}

/// A record must speak of the very file that it is carried for.
fn check_record(
    record: &FileRecord,
    filename: &str,
    held: &Held,
    metadata: Option<&[u8]>,
) -> anyhow::Result<()> {
    anyhow::ensure!(record.filename == filename, "it speaks of `{}`", record.filename);
    anyhow::ensure!((record.sha256, record.size) == (held.0, held.1), "it speaks of other bytes");
    let metadata = metadata.map(Sha256Digest::of);
    anyhow::ensure!(record.core_metadata == metadata, "it speaks of other core metadata");
    Ok(())
}
