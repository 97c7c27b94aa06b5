//! What the metadata of old releases says in ways that were never, or are no longer, allowed, read for what was meant.
//! The cases are those that pip took for years and uv still takes.

use pep440_rs::VersionSpecifiers;

/// Reads specifiers that the grammar refuses; none if there is no saying what they mean.
pub(super) fn specifiers(text: &str) -> Option<VersionSpecifiers> {
    // Quotes left over from a `setup.cfg` mean nothing.
    let text = text.replace(['\'', '"'], "");
    let clauses = with_commas(&text);
    let clauses = clauses.split(',').map(str::trim).filter(|clause| !clause.is_empty());
    clauses.map(clause).collect::<Vec<_>>().join(",").parse().ok()
}

/// Puts a comma before each operator that follows a version, as in `>=7.2.0<8.0.0`.
fn with_commas(text: &str) -> String {
    let mut separated = String::with_capacity(text.len() + 1);
    let mut last = ',';
    for c in text.chars() {
        if is_operator(c) && (last.is_ascii_alphanumeric() || last == '*') {
            separated.push(',');
        }
        separated.push(c);
        last = if c.is_whitespace() { last } else { c };
    }
    separated
}

fn is_operator(c: char) -> bool {
    "<>=!~".contains(c)
}

/// Reads one clause for what was meant.
fn clause(text: &str) -> String {
    let end = text.find(|c| !is_operator(c)).unwrap_or(text.len());
    let (operator, version) = (&text[..end], text[end..].trim());
    // `3.0*` means `3.0.*`.
    let version = match version.strip_suffix('*') {
        Some(rest) if rest.ends_with(|c: char| c.is_ascii_digit()) => format!("{rest}.*"),
        _ => version.to_owned(),
    };
    match operator {
        // `!=~3.1` means `!=3.1.*`.
        "!=~" => format!("!={}.*", version.trim_end_matches(".*")),
        // What is above, or below, all of 3.8 has no need of `.*`.
        "<" | "<=" | ">" | ">=" if version == "dev" => format!("{operator}0.0.0.dev"),
        "<" | "<=" | ">" | ">=" => format!("{operator}{}", version.trim_end_matches(".*")),
        _ => format!("{operator}{version}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_ways_of_writing_specifiers_are_understood() {
        for (text, meant) in [
            (">=7.2.0<8.0.0", Some(">=7.2.0,<8.0.0")),
            (">=2.7,!=~3.0,!=~3.1", Some(">=2.7,!=3.0.*,!=3.1.*")),
            (">=1.9.*", Some(">=1.9")),
            ("!=3.0*,", Some("!=3.0.*")),
            (">dev", Some(">0.0.0.dev0")),
            ("'>=2.7'", Some(">=2.7")),
            (">= 1.0 < 2.0", Some(">=1.0,<2.0")),
            ("==1.*", Some("==1.*")),
            ("~= 1.4.2, != 1.5.*", Some("~=1.4.2,!=1.5.*")),
            (">>1", None),
            ("latest", None),
            ("1.0", None),
        ] {
            let meant: Option<VersionSpecifiers> = meant.map(|meant| meant.parse().unwrap());
            assert_eq!(specifiers(text), meant, "{text}");
        }
    }
}
