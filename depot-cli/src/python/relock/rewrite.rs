//! The text of a lock with other addresses in it. Nothing else of the text is touched.
//!
//! A file keeps its path under `packages/` of the repository, an index becomes the repository's own. What stood there
//! before is noted in comments, which every reader passes over: at the beginning a line for each prefix that was
//! rewritten, and at the end of a line where the first of those that became the same is not what stood there.

use std::ops::Range;

use depot_proto::DistributionFilename;
use percent_encoding::percent_decode_str;
use toml::de::{DeTable, DeValue};
use url::Url;

use super::super::document::{Document, Wrong};

/// How every note begins.
const NOTE: &str = "# depot relock: ";

/// A lock with other addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rewritten {
    pub(super) text: String,
    /// What became what.
    pub(super) pairs: Vec<Pair>,
    /// What was left as it was and why, each with the line in front: `, line 3: ...`.
    pub(super) warnings: Vec<String>,
}

/// The beginnings of addresses, and what became of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) from: String,
    pub(super) to: String,
    /// How many addresses.
    pub(super) count: usize,
}

/// An address in the text, without its quotes.
struct Address {
    span: Range<usize>,
    is_index: bool,
}

/// Rewrites the addresses that begin with one of `from`, or all, to those of the repository at `mount`.
pub(super) fn forth(text: &str, mount: &str, from: &[String]) -> Result<Rewritten, Wrong> {
    let mut rewritten = Rewritten::default();
    let mut body = String::with_capacity(text.len());
    // The notes of the line that is being written, and where its text begins.
    let mut notes: Vec<String> = Vec::new();
    let mut done = 0;
    let mut needs_note = false;
    for address in addresses(text)? {
        let value = &text[address.span.clone()];
        if !from.is_empty() && !from.iter().any(|prefix| value.starts_with(prefix.as_str())) {
            continue;
        }
        let pair = match prefixes(value, mount, address.is_index) {
            Ok(Some(pair)) => pair,
            Ok(None) => continue,
            Err(why) => {
                rewritten.warnings.push(format!(", line {}: {why}", line_of(text, address.span.start)));
                continue;
            }
        };
        let between = &text[done..address.span.start];
        if let Some(end) = between.find('\n') {
            end_line(&mut body, &between[..end], &mut notes, &mut needs_note);
            body.push_str(&between[end..]);
        } else {
            body.push_str(between);
        }
        body.push_str(&pair.to);
        body.push_str(&value[pair.from.len()..]);
        done = address.span.end;
        needs_note |= rewritten.pairs.iter().any(|known| known.to == pair.to && known.from != pair.from)
            && rewritten
                .pairs
                .iter()
                .find(|known| known.to == pair.to)
                .is_some_and(|first| first.from != pair.from);
        notes.push(pair.from.clone());
        match rewritten.pairs.iter_mut().find(|known| known.from == pair.from && known.to == pair.to) {
            Some(known) => known.count += 1,
            None => rewritten.pairs.push(pair),
        }
    }
    let rest = &text[done..];
    let end = rest.find('\n').unwrap_or(rest.len());
    end_line(&mut body, &rest[..end], &mut notes, &mut needs_note);
    body.push_str(&rest[end..]);
    let header = rewritten.pairs.iter().map(|pair| format!("{NOTE}{} -> {}\n", pair.from, pair.to));
    let (mark, body) = match body.strip_prefix('\u{feff}') {
        Some(rest) => ("\u{feff}", rest),
        None => ("", body.as_str()),
    };
    rewritten.text = format!("{mark}{}{body}", header.collect::<String>());
    let returned = back(&rewritten.text)?.map_or_else(|| rewritten.text.clone(), |back| back.text);
    if returned != text {
        return Err(Wrong::new(1, "there would be no way back from what was rewritten, so nothing is"));
    }
    Ok(rewritten)
}

/// Ends a line of the result, with a note of what stood in it where the notes at the beginning say something else.
fn end_line(body: &mut String, rest: &str, notes: &mut Vec<String>, needs_note: &mut bool) {
    let (line, end) = rest.strip_suffix('\r').map_or((rest, ""), |line| (line, "\r"));
    body.push_str(line);
    if *needs_note {
        body.extend(["  ", NOTE, &notes.join(" ")]);
    }
    body.push_str(end);
    notes.clear();
    *needs_note = false;
}

