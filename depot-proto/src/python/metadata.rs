//! Core metadata: the headers of a wheel's `METADATA` and a source distribution's `PKG-INFO`.

use std::borrow::Cow;

/// The most headers kept; real files have tens, some hundreds.
pub const MAX_HEADERS: usize = 20_000;

/// The most bytes kept of all names and values together: 4 MiB.
pub const MAX_HEADER_BYTES: usize = 4 * 1024 * 1024;

/// What a distribution says of itself
/// ([core metadata](https://packaging.python.org/en/latest/specifications/core-metadata/)).
///
/// A header whose value is empty or `UNKNOWN` counts as absent. The description is not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CoreMetadata {
    /// `Metadata-Version`: 1.x or 2.x.
    pub metadata_version: String,
    /// `Name` as it is spelled, neither normalized nor checked.
    pub name: String,
    /// `Version` as it is spelled.
    pub version: String,
    /// `Requires-Python`, verbatim.
    pub requires_python: Option<String>,
    /// Each `Requires-Dist`, in the order of the file.
    pub requires_dist: Vec<String>,
    /// Each `Provides-Extra`, in the order of the file.
    pub provides_extra: Vec<String>,
    /// Each `Dynamic`: the headers that a build may still change (PEP 643).
    pub dynamic: Vec<String>,
    /// `Summary`.
    pub summary: Option<String>,
    /// All headers but `Description`, in the order of the file. A value that was folded has a line feed at each fold.
    pub headers: Vec<(String, String)>,
}

/// Why bytes are not core metadata.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// A header that every version of the format asks for is absent, empty, or `UNKNOWN`.
    #[error("the metadata has no `{0}`")]
    Missing(&'static str),
    /// A header that may stand once stands twice, so that two readers could see two packages.
    #[error("the metadata has more than one `{0}`")]
    Duplicate(&'static str),
    /// The format is of a newer major version, or of none.
    #[error("the metadata says `Metadata-Version: {0}`, and only versions 1 and 2 are known")]
    UnsupportedVersion(String),
    /// There are more headers, or longer ones, than any real file has.
    #[error("the metadata has more than {MAX_HEADERS} headers or {MAX_HEADER_BYTES} bytes of them")]
    TooLarge,
}

impl CoreMetadata {
    /// The values of the header with this name, in whatever case either is spelled.
    pub fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Whether the header may differ between this file and what is built from it: it is named by a `Dynamic`, or the
    /// format is older than 2.2, where nothing was promised. Never true of `Name`; meaningful for `PKG-INFO` only.
    pub fn is_dynamic(&self, header: &str) -> bool {
        if header.eq_ignore_ascii_case("name") {
            return false;
        }
        let (major, minor) = self.metadata_version.split_once('.').unwrap_or((&self.metadata_version, "0"));
        let number = |text: &str| text.trim().parse::<u32>().unwrap_or(0);
        (number(major), number(minor)) < (2, 2)
            || self.dynamic.iter().any(|dynamic| dynamic.eq_ignore_ascii_case(header))
    }
}

/// Reads core metadata.
///
/// Lenient as installers are: names in any case, LF, CRLF or CR, folded lines, a byte order mark, and bytes that are
/// not UTF-8 (which become U+FFFD) are all read, and lines that are no headers are passed over. Strict only where two
/// readers could disagree about which package this is.
///
/// ```
/// let read = depot_proto::metadata::parse(b"Metadata-Version: 2.1\nName: Foo\nVersion: 1.0\n\nA tool.\n").unwrap();
/// assert_eq!((read.name.as_str(), read.version.as_str()), ("Foo", "1.0"));
/// ```
pub fn parse(bytes: &[u8]) -> Result<CoreMetadata, MetadataError> {
    let headers = read_headers(bytes)?;
    let values = |name: &'static str| {
        headers
            .iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| unfold(value))
    };
    let first = |name| values(name).next();
    let metadata_version = first("Metadata-Version").ok_or(MetadataError::Missing("Metadata-Version"))?;
    let major = metadata_version.split('.').next().and_then(|major| major.trim().parse::<u64>().ok());
    if !matches!(major, Some(1 | 2)) {
        return Err(MetadataError::UnsupportedVersion(metadata_version.chars().take(80).collect()));
    }
    let metadata = CoreMetadata {
        metadata_version,
        name: first("Name").ok_or(MetadataError::Missing("Name"))?,
        version: first("Version").ok_or(MetadataError::Missing("Version"))?,
        requires_python: first("Requires-Python"),
        requires_dist: values("Requires-Dist").collect(),
        provides_extra: values("Provides-Extra").collect(),
        dynamic: values("Dynamic").collect(),
        summary: first("Summary"),
        headers: Vec::new(),
    };
    Ok(CoreMetadata { headers, ..metadata })
}

