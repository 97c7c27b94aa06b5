//! Wheels and sdists that real installers accept, with the same bytes for the same calls.

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::{Compression, GzBuilder};
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;

/// The build backend inside every [`SdistBuilder`] archive: it needs nothing but Python's own library.
const BACKEND: &str = include_str!("archives/backend.py");

/// 1980-01-01, the first moment a zip can name; anything older makes building a wheel from an sdist fail.
const MODIFIED: u64 = 315_532_800;

/// The lower-case hexadecimal sha256 of `bytes`.
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// `size` bytes that look random, do not compress, and are the same for the same `seed`.
pub fn random_bytes(size: usize, seed: u64) -> Vec<u8> {
    // splitmix64: short, and good enough that deflate finds nothing to gain.
    let mut state = seed;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bytes.extend_from_slice(&(word ^ (word >> 31)).to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

/// A project name as file names and modules spell it: lower case, each run of `-`, `_` and `.` as one `_`.
pub fn escaped_name(name: &str) -> String {
    let mut escaped = String::new();
    for character in name.chars() {
        if matches!(character, '-' | '_' | '.') {
            if !escaped.ends_with('_') {
                escaped.push('_');
            }
        } else {
            escaped.push(character.to_ascii_lowercase());
        }
    }
    escaped
}

/// What wheels and sdists have in common: the headers of their metadata and their files.
#[derive(Debug, Clone)]
struct Project {
    name: String,
    version: String,
    requires_python: Option<String>,
    requires_dist: Vec<String>,
    metadata_lines: Vec<String>,
    raw_metadata: Option<Vec<u8>>,
    /// Path inside the archive (sdist: inside the top folder) and content.
    files: Vec<(String, Vec<u8>)>,
}

impl Project {
    fn new(name: &str, version: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: version.to_owned(),
            requires_python: None,
            requires_dist: Vec::new(),
            metadata_lines: Vec::new(),
            raw_metadata: None,
            files: Vec::new(),
        }
    }

    fn metadata(&self) -> Vec<u8> {
        if let Some(raw) = &self.raw_metadata {
            return raw.clone();
        }
        let mut text = format!("Metadata-Version: 2.2\nName: {}\nVersion: {}\n", self.name, self.version);
        if let Some(requires_python) = &self.requires_python {
            let _ = writeln!(text, "Requires-Python: {requires_python}");
        }
        for requirement in &self.requires_dist {
            let _ = writeln!(text, "Requires-Dist: {requirement}");
        }
        for line in &self.metadata_lines {
            text.push_str(line);
            text.push('\n');
        }
        text.into_bytes()
    }

    /// The package that makes the project importable, then the files that the test added.
    fn members(&self) -> Vec<(String, Vec<u8>)> {
        let module = (
            format!("{}/__init__.py", escaped_name(&self.name)),
            format!("__version__ = \"{}\"\n", self.version).into_bytes(),
        );
        std::iter::once(module).chain(self.files.iter().cloned()).collect()
    }
}

/// The setters that both builders share, each kept in the `project` field.
macro_rules! project_setters {
    () => {
        /// Sets `Requires-Python`.
        pub fn requires_python(mut self, specifier: &str) -> Self {
            self.project.requires_python = Some(specifier.to_owned());
            self
        }

        /// Adds one `Requires-Dist`.
        pub fn requires_dist(mut self, requirement: &str) -> Self {
            self.project.requires_dist.push(requirement.to_owned());
            self
        }

        /// Adds one line to the metadata, as it is: `Summary: a teapot`.
        pub fn metadata_line(mut self, line: &str) -> Self {
            self.project.metadata_lines.push(line.to_owned());
            self
        }

        /// Adds a file. For an sdist, the path is inside the top folder.
        pub fn file(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
            self.project.files.push((path.to_owned(), content.into()));
            self
        }

        /// Adds a file of `size` bytes that do not compress, the same for the same `seed`.
        pub fn random_file(self, path: &str, size: usize, seed: u64) -> Self {
            self.file(path, random_bytes(size, seed))
        }

        /// The normalized project name: `foo-bar`.
        pub fn project(&self) -> String {
            escaped_name(&self.project.name).replace('_', "-")
        }

        /// The version as it was given.
        pub fn version(&self) -> &str {
            &self.project.version
        }

        /// The `Requires-Python` that was set.
        pub fn requires_python_text(&self) -> Option<&str> {
            self.project.requires_python.as_deref()
        }

        /// The metadata as it stands in the archive, byte for byte.
        pub fn metadata(&self) -> Vec<u8> {
            self.project.metadata()
        }
    };
}

/// Builds a wheel that installs, imports, and knows its `__version__`; deterministic to the byte.
#[derive(Debug, Clone)]
pub struct WheelBuilder {
    project: Project,
    build: Option<String>,
    tag: String,
    dist_info: Option<String>,
    filename: Option<String>,
}

impl WheelBuilder {
    /// A pure wheel (`py3-none-any`) of this project. The name is escaped for the file name and the module.
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            project: Project::new(name, version),
            build: None,
            tag: "py3-none-any".to_owned(),
            dist_info: None,
            filename: None,
        }
    }

    /// A wheel of this file name, letter for letter, with this METADATA; none where it is no name of a wheel.
    pub fn named(filename: &str, metadata: impl Into<Vec<u8>>) -> Option<Self> {
        let parts: Vec<&str> = filename.strip_suffix(".whl")?.split('-').collect();
        let (stem, build, tag) = match parts.as_slice() {
            [name, version, tag @ ..] if tag.len() == 3 => ([*name, *version], None, tag),
            [name, version, build, tag @ ..] if tag.len() == 3 => ([*name, *version], Some(*build), tag),
            _ => return None,
        };
        let mut wheel = Self::new(stem[0], stem[1]).tag(&tag.join("-")).raw_metadata(metadata);
        wheel.build = build.map(str::to_owned);
        wheel.filename = Some(filename.to_owned());
        Some(wheel.dist_info(&format!("{}.dist-info", stem.join("-"))))
    }

    /// Sets the compatibility tag: `cp311-cp311-manylinux_2_28_x86_64`.
    pub fn tag(mut self, tag: &str) -> Self {
        tag.clone_into(&mut self.tag);
        self
    }

    /// Sets the build tag: `1`.
    pub fn build_tag(mut self, build: &str) -> Self {
        self.build = Some(build.to_owned());
        self
    }

    /// Replaces the whole METADATA, for metadata that is wrong.
    pub fn raw_metadata(mut self, metadata: impl Into<Vec<u8>>) -> Self {
        self.project.raw_metadata = Some(metadata.into());
        self
    }

    /// Adds a build backend for [`SdistBuilder::backend`]: the module `<project>.backend`, which builds nothing unless
    /// these other modules can be imported.
    pub fn with_backend(self, imports: &[&str]) -> Self {
        let mut module = BACKEND.to_owned();
        for import in imports {
            let _ = writeln!(module, "import {import}");
        }
        let path = format!("{}/backend.py", escaped_name(&self.project.name));
        self.file(&path, module)
    }

    /// Replaces the name of the dist-info folder: `Foo.Bar-1.0.dist-info`.
    pub fn dist_info(mut self, folder: &str) -> Self {
        self.dist_info = Some(folder.to_owned());
        self
    }

    project_setters!();

    /// `foo_bar-1.0-py3-none-any.whl`
    pub fn filename(&self) -> String {
        if let Some(filename) = &self.filename {
            return filename.clone();
        }
        let build = self.build.as_ref().map(|build| format!("-{build}")).unwrap_or_default();
        format!("{}{build}-{}.whl", self.stem(), self.tag)
    }

    /// The bytes of the wheel.
    pub fn build(&self) -> Vec<u8> {
        let dist_info = self.dist_info.clone().unwrap_or_else(|| format!("{}.dist-info", self.stem()));
        let mut members = self.project.members();
        members.push((format!("{dist_info}/METADATA"), self.metadata()));
        members.push((format!("{dist_info}/WHEEL"), self.wheel_file().into_bytes()));

        let mut record = String::new();
        for (path, content) in &members {
            let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(content));
            // A path may hold commas and quotes, and RECORD is CSV.
            let path = if path.contains([',', '"', '\n']) {
                format!("\"{}\"", path.replace('"', "\"\""))
            } else {
                path.clone()
            };
            let _ = writeln!(record, "{path},sha256={digest},{}", content.len());
        }
        let _ = writeln!(record, "{dist_info}/RECORD,,");
        members.push((format!("{dist_info}/RECORD"), record.into_bytes()));

        zipped(&members)
    }

    fn stem(&self) -> String {
        format!("{}-{}", escaped_name(&self.project.name), self.project.version.replace('-', "_"))
    }

    fn wheel_file(&self) -> String {
        let pure = self.tag.ends_with("-none-any");
        let mut text = format!("Wheel-Version: 1.0\nGenerator: depot-tests\nRoot-Is-Purelib: {pure}\n");
        // `py2.py3-none-any` is two tags in one file name, and WHEEL lists each.
        let mut parts = self.tag.split('-').map(|part| part.split('.').collect::<Vec<_>>());
        let (pythons, abis, platforms) = (
            parts.next().unwrap_or_default(),
            parts.next().unwrap_or_default(),
            parts.next().unwrap_or_default(),
        );
        for python in &pythons {
            for abi in &abis {
                for platform in &platforms {
                    let _ = writeln!(text, "Tag: {python}-{abi}-{platform}");
                }
            }
        }
        if let Some(build) = &self.build {
            let _ = writeln!(text, "Build: {build}");
        }
        text
    }
}

