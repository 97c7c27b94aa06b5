//! Markers that the parser does not know, in words that it does: the lists with commas of old releases.

/// A part of a marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    /// With its quotes.
    Quoted(&'a str),
    Word(&'a str),
    Other(&'a str),
}

/// The same marker without `===` and lists of versions with commas; none if it has none of these.
pub(super) fn rewrite(text: &str) -> Option<String> {
    let tokens = tokens(text);
    let is_list = |token: &Token| matches!(token, Token::Quoted(list) if list.contains(','));
    if !tokens.iter().any(|token| is_list(token) || *token == Token::Other("===")) {
        return None;
    }
    let mut written = String::with_capacity(text.len() + 16);
    let mut rest = tokens.as_slice();
    while let [first, after @ ..] = rest {
        if let Some((expression, after)) = list_of_versions(rest) {
            written.push_str(&expression);
            rest = after;
            continue;
        }
        written.push_str(match first {
            // Of versions without local labels it says the same.
            Token::Other("===") => "==",
            Token::Quoted(text) | Token::Word(text) | Token::Other(text) => text,
        });
        written.push(' ');
        rest = after;
    }
    Some(written)
}

/// `python_version in '2.7, 3.4'`, and what follows it.
fn list_of_versions<'a, 'b>(tokens: &'b [Token<'a>]) -> Option<(String, &'b [Token<'a>])> {
    let (key, operator, list, rest) = match tokens {
        [Token::Word(key), Token::Word("in"), Token::Quoted(list), rest @ ..] => (key, "in", list, rest),
        [Token::Word(key), Token::Word("not"), Token::Word("in"), Token::Quoted(list), rest @ ..] => {
            (key, "not in", list, rest)
        }
        _ => return None,
    };
    let is_version = matches!(*key, "python_version" | "python_full_version" | "implementation_version");
    is_version.then(|| (format!("{key} {operator} {} ", list.replace(',', " ")), rest))
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
        let end = if first == '\'' || first == '"' {
            rest[1..].find(first).map_or(rest.len(), |end| end + 2)
        } else if is_word(first) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else {
            let is_other = |c: char| !is_word(c) && !c.is_whitespace() && c != '\'' && c != '"';
            rest.find(|c| !is_other(c)).unwrap_or(rest.len())
        };
        let (token, after) = rest.split_at(end);
        tokens.push(match first {
            '\'' | '"' => Token::Quoted(token),
            _ if is_word(first) => Token::Word(token),
            _ => Token::Other(token),
        });
        rest = after.trim_start();
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_parser_does_not_know_is_put_in_other_words() {
        for (text, rewritten) in [
            ("python_version in '2.7, 3.4'", Some("python_version in '2.7  3.4'")),
            ("sys_platform in 'linux,darwin'", Some("sys_platform in 'linux,darwin'")),
            ("python_version === '3.9'", Some("python_version == '3.9'")),
            ("python_version in '2.7 3.4'", None),
            ("platform_version == 'in extras'", None),
            ("extra == 'extras'", None),
        ] {
            assert_eq!(rewrite(text).as_deref().map(str::trim_end), rewritten, "{text}");
        }
    }
}
