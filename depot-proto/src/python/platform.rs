//! The machines that wheels are made for.

use std::{fmt, str::FromStr};

use super::python_version::number;

/// What a machine is, as far as wheels tell them apart: its system, the oldest version of it that counts, its processor.
///
/// It is read from a plain name (`linux`, `macos-x86_64`) or a platform tag (`manylinux_2_17_aarch64`), and printed as the
/// tag.
///
/// ```
/// # use depot_proto::Platform;
/// let platform: Platform = "linux".parse().unwrap();
/// assert_eq!(platform.to_string(), "manylinux_2_28_x86_64");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    system: System,
    arch: Arch,
}

/// An operating system. The version, where there is one, is what the machine has at least: wheels made for it and for what
/// came before it fit, wheels that need a newer one do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum System {
    /// Linux with this version of glibc.
    Glibc(u16, u16),
    /// Linux with this version of musl.
    Musl(u16, u16),
    /// Linux, with what C library nobody says: only wheels built on such a machine fit.
    Linux,
    /// This version of macOS.
    Macos(u16, u16),
    /// Windows.
    Windows,
}

/// A processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Arch {
    /// 64-bit x86: `x86_64`, on Windows `amd64`.
    X86_64,
    /// 64-bit ARM: `aarch64`, on macOS and Windows `arm64`.
    Aarch64,
    /// 32-bit x86.
    I686,
    /// 32-bit ARM with hardware floating point.
    Armv7l,
    /// 64-bit PowerPC, little endian.
    Ppc64le,
    /// IBM Z.
    S390x,
    /// 64-bit RISC-V.
    Riscv64,
    /// 64-bit LoongArch.
    Loongarch64,
}

/// Why a text is not a platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a platform; write `linux`, `linux-aarch64`, `musllinux`, `macos`, `macos-x86_64`, `windows` or a tag \
     such as `manylinux_2_28_x86_64`"
)]
pub struct PlatformError(String);

/// What `linux` has at least, as in uv: that of RHEL 8, which everything under support has.
const GLIBC: System = System::Glibc(2, 28);

/// What `musllinux` has at least, as in uv: that of Alpine 3.13.
const MUSL: System = System::Musl(1, 2);

/// What `macos` is at least, as in uv.
const MACOS: System = System::Macos(13, 0);

impl Arch {
    const ALL: [Self; 8] = [
        Self::X86_64,
        Self::Aarch64,
        Self::I686,
        Self::Armv7l,
        Self::Ppc64le,
        Self::S390x,
        Self::Riscv64,
        Self::Loongarch64,
    ];

    /// As in the tags of Linux, and what `uname -m` says there.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
            Self::I686 => "i686",
            Self::Armv7l => "armv7l",
            Self::Ppc64le => "ppc64le",
            Self::S390x => "s390x",
            Self::Riscv64 => "riscv64",
            Self::Loongarch64 => "loongarch64",
        }
    }

    /// Reads any of the names that a processor goes by.
    pub fn read(text: &str) -> Option<Self> {
        let spelled = match text {
            "amd64" | "x64" => "x86_64",
            "arm64" => "aarch64",
            "x86" | "i386" | "i586" => "i686",
            "armv8l" => "armv7l",
            _ => text,
        };
        Self::ALL.into_iter().find(|arch| arch.as_str() == spelled)
    }
}

impl Platform {
    /// This system on this processor; none if they do not go together.
    pub fn new(system: System, arch: Arch) -> Option<Self> {
        let fits = match system {
            System::Glibc(..) | System::Musl(..) | System::Linux => true,
            System::Macos(..) => matches!(arch, Arch::X86_64 | Arch::Aarch64),
            System::Windows => matches!(arch, Arch::X86_64 | Arch::Aarch64 | Arch::I686),
        };
        fits.then_some(Self { system, arch })
    }

    /// Its system.
    pub const fn system(self) -> System {
        self.system
    }

    /// Its processor.
    pub const fn arch(self) -> Arch {
        self.arch
    }

    /// The same with this version of glibc, if it is one with glibc.
    pub const fn with_glibc(self, major: u16, minor: u16) -> Option<Self> {
        match self.system {
            System::Glibc(..) => Some(Self { system: System::Glibc(major, minor), arch: self.arch }),
            _ => None,
        }
    }

    /// For people: `linux x86_64 (glibc 2.28 or newer)`.
    pub fn describe(self) -> String {
        let arch = self.machine();
        match self.system {
            System::Glibc(major, minor) => format!("linux {arch} (glibc {major}.{minor} or newer)"),
            System::Musl(major, minor) => format!("linux {arch} (musl {major}.{minor} or newer)"),
            System::Linux => format!("linux {arch} (no C library named)"),
            System::Macos(major, minor) => format!("macos {arch} ({major}.{minor} or newer)"),
            System::Windows => format!("windows {}", arch.to_ascii_lowercase()),
        }
    }

