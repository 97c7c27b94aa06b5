//! Which Pythons a text names.

use depot_proto::{Implementation, Interpreter, PythonVersion, RequiresPython};

use crate::exit::UsageError;

/// The newest stable CPython.
pub(super) const NEWEST: PythonVersion = PythonVersion::new(3, 15);

/// The release lines of CPython that get fixes, the newest first. A line joins with its first stable release, each October
/// (PEP 602), and leaves when its fifth year is over.
pub(super) const SUPPORTED: [PythonVersion; 5] = [
    NEWEST,
    PythonVersion::new(3, 14),
    PythonVersion::new(3, 13),
    PythonVersion::new(3, 12),
    PythonVersion::new(3, 11),
];

/// Those that ranges choose from beside them: without fixes, and in use.
const RETIRED: [PythonVersion; 3] =
    [PythonVersion::new(3, 10), PythonVersion::new(3, 9), PythonVersion::new(3, 8)];

/// A Python that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Python {
    pub(super) interpreter: Interpreter,
    /// Its release, if one is named: 3.12.4.
    pub(super) full_version: Option<pep440_rs::Version>,
}

impl From<PythonVersion> for Python {
    fn from(version: PythonVersion) -> Self {
        Self { interpreter: Interpreter::cpython(version), full_version: None }
    }
}

/// Reads a range, which begins with an operator, or a list of versions.
pub(super) fn read(text: &str) -> Result<Vec<Python>, UsageError> {
    let text = text.trim();
    if text.starts_with(['<', '>', '=', '!', '~']) {
        return range(text);
    }
    text.split(',').map(|text| one(text.trim())).collect()
}

/// The Pythons of a range, the newest first.
fn range(text: &str) -> Result<Vec<Python>, UsageError> {
    let range = text.parse::<RequiresPython>().map_err(|_| {
        UsageError(format!("`{text}` is not a range of Python versions; write one like `>=3.10,<3.13`"))
    })?;
    let known = SUPPORTED.into_iter().chain(RETIRED);
    let fits = known.filter(|version| range.allows(&version.first_release()));
    let pythons: Vec<_> = fits.map(Python::from).collect();
    if pythons.is_empty() {
        let oldest = RETIRED[RETIRED.len() - 1];
        let words =
            format!("no Python from {oldest} to {NEWEST} is in `{text}`; others are named, as in `3.7`");
        return Err(UsageError(words));
    }
    Ok(pythons)
}

/// Reads one version: `3.12`, `3.12.4`, `3.13t`, `pypy3.10`, or its tag.
fn one(text: &str) -> Result<Python, UsageError> {
    let wrong = || {
        UsageError(format!(
            "`{text}` is not a Python; write `3.12`, `3.13t` (free-threaded), `pypy3.10` or a range such as `>=3.10,<3.13`"
        ))
    };
    let lower = text.to_ascii_lowercase();
    let (prefix, rest) = ["pypy", "pp", "cpython", "cp", "python"]
        .into_iter()
        .find_map(|name| Some((name, lower.strip_prefix(name)?.trim_start_matches('-'))))
        .unwrap_or(("cp", &lower));
    let prefix = if prefix.starts_with("pp") || prefix == "pypy" { "pp" } else { "cp" };
    let (version, suffix) = rest.strip_suffix('t').map_or((rest, ""), |version| (version, "t"));
    // A tag has no dot: `cp312`.
    if !version.contains('.') {
        let interpreter = format!("{prefix}{version}{suffix}").parse().map_err(|_| wrong())?;
        let is_tag = version.len() > 1 && rest != lower;
        return if is_tag { Ok(Python { interpreter, full_version: None }) } else { Err(wrong()) };
    }
    let parts: Vec<&str> = version.split('.').collect();
    let (line, release) = match parts[..] {
        [major, minor] => (format!("{major}.{minor}"), None),
        [major, minor, _] => (format!("{major}.{minor}"), Some(version.parse().map_err(|_| wrong())?)),
        _ => return Err(wrong()),
    };
    let line: PythonVersion = line.parse().map_err(|_| wrong())?;
    let tag = format!("{prefix}{}{}{suffix}", line.major, line.minor);
    let interpreter: Interpreter = tag.parse().map_err(|_| wrong())?;
    if interpreter.version != line
        || (interpreter.implementation == Implementation::PyPy && release.is_some())
    {
        // The release of a PyPy is another number than that of the Python it is.
        return Err(wrong());
    }
    Ok(Python { interpreter, full_version: release })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> String {
        let read = read(text).unwrap();
        let name = |python: &Python| match &python.full_version {
            Some(full) => format!("{}={full}", python.interpreter),
            None => python.interpreter.to_string(),
        };
        read.iter().map(name).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn pythons_are_named_one_by_one_or_by_a_range() {
        for (text, pythons) in [
            ("3.12", "cp312"),
            ("3.12.4", "cp312=3.12.4"),
            ("3.15.0rc1", "cp315=3.15.0rc1"),
            ("3.13t", "cp313t"),
            ("pypy3.10", "pp310"),
            ("PyPy-3.10", "pp310"),
            ("cp311", "cp311"),
            ("cpython3.11", "cp311"),
            ("python3.9", "cp39"),
            ("3.11, 3.12", "cp311 cp312"),
            (">=3.10,<3.13", "cp312 cp311 cp310"),
            (">3.13", "cp315 cp314"),
            ("==3.12.*", "cp312"),
            ("~=3.13", "cp315 cp314 cp313"),
            (">=3.12, !=3.14.*", "cp315 cp313 cp312"),
        ] {
            assert_eq!(named(text), pythons, "{text}");
        }
    }

    #[test]
    fn what_names_no_python_is_refused() {
        for text in [
            "",
            "3",
            "312",
            "2.7",
            "3.12t",
            "3.12.",
            "3.12.4.5",
            "pypy3.10.1",
            "py312",
            "3.11,",
            "latest",
            "33.1",
            "cp3",
            ">=4",
            ">=x",
            "3.10-3.12",
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains('`'), "{text}: {error}");
        }
    }
}
