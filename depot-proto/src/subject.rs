//! Names of those who act: people and robots with an account.

use std::str::FromStr;

/// The name of an account: 1 to 64 of `a-z`, `0-9`, `.`, `_`, `-`, `+` and `@`, starting and ending with a letter or
/// digit. It is also a file name. Capital letters are read as small ones, so that `Ann` and `ann` are one account.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject(String);

/// The longest name of an account, in characters.
const MAX_LEN: usize = 64;

/// Why a text is no name of an account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a user name: 1 to 64 of a-z, 0-9, `.`, `_`, `-`, `+` and `@`, starting and ending with a letter or digit"
)]
pub struct SubjectError(String);

impl Subject {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Subject {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        let name = text.to_ascii_lowercase();
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let fits = |c: char| is_plain(c) || matches!(c, '.' | '_' | '-' | '+' | '@');
        let has_ends = name.starts_with(is_plain) && name.ends_with(is_plain);
        if name.len() > MAX_LEN || !has_ends || !name.chars().all(fits) {
            return Err(SubjectError(text.chars().take(80).flat_map(char::escape_default).collect()));
        }
        Ok(Self(name))
    }
}

crate::text::is_a_name!(Subject);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_small_and_safe_as_file_names() {
        for (text, name) in
            [("ann", "ann"), ("Ann", "ann"), ("a.b+c@acme.example", "a.b+c@acme.example"), ("7", "7")]
        {
            assert_eq!(text.parse::<Subject>().unwrap().as_str(), name);
        }
        let long = "a".repeat(65);
        for text in
            ["", "__token__", ".", "..", "a/b", "a b", "-a", "a-", "a.", "añn", "a\n", "a:b", "a\0", &long]
        {
            assert!(text.parse::<Subject>().is_err(), "{text:?}");
        }
    }
}
