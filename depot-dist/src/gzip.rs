//! A gzip file as Python's reader sees it: all streams in it one after the other, with a note of what is odd about it.

use std::{
    error, fmt,
    io::{self, BufRead, Read},
};

use flate2::bufread::GzDecoder;

use crate::{member, tar_stream::SourceFailed};

/// Unpacks all streams of a gzip file.
pub(crate) struct Gzip<R> {
    /// None behind the end.
    inside: Option<GzDecoder<R>>,
    /// What was seen of the end of the file.
    pub(crate) seen: Seen,
}

/// What follows the first stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Further streams, which not every reader goes on to.
    pub(crate) more: bool,
    /// Zeros, which every reader passes over.
    pub(crate) padding: bool,
    /// Anything else.
    pub(crate) trailing: bool,
}

/// Marks what is wrong with the compression, apart from what is wrong with what is compressed.
#[derive(Debug)]
pub(crate) struct Broken(String);

impl<R: BufRead> Gzip<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { inside: Some(GzDecoder::new(reader)), seen: Seen::default() }
    }

    /// Called at the end of a stream: goes on to the next one, or looks at what follows.
    fn end(&mut self) -> io::Result<bool> {
        let Some(decoder) = self.inside.take() else { return Ok(false) };
        let mut reader = decoder.into_inner();
        loop {
            let rest = reader.fill_buf()?;
            let Some(&first) = rest.first() else { return Ok(false) };
            if first != 0 {
                // Behind padding Python looks for another stream.
                self.seen.more |= first == 0x1f;
                self.seen.trailing |= first != 0x1f;
                if first == 0x1f {
                    self.inside = Some(GzDecoder::new(reader));
                }
                return Ok(first == 0x1f);
            }
            self.seen.padding = true;
            let zeros = rest.iter().position(|&byte| byte != 0).unwrap_or(rest.len());
            reader.consume(zeros);
        }
    }
}

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let Some(decoder) = &mut self.inside else { return Ok(0) };
            match decoder.read(buffer) {
                Ok(0) => {
                    if !self.end()? {
                        return Ok(0);
                    }
                }
                Ok(count) => return Ok(count),
                Err(error) => {
                    let of_source =
                        error.get_ref().is_some_and(<dyn error::Error + Send + Sync>::is::<SourceFailed>);
                    if of_source || error.kind() == io::ErrorKind::Interrupted {
                        return Err(error);
                    }
                    let reason = match error.kind() {
                        io::ErrorKind::UnexpectedEof => "it ends early".to_owned(),
                        _ => member::display(error.to_string().as_bytes()),
                    };
                    return Err(io::Error::new(io::ErrorKind::InvalidData, Broken(reason)));
                }
            }
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl error::Error for Broken {}
