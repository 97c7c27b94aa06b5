//! Random ids.

use std::io;

/// 128 random bits, as 32 hexadecimal digits.
pub(crate) fn id() -> io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(format!("{:032x}", u128::from_le_bytes(bytes)))
}
