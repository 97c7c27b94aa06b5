//! Files by the path that they have at the index they were mirrored from.
//!
//! Nothing is kept for this: the last part of a path is the file's name, and that says where its record is.

use depot_proto::{DistributionFilename, FileRecord, Origin, ProjectName, redact::SafeUrl};
use percent_encoding::percent_decode_str;

use super::repository::Repository;
use crate::store::StoreError;

/// What a file name can mean. The name of a wheel has one meaning; in that of an sdist any dash may be where the version
/// begins: `foo-1-1.tar.gz` is of `foo` or of `foo-1`.
pub(crate) fn meanings(filename: &str) -> Vec<DistributionFilename> {
    let mut meanings: Vec<DistributionFilename> = Vec::new();
    for (dash, _) in filename.match_indices('-') {
        let Ok(project) = filename[..dash].parse::<ProjectName>() else { continue };
        if let Ok(meaning) = DistributionFilename::parse(filename, &project)
            && meanings.iter().all(|known| known.project() != meaning.project())
        {
            meanings.push(meaning);
        }
    }
    meanings
}

/// The one of these that is here, and was mirrored. Where there are several, the one whose path it is. A single one may
/// have another path: the same file lies elsewhere at a mirror of the index, and its name has the same bytes everywhere.
/// May block.
pub(crate) fn find(
    repository: &Repository,
    meanings: Vec<DistributionFilename>,
    path: &str,
) -> Result<Option<DistributionFilename>, StoreError> {
    let mut here = Vec::new();
    for meaning in meanings {
        if let Some(record) = repository.file(&meaning)?
            && let Some(upstream) = path_of(&record)
        {
            here.push((meaning, upstream));
        }
    }
    if here.len() > 1 {
        here.retain(|(_, upstream)| is_path(upstream, path));
    }
    Ok(if here.len() == 1 { here.pop().map(|(meaning, _)| meaning) } else { None })
}

/// The path of a mirrored file at its index, decoded and without its first slash.
fn path_of(record: &FileRecord) -> Option<String> {
    let Some(Origin::Mirrored { url, .. }) = &record.facts.origin else { return None };
    let url = url.parse::<SafeUrl>().ok()?;
    let path = percent_decode_str(url.as_url().path()).decode_utf8_lossy().into_owned();
    Some(path.trim_start_matches('/').to_owned())
}

/// Whether what follows `packages/` is this path of an index, which may begin so itself.
pub(super) fn is_path(upstream: &str, path: &str) -> bool {
    upstream == path || upstream.strip_prefix("packages/") == Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_every_project_that_it_can_begin_with() {
        let projects = |filename: &str| {
            let meanings = meanings(filename).into_iter();
            meanings.map(|meaning| format!("{} {}", meaning.project(), meaning.version())).collect::<Vec<_>>()
        };
        assert_eq!(projects("tea_pot-1.0-py3-none-any.whl"), ["tea-pot 1.0"]);
        assert_eq!(projects("foo-1-1.tar.gz"), ["foo 1.post1", "foo-1 1"]);
        assert!(projects("foo-bar-1.0.tar.gz").contains(&"foo-bar 1.0".to_owned()));
        for none in ["", "-", "foo", "foo.txt", "../foo-1.tar.gz", "foo-1.tar.gz\n", &"-".repeat(300)] {
            assert!(projects(none).is_empty(), "{none}");
        }
    }

    #[test]
    fn a_path_may_begin_with_packages_upstream_or_not() {
        for (upstream, path, is_one) in [
            ("packages/ab/cd/foo-1.tar.gz", "ab/cd/foo-1.tar.gz", true),
            ("whl/cpu/foo-1.tar.gz", "whl/cpu/foo-1.tar.gz", true),
            ("packages/ab/cd/foo-1.tar.gz", "packages/ab/cd/foo-1.tar.gz", true),
            ("packages/ab/cd/foo-1.tar.gz", "cd/foo-1.tar.gz", false),
        ] {
            assert_eq!(is_path(upstream, path), is_one, "{upstream} {path}");
        }
    }
}
