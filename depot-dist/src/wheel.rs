//! Wheels: `{name}-{version}.dist-info/METADATA`, found through the central directory.

use std::io::{Read, Seek};

use depot_proto::ProjectName;

use crate::{DistError, Limits, member, zip_directory::ZipDirectory};

pub(crate) const DIST_INFO: &[u8] = b".dist-info";

/// The wheel's `METADATA`.
pub(crate) fn metadata<R: Read + Seek>(
    reader: &mut R,
    project: &ProjectName,
    limits: &Limits,
) -> Result<Vec<u8>, DistError> {
    let directory = ZipDirectory::read(reader, limits)?;
    let folder = dist_info(&directory, project)?;
    let index = member_of(&directory, folder, b"METADATA").ok_or_else(|| {
        let folder = member::display(folder);
        DistError::no_metadata(format!("the wheel has no `{folder}/METADATA`"))
    })?;
    directory.extract(reader, index, limits.max_metadata_size)
}

/// The name of the wheel's `.dist-info` folder.
///
/// Installers take the one top folder that ends so and want its name to start with the project's (old wheels have
/// un-normalized folders such as `Foo.Bar-1.0.dist-info`), so nothing else is asked here.
pub(crate) fn dist_info<'a>(
    directory: &'a ZipDirectory,
    project: &ProjectName,
) -> Result<&'a [u8], DistError> {
    let mut found: Option<&[u8]> = None;
    for name in directory.names() {
        let Some((folder, _)) = split_top(name) else { continue };
        if !folder.ends_with(DIST_INFO) || found == Some(folder) {
            continue;
        }
        if let Some(first) = found {
            let (first, second) = (member::display(first), member::display(folder));
            return Err(DistError::no_metadata(format!(
                "the wheel has more than one .dist-info folder, `{first}` and `{second}`"
            )));
        }
        found = Some(folder);
    }
    let folder =
        found.ok_or_else(|| DistError::no_metadata("the wheel has no .dist-info folder at its top"))?;
    if belongs_to(&folder[..folder.len() - DIST_INFO.len()], project) {
        return Ok(folder);
    }
    Err(DistError::Disagrees {
        field: "project",
        in_filename: project.to_string(),
        in_metadata: member::display(folder),
    })
}

/// Where a file that lies in this top folder stands in the directory.
pub(crate) fn member_of(directory: &ZipDirectory, folder: &[u8], file: &[u8]) -> Option<usize> {
    directory.names().position(|name| split_top(name) == Some((folder, file)))
}

/// A member's top folder and the rest of its name; nothing for a file that lies at the top.
fn split_top(name: &[u8]) -> Option<(&[u8], &[u8])> {
    let slash = name.iter().position(|&byte| byte == b'/')?;
    Some((&name[..slash], &name[slash + 1..]))
}

/// Whether `{name}-{version}` starts with the project's name, in any spelling of it.
fn belongs_to(stem: &[u8], project: &ProjectName) -> bool {
    let Ok(stem) = std::str::from_utf8(stem) else { return false };
    let is_project = |text: &str| text.parse::<ProjectName>().is_ok_and(|name| name == *project);
    is_project(stem) || stem.match_indices('-').any(|(dash, _)| is_project(&stem[..dash]))
}

#[cfg(test)]
mod tests;
