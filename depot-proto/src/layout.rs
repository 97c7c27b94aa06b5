//! Where things lie under a root, on disk, in a bucket and in a copied tree alike.
//!
//! ```text
//! files/<project>/<filename>              the bytes, never changed once visible
//! files/<project>/<filename>.metadata     the wheel's METADATA, byte for byte (PEP 658)
//! files/<project>/<filename>.json         the file record, written last: its presence is the commit
//! files/<project>/<filename>.provenance   the PEP 740 document, where there is one
//! projects/<project>.json                 what belongs to a project
//! bundles.json                            which bundles were imported
//! tmp/                                    what is under way
//! ```

use crate::{ProjectName, simple::quote};

/// The folder of the distributions.
pub const FILES: &str = "files";
/// The folder of what belongs to projects.
pub const PROJECTS: &str = "projects";
/// Which bundles were imported. Losing it costs a look at what the next one builds on, and nothing else.
pub const BUNDLES: &str = "bundles.json";
/// The folder of what is under way; the only one that is ever swept.
pub const TMP: &str = "tmp";

/// What is stored of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The bytes.
    Bytes,
    /// The wheel's core metadata.
    Metadata,
    /// The file record.
    Record,
    /// The PEP 740 document.
    Provenance,
}

impl Part {
    /// What follows the file's name.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Bytes => "",
            Self::Metadata => ".metadata",
            Self::Record => ".json",
            Self::Provenance => ".provenance",
        }
    }

    /// The name of the file that a stored name belongs to, and which part of it that is.
    pub fn split(stored: &str) -> (&str, Self) {
        for part in [Self::Metadata, Self::Record, Self::Provenance] {
            if let Some(filename) = stored.strip_suffix(part.suffix()) {
                return (filename, part);
            }
        }
        (stored, Self::Bytes)
    }
}

/// The path of a part of a file, relative to the root, with `/` between its segments.
pub fn file_path(project: &ProjectName, filename: &str, part: Part) -> String {
    format!("{FILES}/{project}/{filename}{}", part.suffix())
}

/// The path of what belongs to a project, relative to the root, with `/` between its segments.
pub fn project_path(project: &ProjectName) -> String {
    format!("{PROJECTS}/{project}.json")
}

/// The address of a file's bytes relative to its project's page, percent-encoded.
pub fn href_from_page(project: &ProjectName, filename: &str) -> String {
    format!("../../{FILES}/{project}/{}", quote(filename))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_file_lie_side_by_side() {
        let project = "Foo.Bar".parse().unwrap();
        let filename = "foo_bar-1.0+lab-py3-none-any.whl";
        for part in [Part::Bytes, Part::Metadata, Part::Record, Part::Provenance] {
            let path = file_path(&project, filename, part);
            let stored = path.strip_prefix("files/foo-bar/").unwrap();
            assert_eq!(Part::split(stored), (filename, part));
        }
        assert_eq!(
            href_from_page(&project, filename),
            "../../files/foo-bar/foo_bar-1.0%2Blab-py3-none-any.whl"
        );
    }
}
