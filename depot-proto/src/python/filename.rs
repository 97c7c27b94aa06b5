//! File names of distributions: what they say, and why one is refused.

use std::fmt;

use super::{name::ProjectName, version::Version};

/// The longest file name taken, in bytes: with `.provenance` it still fits the 255 of common file systems.
pub const MAX_FILENAME_LEN: usize = 240;

/// A distribution's file name, read: which project, which version, what kind.
///
/// Every value is safe as a path segment: printable ASCII without separators, not starting with a dot, and ending
/// in a known extension, so that it can never be taken for one of its own sidecars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DistributionFilename {
    /// A wheel (PEP 427).
    Wheel(Wheel),
    /// A source distribution (PEP 625, and the older spellings).
    Sdist(Sdist),
    /// What old releases have and installers skip: `.egg`, `.exe`, `.msi`, `.rpm` and their like.
    Legacy(Legacy),
}

/// The three kinds of distributions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DistributionKind {
    /// `.whl`
    Wheel,
    /// `.tar.gz`, `.zip` and other source archives
    Sdist,
    /// `.egg`, `.exe`, `.msi`, `.rpm`, ...
    Legacy,
}

/// What every distribution's file name says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    filename: String,
    project: ProjectName,
    version: Version,
}

/// A wheel's file name: `{name}-{version}(-{build})?-{python}-{abi}-{platform}.whl`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wheel {
    named: Named,
    /// The build tag, which starts with a digit.
    pub build: Option<String>,
    /// The Python tags, joined by `.` as in `py2.py3`.
    pub python: String,
    /// The ABI tags, joined by `.`.
    pub abi: String,
    /// The platform tags, joined by `.`.
    pub platform: String,
}

/// A source distribution's file name: `{name}-{version}{extension}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sdist {
    named: Named,
    /// How it is packed.
    pub format: SdistFormat,
}

/// A legacy distribution's file name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Legacy {
    named: Named,
}

/// How a source distribution is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SdistFormat {
    /// `.tar.gz`, `.tgz`
    TarGz,
    /// `.zip`
    Zip,
    /// `.tar`
    Tar,
    /// A tar in a coding that depot does not read: bzip2, xz, lzma, zstd, compress.
    OtherTar,
}

