//! What is to be warm.

use depot_proto::{Requirement, RequirementError, Target, redact::masked};
use serde::{Deserialize, Serialize};

/// What is to be warm, as it goes from the command to the server.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Wish {
    /// What is required.
    pub(crate) lines: Vec<Line>,
    /// Requirements that require nothing, and bound the versions of what else is.
    pub(crate) constraints: Vec<String>,
    /// The Pythons on platforms that it is for.
    pub(crate) targets: Vec<String>,
    /// Whether what is chosen brings along what it requires.
    pub(crate) dependencies: bool,
    /// Whether all files of what is chosen come, and not only those that the targets would install.
    pub(crate) all_files: bool,
    /// Whether pre-releases do.
    pub(crate) pre: bool,
}

/// A requirement and where it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    /// As PEP 508 has it.
    pub(crate) requirement: String,
    /// Digests, such as `sha256:...`, of which its file must have one; any where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) hashes: Vec<String>,
    /// Where it is written, for messages.
    pub(crate) place: String,
    /// Whether it is of a lock: for some targets there need be nothing of it, and what it requires is there too.
    #[serde(default)]
    pub(crate) locked: bool,
}

impl Line {
    /// For messages: what is required, and where that is written; passwords are masked.
    pub(crate) fn words(&self) -> String {
        let requirement = masked(&self.requirement);
        if self.place.is_empty() { requirement } else { format!("{requirement} ({})", self.place) }
    }

    /// What is required, if it can be had of an index by its name; else why not.
    pub(super) fn read(&self) -> Result<Requirement, String> {
        if let Some(reason) = elsewhere(&self.requirement) {
            return Err(reason.to_owned());
        }
        self.requirement.parse().map_err(|error: RequirementError| masked(&error.to_string()))
    }
}

/// Why what names an address is not warmed.
pub(super) const ADDRESS: &str = "it names an address, and not an index: fetch it from there yourself";

/// Why a line without a name of a project is not warmed, if it has none: an address by itself, or a path.
pub(crate) fn elsewhere(text: &str) -> Option<&'static str> {
    // A name before it is parted from it by an `@`.
    let is_address = text.split_once("://").is_some_and(|(before, _)| !before.contains('@'));
    let is_path = text.starts_with(['.', '/', '~']);
    match (is_address, is_path) {
        (true, _) => Some(ADDRESS),
        (_, true) => Some("it names a file or a folder, and not an index"),
        _ => None,
    }
}

impl Wish {
    /// The targets, of which the command has seen that they are some.
    pub(super) fn targets(&self) -> Vec<Target> {
        self.targets.iter().filter_map(|target| target.parse().ok()).collect()
    }
}

/// The targets of who names none: the Pythons that get fixes, on the platform of this machine.
pub(crate) fn default_targets(pythons: &[String], platforms: &[String]) -> Result<Vec<Target>, String> {
    const SUPPORTED: [&str; 5] = ["3.15", "3.14", "3.13", "3.12", "3.11"];
    let named = |given: &[String], or: &[&str]| -> Vec<String> {
        let given = given.iter().flat_map(|text| text.split(',')).map(|text| text.trim().to_owned());
        let given: Vec<String> = given.filter(|text| !text.is_empty()).collect();
        if given.is_empty() { or.iter().map(|text| (*text).to_owned()).collect() } else { given }
    };
    let mut targets = Vec::new();
    for python in named(pythons, &SUPPORTED) {
        let tag = tag_of(&python)?;
        for platform in named(platforms, &[&own_platform()]) {
            let platform = platform.parse::<depot_proto::Platform>().map_err(|error| error.to_string())?;
            targets.push(format!("{tag}-{platform}").parse().map_err(|error| format!("{error}"))?);
        }
    }
    Ok(targets)
}

/// The tag of a Python as it is typed: `3.12`, `3.13t`, `pypy3.10`, or the tag itself.
fn tag_of(python: &str) -> Result<String, String> {
    let wrong = || format!("`{python}` is no Python: write it as 3.12, 3.13t or pypy3.10");
    let tag = match (python.strip_prefix("pypy"), python.contains('.')) {
        (Some(version), _) => format!("pp{}", version.replacen('.', "", 1)),
        (None, true) => format!("cp{}", python.replacen('.', "", 1)),
        (None, false) => python.to_owned(),
    };
    tag.parse::<depot_proto::Interpreter>().map_err(|_| wrong())?;
    Ok(tag)
}

/// The platform of this machine, as installers call it.
fn own_platform() -> String {
    let system = match std::env::consts::OS {
        "macos" => "macos",
        "windows" => "windows",
        _ => "linux",
    };
    let own = format!("{system}-{}", std::env::consts::ARCH);
    if own.parse::<depot_proto::Platform>().is_ok() { own } else { "linux".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_no_project_is_told_from_what_does_and_passwords_are_masked() {
        for text in
            ["git+https://h.example/x/y.git@v1#egg=y", "https://u:p@h.example/x.whl", "./x", "/x", "~/x"]
        {
            assert!(elsewhere(text).is_some(), "{text}");
        }
        for text in ["six", "six @ https://u:p@h.example/six.whl", "six@https://h.example/six.whl"] {
            assert_eq!(elsewhere(text), None, "{text}");
        }
        let line = |text: &str| Line { requirement: text.to_owned(), ..Line::default() };
        assert_eq!(line("six @ https://me:secret@h/six.whl").words(), "six @ https://***@h/six.whl");
        let error = line("six six @ https://me:secret@h/six.whl").read().unwrap_err();
        assert!(error.contains("***@h") && !error.contains("secret"), "{error}");
    }

    #[test]
    fn targets_are_named_by_pythons_and_platforms() {
        let named = |pythons: &[&str], platforms: &[&str]| {
            let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
            let targets = default_targets(&own(pythons), &own(platforms))?;
            Ok::<_, String>(targets.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        };
        let linux = "manylinux_2_28_x86_64";
        assert_eq!(named(&["3.12"], &["linux"]).unwrap(), format!("cp312-{linux}"));
        assert_eq!(
            named(&["3.13t,pypy3.10"], &["linux", "windows"]).unwrap(),
            format!("cp313t-{linux} cp313t-win_amd64 pp310-{linux} pp310-win_amd64")
        );
        assert_eq!(named(&[], &[]).unwrap().split(' ').count(), 5);
        assert!(named(&["4,2"], &[]).is_err() && named(&[], &["amiga"]).is_err());
    }
}
