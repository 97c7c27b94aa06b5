//! The files that are meant by what was typed: a file, a folder, or a pattern that no shell has filled in.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use depot_proto::{DistributionFilename, FilenameError};

/// The distributions that a name stands for.
///
/// A file is taken by its name alone; of a folder those are taken, however deep, that are named as distributions are; and
/// `*` and `?` in the last part of a name stand for anything in files of that folder, unless a file is really named so.
pub(super) fn distributions(named: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let metadata = match fs::metadata(named) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return matching(named, error),
        metadata => metadata?,
    };
    if !metadata.is_dir() {
        return Ok(vec![named.to_owned()]);
    }
    let mut found = Vec::new();
    let mut folders = vec![named.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            // Links are not followed: they may lead round in circles.
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() && filename(&entry.path()).is_ok() {
                found.push(entry.path());
            }
        }
    }
    anyhow::ensure!(!found.is_empty(), "there is no distribution in this folder");
    Ok(found)
}

/// The files of a pattern; `error` tells why there is none where it is no pattern.
fn matching(named: &Path, error: io::Error) -> anyhow::Result<Vec<PathBuf>> {
    let pattern = named.file_name().and_then(|name| name.to_str()).filter(|name| name.contains(['*', '?']));
    let Some(pattern) = pattern else { return Err(error.into()) };
    let folder = named.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder.unwrap_or(Path::new(".")))? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if fits(pattern.as_bytes(), name.as_bytes()) && entry.path().is_file() {
            // As it was typed: without a folder where there was none.
            found.push(folder.map_or_else(|| PathBuf::from(name), |folder| folder.join(name)));
        }
    }
    anyhow::ensure!(!found.is_empty(), "no file fits this pattern");
    Ok(found)
}

/// Whether a name fits a pattern. Each `*` is tried for as little as fits, and the last one alone is gone back to, so this
/// never takes longer than the product of both lengths.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while from < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(&byte) if byte == b'?' || byte == name[from] => {
                at += 1;
                from += 1;
            }
            _ => {
                let Some((star_at, taken)) = star else { return false };
                star = Some((star_at, taken + 1));
                at = star_at + 1;
                from = taken + 1;
            }
        }
    }
    pattern[at..].iter().all(|&byte| byte == b'*')
}

/// What the name of a file says. Trees have a folder for each project, which settles where the name of a source
/// distribution ends.
pub(super) fn filename(path: &Path) -> Result<DistributionFilename, FilenameError> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let folder = path.parent().and_then(Path::file_name).and_then(|folder| folder.to_str());
    let of_folder = folder
        .and_then(|folder| folder.parse().ok())
        .and_then(|project| DistributionFilename::parse(name, &project).ok());
    of_folder.map_or_else(|| DistributionFilename::guess(name), Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stand_for_what_shells_take_them_for() {
        for (pattern, name, expected) in [
            ("*", "a.whl", true),
            ("*.whl", "a.whl", true),
            ("*.whl", "a.whl.json", false),
            ("a?c*", "abc-1.tar.gz", true),
            ("a?c", "ac", false),
            ("*-1*-*", "pot-1.0-py3", true),
            ("", "a", false),
            ("a*b*c", "axxbyyb", false),
        ] {
            assert_eq!(fits(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
        assert!(!fits(&b"*a".repeat(40), &b"a".repeat(39)));
    }

    #[test]
    fn the_folder_of_a_tree_says_where_the_name_of_a_project_ends() {
        let read = |path: &str| filename(Path::new(path)).unwrap().project().to_string();
        assert_eq!(read("dist/foo-1-1.tar.gz"), "foo-1");
        assert_eq!(read("files/foo/foo-1-1.tar.gz"), "foo");
        assert_eq!(read("foo-1.0-py3-none-any.whl"), "foo");
    }
}
