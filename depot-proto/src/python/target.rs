//! Targets: the environments that something shall install in.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
    sync::Arc,
};

use super::{
    environment::Environment,
    platform::{Platform, PlatformError},
    python_version::{PythonVersion, RequiresPython, number},
    tags::Tags,
};

/// One environment that something shall install in: a Python on a platform. What fits it and what markers say of it follow
/// from these alone, never from the machine that depot runs on.
///
/// ```
/// # use depot_proto::Target;
/// let target: Target = "cp312-manylinux_2_28_x86_64".parse().unwrap();
/// assert_eq!(target.python().to_string(), "3.12");
/// assert_eq!(target.to_string(), "cp312-manylinux_2_28_x86_64");
/// ```
#[derive(Clone)]
pub struct Target(Arc<Inner>);

struct Inner {
    interpreter: Interpreter,
    full_version: pep440_rs::Version,
    platform: Platform,
    tags: Tags,
    environment: Environment,
}

/// A Python: who made it, which release line, which build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interpreter {
    /// The release line.
    pub version: PythonVersion,
    /// Who made it.
    pub implementation: Implementation,
    /// Whether it is the build without the global interpreter lock (PEP 703), which needs wheels of its own.
    pub free_threaded: bool,
}

/// Who made a Python.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Implementation {
    /// The usual one.
    CPython,
    /// The one with a just-in-time compiler.
    PyPy,
}

/// Why a text is not a target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It is not a Python and a platform.
    #[error("`{0}` is not a target; write a Python and a platform, as in `cp312-manylinux_2_28_x86_64`")]
    Malformed(String),
    /// Its first part is no Python.
    #[error("`{0}` is not a Python; write `cp312`, `cp313t` (free-threaded) or `pp310` (PyPy)")]
    Interpreter(String),
    /// Its second part is no platform.
    #[error(transparent)]
    Platform(#[from] PlatformError),
}

impl Interpreter {
    /// The usual build of CPython.
    pub const fn cpython(version: PythonVersion) -> Self {
        Self { version, implementation: Implementation::CPython, free_threaded: false }
    }

    /// For people: `CPython 3.13 (free-threaded)`.
    pub fn describe(self) -> String {
        let suffix = if self.free_threaded { " (free-threaded)" } else { "" };
        match self.implementation {
            Implementation::CPython => format!("CPython {}{suffix}", self.version),
            Implementation::PyPy => format!("PyPy {}", self.version),
        }
    }
}

impl Target {
    /// The first release of a Python on a platform.
    pub fn new(interpreter: Interpreter, platform: Platform) -> Self {
        Self::with_full_version(interpreter, interpreter.version.first_release(), platform)
    }

    /// One release of a Python, such as 3.12.4, on a platform.
    pub fn with_full_version(
        interpreter: Interpreter,
        full_version: pep440_rs::Version,
        platform: Platform,
    ) -> Self {
        let environment = Environment::of(interpreter, &full_version, platform);
        let tags = Tags::new(interpreter, &platform.tags());
        Self(Arc::new(Inner { interpreter, full_version, platform, tags, environment }))
    }

    /// The release line of its Python.
    pub fn python(&self) -> PythonVersion {
        self.0.interpreter.version
    }

    /// Its Python.
    pub fn interpreter(&self) -> Interpreter {
        self.0.interpreter
    }

    /// The release of its Python: 3.12.0, unless another was named.
    pub fn full_version(&self) -> &pep440_rs::Version {
        &self.0.full_version
    }

    /// Its machine.
    pub fn platform(&self) -> &Platform {
        &self.0.platform
    }

    /// What fits it.
    pub fn tags(&self) -> &Tags {
        &self.0.tags
    }

    /// What markers say of it.
    pub fn environment(&self) -> &Environment {
        &self.0.environment
    }

    /// Whether its Python will do for a file that says which Pythons it is for. Where no release was named, the first one
    /// stands for its line, and that the file leaves out single ones does not count.
    pub fn is_allowed_by(&self, requires_python: &RequiresPython) -> bool {
        if *self.full_version() == self.python().first_release() {
            return requires_python.allows_line(self.python());
        }
        requires_python.allows(self.full_version())
    }

