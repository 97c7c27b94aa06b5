//! The one door: a reader and a file name go in, the checked core metadata comes out.

use std::io::{Read, Seek, SeekFrom};

use depot_proto::{CoreMetadata, DistributionFilename, ProjectName, SdistFormat, Version, metadata};

use crate::{DistError, Limits, sdist, wheel};

/// What was read from inside a distribution.
#[derive(Clone, Debug)]
pub struct Contents {
    /// The core metadata. Its name and version are those of the file name.
    pub metadata: CoreMetadata,
    /// `METADATA` or `PKG-INFO` as it stands in the archive, byte for byte: what a wheel's `.metadata` sidecar
    /// must be (PEP 658).
    pub raw_metadata: Vec<u8>,
}

/// Finds and reads the core metadata of a wheel or a source distribution, and checks its name and version against
/// the file name.
///
/// It blocks. Of a wheel and a `.zip` only the end, the central directory and the metadata are read; a tar is
/// unpacked from its start until the metadata is found, and is not looked at behind that. What is not one of these is
/// [`DistError::Unsupported`], so that a caller may keep it without metadata.
///
/// ```no_run
/// use depot_dist::{Limits, read};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let filename = depot_proto::DistributionFilename::guess("foo-1.0-py3-none-any.whl")?;
/// let contents = read(std::fs::File::open(filename.as_str())?, &filename, &Limits::default())?;
/// println!("{:?}", contents.metadata.requires_python);
/// # Ok(())
/// # }
/// ```
pub fn read<R: Read + Seek>(
    mut reader: R,
    filename: &DistributionFilename,
    limits: &Limits,
) -> Result<Contents, DistError> {
    let raw_metadata = match filename {
        DistributionFilename::Wheel(_) => wheel::metadata(&mut reader, filename.project(), limits)?,
        _ => read_sdist_file(reader, filename, "PKG-INFO", limits)?.ok_or_else(sdist::no_pkg_info)?,
    };
    let metadata = metadata::parse(&raw_metadata).map_err(DistError::BadMetadata)?;
    check_name(&metadata, filename.project())?;
    check_version(&metadata, filename.version())?;
    Ok(Contents { metadata, raw_metadata })
}

/// Reads a file that lies in the top folder of a source distribution, such as `pyproject.toml`; none if it is not
/// there.
///
/// It blocks, and is bounded as [`read()`] is. What is no source distribution that can be read is
/// [`DistError::Unsupported`].
pub fn read_sdist_file<R: Read + Seek>(
    mut reader: R,
    filename: &DistributionFilename,
    name: &str,
    limits: &Limits,
) -> Result<Option<Vec<u8>>, DistError> {
    let DistributionFilename::Sdist(sdist) = filename else {
        return Err(DistError::unsupported("a distribution that is neither wheel nor source archive"));
    };
    match sdist.format {
        SdistFormat::Zip => sdist::file_of_zip(&mut reader, name, limits),
        SdistFormat::TarGz => {
            let size = rewind(&mut reader)?;
            sdist::file_of_tar_gz(&mut reader, size, name, limits)
        }
        SdistFormat::Tar => {
            let size = rewind(&mut reader)?;
            sdist::file_of_tar(&mut reader, size, name, limits)
        }
        SdistFormat::OtherTar => {
            Err(DistError::unsupported("a source archive that is neither .tar.gz, .zip nor .tar"))
        }
    }
}

/// The size of the file; the reader stands at its start afterwards.
fn rewind<R: Seek>(reader: &mut R) -> Result<u64, DistError> {
    let size = reader.seek(SeekFrom::End(0)).map_err(DistError::Io)?;
    reader.rewind().map_err(DistError::Io)?;
    Ok(size)
}

pub(crate) fn check_name(metadata: &CoreMetadata, expected: &ProjectName) -> Result<(), DistError> {
    let found = metadata.name.trim().parse::<ProjectName>();
    if found.is_ok_and(|found| found == *expected) {
        return Ok(());
    }
    Err(DistError::Disagrees {
        field: "project",
        in_filename: expected.to_string(),
        in_metadata: shown(&metadata.name),
    })
}

/// Versions agree when PEP 440 says so (`1.0` and `1.0.0`). File names of old source distributions have legacy
/// versions with `-` for whatever was not allowed in them, so those are compared in that form.
pub(crate) fn check_version(metadata: &CoreMetadata, expected: &Version) -> Result<(), DistError> {
    let found = Version::read(&metadata.version);
    let legacy = found.pep440().is_none() || expected.pep440().is_none();
    if found == *expected || (legacy && escaped(&found) == escaped(expected)) {
        return Ok(());
    }
    Err(DistError::Disagrees {
        field: "version",
        in_filename: expected.to_string(),
        in_metadata: shown(&metadata.version),
    })
}

fn escaped(version: &Version) -> String {
    let mut text = String::new();
    for character in version.to_string().chars() {
        match character {
            'A'..='Z' | 'a'..='z' | '0'..='9' | '.' => text.push(character.to_ascii_lowercase()),
            _ if text.ends_with('-') => {}
            _ => text.push('-'),
        }
    }
    text
}

/// A field's text comes from the archive and may be anything; a message prints the start of it, escaped.
fn shown(text: &str) -> String {
    crate::member::display(text.as_bytes())
}

#[cfg(test)]
mod tests;