/// Puts back what the notes say; none if there are none.
pub(super) fn back(text: &str) -> Result<Option<Rewritten>, Wrong> {
    let (mark, body) = match text.strip_prefix('\u{feff}') {
        Some(rest) => ("\u{feff}", rest),
        None => ("", text),
    };
    let mut pairs = Vec::new();
    let mut body = body;
    while let Some((first, rest)) = body.split_once('\n') {
        let noted = first.strip_prefix(NOTE).and_then(|note| note.trim_end().split_once(" -> "));
        let Some((from, to)) = noted else { break };
        pairs.push(Pair { from: from.to_owned(), to: to.to_owned(), count: 0 });
        body = rest;
    }
    if pairs.is_empty() {
        return Ok(None);
    }
    let mut restored = String::with_capacity(text.len());
    restored.push_str(mark);
    let addresses = addresses(body)?;
    let mut addresses = addresses.into_iter().peekable();
    let mut at = 0;
    for line in body.split_inclusive('\n') {
        let line_end = at + line.len();
        let bare = line.trim_end_matches(['\n', '\r']);
        let (kept, noted) = match bare.rsplit_once(&format!("  {NOTE}")) {
            Some((kept, noted)) => (kept, noted.split(' ').collect()),
            None => (bare, Vec::new()),
        };
        let mut noted = noted.into_iter();
        let kept_end = at + kept.len();
        let mut done = at;
        while let Some(address) = addresses.next_if(|address| address.span.start < line_end) {
            let value = &body[address.span.clone()];
            let named = noted.next();
            let fits = |pair: &&mut Pair| {
                is_of(value, &pair.to, address.is_index) && named.is_none_or(|from| from == pair.from)
            };
            let Some(pair) = pairs.iter_mut().filter(|_| address.span.end <= kept_end).find(fits) else {
                continue;
            };
            restored.push_str(&body[done..address.span.start]);
            restored.push_str(&pair.from);
            restored.push_str(&value[pair.to.len()..]);
            pair.count += 1;
            done = address.span.end;
        }
        restored.push_str(&body[done..kept_end]);
        restored.push_str(&line[bare.len()..]);
        at = line_end;
    }
    let pairs = pairs.into_iter().map(|pair| Pair { from: pair.to, to: pair.from, count: pair.count });
    Ok(Some(Rewritten { text: restored, pairs: pairs.collect(), warnings: Vec::new() }))
}

/// Whether an address begins with what a note names; that of an index is named whole.
fn is_of(value: &str, prefix: &str, is_index: bool) -> bool {
    if is_index { value == prefix } else { prefix.ends_with('/') && value.starts_with(prefix) }
}

/// What an address begins with, and what it shall begin with; none if it leads there already, an error if there is no
/// saying where it is at a server.
fn prefixes(value: &str, mount: &str, is_index: bool) -> Result<Option<Pair>, String> {
    let pair = |from: &str, to: String| Pair { from: from.to_owned(), to, count: 1 };
    if value.starts_with(&format!("{mount}/")) {
        return Ok(None);
    }
    if is_index {
        let slash = if value.ends_with('/') { "/" } else { "" };
        return Ok(Some(pair(value, format!("{mount}/simple{slash}"))));
    }
    let shown = super::super::requirements::masked(value);
    let url = Url::parse(value).map_err(|_| format!("`{shown}` is no address"))?;
    let name = url.path().rsplit('/').next().unwrap_or_default();
    let name = percent_decode_str(name).decode_utf8_lossy();
    if DistributionFilename::guess(&name).is_err() {
        return Err(format!("`{shown}` is left as it is: it does not end with the name of a distribution"));
    }
    let Some(authority) = value.find("://").map(|at| at + 3) else { return Ok(None) };
    let Some(path) = value[authority..].find('/').map(|at| authority + at + 1) else { return Ok(None) };
    let from = if value[path..].starts_with("packages/") { path + "packages/".len() } else { path };
    Ok(Some(pair(&value[..from], format!("{mount}/packages/"))))
}

