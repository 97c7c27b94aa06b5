//! Setting one value in a file of sections, as pip reads it, and leaving the rest as it is.

/// The name of a section that a line begins.
fn section_of(line: &str) -> Option<&str> {
    let line = line.trim();
    line.strip_prefix('[')?.split_once(']').map(|(name, _)| name)
}

/// The key of a line, with `-` for `_`, and what stands after it. A line that is indented goes on with the one before.
fn entry_of(line: &str) -> Option<(String, &str)> {
    let is_comment = line.starts_with(['#', ';']);
    if is_comment || line.starts_with(char::is_whitespace) || section_of(line).is_some() {
        return None;
    }
    let (key, value) = line.split_once(['=', ':'])?;
    Some((key.trim().to_ascii_lowercase().replace('_', "-"), value.trim()))
}

/// The lines of a value: the first, and behind the last. The last value of a key is the one that counts.
fn find(lines: &[&str], section: &str, key: &str) -> Option<(usize, usize)> {
    let mut inside = false;
    let mut found = None;
    for (at, line) in lines.iter().enumerate() {
        if let Some(name) = section_of(line) {
            inside = name == section;
        } else if inside && entry_of(line).is_some_and(|(name, _)| name == key) {
            let goes_on = |line: &&&str| line.starts_with([' ', '\t']) && !line.trim().is_empty();
            let more = lines[at + 1..].iter().take_while(goes_on).count();
            found = Some((at, at + 1 + more));
        }
    }
    found
}

/// The value of a key, its first line.
pub(super) fn value<'a>(text: &'a str, section: &str, key: &str) -> Option<&'a str> {
    let lines: Vec<&str> = text.lines().collect();
    let (at, _) = find(&lines, section, key)?;
    entry_of(lines[at]).map(|(_, value)| value)
}

/// The text with this value.
pub(super) fn with(text: &str, section: &str, key: &str, value: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    let entry = format!("{key} = {value}");
    if let Some((from, to)) = find(&lines, section, key) {
        if to == from + 1 && entry_of(lines[from]).is_some_and(|(_, said)| said == value) {
            return text.to_owned();
        }
        lines.splice(from..to, [&*entry]);
        return joined(&lines);
    }
    let header = format!("[{section}]");
    match lines.iter().rposition(|line| section_of(line) == Some(section)) {
        Some(at) => lines.insert(at + 1, &entry),
        None => {
            if !lines.is_empty() {
                lines.push("");
            }
            lines.extend([&*header, &*entry]);
        }
    }
    joined(&lines)
}

fn joined(lines: &[&str]) -> String {
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> String {
        with(text, "global", "index-url", "http://d/simple/")
    }

    #[test]
    fn one_value_is_set_and_the_rest_stays() {
        for (before, after) in [
            ("", "[global]\nindex-url = http://d/simple/\n"),
            ("[install]\nx = 1", "[install]\nx = 1\n\n[global]\nindex-url = http://d/simple/\n"),
            (
                "# mine\n[global]\ntimeout = 5\n",
                "# mine\n[global]\nindex-url = http://d/simple/\ntimeout = 5\n",
            ),
            ("[global]\nIndex_URL: http://o/\nx=1\n", "[global]\nindex-url = http://d/simple/\nx=1\n"),
            (
                "[global]\nindex-url =\n    http://o/\n\nx=1\n",
                "[global]\nindex-url = http://d/simple/\n\nx=1\n",
            ),
            (
                "[install]\nindex-url = a\n[global]\n",
                "[install]\nindex-url = a\n[global]\nindex-url = http://d/simple/\n",
            ),
            ("[global]\n# index-url = a\n", "[global]\nindex-url = http://d/simple/\n# index-url = a\n"),
        ] {
            assert_eq!(set(before), after, "{before}");
            assert_eq!(set(after), after, "a second time: {before}");
        }
        assert_eq!(set("[global]\nindex_url=http://d/simple/"), "[global]\nindex_url=http://d/simple/");
        assert_eq!(value("[global]\nextra-index-url = x\n", "global", "extra-index-url"), Some("x"));
        assert_eq!(value("[other]\nextra-index-url = x\n", "global", "extra-index-url"), None);
    }
}
