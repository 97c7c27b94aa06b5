//! A list with all that it includes, as one sequence of lines.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    super::{inputs::is_project, locks::is_lock},
    decode::{DecodeError, decode},
    line::{self, Flag, Line},
    lines::logical,
    masked,
};

/// How deep lists may include each other.
const MAX_DEPTH: usize = 32;

/// How many lists are read for one run, each counted as often as it is included.
const MAX_LISTS: usize = 1000;

/// What a list is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What is wanted.
    Requirements,
    /// Which versions will do, of what is wanted for another reason.
    Constraints,
}

/// Why a list cannot be read whole. What a run would do with the rest is not what was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListError {
    #[error("cannot read `{}`{}", .path.display(), from(.includer.as_deref()))]
    Unreadable { path: PathBuf, includer: Option<String>, source: io::Error },
    #[error("cannot read `{}`{}: {source}", .path.display(), from(.includer.as_deref()))]
    NoText { path: PathBuf, includer: Option<String>, source: DecodeError },
    #[error("`{url}`{} is an address, and lists are read from files: download it first", from(.includer.as_deref()))]
    Address { url: String, includer: Option<String> },
    #[error("`{}`{} is a lock file or a project's, which a list cannot include: give it on the command line, with `-r`", .path.display(), from(.includer.as_deref()))]
    Lock { path: PathBuf, includer: Option<String> },
    #[error("`{}` includes itself, by {includer}", .path.display())]
    Cycle { path: PathBuf, includer: String },
    #[error("lists include each other more than {MAX_DEPTH} deep, the last by {0}")]
    TooDeep(String),
    #[error("more than {MAX_LISTS} lists are included, the last by {0}")]
    TooMany(String),
}

fn from(includer: Option<&str>) -> String {
    includer.map(|includer| format!(" ({includer})")).unwrap_or_default()
}

/// Told of every line, in order.
pub(crate) trait Told {
    /// The lines of a list that is a file; none for standard input.
    fn line(&mut self, list: Option<&Arc<Path>>, kind: Kind, line: Line);

    /// A line that cannot be read: as written, and why.
    fn bad_line(&mut self, list: Option<&Arc<Path>>, kind: Kind, number: usize, written: String, why: String);
}

/// Reads lists: files by `open`, variables by `variable`.
pub(crate) struct Reader<'a> {
    pub(crate) open: &'a dyn Fn(&Path) -> io::Result<Vec<u8>>,
    pub(crate) variable: &'a dyn Fn(&str) -> Option<String>,
    /// How many lists were read.
    pub(crate) lists: usize,
}

impl Reader<'_> {
    /// Reads the list at this path, given on the command line.
    pub(crate) fn read_file(
        &mut self,
        path: &Path,
        kind: Kind,
        told: &mut dyn Told,
    ) -> Result<(), ListError> {
        self.include(path, kind, None, &mut Vec::new(), told)
    }

    /// Reads the list with these bytes, which is no file; what it includes is looked for in the working folder.
    pub(crate) fn read_bytes(&mut self, bytes: &[u8], told: &mut dyn Told) -> Result<(), ListError> {
        let text = decode(bytes).map_err(|source| ListError::NoText {
            path: PathBuf::from("standard input"),
            includer: None,
            source,
        })?;
        self.read_text(&text, None, Kind::Requirements, &mut Vec::new(), told)
    }

    fn include(
        &mut self,
        path: &Path,
        kind: Kind,
        includer: Option<String>,
        around: &mut Vec<PathBuf>,
        told: &mut dyn Told,
    ) -> Result<(), ListError> {
        if is_address(path) {
            return Err(ListError::Address { url: masked(&path.to_string_lossy()), includer });
        }
        let path = tidied(path);
        if is_lock(&path) || is_project(&path) {
            return Err(ListError::Lock { path, includer });
        }
        if let Some(by) = &includer {
            if around.contains(&path) {
                return Err(ListError::Cycle { path, includer: by.clone() });
            }
            if around.len() >= MAX_DEPTH {
                return Err(ListError::TooDeep(by.clone()));
            }
            if self.lists >= MAX_LISTS {
                return Err(ListError::TooMany(by.clone()));
            }
        }
        self.lists += 1;
        let bytes = match (self.open)(&path) {
            Ok(bytes) => bytes,
            Err(source) => return Err(ListError::Unreadable { path, includer, source }),
        };
        let text = match decode(&bytes) {
            Ok(text) => text,
            Err(source) => return Err(ListError::NoText { path, includer, source }),
        };
        around.push(path.clone());
        let read = self.read_text(&text, Some(&path.into()), kind, around, told);
        around.pop();
        read
    }

    fn read_text(
        &mut self,
        text: &str,
        list: Option<&Arc<Path>>,
        kind: Kind,
        around: &mut Vec<PathBuf>,
        told: &mut dyn Told,
    ) -> Result<(), ListError> {
        for logical in logical(text, self.variable) {
            let line = match line::read(&logical) {
                Ok(line) => line,
                Err(why) => {
                    told.bad_line(list, kind, logical.number, logical.written, why.to_string());
                    continue;
                }
            };
            let is_item = line.requirement.is_some() || line.first(Flag::Editable).is_some();
            let another = [(Flag::Requirement, Kind::Requirements), (Flag::Constraint, Kind::Constraints)]
                .into_iter()
                .find_map(|(flag, kind)| Some((line.first(flag)?.to_owned(), kind)));
            match another.filter(|_| !is_item) {
                Some((path, kind)) => {
                    let place = list.map_or_else(|| "standard input".into(), |list| list.to_string_lossy());
                    let includer = format!("{place}, line {}", line.number);
                    let folder = list.and_then(|list| list.parent());
                    let is_address = is_address(Path::new(&path));
                    let path =
                        folder.filter(|_| !is_address).map_or_else(|| (&path).into(), |to| to.join(&path));
                    self.include(&path, kind, Some(includer), around, told)?;
                }
                None => told.line(list, kind, line),
            }
        }
        Ok(())
    }
}

/// Whether a path is a URL that pip would fetch.
fn is_address(path: &Path) -> bool {
    let Some((scheme, _)) = path.to_str().and_then(|text| text.split_once(':')) else { return false };
    ["http", "https", "file"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
}

/// The path without `.` and `..` where those can be resolved by their words, so that the same file has one name.
fn tidied(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut tidied = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(tidied.components().next_back(), Some(Component::Normal(_))) => {
                tidied.pop();
            }
            other => tidied.push(other),
        }
    }
    tidied
}