/// The addresses in a lock, in the order of the text.
fn addresses(text: &str) -> Result<Vec<Address>, Wrong> {
    // Read once for its errors, which know their lines.
    let document = Document::parse(text.strip_prefix('\u{feff}').unwrap_or(text))?;
    let root = document.root();
    let is_uv = root.get("version").is_some() && root.get("package").is_some();
    let is_pylock = root.get("lock-version").is_some() && root.get("packages").is_some();
    if !is_uv && !is_pylock {
        return Err(Wrong::new(
            1,
            "this is neither a `uv.lock` nor a `pylock.toml`, which have addresses to rewrite",
        ));
    }
    let skipped = text.len() - text.strip_prefix('\u{feff}').unwrap_or(text).len();
    let parsed = DeTable::parse(&text[skipped..]).map_err(|_| Wrong::new(1, "this is no TOML"))?;
    let mut found = Vec::new();
    walk(parsed.get_ref(), &mut found);
    found.sort_by_key(|address: &Address| address.span.start);
    for address in &mut found {
        address.span = address.span.start + skipped + 1..address.span.end + skipped - 1;
    }
    // A text with escapes in it is not what it looks like; no tool writes addresses so.
    found.retain(|address| {
        let value = &text[address.span.clone()];
        ["https://", "http://"].iter().any(|scheme| value.starts_with(scheme))
            && !value.contains(['\\', '\n', '"'])
    });
    Ok(found)
}

