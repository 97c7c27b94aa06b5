//! What is to be warm.

use depot_proto::{ProjectName, Requirement, Target};
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
    /// For messages: what is required, and where that is written.
    pub(crate) fn words(&self) -> String {
        if self.place.is_empty() {
            self.requirement.clone()
        } else {
            format!("{} ({})", self.requirement, self.place)
        }
    }
}

impl Wish {
    /// The targets, of which the command has seen that they are some.
    pub(super) fn targets(&self) -> Vec<Target> {
        self.targets.iter().filter_map(|target| target.parse().ok()).collect()
    }

    /// The constraints of a project.
    pub(super) fn constraint(&self, project: &ProjectName) -> Vec<Requirement> {
        let read = self.constraints.iter().filter_map(|text| text.parse::<Requirement>().ok());
        read.filter(|constraint| constraint.project == *project).collect()
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