/// The header whose continuation lines are being read.
#[derive(PartialEq)]
enum Current {
    /// The last of the list.
    Kept,
    /// One that is not kept, or a line that is no header.
    Ignored,
}

fn read_headers(bytes: &[u8]) -> Result<Vec<(String, String)>, MetadataError> {
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut kept_bytes = 0;
    let mut current = Current::Ignored;
    let mut broken = false;
    let mut names_seen = [false; 2];
    for line in lines(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)) {
        if line.is_empty() {
            if headers.is_empty() {
                continue;
            }
            break;
        }
        let size;
        if matches!(line[0], b' ' | b'\t') {
            let (Current::Kept, Some((_, value))) = (&current, headers.last_mut()) else { continue };
            let text = text(line);
            value.push('\n');
            value.push_str(&text);
            size = text.len() + 1;
        } else {
            let Some((name, value)) = split_header(line) else {
                current = Current::Ignored;
                broken = true;
                continue;
            };
            if let Some(index) = ["Name", "Version"].iter().position(|once| once.eq_ignore_ascii_case(name)) {
                if std::mem::replace(&mut names_seen[index], true) {
                    // After a line that is no header, this may be prose that its field lost; Python's reader
                    // would have stopped there. The first value stands.
                    if !broken {
                        return Err(MetadataError::Duplicate(["Name", "Version"][index]));
                    }
                    current = Current::Ignored;
                    continue;
                }
            } else if name.eq_ignore_ascii_case("Description") {
                current = Current::Ignored;
                continue;
            }
            current = Current::Kept;
            size = name.len() + value.len();
            headers.push((name.to_owned(), value.into_owned()));
        }
        kept_bytes += size;
        if headers.len() > MAX_HEADERS || kept_bytes > MAX_HEADER_BYTES {
            return Err(MetadataError::TooLarge);
        }
    }
    headers.retain_mut(|(_, value)| {
        let trimmed = value.trim();
        if trimmed.len() != value.len() {
            *value = trimmed.to_owned();
        }
        !value.is_empty() && value != "UNKNOWN"
    });
    Ok(headers)
}

/// The lines of a text whose line ends are LF, CRLF, or CR, as Python's reader takes them: another reading of a lone
/// CR could hide a second `Name` in the value of another header.
fn lines(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(bytes.len());
        let (line, rest) = bytes.split_at(end);
        let line_end = if rest.starts_with(b"\r\n") { 2 } else { usize::from(!rest.is_empty()) };
        bytes = &rest[line_end..];
        Some(line)
    })
}

/// The name and value of a header; `None` if the line is none.
fn split_header(line: &[u8]) -> Option<(&str, Cow<'_, str>)> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let name = line[..colon].trim_ascii_end();
    if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    Some((str::from_utf8(name).ok()?, text(&line[colon + 1..])))
}

fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes.trim_ascii())
}