    /// The marker `platform_machine`.
    pub(super) const fn machine(self) -> &'static str {
        match (self.system, self.arch) {
            (System::Macos(..), Arch::Aarch64) => "arm64",
            (System::Windows, Arch::Aarch64) => "ARM64",
            (System::Windows, Arch::X86_64) => "AMD64",
            (System::Windows, Arch::I686) => "x86",
            (_, arch) => arch.as_str(),
        }
    }

    /// Every platform tag that fits, the most specific first, in pip's order.
    pub(super) fn tags(self) -> Vec<String> {
        let arch = self.arch.as_str();
        match self.system {
            System::Glibc(major, minor) => {
                std::iter::once(format!("linux_{arch}")).chain(manylinux(major, minor, self.arch)).collect()
            }
            System::Musl(major, minor) => std::iter::once(format!("linux_{arch}"))
                .chain((0..=minor).rev().map(|minor| format!("musllinux_{major}_{minor}_{arch}")))
                .collect(),
            System::Linux => vec![format!("linux_{arch}")],
            System::Macos(major, minor) => macos(major, minor, self.arch),
            System::Windows => vec![self.to_string()],
        }
    }
}

/// The tags of PEP 600 from this glibc down to the oldest that has ever had a tag, with the older names of some.
fn manylinux(major: u16, newest: u16, arch: Arch) -> impl Iterator<Item = String> {
    let oldest = if matches!(arch, Arch::X86_64 | Arch::I686) { 5 } else { 17 };
    let arch = arch.as_str();
    (oldest..=newest).rev().flat_map(move |minor| {
        let older_name = match minor {
            17 => Some("manylinux2014"),
            12 => Some("manylinux2010"),
            5 => Some("manylinux1"),
            _ => None,
        };
        let tag = format!("manylinux_{major}_{minor}_{arch}");
        std::iter::once(tag).chain(older_name.map(|name| format!("{name}_{arch}")))
    })
}

/// The tags of macOS from this version down. From 11 on its major versions count, before that those after `10.`.
fn macos(major: u16, minor: u16, arch: Arch) -> Vec<String> {
    let own: &[&str] = match arch {
        Arch::Aarch64 => &["arm64", "universal2"],
        _ => &["x86_64", "intel", "fat64", "fat3", "universal2", "universal"],
    };
    // On ARM, only what holds both kinds of code can be older than macOS 11.
    let older: &[&str] = if arch == Arch::Aarch64 { &["universal2"] } else { own };
    let mut tags = Vec::new();
    let mut add = |major: u16, minor: u16, formats: &[&str]| {
        tags.extend(formats.iter().map(|format| format!("macosx_{major}_{minor}_{format}")));
    };
    for major in (11..=major).rev() {
        add(major, 0, own);
    }
    let newest = if major >= 11 { 16 } else { minor };
    for minor in (4..=newest).rev() {
        add(10, minor, older);
    }
    tags
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lower = text.to_ascii_lowercase();
        plain(&lower).or_else(|| tag(&lower)).ok_or_else(|| PlatformError(text.chars().take(100).collect()))
    }
}

/// Reads a plain name: a system, and after `-` its processor if it is not the usual one.
fn plain(text: &str) -> Option<Platform> {
    let (system, arch) = match text.split_once('-') {
        Some((system, arch)) => (system, Some(Arch::read(arch)?)),
        None => (text, None),
    };
    let (system, usual) = match system {
        "linux" | "manylinux" => (GLIBC, Arch::X86_64),
        "musllinux" => (MUSL, Arch::X86_64),
        "macos" => (MACOS, Arch::Aarch64),
        "windows" => (System::Windows, Arch::X86_64),
        _ => return None,
    };
    Platform::new(system, arch.unwrap_or(usual))
}

