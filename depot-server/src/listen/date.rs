//! The `Date` header, made once a second.

use std::{
    sync::{PoisonError, RwLock},
    time::UNIX_EPOCH,
};

use crate::clock;

/// The length of `date: Sat, 21 Nov 2026 16:00:00 GMT`, its line end and the empty line that ends a head.
const LEN: usize = 6 + 29 + 4;

static LINE: RwLock<(u64, [u8; LEN])> = RwLock::new((u64::MAX, [0; LEN]));

/// The last line of a head, and its end.
pub(super) fn line() -> [u8; LEN] {
    let time = clock::system();
    let now = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    {
        let line = LINE.read().unwrap_or_else(PoisonError::into_inner);
        if line.0 == now {
            return line.1;
        }
    }
    let mut made = [0; LEN];
    let text = format!("date: {}\r\n\r\n", httpdate::fmt_http_date(time));
    if text.len() == LEN {
        made.copy_from_slice(text.as_bytes());
    }
    *LINE.write().unwrap_or_else(PoisonError::into_inner) = (now, made);
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_a_date() {
        let text = String::from_utf8(line().to_vec()).unwrap();
        let date = text.strip_prefix("date: ").unwrap().strip_suffix("\r\n\r\n").unwrap();
        let read = httpdate::parse_http_date(date).unwrap();
        assert!(read.elapsed().unwrap().as_secs() < 10);
    }
}
