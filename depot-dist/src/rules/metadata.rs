//! Core metadata, read so strictly that no two readers can see two packages in it.

use depot_proto::{CoreMetadata, DistributionFilename, Requirement, RequiresPython, metadata};

use super::{Verdict, list};
use crate::{DistError, member, read};

/// Fields that may stand once.
const ONCE: [&str; 16] = [
    "Metadata-Version",
    "Name",
    "Version",
    "Summary",
    "Description",
    "Description-Content-Type",
    "Keywords",
    "Home-page",
    "Download-URL",
    "Author",
    "Author-email",
    "Maintainer",
    "Maintainer-email",
    "License",
    "License-Expression",
    "Requires-Python",
];

/// Fields of one line: a second one belongs to the value for some readers only.
const ONE_LINE: [&str; 4] = ["Metadata-Version", "Name", "Version", "Requires-Python"];

const KNOWN: [&str; 9] = ["1.0", "1.1", "1.2", "2.0", "2.1", "2.2", "2.3", "2.4", "2.5"];

/// Checks `METADATA` or `PKG-INFO`; none if it cannot be read.
pub(super) fn check(
    raw: &[u8],
    file: &str,
    filename: &DistributionFilename,
    verdict: &mut Verdict,
) -> Option<CoreMetadata> {
    let before = verdict.findings.len();
    check_form(raw, file, verdict);
    let found = match metadata::parse(raw) {
        Ok(found) => found,
        Err(error) => {
            // What the form has shown already need not be said again.
            let error = DistError::BadMetadata(error);
            let known =
                verdict.findings[before..].iter().any(|it| Some(it.rule) == error.rule().map(|it| it.code));
            if !known {
                let _never_of_the_reader = verdict.add_error(error);
            }
            return None;
        }
    };
    for checked in
        [read::check_name(&found, filename.project()), read::check_version(&found, filename.version())]
    {
        if let Err(error) = checked {
            let _never_of_the_reader = verdict.add_error(error);
        }
    }
    if !KNOWN.contains(&found.metadata_version.trim()) {
        let version = member::display(found.metadata_version.as_bytes());
        verdict.add(&list::METADATA_UNKNOWN, format!("{file} says `Metadata-Version: {version}`"));
    }
    if let Some(text) = &found.requires_python
        && text.parse::<RequiresPython>().is_err()
    {
        let text = member::display(text.as_bytes());
        verdict.add(
            &list::METADATA_FIELD,
            format!("{file} says `Requires-Python: {text}`, which cannot be read"),
        );
    }
    for text in &found.requires_dist {
        if let Err(error) = text.parse::<Requirement>() {
            let error = member::display(error.to_string().as_bytes());
            verdict.add(
                &list::METADATA_FIELD,
                format!("{file} has a `Requires-Dist` that cannot be read: {error}"),
            );
        }
    }
    Some(found)
}

/// Whether the files that `License-File` names must be there (PEP 639).
pub(super) fn has_license_files(metadata: &CoreMetadata) -> bool {
    matches!(metadata.metadata_version.trim(), "2.4" | "2.5")
}

/// Looks at the lines of the headers one by one.
fn check_form(raw: &[u8], file: &str, verdict: &mut Verdict) {
    if let Err(error) = str::from_utf8(raw) {
        let at = error.valid_up_to();
        verdict.add(&list::METADATA_ENCODING, format!("{file} is not UTF-8 (at byte {at})"));
    }
    if raw.contains(&0) {
        verdict.add(&list::METADATA_FORM, format!("{file} has a NUL in it"));
    }
    let mut seen = [false; ONCE.len()];
    let mut current: Option<&str> = None;
    for (number, line) in raw.split(|&byte| byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let refuse = |what: &str, verdict: &mut Verdict| {
            verdict.add(&list::METADATA_FORM, format!("{file} has {what} in line {}", number + 1));
        };
        if line.is_empty() {
            if number == 0 {
                refuse("no header", verdict);
            }
            break;
        }
        if line.iter().any(|&byte| (byte < b' ' && byte != b'\t') || byte == 0x7f) {
            refuse("a control character", verdict);
            // Where this line ends is for each reader another matter.
            break;
        }
        if matches!(line[0], b' ' | b'\t') {
            match current {
                None => refuse("a folded line of no header", verdict),
                Some(name) if ONE_LINE.contains(&name) => {
                    refuse("a folded line where one is wanted", verdict);
                }
                Some(_) => {}
            }
            continue;
        }
        let name = line.split(|&byte| byte == b':').next().filter(|name| name.len() < line.len());
        let fits = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let name = name.filter(|name| !name.is_empty() && name.iter().all(fits));
        let Some(name) = name.and_then(|name| str::from_utf8(name).ok()) else {
            refuse("what is no header", verdict);
            break;
        };
        let once = ONCE.iter().position(|once| once.eq_ignore_ascii_case(name));
        current = Some(once.map_or("", |index| ONCE[index]));
        if once.is_some_and(|index| std::mem::replace(&mut seen[index], true)) {
            verdict.add(
                &list::METADATA_TWICE,
                format!("{file} has more than one `{}`", ONCE[once.unwrap_or(0)]),
            );
        }
    }
}
