//! The content of one member after the other, unpacked in pieces and held against size and checksum.

use std::io::BufRead;

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::{STORED, headers::CentralHeader, not_deflated, wrong_content};
use crate::DistError;

const PIECE: usize = 128 * 1024;

/// What unpacking needs, kept from member to member: making it anew costs more than a small member does.
pub(super) struct Unpacker {
    inflate: Decompress,
    piece: Vec<u8>,
}

impl Unpacker {
    pub(super) fn new() -> Self {
        Self { inflate: Decompress::new(false), piece: vec![0; PIECE] }
    }

    /// Reads exactly the packed bytes of a member from where the reader stands.
    pub(super) fn unpack(
        &mut self,
        reader: &mut impl BufRead,
        header: &CentralHeader,
        mut bytes: impl FnMut(&[u8]),
    ) -> Result<(), DistError> {
        let mut crc = Crc::new();
        let mut size = 0_u64;
        let mut take = |content: &[u8]| {
            crc.update(content);
            size += content.len() as u64;
            if size > header.uncompressed {
                return Err(wrong_content());
            }
            bytes(content);
            Ok(())
        };
        if header.method == STORED {
            packed(reader, header.compressed, &mut take)?;
        } else {
            self.inflate(reader, header.compressed, take)?;
        }
        if size != header.uncompressed || crc.sum() != header.crc {
            return Err(wrong_content());
        }
        Ok(())
    }

    /// Inflates `length` bytes. The stream must end with them: what a reader that stops at its end would not see, another
    /// may.
    fn inflate(
        &mut self,
        reader: &mut impl BufRead,
        length: u64,
        mut take: impl FnMut(&[u8]) -> Result<(), DistError>,
    ) -> Result<(), DistError> {
        self.inflate.reset(false);
        let (inflate, piece) = (&mut self.inflate, &mut self.piece);
        let mut ended = false;
        packed(reader, length, |mut input| {
            loop {
                if ended {
                    return if input.is_empty() { Ok(()) } else { Err(not_deflated()) };
                }
                let (before_in, before_out) = (inflate.total_in(), inflate.total_out());
                let status = inflate.decompress(input, piece, FlushDecompress::None);
                let status = status.map_err(|_| not_deflated())?;
                let (read, written) = (inflate.total_in() - before_in, inflate.total_out() - before_out);
                input = &input[read as usize..];
                take(&piece[..written as usize])?;
                ended = status == Status::StreamEnd;
                if !ended && input.is_empty() && (written as usize) < piece.len() {
                    return Ok(());
                }
                if !ended && read == 0 && written == 0 {
                    return Err(not_deflated());
                }
            }
        })?;
        if ended { Ok(()) } else { Err(not_deflated()) }
    }
}

/// Hands over exactly `length` bytes of the reader, in the pieces that it has.
fn packed(
    reader: &mut impl BufRead,
    length: u64,
    mut take: impl FnMut(&[u8]) -> Result<(), DistError>,
) -> Result<(), DistError> {
    let mut left = length;
    while left > 0 {
        let available = match reader.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(DistError::Io(error)),
        };
        if available.is_empty() {
            return Err(DistError::zip("it ends early"));
        }
        let count = available.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        take(&available[..count])?;
        reader.consume(count);
        left -= count as u64;
    }
    Ok(())
}
