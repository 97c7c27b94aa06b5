//! Header values with parameters: `form-data; name="content"; filename="x.whl"`.

use percent_encoding::percent_decode_str;

/// A value and its parameters; the value and their names are in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parameters {
    /// What stands before the first `;`.
    pub(super) value: String,
    parameters: Vec<(String, String)>,
}

impl Parameters {
    /// The parameter, if it is there once.
    pub(super) fn only(&self, name: &str) -> Option<&str> {
        let mut found = self.parameters.iter().filter(|(other, _)| other == name);
        let first = found.next()?;
        found.next().is_none().then_some(&first.1)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.parameters.iter().any(|(other, _)| other == name)
    }
}

/// Reads a header value; none if it has not this form.
pub(super) fn read(text: &str) -> Option<Parameters> {
    let (value, mut rest) = text.split_once(';').unwrap_or((text, ""));
    let mut parameters = Vec::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Some(Parameters { value: value.trim().to_ascii_lowercase(), parameters });
        }
        let (name, after) = rest.split_once('=')?;
        if name.is_empty() || !name.bytes().all(is_token) {
            return None;
        }
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => unquoted(quoted)?,
            None => {
                let end = after.bytes().position(|byte| !is_token(byte)).unwrap_or(after.len());
                (after[..end].to_owned(), &after[end..])
            }
        };
        parameters.push((name.to_ascii_lowercase(), value));
        let after = after.trim_start();
        rest = match after.strip_prefix(';') {
            Some(rest) => rest,
            None if after.is_empty() => after,
            None => return None,
        };
    }
}

/// The text before the closing quote, and what follows it. A backslash escapes a quote or itself; before anything else it
/// is one, as in the paths that some browsers sent.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((value, &text[at + 1..])),
            '\\' if text[at + 1..].starts_with(['"', '\\']) => value.push(chars.next()?.1),
            char => value.push(char),
        }
    }
    None
}

/// The text of an extended parameter, `UTF-8''%E2%82%AC`.
pub(super) fn extended(value: &str) -> Option<String> {
    let (charset, rest) = value.split_once('\'')?;
    let (_language, encoded) = rest.split_once('\'')?;
    let decoded = percent_decode_str(encoded).decode_utf8().ok()?;
    charset.eq_ignore_ascii_case("utf-8").then(|| decoded.into_owned())
}

/// The characters of a token (RFC 9110, 5.6.2), the `/` that some boundaries have without quotes, and the marks of an
/// extended value.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~/".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_with_their_parameters() {
        let said = read("Form-Data; NAME=\"a \\\"b\\\" \\c\"; x=1 ;filename*=UTF-8''%e2%82%ac;").unwrap();
        assert_eq!(said.value, "form-data");
        assert_eq!(said.only("name"), Some("a \"b\" \\c"));
        assert_eq!(said.only("x"), Some("1"));
        assert_eq!(said.only("filename*").and_then(extended).as_deref(), Some("€"));
        assert_eq!(read("multipart/form-data").unwrap().only("boundary"), None);
    }

    #[test]
    fn what_is_there_twice_is_not_chosen_from() {
        let said = read("form-data; name=a; name=b").unwrap();
        assert_eq!((said.only("name"), said.has("name")), (None, true));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["a; b", "a; =b", "a; b=\"c", "a; b=\"c\"d", "a; b c=d", "a; b=(c)"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(extended("latin-1''a"), None);
        assert_eq!(extended("UTF-8''%ff"), None);
        assert_eq!(extended("a"), None);
    }
}