fn walk(table: &DeTable<'_>, found: &mut Vec<Address>) {
    for (key, value) in table {
        match (key.get_ref().as_ref(), value.get_ref()) {
            // A checkout is not served from packages, and who attested a file is no address of it.
            ("vcs" | "attestation-identities" | "tool", _) => {}
            ("url", DeValue::String(_)) => found.push(Address { span: value.span(), is_index: false }),
            ("registry" | "index", DeValue::String(_)) => {
                found.push(Address { span: value.span(), is_index: true });
            }
            (_, DeValue::Table(table)) => walk(table, found),
            (_, DeValue::Array(values)) => {
                for value in values {
                    if let DeValue::Table(table) = value.get_ref() {
                        walk(table, found);
                    }
                }
            }
            _ => {}
        }
    }
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text[..at].matches('\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const UV: &str = r#"version = 1
revision = 3

[[package]]
name = "pot"
version = "1.0"
source = { registry = "https://index.example/simple" }
dependencies = [
    { name = "lid", source = { registry = "https://other.example/simple" }, marker = "os_name == 'x'" },
    { name = "lid", source = { registry = "https://index.example/simple" } }, # kept
]
sdist = { url = "https://files.example/packages/ab/cd/pot-1.0.tar.gz", hash = "sha256:00", size = 1 }
wheels = [
    { url = "https://files.example/packages/ab/pot-1.0%2Bx-py3-none-any.whl", hash = "sha256:00" },
    { url = "https://other.example/whl/cpu/pot-1.0-py3-none-any.whl?x=1#y", hash = "sha256:00" },
    { url = 'http://me@files.example:8080/packages/pot-1.0-1-py3-none-any.whl' },
]

[[package]]
name = "odd"
version = "1.0"
source = { url = "https://x.example/archive/main.zip" }

[[package]]
name = "far"
source = { git = "https://x.example/far.git?rev=1#0" }
"#;

    const PYLOCK: &str = "lock-version = '1.0'\r\ncreated-by = 'x'\r\n[[packages]]\r\nname = 'pot'\r\nindex = 'https://index.example/simple/'\r\n\
        wheels = [{ name = 'pot-1-py3-none-any.whl', url = 'https://f.example/a/pot-1-py3-none-any.whl', hashes = {sha256 = '0'} }, \
        { url = 'https://g.example/a/pot-2-py3-none-any.whl' }]\r\n[[packages]]\r\nname = 'vcs'\r\nvcs = { type = 'git', url = 'https://x.example/pot-1.zip' }";

    #[test]
    fn only_the_beginnings_of_addresses_change_and_they_change_back() {
        let forth = forth(UV, "https://depot.example/python", &[]).unwrap();
        for line in [
            "source = { registry = \"https://depot.example/python/simple\" }\n",
            "{ registry = \"https://depot.example/python/simple\" }, marker = \"os_name == 'x'\" },  # depot relock: https://other.example/simple\n",
            "{ registry = \"https://depot.example/python/simple\" } }, # kept\n",
            "sdist = { url = \"https://depot.example/python/packages/ab/cd/pot-1.0.tar.gz\", hash = \"sha256:00\", size = 1 }\n",
            "packages/ab/pot-1.0%2Bx-py3-none-any.whl\", hash = \"sha256:00\" },\n",
            "packages/whl/cpu/pot-1.0-py3-none-any.whl?x=1#y\", hash = \"sha256:00\" },  # depot relock: https://other.example/\n",
            "{ url = 'https://depot.example/python/packages/pot-1.0-1-py3-none-any.whl' },  # depot relock: http://me@files.example:8080/packages/\n",
            "source = { url = \"https://x.example/archive/main.zip\" }\n",
            "source = { git = \"https://x.example/far.git?rev=1#0\" }\n",
        ] {
            assert!(forth.text.contains(line), "{line}\n{}", forth.text);
        }
        assert!(forth.text.starts_with(
            "# depot relock: https://index.example/simple -> https://depot.example/python/simple\n"
        ));
        assert_eq!(forth.warnings.len(), 1);
        assert!(
            forth.warnings[0].starts_with(", line 22: `https://x.example/archive/main.zip` is left"),
            "{:?}",
            forth.warnings
        );
        let back = back(&forth.text).unwrap().unwrap();
        assert_eq!(back.text, UV);
        assert_eq!(back.pairs.iter().map(|pair| pair.count).sum::<usize>(), 7);
    }

    #[test]
    fn every_kind_of_text_comes_back_to_the_byte() {
        let unix = PYLOCK.replace("\r\n", "\n");
        for text in
            [PYLOCK, &unix, &format!("\u{feff}{UV}"), &UV.replace('\n', "\r\n"), &format!("{PYLOCK}  # more")]
        {
            for mount in ["https://depot.example/python", "http://127.0.0.1:8080/a/b"] {
                let forth = forth(text, mount, &[]).unwrap();
                assert!(forth.text.contains(&format!("{mount}/packages/")), "{}", forth.text);
                assert_eq!(back(&forth.text).unwrap().unwrap().text, text);
                let again = super::forth(&back(&forth.text).unwrap().unwrap().text, mount, &[]).unwrap();
                assert_eq!(again, forth);
            }
        }
    }

    #[test]
    fn one_beginning_may_be_meant_alone() {
        let forth = forth(UV, "https://depot.example/python", &["https://index.example".to_owned()]).unwrap();
        assert_eq!(forth.pairs.len(), 1);
        assert!(forth.text.contains("https://files.example/packages/ab/cd"));
    }

    #[test]
    fn what_leads_there_already_stays_and_what_has_no_note_has_no_way_back() {
        let text = "version = 1\n[[package]]\nname = 'x'\nsource = { registry = 'https://depot.example/python/simple' }\n";
        let same = forth(text, "https://depot.example/python", &[]).unwrap();
        assert_eq!((same.text.as_str(), same.pairs.len()), (text, 0));
        assert_eq!(back(text).unwrap(), None);
        // Here it could not be told which of the two were there before.
        let mixed =
            format!("{text}[[package]]\nname = 'y'\nsource = {{ registry = 'https://i.example/simple' }}\n");
        assert!(
            forth(&mixed, "https://depot.example/python", &[]).unwrap_err().words.contains("no way back")
        );
    }

    #[test]
    fn what_is_no_lock_with_addresses_says_so() {
        for (text, words) in [
            (
                "[metadata]\nlock-version = '2.1'\ncontent-hash = ''\n",
                "neither a `uv.lock` nor a `pylock.toml`",
            ),
            ("six==1.0\n", "this is no TOML"),
        ] {
            assert!(forth(text, "https://depot.example/python", &[]).unwrap_err().words.contains(words));
        }
    }
}
