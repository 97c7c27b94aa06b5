//! Reading Rust just well enough: tokens with their lines, and the paths that the code names.

/// A token; comments are none, and texts have no content.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    /// `::`
    Colons,
    Mark(char),
    Text,
}

/// The tokens of a source, each with its first and last line, counted from 1.
fn tokens(source: &str) -> Vec<(Token, usize, usize)> {
    let chars: Vec<char> = source.chars().collect();
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < chars.len() {
        let start = at;
        let next = chars.get(at + 1).copied();
        let token = match chars[at] {
            '/' if next == Some('/') => {
                at = end_of_line(&chars, at);
                None
            }
            '/' if next == Some('*') => {
                at = end_of_block_comment(&chars, at);
                None
            }
            '"' => {
                at = end_of_text(&chars, at + 1);
                Some(Token::Text)
            }
            '\'' => {
                at = end_of_quote(&chars, at);
                Some(Token::Text)
            }
            ':' if next == Some(':') => {
                at += 2;
                Some(Token::Colons)
            }
            c if is_word(c) => {
                while at < chars.len() && is_word(chars[at]) {
                    at += 1;
                }
                let word: String = chars[start..at].iter().collect();
                match end_of_prefixed_text(&chars, at, &word) {
                    Some(end) => {
                        at = end;
                        Some(Token::Text)
                    }
                    None => Some(Token::Word(word)),
                }
            }
            c => {
                at += 1;
                (!c.is_whitespace()).then_some(Token::Mark(c))
            }
        };
        let first = line;
        at = at.min(chars.len());
        line += chars[start..at].iter().filter(|c| **c == '\n').count();
        if let Some(token) = token {
            tokens.push((token, first, line));
        }
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn end_of_line(chars: &[char], from: usize) -> usize {
    chars[from..].iter().position(|c| *c == '\n').map_or(chars.len(), |length| from + length)
}

/// Block comments nest.
fn end_of_block_comment(chars: &[char], from: usize) -> usize {
    let (mut at, mut depth) = (from, 0);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// The end of a text whose first quote was just passed.
fn end_of_text(chars: &[char], from: usize) -> usize {
    let mut at = from;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

/// The end of a character, or of the mark of a lifetime.
fn end_of_quote(chars: &[char], from: usize) -> usize {
    match (chars.get(from + 1), chars.get(from + 2)) {
        (Some('\\'), _) => {
            // The escaped character may be the quote itself: look behind it.
            let rest = chars.get(from + 3..).unwrap_or_default();
            from + 3 + rest.iter().position(|c| *c == '\'').map_or(rest.len(), |length| length + 1)
        }
        (Some(_), Some('\'')) => from + 3,
        _ => from + 1,
    }
}

/// The end of `r"..."`, `b"..."`, `br#"..."#` and the like, where `word` is such a prefix.
fn end_of_prefixed_text(chars: &[char], at: usize, word: &str) -> Option<usize> {
    if matches!(word, "b" | "c") && chars.get(at) == Some(&'"') {
        return Some(end_of_text(chars, at + 1));
    }
    if !matches!(word, "r" | "br" | "cr") {
        return None;
    }
    let hashes = chars[at..].iter().take_while(|c| **c == '#').count();
    if chars.get(at + hashes) != Some(&'"') {
        return None;
    }
    let mut end = at + hashes + 1;
    while end < chars.len() {
        if chars[end] == '"' && chars[end + 1..].iter().take_while(|c| **c == '#').count() >= hashes {
            return Some(end + 1 + hashes);
        }
        end += 1;
    }
    Some(end)
}

/// The numbers of the lines that hold code, up to a trailing `#[cfg(test)] mod NAME {`.
pub(super) fn code_lines(source: &str) -> Vec<usize> {
    let tokens = tokens(source);
    let end = start_of_trailing_tests(&tokens).unwrap_or(tokens.len());
    let mut lines = Vec::new();
    for (_, first, last) in &tokens[..end] {
        let from = lines.last().map_or(*first, |seen| (*first).max(seen + 1));
        lines.extend(from..=*last);
    }
    lines
}

/// Where `#[cfg(test)] mod NAME {` begins whose `}` is the last token.
fn start_of_trailing_tests(tokens: &[(Token, usize, usize)]) -> Option<usize> {
    let opening: Vec<Token> = ["#", "[", "cfg", "(", "test", ")", "]"].map(plain).to_vec();
    (0..tokens.len()).find(|&start| {
        let rest = &tokens[start..];
        if rest.len() < opening.len()
            || rest.iter().zip(&opening).any(|((token, ..), wanted)| token != wanted)
        {
            return false;
        }
        let mut depth = 0;
        let mut after = &rest[opening.len()..];
        // Further attributes, such as `#[allow(...)]`, may stand between.
        while after.first().is_some_and(|(token, ..)| *token == plain("#")) {
            let Some(end) = after.iter().position(|(token, ..)| *token == plain("]")) else { return false };
            after = &after[end + 1..];
        }
        let module = matches!(after, [(mark, ..), (Token::Word(_), ..), (open, ..), ..]
            if *mark == plain("mod") && *open == plain("{"));
        module
            && after.iter().position(|(token, ..)| {
                match token {
                    Token::Mark('{') => depth += 1,
                    Token::Mark('}') => depth -= 1,
                    _ => return false,
                }
                depth == 0
            }) == Some(after.len() - 1)
    })
}

fn plain(text: &str) -> Token {
    match text.chars().next() {
        Some(c) if is_word(c) => Token::Word(text.to_owned()),
        Some(c) => Token::Mark(c),
        None => Token::Text,
    }
}

/// All paths of two segments and more that the code names, and all that `use` brings in, each with its line.
///
/// `module` is the path of the module that the file is, as `["crate", "store", "sled"]`: `self` and `super` are
/// resolved with it, also inside modules that stand in the file.
pub(super) fn paths(source: &str, module: &[String]) -> Vec<(usize, Vec<String>)> {
    let tokens = tokens(source);
    let mut found = Vec::new();
    let mut module = module.to_vec();
    // The depths of braces at which a module that stands in the file ends.
    let (mut depth, mut inner) = (0_usize, Vec::new());
    let mut at = 0;
    while at < tokens.len() {
        let word = |index: usize| match tokens.get(index) {
            Some((Token::Word(word), ..)) => Some(word.as_str()),
            _ => None,
        };
        let is = |index: usize, wanted: &Token| tokens.get(index).is_some_and(|(token, ..)| token == wanted);
        match &tokens[at].0 {
            Token::Word(name) if name == "mod" && is(at + 2, &Token::Mark('{')) => {
                module.extend(word(at + 1).map(str::to_owned));
                inner.push(depth);
                depth += 1;
                at += 3;
            }
            Token::Word(name) if name == "use" && !is(at + 1, &Token::Mark('<')) => {
                at = use_tree(&tokens, at + 1, &[], &module, &mut found);
            }
            Token::Word(name) if name == "extern" && word(at + 1) == Some("crate") => {
                found.push((tokens[at].1, vec![word(at + 2).unwrap_or_default().to_owned()]));
                at += 3;
            }
            Token::Word(_) => {
                let (line, mut path) = (tokens[at].1, Vec::new());
                while let Some(segment) = word(at) {
                    path.push(segment.to_owned());
                    at += 1;
                    if !(is(at, &Token::Colons) && word(at + 1).is_some()) {
                        break;
                    }
                    at += 1;
                }
                if path.len() > 1 {
                    found.push((line, resolved(path, &module)));
                }
            }
            Token::Mark('{') => {
                depth += 1;
                at += 1;
            }
            Token::Mark('}') => {
                depth = depth.saturating_sub(1);
                if inner.last() == Some(&depth) {
                    inner.pop();
                    module.pop();
                }
                at += 1;
            }
            _ => at += 1,
        }
    }
    found
}

/// Reads one branch of a `use` tree that starts at `at`; returns where it ends.
fn use_tree(
    tokens: &[(Token, usize, usize)],
    mut at: usize,
    prefix: &[String],
    module: &[String],
    found: &mut Vec<(usize, Vec<String>)>,
) -> usize {
    let mut path = prefix.to_vec();
    while let Some((token, line, _)) = tokens.get(at) {
        match token {
            Token::Word(word) if word == "as" => at += 2,
            Token::Word(word) => {
                path.push(word.clone());
                at += 1;
                if tokens.get(at).is_none_or(|(token, ..)| *token != Token::Colons) {
                    found.push((*line, resolved(path.clone(), module)));
                }
            }
            Token::Colons => at += 1,
            Token::Mark('*') => {
                found.push((*line, resolved(path.clone(), module)));
                at += 1;
            }
            Token::Mark('{') => {
                at += 1;
                while tokens.get(at).is_some_and(|(token, ..)| *token != Token::Mark('}')) {
                    let before = at;
                    at = use_tree(tokens, at, &path, module, found);
                    if tokens.get(at).is_some_and(|(token, ..)| *token == Token::Mark(',')) || at == before {
                        at += 1;
                    }
                }
                at += 1;
            }
            _ => break,
        }
    }
    at
}

/// The path from the root of its crate, where it began with `self` or `super`.
fn resolved(path: Vec<String>, module: &[String]) -> Vec<String> {
    let ups = path.iter().take_while(|segment| *segment == "super").count();
    let selves = usize::from(path.first().is_some_and(|segment| segment == "self"));
    // `self::super::x` is the same as `super::x`.
    let ups =
        if selves == 1 { path[1..].iter().take_while(|segment| *segment == "super").count() } else { ups };
    if ups + selves == 0 {
        return path;
    }
    let kept = module.len().saturating_sub(ups).max(1);
    module[..kept].iter().chain(&path[ups + selves..]).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(source: &str) -> Vec<String> {
        let module = ["crate", "store", "sled"].map(str::to_owned);
        paths(source, &module).into_iter().map(|(line, path)| format!("{line} {}", path.join("::"))).collect()
    }

    #[test]
    fn use_trees_are_flattened() {
        let source = "use std::{fs::{self, File}, io as x,\n  net::*};\npub(crate) use ::axum;";
        let expected = ["1 std::fs::self", "1 std::fs::File", "1 std::io", "2 std::net", "3 axum"];
        assert_eq!(named(source), expected);
    }

    #[test]
    fn paths_are_found_in_code_and_not_in_comments_and_texts() {
        let source = "// a::b\n/* c::d /* e */ f::g */ fn x<'a>(y: &'a h::I) { j::k!(\"l::m\", r#\"n\"::o\"#, 'p', '\\'') }\n\
                      let q = b\"r::s\"; t.u(); v :: w";
        assert_eq!(named(source), ["2 h::I", "2 j::k", "3 v::w"]);
    }

    #[test]
    fn super_and_self_are_resolved_also_in_inner_modules() {
        let source = "use super::super::http::X;\nmod tests { use super::*; fn f() { if a { super::super::b() } } }\n\
                      self::memory::C; use self::super::d;";
        let expected = [
            "1 crate::http::X",
            "2 crate::store::sled",
            "2 crate::store::b",
            "3 crate::store::sled::memory::C",
        ];
        assert_eq!(named(source)[..4], expected);
        assert_eq!(named(source)[4], "3 crate::store::d");
    }

    #[test]
    fn lines_of_code_are_counted_without_comments_blank_lines_and_trailing_tests() {
        let source = "//! Doc.\n\nuse a; // why\n/* b\n c */\nlet d = \"e\n\n\";\n\
                      #[cfg(test)]\n#[allow(x)]\nmod tests {\n  mod f {}\n}\n// end\n";
        assert_eq!(code_lines(source), [3, 6, 7, 8]);
        let not_trailing = "#[cfg(test)]\nmod tests {\n}\nfn a() {}";
        assert_eq!(code_lines(not_trailing), [1, 2, 3, 4]);
        let elsewhere = "#[cfg(test)]\nmod tests;\nfn a() {}";
        assert_eq!(code_lines(elsewhere), [1, 2, 3]);
    }
}