/// Reads a platform tag.
fn tag(text: &str) -> Option<Platform> {
    let own = |arch: &str| Arch::ALL.into_iter().find(|known| known.as_str() == arch);
    match text {
        "win_amd64" => return Platform::new(System::Windows, Arch::X86_64),
        "win_arm64" => return Platform::new(System::Windows, Arch::Aarch64),
        "win32" => return Platform::new(System::Windows, Arch::I686),
        _ => {}
    }
    let (family, rest) = text.split_once('_')?;
    let named = match family {
        "linux" => Some(System::Linux),
        "manylinux2014" => Some(System::Glibc(2, 17)),
        "manylinux2010" => Some(System::Glibc(2, 12)),
        "manylinux1" => Some(System::Glibc(2, 5)),
        _ => None,
    };
    if let Some(system) = named {
        return Platform::new(system, own(rest)?);
    }
    let (major, rest) = rest.split_once('_')?;
    let (minor, arch) = rest.split_once('_')?;
    let (major, minor) = (number(major)?, number(minor)?);
    match (family, arch) {
        ("manylinux", arch) if major == 2 && minor <= NEWEST => {
            Platform::new(System::Glibc(major, minor), own(arch)?)
        }
        ("musllinux", arch) if major == 1 && minor <= NEWEST => {
            Platform::new(System::Musl(major, minor), own(arch)?)
        }
        ("macosx", "x86_64") if (10..=NEWEST).contains(&major) && minor <= NEWEST => {
            Platform::new(System::Macos(major, minor), Arch::X86_64)
        }
        ("macosx", "arm64") if (11..=NEWEST).contains(&major) && minor <= NEWEST => {
            Platform::new(System::Macos(major, minor), Arch::Aarch64)
        }
        _ => None,
    }
}

/// A bound on what is believed of a version's number: each is a few tags.
const NEWEST: u16 = 99;

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arch = self.arch.as_str();
        match (self.system, self.arch) {
            (System::Glibc(major, minor), _) => write!(f, "manylinux_{major}_{minor}_{arch}"),
            (System::Musl(major, minor), _) => write!(f, "musllinux_{major}_{minor}_{arch}"),
            (System::Linux, _) => write!(f, "linux_{arch}"),
            (System::Macos(major, minor), _) => write!(f, "macosx_{major}_{minor}_{}", self.machine()),
            (System::Windows, Arch::X86_64) => f.write_str("win_amd64"),
            (System::Windows, Arch::Aarch64) => f.write_str("win_arm64"),
            (System::Windows, _) => f.write_str("win32"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_has_a_plain_name_or_a_tag() {
        for (text, tag) in [
            ("linux", "manylinux_2_28_x86_64"),
            ("linux-x86_64", "manylinux_2_28_x86_64"),
            ("Linux-ARM64", "manylinux_2_28_aarch64"),
            ("linux-i686", "manylinux_2_28_i686"),
            ("musllinux", "musllinux_1_2_x86_64"),
            ("musllinux-aarch64", "musllinux_1_2_aarch64"),
            ("macos", "macosx_13_0_arm64"),
            ("macos-x86_64", "macosx_13_0_x86_64"),
            ("windows", "win_amd64"),
            ("windows-arm64", "win_arm64"),
            ("windows-x86", "win32"),
            ("manylinux2014_s390x", "manylinux_2_17_s390x"),
            ("manylinux1_i686", "manylinux_2_5_i686"),
            ("macosx_10_9_x86_64", "macosx_10_9_x86_64"),
            ("linux_armv7l", "linux_armv7l"),
        ] {
            let platform = text.parse::<Platform>().unwrap();
            assert_eq!(platform.to_string(), tag, "{text}");
            assert_eq!(tag.parse::<Platform>().unwrap(), platform, "{text}");
        }
    }

    #[test]
    fn what_is_no_platform_is_refused() {
        for text in [
            "",
            "-",
            "linux-",
            "linux-vax",
            "bsd",
            "any",
            "windows-s390x",
            "macos-i686",
            "macosx_10_9_arm64",
            "macosx_11_0_universal2",
            "manylinux_2_28",
            "manylinux_3_0_x86_64",
            "manylinux_2_65535_x86_64",
            "manylinux_2_028_x86_64",
            "win_x86_64",
            "musllinux_2_0_x86_64",
            "linux_",
            "linux_amd64",
        ] {
            assert!(text.parse::<Platform>().is_err(), "{text}");
        }
    }

    #[test]
    fn glibc_is_lowered_where_there_is_glibc() {
        let lowered = |text: &str| text.parse::<Platform>().unwrap().with_glibc(2, 17);
        assert_eq!(lowered("linux").unwrap().to_string(), "manylinux_2_17_x86_64");
        assert_eq!(lowered("musllinux"), None);
        assert_eq!(lowered("linux_x86_64"), None);
    }

    #[test]
    fn people_are_told_what_a_machine_must_have() {
        for (text, told) in [
            ("linux", "linux x86_64 (glibc 2.28 or newer)"),
            ("musllinux-aarch64", "linux aarch64 (musl 1.2 or newer)"),
            ("macos", "macos arm64 (13.0 or newer)"),
            ("windows", "windows amd64"),
        ] {
            assert_eq!(text.parse::<Platform>().unwrap().describe(), told);
        }
    }
}