/// A folded value as one line.
fn unfold(value: &str) -> String {
    let mut lines = value.split('\n').filter(|line| !line.is_empty());
    let mut unfolded = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        unfolded.push(' ');
        unfolded.push_str(line);
    }
    unfolded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str = "Metadata-Version: 2.1\nName: teapot-tools\nVersion: 1.0\n";

    fn read(more: &str) -> Result<CoreMetadata, MetadataError> {
        parse(format!("{HEAD}{more}").as_bytes())
    }

    #[test]
    fn a_metadata_file_is_read() {
        let text = "Metadata-Version: 2.4\r\nName: Teapot.Tools\r\nVersion: 1.0+lab.2\r\nSummary: Pours\r\n\
            AUTHOR-EMAIL: a@mail.example\r\nRequires-Python: >=3.9,\r\n  <4\r\nRequires-Dist: kettle (>=2) ;\r\n\
            \textra == 'hot'\r\nRequires-Dist: cup\r\nProvides-Extra: hot\r\nDynamic: requires-dist\r\n\
            License: A\r\n        B\r\n\r\nName: not a header\r\n";
        for text in [
            text.to_owned(),
            text.replace("\r\n", "\n"),
            text.replace("\r\n", "\r"),
            format!("\u{feff}{text}"),
        ] {
            let read = parse(text.as_bytes()).unwrap();
            assert_eq!(read.metadata_version, "2.4");
            assert_eq!(read.name, "Teapot.Tools");
            assert_eq!(read.version, "1.0+lab.2");
            assert_eq!(read.summary.as_deref(), Some("Pours"));
            assert_eq!(read.requires_python.as_deref(), Some(">=3.9, <4"));
            assert_eq!(read.requires_dist, ["kettle (>=2) ; extra == 'hot'", "cup"]);
            assert_eq!(read.provides_extra, ["hot"]);
            assert_eq!(read.dynamic, ["requires-dist"]);
            assert_eq!(read.header("author-email").collect::<Vec<_>>(), ["a@mail.example"]);
            assert_eq!(read.header("License").collect::<Vec<_>>(), ["A\nB"]);
            assert_eq!(read.headers.len(), 11);
        }
    }

    #[test]
    fn empty_and_unknown_values_are_absent() {
        let read = read(
            "Summary: UNKNOWN\nRequires-Python:\nRequires-Dist:  \nHome-page: UNKNOWN\nLicense:\n  MIT\n",
        )
        .unwrap();
        assert_eq!((&read.summary, &read.requires_python, read.requires_dist.len()), (&None, &None, 0));
        assert_eq!(read.header("Home-page").count(), 0);
        assert_eq!(read.header("License").collect::<Vec<_>>(), ["MIT"]);
        for (text, header) in [
            ("Name: a\nVersion: 1\n", "Metadata-Version"),
            ("Metadata-Version: 2.1\nName: UNKNOWN\nVersion: 1\n", "Name"),
            ("Metadata-Version: 2.1\nName: a\nVersion:\n", "Version"),
            ("Metadata-Version: 2.1\nName: a\n\nVersion: 1\n", "Version"),
            ("", "Metadata-Version"),
            ("\n\n\n", "Metadata-Version"),
        ] {
            assert_eq!(parse(text.as_bytes()), Err(MetadataError::Missing(header)), "{text:?}");
        }
    }

    #[test]
    fn a_second_name_or_version_is_refused_however_it_hides() {
        for (more, header) in [
            ("Name: teapot-tools\n", "Name"),
            ("NAME : other\n", "Name"),
            ("Summary: x\rName: other\n", "Name"),
            ("version:2\n", "Version"),
            ("Version:\n", "Version"),
        ] {
            assert_eq!(read(more), Err(MetadataError::Duplicate(header)), "{more:?}");
        }
        assert!(read("Summary: x\n Name: other\n").is_ok());
        assert!(read("\nName: other\n").is_ok());
    }

    #[test]
    fn broken_lines_are_passed_over() {
        let read = read(
            "License: first\nunindented prose\n  and its fold\nName: in the prose\n: nameless\nRequires-Dist: a\n",
        )
        .unwrap();
        assert_eq!(read.name, "teapot-tools");
        assert_eq!(read.requires_dist, ["a"]);
        assert_eq!(read.header("License").collect::<Vec<_>>(), ["first"]);
        assert_eq!(parse(b"\n\nMetadata-Version: 2.1\nName: a\nVersion: 1").unwrap().name, "a");
    }

    #[test]
    fn the_description_is_not_kept() {
        let read = read("Description: long\n        longer\n        |Name: x\nSummary: s\n\nbody").unwrap();
        assert_eq!(read.header("Description").count(), 0);
        assert_eq!(read.summary.as_deref(), Some("s"));
        assert!(!format!("{read:?}").contains("long"));
    }

    #[test]
    fn only_a_greater_major_version_is_refused() {
        let with = |version: &str| parse(HEAD.replace("2.1", version).as_bytes());
        for version in ["1.0", "1.2", "2.0", "2.1", "2.6", "2.99", "2", "1"] {
            assert_eq!(with(version).unwrap().metadata_version, version);
        }
        for version in ["3.0", "10.1", "99999999999999999999.0", "two", "-1.0", "0.9"] {
            assert_eq!(
                with(version),
                Err(MetadataError::UnsupportedVersion(version.to_owned())),
                "{version}"
            );
        }
    }

    #[test]
    fn what_a_build_may_change_is_known() {
        let sdist =
            |version: &str, more: &str| parse(format!("{}{more}", HEAD.replace("2.1", version)).as_bytes());
        let old = sdist("2.1", "").unwrap();
        assert!(old.is_dynamic("Requires-Dist") && !old.is_dynamic("Name"));
        let new = sdist("2.2", "Dynamic: Requires-Dist\n").unwrap();
        assert!(new.is_dynamic("requires-dist") && !new.is_dynamic("Requires-Python"));
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced() {
        let mut bytes = HEAD.as_bytes().to_vec();
        bytes.extend(b"Author: Ren\xe9\nSummary: caf\xc3\xa9\n");
        let read = parse(&bytes).unwrap();
        assert_eq!(read.header("Author").collect::<Vec<_>>(), ["Ren\u{fffd}"]);
        assert_eq!(read.summary.as_deref(), Some("café"));
    }

    #[test]
    fn more_headers_than_any_file_has_are_refused() {
        assert_eq!(read(&"A: b\n".repeat(MAX_HEADERS)), Err(MetadataError::TooLarge));
        assert_eq!(read(&format!("A: {}\n", "b".repeat(MAX_HEADER_BYTES))), Err(MetadataError::TooLarge));
        let folds = format!("A: b\n{}", format!(" {}\n", "c".repeat(1023)).repeat(4096));
        assert_eq!(read(&folds), Err(MetadataError::TooLarge));
        let blank_folds = format!("A: b\n{}", " \n".repeat(MAX_HEADER_BYTES));
        assert_eq!(read(&blank_folds), Err(MetadataError::TooLarge));
        let description = format!("Description: {}\n", "b".repeat(MAX_HEADER_BYTES));
        assert!(read(&description).is_ok());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse(&bytes);
            let mut whole = HEAD.as_bytes().to_vec();
            whole.extend(&bytes);
            let _ = parse(&whole);
        }

        #[test]
        fn values_survive(dist in "[!-~]([ -~]{0,60}[!-~])?", python in "[!-~]{1,20}") {
            prop_assume!(dist != "UNKNOWN" && python != "UNKNOWN");
            let read = read(&format!("Requires-Dist: {dist}\nRequires-Python:{python}\n")).unwrap();
            prop_assert_eq!(read.requires_dist, [dist]);
            prop_assert_eq!(read.requires_python, Some(python));
        }
    }
}