    /// For people: `CPython 3.12 on linux x86_64 (glibc 2.28 or newer)`.
    pub fn describe(&self) -> String {
        format!("{} on {}", self.describe_python(), self.platform().describe())
    }

    /// Its Python for people, with the release where it is not the first: `CPython 3.12`, `CPython 3.12.4`.
    pub fn describe_python(&self) -> String {
        let interpreter = self.interpreter();
        match self.full_version() {
            version if *version == interpreter.version.first_release() => interpreter.describe(),
            version => {
                interpreter.describe().replacen(&interpreter.version.to_string(), &version.to_string(), 1)
            }
        }
    }

    fn key(&self) -> (Interpreter, &pep440_rs::Version, Platform) {
        (self.0.interpreter, &self.0.full_version, self.0.platform)
    }
}

impl PartialEq for Target {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Target {}

impl PartialOrd for Target {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Target {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl Hash for Target {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self}, {})", self.full_version())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.interpreter(), self.platform())
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (python, platform) =
            text.split_once('-').ok_or_else(|| TargetError::Malformed(text.chars().take(100).collect()))?;
        Ok(Self::new(python.parse()?, platform.parse()?))
    }
}

impl fmt::Display for Interpreter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (prefix, suffix) = match (self.implementation, self.free_threaded) {
            (Implementation::CPython, false) => ("cp", ""),
            (Implementation::CPython, true) => ("cp", "t"),
            (Implementation::PyPy, _) => ("pp", ""),
        };
        write!(f, "{prefix}{}{suffix}", self.version.nodot())
    }
}

impl FromStr for Interpreter {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        interpreter(&text.to_ascii_lowercase())
            .ok_or_else(|| TargetError::Interpreter(text.chars().take(100).collect()))
    }
}

/// Reads `cp312`, `cp313t`, `pp310`. Only Python 3 has targets.
fn interpreter(text: &str) -> Option<Interpreter> {
    let (implementation, rest) = match text.split_at_checked(2)? {
        ("cp", rest) => (Implementation::CPython, rest),
        ("pp", rest) => (Implementation::PyPy, rest),
        _ => return None,
    };
    let (digits, free_threaded) = match rest.strip_suffix('t') {
        // PEP 703 began with 3.13.
        Some(digits) => (digits, true),
        None => (rest, false),
    };
    let version = PythonVersion::new(3, number(digits.strip_prefix('3')?)?);
    let exists = !free_threaded || (implementation == Implementation::CPython && version.minor >= 13);
    exists.then_some(Interpreter { version, implementation, free_threaded })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_python_and_a_platform() {
        for (text, printed) in [
            ("cp312-manylinux_2_28_x86_64", "cp312-manylinux_2_28_x86_64"),
            ("cp313t-win_amd64", "cp313t-win_amd64"),
            ("pp310-macosx_13_0_arm64", "pp310-macosx_13_0_arm64"),
            ("cp39-linux-aarch64", "cp39-manylinux_2_28_aarch64"),
            ("CP311-Windows", "cp311-win_amd64"),
        ] {
            let target = text.parse::<Target>().unwrap();
            assert_eq!(target.to_string(), printed);
            assert_eq!(printed.parse::<Target>().unwrap(), target);
        }
    }

    #[test]
    fn what_is_no_target_is_refused() {
        for text in [
            "",
            "cp312",
            "cp312-",
            "-linux",
            "cp312-any",
            "cp27-linux",
            "cp312t-linux",
            "pp313t-linux",
            "py3-linux",
            "cp3-linux",
            "cp3012-linux",
        ] {
            let error = text.parse::<Target>().unwrap_err().to_string();
            assert!(error.contains("write"), "{text}: {error}");
        }
    }

    #[test]
    fn two_releases_of_a_python_are_two_targets() {
        let first: Target = "cp312-linux".parse().unwrap();
        let later =
            Target::with_full_version(first.interpreter(), "3.12.4".parse().unwrap(), *first.platform());
        assert_ne!(first, later);
        let requires: RequiresPython = ">=3.12.1".parse().unwrap();
        assert!(!first.is_allowed_by(&requires) && later.is_allowed_by(&requires));
    }
}
