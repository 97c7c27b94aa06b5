//! The bytes of a list as text: by its byte order mark, else as a `coding:` comment in the first two lines says
//! (PEP 263), else UTF-8.

/// Why the bytes of a list are no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecodeError {
    /// It says that it is written in something else.
    #[error("it is written in `{0}`, which is not read here: save it as UTF-8")]
    Unknown(String),
    /// It is not what it says, or says nothing and is not UTF-8.
    #[error("it is not valid {0}: save it as UTF-8, or begin it with a line such as `# coding: latin-1`")]
    Invalid(&'static str),
}

pub(super) fn decode(bytes: &[u8]) -> Result<String, DecodeError> {
    // The mark of UTF-16 little-endian is how that of UTF-32 begins, so the longer one is looked for first.
    if let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        return utf8(rest);
    }
    if let Some(rest) = bytes.strip_prefix(b"\xff\xfe\0\0") {
        return utf32(rest, u32::from_le_bytes);
    }
    if let Some(rest) = bytes.strip_prefix(b"\0\0\xfe\xff") {
        return utf32(rest, u32::from_be_bytes);
    }
    if let Some(rest) = bytes.strip_prefix(b"\xff\xfe") {
        return utf16(rest, u16::from_le_bytes);
    }
    if let Some(rest) = bytes.strip_prefix(b"\xfe\xff") {
        return utf16(rest, u16::from_be_bytes);
    }
    match declared(bytes) {
        None => utf8(bytes),
        Some(name) => match name.to_ascii_lowercase().replace('_', "-").as_str() {
            "utf-8" | "utf8" | "u8" | "utf" | "utf-8-sig" | "cp65001" => utf8(bytes),
            "ascii" | "us-ascii" | "646" if bytes.is_ascii() => utf8(bytes),
            "ascii" | "us-ascii" | "646" => Err(DecodeError::Invalid("ASCII")),
            "latin-1" | "latin1" | "latin" | "l1" | "iso-8859-1" | "iso8859-1" | "8859" | "cp819" => {
                Ok(bytes.iter().copied().map(char::from).collect())
            }
            _ => Err(DecodeError::Unknown(name)),
        },
    }
}

/// The encoding that a comment in the first two lines names: what follows `coding:` or `coding=`.
fn declared(bytes: &[u8]) -> Option<String> {
    let comments = bytes.split(|byte| *byte == b'\n').take(2).filter(|line| line.starts_with(b"#"));
    comments.map(String::from_utf8_lossy).find_map(|line| {
        line.match_indices("coding").find_map(|(at, word)| {
            let said = line[at + word.len()..].strip_prefix([':', '='])?.trim_start();
            let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            let name = &said[..said.find(|c| !is_name(c)).unwrap_or(said.len())];
            (!name.is_empty()).then(|| name.to_owned())
        })
    })
}

fn utf8(bytes: &[u8]) -> Result<String, DecodeError> {
    String::from_utf8(bytes.to_vec()).map_err(|_| DecodeError::Invalid("UTF-8"))
}

fn utf16(bytes: &[u8], read: fn([u8; 2]) -> u16) -> Result<String, DecodeError> {
    let invalid = DecodeError::Invalid("UTF-16");
    let (units, rest) = bytes.as_chunks::<2>();
    let text = char::decode_utf16(units.iter().map(|unit| read(*unit))).collect::<Result<String, _>>();
    if rest.is_empty() { text.map_err(|_| invalid) } else { Err(invalid) }
}

fn utf32(bytes: &[u8], read: fn([u8; 4]) -> u32) -> Result<String, DecodeError> {
    let (units, rest) = bytes.as_chunks::<4>();
    let text: Option<String> = units.iter().map(|unit| char::from_u32(read(*unit))).collect();
    text.filter(|_| rest.is_empty()).ok_or(DecodeError::Invalid("UTF-32"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_or_a_comment_says_how_a_list_is_written() {
        let text = "# caf\u{e9}\nsix\n";
        let utf16 = |to: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(to).collect::<Vec<_>>();
        let utf32 = |to: fn(u32) -> [u8; 4]| text.chars().flat_map(|c| to(u32::from(c))).collect::<Vec<_>>();
        for (mark, bytes) in [
            (&b""[..], text.as_bytes().to_vec()),
            (b"\xef\xbb\xbf", text.as_bytes().to_vec()),
            (b"\xff\xfe", utf16(u16::to_le_bytes)),
            (b"\xfe\xff", utf16(u16::to_be_bytes)),
            (b"\xff\xfe\0\0", utf32(u32::to_le_bytes)),
            (b"\0\0\xfe\xff", utf32(u32::to_be_bytes)),
        ] {
            assert_eq!(decode(&[mark, &bytes].concat()).unwrap(), text, "{mark:?}");
        }
        for declaration in ["# -*- coding: latin-1 -*-", "# vim: set fileencoding=iso-8859-1 :", "#coding:L1"]
        {
            for before in ["", "# first\n"] {
                let bytes = [before.as_bytes(), declaration.as_bytes(), b"\n# caf\xe9\n"].concat();
                assert_eq!(decode(&bytes).unwrap(), format!("{before}{declaration}\n# caf\u{e9}\n"));
            }
        }
        // Only in a comment, and only in the first two lines.
        for text in ["six # coding: klingon\n", "#\n#\n# coding: klingon\n", "# coding\n", "# coding: \n"] {
            assert_eq!(decode(text.as_bytes()).unwrap(), text);
        }
    }

    #[test]
    fn what_is_no_text_says_so() {
        for (bytes, words) in [
            (&b"caf\xe9"[..], "not valid UTF-8"),
            (b"# coding: ascii\ncaf\xe9", "not valid ASCII"),
            (b"# coding: klingon\n", "`klingon`"),
            (b"\xff\xfea", "not valid UTF-16"),
            (b"\xff\xfe\0\xd8", "not valid UTF-16"),
            (b"\xff\xfe\0\0a\0\0", "not valid UTF-32"),
            (b"\0\0\xfe\xff\xff\xff\xff\xff", "not valid UTF-32"),
        ] {
            let error = decode(bytes).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
