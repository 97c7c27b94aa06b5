//! A tar read as a stream: headers are believed only where every other reader would read them alike.
//!
//! The `tar` crate finds and checks the headers; the extension headers (GNU long names, pax) are read here, because
//! they decide what the next member is called and how long it is, and must not grow without bound.

use std::{
    borrow::Cow,
    error, fmt,
    io::{self, Read},
    mem,
};

use tar::{Archive, Entry};

use crate::{DistError, Limits, member};

mod pax;

/// The most bytes that one extension header may have: far above any path, enough for extended attributes.
const MAX_EXTENSION_SIZE: u64 = 1024 * 1024;

/// The most extension headers that one member may have: long name, long link, pax, and what a generator adds once.
const MAX_EXTENSIONS: usize = 8;

/// Goes through the members up to the first that is `wanted`, by its name, and reads it.
pub(crate) fn find<R: Read>(
    reader: Budgeted<R>,
    limits: &Limits,
    mut wanted: impl FnMut(&[u8]) -> Result<bool, DistError>,
) -> Result<Option<Vec<u8>>, DistError> {
    let mut archive = Archive::new(reader);
    let mut extensions = Extensions::default();
    let mut members = 0;
    for entry in archive.entries().map_err(explain)?.raw(true) {
        let mut entry = entry.map_err(explain)?;
        if extensions.take(&mut entry)? {
            continue;
        }
        members += 1;
        if members > limits.max_members {
            return Err(DistError::too_many_members(limits.max_members));
        }
        let name = mem::take(&mut extensions).name_of(&entry)?;
        member::check_name(&name)?;
        if wanted(&name)? {
            return content(&mut entry, limits.max_metadata_size).map(Some);
        }
    }
    if extensions.count > 0 {
        return Err(DistError::tar("it ends where a member was announced"));
    }
    Ok(None)
}

fn content<R: Read>(entry: &mut Entry<'_, R>, limit: u64) -> Result<Vec<u8>, DistError> {
    let kind = entry.header().entry_type();
    if !(kind.is_file() || kind.is_contiguous()) {
        return Err(DistError::no_metadata("PKG-INFO is not a regular file"));
    }
    if entry.size() > limit {
        return Err(DistError::metadata_too_large(limit));
    }
    read_exactly(entry)
}

/// Reads a member whose size was checked. Memory grows with what is there, not with what the header says.
fn read_exactly<R: Read>(entry: &mut Entry<'_, R>) -> Result<Vec<u8>, DistError> {
    let size = entry.size();
    let mut bytes = Vec::with_capacity(size.min(64 * 1024) as usize);
    entry.read_to_end(&mut bytes).map_err(explain)?;
    if bytes.len() as u64 != size {
        return Err(DistError::tar("it ends inside a member"));
    }
    Ok(bytes)
}

/// What the headers in front of a member say about it.
#[derive(Default)]
struct Extensions {
    count: usize,
    long_name: Option<Vec<u8>>,
    pax: Option<pax::Pax>,
}

impl Extensions {
    /// Takes in an extension header; any other entry is left alone.
    fn take<R: Read>(&mut self, entry: &mut Entry<'_, R>) -> Result<bool, DistError> {
        let kind = entry.header().entry_type().as_byte();
        if !matches!(kind, b'L' | b'K' | b'x' | b'X' | b'g') {
            return Ok(false);
        }
        self.count += 1;
        if self.count > MAX_EXTENSIONS || entry.size() > MAX_EXTENSION_SIZE {
            return Err(DistError::tar("a member has too many or too long extension headers"));
        }
        let bytes = read_exactly(entry)?;
        let said_before = match kind {
            b'L' => {
                let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
                self.long_name.replace(bytes[..end].to_vec()).is_some()
            }
            b'x' | b'X' => self.pax.replace(pax::Pax::read(&bytes)?).is_some(),
            b'g' => {
                // A name or a size for every member makes no sense, and not every reader would apply it.
                let pax = pax::Pax::read(&bytes)?;
                pax.path.is_some() || pax.size.is_some()
            }
            _ => false,
        };
        if said_before {
            return Err(DistError::tar("two extension headers describe one member"));
        }
        Ok(true)
    }

    /// The name of the member that these headers stand in front of, and a check that nothing about it is ambiguous.
    fn name_of<R: Read>(self, entry: &Entry<'_, R>) -> Result<Vec<u8>, DistError> {
        let kind = entry.header().entry_type();
        if kind.is_gnu_sparse() {
            return Err(DistError::unsupported("a tar with sparse members"));
        }
        // Links, devices and folders have no content; readers differ on whether a size is skipped over.
        if matches!(kind.as_byte(), b'1'..=b'6') && entry.size() != 0 {
            return Err(DistError::tar("a link, device or folder claims to have content"));
        }
        let pax = self.pax.unwrap_or_default();
        // Readers that believe one of two sizes see other members than readers that believe the other.
        if pax.size.is_some_and(|size| size != entry.size()) {
            return Err(DistError::tar("a member has two sizes"));
        }
        match (self.long_name, pax.path) {
            (Some(_), Some(_)) => Err(DistError::tar("a member has two long names")),
            (Some(name), None) | (None, Some(name)) => Ok(name),
            (None, None) => Ok(entry.header().path_bytes().into_owned()),
        }
    }
}

/// Says what an error that came up through the `tar` and `flate2` crates really was.
fn explain(error: io::Error) -> DistError {
    let kind = error.kind();
    let text = error.to_string();
    if let Some(inner) = error.into_inner() {
        let inner = match inner.downcast::<SourceFailed>() {
            Ok(source) => return DistError::Io(source.0),
            Err(other) => other,
        };
        if let Some(spent) = inner.downcast_ref::<BudgetSpent>() {
            return DistError::unpacks_too_large(spent.0);
        }
    }
    let reason: Cow<'static, str> = match kind {
        io::ErrorKind::UnexpectedEof => "it ends early".into(),
        // Such texts quote the header, so they are printed like a member's name.
        _ => member::display(text.as_bytes()).into(),
    };
    DistError::tar(reason)
}

/// Marks the errors of the reader itself, which say nothing about the archive.
pub(crate) struct Source<R>(pub(crate) R);

#[derive(Debug)]
struct SourceFailed(io::Error);

impl<R: Read> Read for Source<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            kind => io::Error::new(kind, SourceFailed(error)),
        })
    }
}

impl fmt::Display for SourceFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl error::Error for SourceFailed {}

/// Fails once more bytes were read than an archive may unpack to.
pub(crate) struct Budgeted<R> {
    inner: R,
    budget: u64,
    left: u64,
}

#[derive(Debug)]
struct BudgetSpent(u64);

impl<R> Budgeted<R> {
    pub(crate) fn new(inner: R, budget: u64) -> Self {
        Self { inner, budget, left: budget }
    }
}

impl<R: Read> Read for Budgeted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left =
            self.left.checked_sub(count as u64).ok_or_else(|| io::Error::other(BudgetSpent(self.budget)))?;
        Ok(count)
    }
}

impl fmt::Display for BudgetSpent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "more than {} bytes", self.0)
    }
}

impl error::Error for BudgetSpent {}