/// A zip of these members.
pub(crate) fn zipped(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content) in members {
        // The default time is 1980-01-01, and no clock is asked.
        let options = SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Deflated)
            .unix_permissions(0o644);
        archive.start_file(path, options).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// Builds a `.tar.gz` sdist that installs without the network: its build backend lies inside it.
#[derive(Debug, Clone)]
pub struct SdistBuilder {
    project: Project,
    build_requires: Vec<String>,
    /// The module of a backend that is installed; none for the one in the sdist.
    backend: Option<String>,
    /// Whether there is no `pyproject.toml`.
    is_old: bool,
    stem: Option<String>,
    zip: bool,
}

impl SdistBuilder {
    /// An sdist of this project. The name is escaped for the file name and the module.
    pub fn new(name: &str, version: &str) -> Self {
        Self {
            project: Project::new(name, version),
            build_requires: Vec::new(),
            backend: None,
            is_old: false,
            stem: None,
            zip: false,
        }
    }

    /// An sdist of this file name, letter for letter, with this PKG-INFO; none where it is no name of a `.tar.gz`
    /// or `.zip`.
    pub fn named(filename: &str, pkg_info: impl Into<Vec<u8>>) -> Option<Self> {
        let zipped = filename.strip_suffix(".zip");
        let stem = zipped.or_else(|| filename.strip_suffix(".tar.gz"))?;
        let (name, version) = stem.rsplit_once('-')?;
        let sdist = Self::new(name, version).raw_pkg_info(pkg_info);
        Some(Self { stem: Some(stem.to_owned()), zip: zipped.is_some(), ..sdist })
    }