/// Why a text is not the file name of a distribution.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilenameError {
    /// Characters or a length that no stored file may have.
    #[error("file name `{filename}` {reason}")]
    Unsafe {
        /// The text, escaped and cut for display.
        filename: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The extension belongs to no kind of distribution.
    #[error("file name `{filename}` ends in no known extension (.whl, .tar.gz, .zip, ...)")]
    Extension {
        /// The text.
        filename: String,
    },
    /// A wheel's parts do not fit PEP 427.
    #[error("wheel name `{filename}` {reason}; it should be name-version-python-abi-platform.whl")]
    Wheel {
        /// The text.
        filename: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No reading as `{project}-{version}` exists.
    #[error("file name `{filename}` does not read as a project name, `-` and a version")]
    Unreadable {
        /// The text.
        filename: String,
    },
    /// It names another project.
    #[error("file name `{filename}` does not belong to project `{project}`")]
    OtherProject {
        /// The text.
        filename: String,
        /// The project it was expected to belong to.
        project: ProjectName,
    },
}

const SDIST_EXTENSIONS: [(&str, SdistFormat); 14] = [
    (".tar.gz", SdistFormat::TarGz),
    (".tgz", SdistFormat::TarGz),
    (".zip", SdistFormat::Zip),
    (".tar.bz2", SdistFormat::OtherTar),
    (".tbz", SdistFormat::OtherTar),
    (".tar.xz", SdistFormat::OtherTar),
    (".txz", SdistFormat::OtherTar),
    (".tar.lzma", SdistFormat::OtherTar),
    (".tlz", SdistFormat::OtherTar),
    (".tar.lz", SdistFormat::OtherTar),
    (".tar.zst", SdistFormat::OtherTar),
    (".tar.Z", SdistFormat::OtherTar),
    (".tar.z", SdistFormat::OtherTar),
    (".tar", SdistFormat::Tar),
];

const LEGACY_EXTENSIONS: [&str; 6] = [".egg", ".exe", ".msi", ".rpm", ".deb", ".dmg"];

impl DistributionFilename {
    /// Reads a file name whose project is known, from the page, path or form that it stands in.
    ///
    /// ```
    /// use depot_proto::DistributionFilename;
    /// let project = "foo-bar".parse().unwrap();
    /// let read = DistributionFilename::parse("foo-bar-1.0.tar.gz", &project).unwrap();
    /// assert_eq!(read.version().to_string(), "1.0");
    /// ```
    pub fn parse(filename: &str, project: &ProjectName) -> Result<Self, FilenameError> {
        let read = Self::read(filename, Some(project))?;
        if read.project() != project {
            return Err(FilenameError::OtherProject {
                filename: filename.to_owned(),
                project: project.clone(),
            });
        }
        Ok(read)
    }

    /// Reads a file name whose project is unknown: exact for wheels, the longest name for source distributions
    /// (`foo-1-1.tar.gz` is foo-1 version 1). A last resort.
    pub fn guess(filename: &str) -> Result<Self, FilenameError> {
        Self::read(filename, None)
    }

    fn read(filename: &str, project: Option<&ProjectName>) -> Result<Self, FilenameError> {
        check_safe(filename)?;
        if let Some(stem) = strip_extension(filename, ".whl") {
            return read_wheel(filename, stem).map(Self::Wheel);
        }
        for (extension, format) in SDIST_EXTENSIONS {
            if let Some(stem) = strip_extension(filename, extension) {
                let named = split_stem(filename, stem, project)?;
                return Ok(Self::Sdist(Sdist { named, format }));
            }
        }
        for extension in LEGACY_EXTENSIONS {
            if let Some(stem) = strip_extension(filename, extension) {
                let named = split_legacy(filename, stem, project)?;
                return Ok(Self::Legacy(Legacy { named }));
            }
        }
        Err(FilenameError::Extension { filename: filename.to_owned() })
    }

    fn named(&self) -> &Named {
        match self {
            Self::Wheel(wheel) => &wheel.named,
            Self::Sdist(sdist) => &sdist.named,
            Self::Legacy(legacy) => &legacy.named,
        }
    }

    /// The file name as it was spelled.
    pub fn as_str(&self) -> &str {
        &self.named().filename
    }

    /// The project that it belongs to.
    pub fn project(&self) -> &ProjectName {
        &self.named().project
    }

    /// The version of the release that it belongs to.
    pub fn version(&self) -> &Version {
        &self.named().version
    }

    /// Which kind of distribution it names.
    pub fn kind(&self) -> DistributionKind {
        match self {
            Self::Wheel(_) => DistributionKind::Wheel,
            Self::Sdist(_) => DistributionKind::Sdist,
            Self::Legacy(_) => DistributionKind::Legacy,
        }
    }
}

impl fmt::Display for DistributionFilename {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A name that is checked here can stand in a path, a header, a page and a terminal as it is.
fn check_safe(filename: &str) -> Result<(), FilenameError> {
    let refuse = |reason| {
        let filename = filename.chars().take(120).flat_map(char::escape_default).collect();
        Err(FilenameError::Unsafe { filename, reason })
    };
    if filename.is_empty() {
        return refuse("is empty");
    }
    if filename.len() > MAX_FILENAME_LEN {
        return refuse("is longer than 240 bytes");
    }
    if filename.starts_with('.') || filename.starts_with('-') {
        return refuse("starts with `.` or `-`");
    }
    if !filename.bytes().all(|byte| byte.is_ascii_graphic()) {
        return refuse("contains a space, a control or a non-ASCII character");
    }
    // The separators, and what Windows or a shell would take for more than a name.
    if filename.contains(['/', '\\', ':', '*', '?', '"', '<', '>', '|', '\'', '`', '$', '%', '&', '#', ';']) {
        return refuse("contains a character that no file name of a distribution has");
    }
    Ok(())
}

/// Extensions are compared without case, as installers do not for `.whl` but old uploads need.
fn strip_extension<'a>(filename: &'a str, extension: &str) -> Option<&'a str> {
    let split = filename.len().checked_sub(extension.len())?;
    // Ascii was checked, so every index is a character boundary.
    let (stem, tail) = filename.split_at(split);
    (!stem.is_empty() && tail.eq_ignore_ascii_case(extension)).then_some(stem)
}

