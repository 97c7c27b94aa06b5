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

use crate::{DistError, Limits, gzip, member, rules::list};

mod pax;

/// The most bytes that one extension header may have: far above any path, enough for extended attributes.
const MAX_EXTENSION_SIZE: u64 = 1024 * 1024;

/// The most extension headers that one member may have: long name, long link, pax, and what a generator adds once.
const MAX_EXTENSIONS: usize = 8;

/// A member of a tar, as all headers in front of it say.
pub(crate) struct Member {
    /// Its name, which is safe ([`member::check_name`]).
    pub(crate) name: Vec<u8>,
    /// The type flag of its header.
    pub(crate) kind: u8,
    /// Where it leads to, if it is a link.
    pub(crate) link: Vec<u8>,
    /// Whether Python's reader would see another name, because the header has bytes where other formats have the start
    /// of it.
    pub(crate) two_names: bool,
    /// Whether readers differ on how long the content is.
    pub(crate) two_sizes: bool,
}

/// Goes through the members until `visit` returns something.
pub(crate) fn walk<R: Read, T>(
    archive: &mut Archive<Budgeted<R>>,
    limits: &Limits,
    mut visit: impl FnMut(Member, &mut Entry<'_, Budgeted<R>>) -> Result<Option<T>, DistError>,
) -> Result<Option<T>, DistError> {
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
        let member = mem::take(&mut extensions).member(&entry)?;
        member::check_name(&member.name)?;
        if let Some(found) = visit(member, &mut entry)? {
            return Ok(Some(found));
        }
    }
    if extensions.count > 0 {
        return Err(DistError::tar("it ends where a member was announced"));
    }
    Ok(None)
}

/// Goes through the members up to the first that is `wanted`, by its name, and reads it.
pub(crate) fn find<R: Read>(
    reader: Budgeted<R>,
    limits: &Limits,
    mut wanted: impl FnMut(&[u8]) -> Result<bool, DistError>,
) -> Result<Option<Vec<u8>>, DistError> {
    walk(&mut Archive::new(reader), limits, |member, entry| {
        if wanted(&member.name)? { content(entry, limits.max_metadata_size).map(Some) } else { Ok(None) }
    })
}

/// The content of a regular file that has at most `limit` bytes.
pub(crate) fn content<R: Read>(entry: &mut Entry<'_, R>, limit: u64) -> Result<Vec<u8>, DistError> {
    let kind = entry.header().entry_type();
    if !(kind.is_file() || kind.is_contiguous()) {
        return Err(DistError::no_metadata("PKG-INFO is not a regular file").by(&list::SDIST_PKG_INFO));
    }
    if entry.size() > limit {
        return Err(DistError::metadata_too_large(limit));
    }
    read_exactly(entry)
}

/// Reads what is left of a member and keeps nothing of it.
pub(crate) fn pass_over<R: Read>(entry: &mut Entry<'_, R>, piece: &mut [u8]) -> Result<(), DistError> {
    let size = entry.size();
    let mut seen = 0;
    loop {
        match entry.read(piece) {
            Ok(0) if seen == size => return Ok(()),
            Ok(0) => return Err(DistError::tar("it ends inside a member")),
            Ok(count) => seen += count as u64,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(explain(error)),
        }
    }
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
    long_link: Option<Vec<u8>>,
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
            return Err(header("a member has too many or too long extension headers"));
        }
        let bytes = read_exactly(entry)?;
        let said_before = match kind {
            b'L' => self.long_name.replace(unpadded(bytes)).is_some(),
            b'K' => self.long_link.replace(unpadded(bytes)).is_some(),
            b'x' | b'X' => self.pax.replace(pax::Pax::read(&bytes)?).is_some(),
            b'g' => {
                // A name or a size for every member makes no sense, and not every reader would apply it.
                let pax = pax::Pax::read(&bytes)?;
                pax.path.is_some() || pax.size.is_some() || pax.link.is_some()
            }
            _ => false,
        };
        if said_before {
            return Err(header("two extension headers describe one member"));
        }
        Ok(true)
    }

    /// The member that these headers stand in front of, and a check that nothing about it is ambiguous.
    fn member<R: Read>(self, entry: &Entry<'_, R>) -> Result<Member, DistError> {
        let kind = entry.header().entry_type();
        if kind.is_gnu_sparse() {
            return Err(DistError::unsupported("a tar with sparse members").by(&list::TAR_SPARSE));
        }
        let ambiguous = |reason| DistError::tar(reason).by(&list::TAR_SIZE);
        // Links, devices and folders have no content; readers differ on whether a size is skipped over.
        if matches!(kind.as_byte(), b'1'..=b'6') && entry.size() != 0 {
            return Err(ambiguous("a link, device or folder claims to have content"));
        }
        let pax = self.pax.unwrap_or_default();
        // Readers that believe one of two sizes see other members than readers that believe the other.
        if pax.size.is_some_and(|size| size != entry.size()) {
            return Err(ambiguous("a member has two sizes"));
        }
        let two = header("a member has two long names");
        let name = match (self.long_name, pax.path) {
            (Some(_), Some(_)) => return Err(two),
            (Some(name), None) | (None, Some(name)) => name,
            (None, None) => entry.header().path_bytes().into_owned(),
        };
        let link = match (self.long_link, pax.link) {
            (Some(_), Some(_)) => return Err(two),
            (Some(link), None) | (None, Some(link)) => link,
            (None, None) => entry.header().link_name_bytes().unwrap_or_default().into_owned(),
        };
        let bytes = entry.header().as_bytes();
        // Old headers and GNU's have no prefix, and Python's reader takes what stands there for one.
        let two_names = entry.header().as_ustar().is_none() && bytes[345..500].iter().any(|&byte| byte != 0);
        // A size in base 256 has 11 bytes, of which not every reader takes more than 8.
        let two_sizes = (bytes[124] & 0x80 != 0 && bytes[124..128] != [0x80, 0, 0, 0])
            || (name.ends_with(b"/") && entry.size() != 0);
        Ok(Member { name, kind: kind.as_byte(), link, two_names, two_sizes })
    }
}

fn header(reason: &'static str) -> DistError {
    DistError::tar(reason).by(&list::TAR_HEADER)
}

/// A long name without the NULs that end it.
fn unpadded(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    bytes.truncate(end);
    bytes
}

/// Says what an error that came up through the `tar` and `flate2` crates really was.
pub(crate) fn explain(error: io::Error) -> DistError {
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
        if let Some(broken) = inner.downcast_ref::<gzip::Broken>() {
            return DistError::gzip(broken.to_string());
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
pub(crate) struct SourceFailed(io::Error);

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

    pub(crate) fn into_inner(self) -> R {
        self.inner
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