    /// Adds one requirement to `[build-system] requires`; without any, the build needs no index.
    pub fn build_requires(mut self, requirement: &str) -> Self {
        self.build_requires.push(requirement.to_owned());
        self
    }

    /// Is built by this module, which must come with what the build requires ([`WheelBuilder::with_backend`]), and not by
    /// the one in the sdist.
    pub fn backend(mut self, module: &str) -> Self {
        self.backend = Some(module.to_owned());
        self
    }

    /// Has no `pyproject.toml`, as old ones have none: it is built by setuptools, from this `setup.py`.
    pub fn setup_py(mut self, script: &str) -> Self {
        self.is_old = true;
        self.file("setup.py", script)
    }

    /// Replaces the whole PKG-INFO, for metadata that is wrong.
    pub fn raw_pkg_info(mut self, pkg_info: impl Into<Vec<u8>>) -> Self {
        self.project.raw_metadata = Some(pkg_info.into());
        self
    }

    project_setters!();

    /// `foo_bar-1.0.tar.gz`
    pub fn filename(&self) -> String {
        format!("{}.{}", self.stem(), if self.zip { "zip" } else { "tar.gz" })
    }

    /// The bytes of the sdist.
    pub fn build(&self) -> Vec<u8> {
        let requires: Vec<String> = self.build_requires.iter().map(|text| format!("{text:?}")).collect();
        let backend = match &self.backend {
            None => "\"backend\"\nbackend-path = [\"_build\"]".to_owned(),
            Some(module) => format!("{module:?}"),
        };
        let pyproject =
            format!("[build-system]\nrequires = [{}]\nbuild-backend = {backend}\n", requires.join(", "));
        let mut members = vec![("PKG-INFO".to_owned(), self.metadata())];
        if !self.is_old {
            members.push(("pyproject.toml".to_owned(), pyproject.into_bytes()));
        }
        if self.backend.is_none() && !self.is_old {
            members.push(("_build/backend.py".to_owned(), BACKEND.as_bytes().to_vec()));
        }
        members.extend(self.project.members());

        for (path, _) in &mut members {
            path.insert_str(0, &format!("{}/", self.stem()));
        }
        if self.zip {
            return zipped(&members);
        }
        let gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::default());
        let mut archive = tar::Builder::new(gzip);
        for (path, content) in &members {
            let mut header = tar::Header::new_ustar();
            header.set_mode(0o644);
            header.set_mtime(MODIFIED);
            header.set_size(content.len() as u64);
            archive.append_data(&mut header, path, content.as_slice()).unwrap();
        }
        archive.into_inner().unwrap().finish().unwrap()
    }

    fn stem(&self) -> String {
        let usual = || format!("{}-{}", escaped_name(&self.project.name), self.project.version);
        self.stem.clone().unwrap_or_else(usual)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_calls_give_the_same_bytes() {
        let wheel = || WheelBuilder::new("Foo.Bar", "1.0").random_file("foo_bar/data.bin", 5000, 7).build();
        assert_eq!(wheel(), wheel());
        let sdist = || SdistBuilder::new("Foo.Bar", "1.0").random_file("foo_bar/data.bin", 5000, 7).build();
        assert_eq!(sdist(), sdist());
        assert_ne!(random_bytes(100, 1), random_bytes(100, 2));
    }

    #[test]
    fn random_files_do_not_compress() {
        let wheel = WheelBuilder::new("big", "1").random_file("big/data.bin", 100_000, 1).build();
        assert!(wheel.len() > 100_000);
    }

    #[test]
    fn names_are_escaped_in_file_names() {
        assert_eq!(WheelBuilder::new("Foo.-Bar", "1.0").filename(), "foo_bar-1.0-py3-none-any.whl");
        assert_eq!(
            WheelBuilder::new("a", "1.0+lab.2").build_tag("3").tag("cp39-abi3-win32").filename(),
            "a-1.0+lab.2-3-cp39-abi3-win32.whl"
        );
        assert_eq!(SdistBuilder::new("Foo.-Bar", "1.0").filename(), "foo_bar-1.0.tar.gz");
        assert_eq!(SdistBuilder::new("Foo.-Bar", "1.0").project(), "foo-bar");
    }

    #[test]
    fn a_file_name_is_kept_as_it_is_given() {
        let wheel = WheelBuilder::named("Tea.Pot-1.0-2-cp39-abi3-linux_a.linux_b.whl", "Name: x\n").unwrap();
        assert_eq!(wheel.filename(), "Tea.Pot-1.0-2-cp39-abi3-linux_a.linux_b.whl");
        assert_eq!(wheel.project(), "tea-pot");
        let mut archive = zip::ZipArchive::new(Cursor::new(wheel.build())).unwrap();
        assert!(archive.by_name("Tea.Pot-1.0.dist-info/METADATA").is_ok());
        assert!(WheelBuilder::named("tea-1.0.tar.gz", "").is_none());
        assert!(WheelBuilder::named("tea-1.0-any.whl", "").is_none());
        assert_eq!(SdistBuilder::named("Tea-Pot-1.0.tar.gz", "").unwrap().filename(), "Tea-Pot-1.0.tar.gz");
        let zipped = SdistBuilder::named("tea-1.0.zip", "Name: tea\n").unwrap();
        assert_eq!(zipped.filename(), "tea-1.0.zip");
        assert!(zipped.build().starts_with(b"PK"));
        assert!(SdistBuilder::named("tea-1.0.whl", "").is_none());
    }

    #[test]
    fn the_digest_of_nothing_is_the_known_one() {
        assert_eq!(sha256_hex(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