fn read_wheel(filename: &str, stem: &str) -> Result<Wheel, FilenameError> {
    let refuse = |reason| FilenameError::Wheel { filename: filename.to_owned(), reason };
    let parts: Vec<&str> = stem.split('-').collect();
    let (name, version, build, [python, abi, platform]) = match parts[..] {
        [name, version, python, abi, platform] => (name, version, None, [python, abi, platform]),
        [name, version, build, python, abi, platform] => {
            (name, version, Some(build), [python, abi, platform])
        }
        _ => return Err(refuse("has not five or six parts between its dashes")),
    };
    if name.contains("__") {
        return Err(refuse("has two underscores in a row in its project name"));
    }
    let project = name.parse().map_err(|_| refuse("starts with no project name"))?;
    let version = match Version::read(version) {
        version @ Version::Pep440(_) => version,
        Version::Legacy(_) => return Err(refuse("has a version that is not PEP 440")),
    };
    if build.is_some_and(|build| !build.starts_with(|c: char| c.is_ascii_digit())) {
        return Err(refuse("has a build tag that does not start with a digit"));
    }
    if [python, abi, platform].iter().any(|tags| tags.split('.').any(str::is_empty)) {
        return Err(refuse("has an empty tag"));
    }
    Ok(Wheel {
        named: Named { filename: filename.to_owned(), project, version },
        build: build.map(str::to_owned),
        python: python.to_owned(),
        abi: abi.to_owned(),
        platform: platform.to_owned(),
    })
}

/// pip's rule where the project is known: the first prefix that normalizes to it is the name, the rest the version.
fn split_stem(filename: &str, stem: &str, project: Option<&ProjectName>) -> Result<Named, FilenameError> {
    let dashes = stem.match_indices('-').map(|(index, _)| index);
    let read = |index: usize| {
        let name: ProjectName = stem[..index].parse().ok()?;
        let version = Version::read(&stem[index + 1..]);
        Some((name, version))
    };
    let pep440 = |(_, version): &(ProjectName, Version)| version.pep440().is_some();
    let found = match project {
        Some(project) => {
            let fits: Vec<_> = dashes.filter_map(read).filter(|(name, _)| name == project).collect();
            let first_pep440 = fits.iter().position(pep440).unwrap_or(0);
            match fits.into_iter().nth(first_pep440) {
                None => {
                    return Err(FilenameError::OtherProject {
                        filename: filename.to_owned(),
                        project: project.clone(),
                    });
                }
                fit => fit.filter(|(_, version)| !version.to_string().is_empty()),
            }
        }
        None => {
            let all: Vec<_> = dashes.collect();
            all.into_iter().rev().filter_map(read).find(pep440)
        }
    };
    let (project, version) =
        found.ok_or_else(|| FilenameError::Unreadable { filename: filename.to_owned() })?;
    Ok(Named { filename: filename.to_owned(), project, version })
}

/// Legacy names carry more than a version after the name (`-py2.7`, `.win32`, `-1.noarch`): the version is the
/// longest PEP 440 prefix of what follows the name.
fn split_legacy(filename: &str, stem: &str, project: Option<&ProjectName>) -> Result<Named, FilenameError> {
    let named = split_stem(filename, stem, project);
    if let Ok(named) = &named
        && named.version.pep440().is_some()
    {
        return Ok(named.clone());
    }
    for (index, _) in stem.match_indices('-') {
        let Ok(name) = stem[..index].parse::<ProjectName>() else { continue };
        if project.is_some_and(|project| *project != name) {
            continue;
        }
        let rest = &stem[index + 1..];
        let ends = rest.match_indices(['-', '.', '_']).map(|(end, _)| end).collect::<Vec<_>>();
        let version = ends.into_iter().rev().find_map(|end| Version::read(&rest[..end]).pep440().cloned());
        if let Some(version) = version {
            let version = Version::Pep440(version);
            return Ok(Named { filename: filename.to_owned(), project: name, version });
        }
    }
    named
}

#[cfg(test)]
mod tests;
