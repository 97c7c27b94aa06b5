//! Logical lines: continued ones joined, comments gone, variables filled in. In the order and with the corner cases
//! of pip, because lists exist that rely on them.

/// A line that says something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Logical {
    /// Where it begins, counted from 1.
    pub(super) number: usize,
    /// Its words as they are written.
    pub(super) written: String,
    /// Its words with variables filled in, which may be secrets.
    pub(super) text: String,
}

/// The logical lines of a list.
pub(super) fn logical(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Vec<Logical> {
    let joined = join(text).into_iter().filter_map(|(number, line)| {
        let written = match comment(&line) {
            Some(at) => &line[..at],
            None => &line,
        };
        let written = written.trim_matches(is_space).to_owned();
        (!written.is_empty()).then(|| Logical { number, text: expand(&written, variable), written })
    });
    joined.collect()
}

/// What Python calls whitespace.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// What ends a line for Python's `splitlines`.
fn ends_line(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn physical(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest.find(ends_line).unwrap_or(rest.len());
        let (line, ending) = rest.split_at(end);
        let skipped =
            if ending.starts_with("\r\n") { 2 } else { ending.chars().next().map_or(0, char::len_utf8) };
        rest = &ending[skipped..];
        Some(line)
    })
}

/// Joins lines that end in a backslash with the next; a comment ends such a line, and is part of it.
fn join(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut begun: Option<(usize, String)> = None;
    for (index, line) in physical(text).enumerate() {
        let is_comment = line.trim_start_matches(is_space).starts_with('#');
        let (number, mut joined) = begun.take().unwrap_or((index + 1, String::new()));
        if line.ends_with('\\') && !is_comment {
            joined.push_str(line.trim_matches('\\'));
            begun = Some((number, joined));
        } else {
            if is_comment {
                // Whatever it was joined to, it stays a comment.
                joined.push(' ');
            }
            joined.push_str(line);
            lines.push((number, joined));
        }
    }
    lines.extend(begun);
    lines
}

/// Where a comment begins, with the space before it: at the start of the line or after a space.
fn comment(line: &str) -> Option<usize> {
    line.match_indices('#').find_map(|(at, _)| {
        let before = &line[..at];
        let kept = before.trim_end_matches(is_space);
        (before.is_empty() || kept.len() < before.len()).then_some(kept.len())
    })
}

/// Fills in `${NAME}` where NAME is capitals, digits and `_`, and the variable is set to something.
fn expand(written: &str, variable: &dyn Fn(&str) -> Option<String>) -> String {
    let mut text = written.to_owned();
    let mut rest = written;
    while let Some((_, after)) = rest.split_once("${") {
        rest = after;
        let Some((name, behind)) = after.split_once('}') else { break };
        let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        if !name.is_empty() && name.chars().all(is_name) {
            rest = behind;
            if let Some(value) = variable(name).filter(|value| !value.is_empty()) {
                text = text.replace(&format!("${{{name}}}"), &value);
            }
        }
    }
    text
}
