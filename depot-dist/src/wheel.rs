//! Wheels: `{name}-{version}.dist-info/METADATA`, found through the central directory.

use std::io::{Read, Seek};

use depot_proto::ProjectName;

use crate::{DistError, Limits, member, zip_directory::ZipDirectory};

const DIST_INFO: &[u8] = b".dist-info";

/// The wheel's `METADATA`.
///
/// Installers take the one top folder that ends in `.dist-info` and want its name to start with the project's
/// (old wheels have un-normalized folders such as `Foo.Bar-1.0.dist-info`), so nothing else is asked here.
pub(crate) fn metadata<R: Read + Seek>(
    reader: &mut R,
    project: &ProjectName,
    limits: &Limits,
) -> Result<Vec<u8>, DistError> {
    let directory = ZipDirectory::read(reader, limits)?;
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
    let Some(folder) = found else {
        return Err(DistError::no_metadata("the wheel has no .dist-info folder at its top"));
    };
    if !belongs_to(&folder[..folder.len() - DIST_INFO.len()], project) {
        return Err(DistError::Disagrees {
            field: "project",
            in_filename: project.to_string(),
            in_metadata: member::display(folder),
        });
    }
    let metadata = directory.names().position(|name| split_top(name) == Some((folder, b"METADATA")));
    let Some(index) = metadata else {
        let folder = member::display(folder);
        return Err(DistError::no_metadata(format!("the wheel has no `{folder}/METADATA`")));
    };
    directory.extract(reader, index, limits.max_metadata_size)
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
