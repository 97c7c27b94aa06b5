//! What environment markers say of a target (PEP 508).

use std::fmt;

use pep508_rs::{MarkerEnvironment, MarkerEnvironmentBuilder};

use super::{
    platform::{Platform, System},
    target::{Implementation, Interpreter},
};

/// The values of the environment markers for a target.
///
/// `platform_release` and `platform_version` are empty, as in uv: they belong to a machine and not to a kind of machines.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Environment(pub(super) MarkerEnvironment);

impl Environment {
    pub(super) fn of(
        interpreter: Interpreter,
        full_version: &pep440_rs::Version,
        platform: Platform,
    ) -> Self {
        let (name, implementation) = match interpreter.implementation {
            Implementation::CPython => ("cpython", "CPython"),
            Implementation::PyPy => ("pypy", "PyPy"),
        };
        let (os_name, sys_platform, system) = match platform.system() {
            System::Glibc(..) | System::Musl(..) | System::Linux => ("posix", "linux", "Linux"),
            System::Macos(..) => ("posix", "darwin", "Darwin"),
            System::Windows => ("nt", "win32", "Windows"),
        };
        let full_version = full_version.to_string();
        let implementation_version = match interpreter.implementation {
            Implementation::CPython => &full_version,
            Implementation::PyPy => PYPY,
        };
        let builder = MarkerEnvironmentBuilder {
            implementation_name: name,
            implementation_version,
            os_name,
            platform_machine: platform.machine(),
            platform_python_implementation: implementation,
            platform_release: "",
            platform_system: system,
            platform_version: "",
            python_full_version: &full_version,
            python_version: &interpreter.version.to_string(),
            sys_platform,
        };
        Self(MarkerEnvironment::try_from(builder).expect("versions that were printed can be read"))
    }

    /// Every marker with its value, in the order of the specification.
    pub fn values(&self) -> [(&'static str, String); 11] {
        let of = &self.0;
        [
            ("os_name", of.os_name().to_owned()),
            ("sys_platform", of.sys_platform().to_owned()),
            ("platform_machine", of.platform_machine().to_owned()),
            ("platform_python_implementation", of.platform_python_implementation().to_owned()),
            ("platform_release", of.platform_release().to_owned()),
            ("platform_system", of.platform_system().to_owned()),
            ("platform_version", of.platform_version().to_owned()),
            ("python_version", of.python_version().to_string()),
            ("python_full_version", of.python_full_version().to_string()),
            ("implementation_name", of.implementation_name().to_owned()),
            ("implementation_version", of.implementation_version().to_string()),
        ]
    }
}

/// The version of PyPy that its tags have named since 2019: `pp73`.
const PYPY: &str = "7.3.0";

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.values()).finish()
    }
}
