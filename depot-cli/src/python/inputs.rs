//! What was asked for: requirements from the command line, standard input and lists, and what the lists say beside
//! them.

mod list;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, Read as _},
    path::Path,
    sync::Arc,
};

use anyhow::Context as _;
use depot_proto::{ProjectName, Requirement};

use self::list::Collector;
use super::requirements::{Hashes, Kind, Reader, masked};
use crate::{args::SourceArgs, exit::UsageError};

/// The most that is read of one list, in bytes; a list of a million requirements is smaller.
const MAX_LIST: u64 = 64 << 20;

/// One thing asked for.
#[derive(Clone, Debug)]
pub(super) struct Input {
    /// As it was written, for messages.
    pub(super) text: String,
    /// Where it was written.
    pub(super) place: Place,
    /// What it means, or why it means nothing.
    pub(super) requirement: Result<Requirement, String>,
    /// The digests that it is pinned to; none if it is not.
    pub(super) hashes: Option<Arc<Hashes>>,
}

/// Where something was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    CommandLine,
    Stdin(usize),
    File(Arc<Path>, usize),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::CommandLine => f.write_str("command line"),
            Self::Stdin(line) => write!(f, "standard input, line {line}"),
            Self::File(path, line) => write!(f, "{}, line {line}", path.display()),
        }
    }
}

impl Input {
    /// The thing and its place, for a message.
    pub(super) fn label(&self) -> String {
        match self.place {
            Place::CommandLine => self.text.clone(),
            Place::Stdin(_) | Place::File(..) => format!("{} ({})", self.text, self.place),
        }
    }
}

/// An index that a list names.
#[derive(Clone, Debug)]
pub(super) struct ListedIndex {
    /// Its URL, which may hold a password.
    pub(super) url: String,
    /// Where it is named.
    pub(super) place: Place,
}

/// Everything that was asked for.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// What is wanted.
    pub(super) inputs: Vec<Input>,
    /// What narrows the versions of what is wanted, by project.
    pub(super) constraints: BTreeMap<ProjectName, Vec<Input>>,
    /// The index that a list names, the last one.
    pub(super) index: Option<ListedIndex>,
    /// The extra indexes that lists name.
    pub(super) extra_indexes: Vec<ListedIndex>,
    /// Whether a list asks for pre-releases.
    pub(super) pre: bool,
    /// What is left out because it can be wanted nowhere, with its reason.
    pub(super) skipped: Vec<(String, String)>,
    /// What lists say and a run does not do.
    pub(super) warnings: Vec<String>,
}

/// Reads everything that was asked for. A list that cannot be read whole ends the run; a line that cannot be read does
/// not, unless it is a constraint: without it the wrong versions would be saved.
pub(super) fn read(sources: &SourceArgs) -> anyhow::Result<Asked> {
    let mut collector = Collector::default();
    for spec in &sources.specs {
        collector.take(spec);
    }
    let mut reader = Reader { open: &read_file, variable: &|name| env::var(name).ok(), lists: 0 };
    if sources.stdin {
        let mut bytes = Vec::new();
        io::stdin().take(MAX_LIST).read_to_end(&mut bytes).context("cannot read standard input")?;
        reader.read_bytes(&bytes, &mut collector)?;
    }
    for (kind, paths) in
        [(Kind::Requirements, &sources.requirements), (Kind::Constraints, &sources.constraints)]
    {
        for path in paths {
            reader.read_file(path, kind, &mut collector)?;
        }
    }
    let asked = collector.finish(sources.require_hashes)?;
    if asked.inputs.is_empty() && asked.skipped.is_empty() {
        let words = "nothing to save: name packages, or use --stdin or -r FILE";
        return Err(UsageError(words.to_owned()).into());
    }
    Ok(asked)
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(MAX_LIST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_LIST {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "it is too large for a list of requirements",
        ));
    }
    Ok(bytes)
}

/// What a requirement means to a run that saves from an index; or why it means nothing to it.
fn requirement(text: &str, written: &str) -> Result<Requirement, String> {
    if text.starts_with('-') {
        return Err("it is an option: options of lists stand in lists".to_owned());
    }
    match text.parse::<Requirement>() {
        Ok(Requirement { url: Some(_), .. }) => Err(ADDRESS.to_owned()),
        Ok(requirement) => Ok(requirement),
        Err(_) if is_address(text) => Err(ADDRESS.to_owned()),
        Err(_) if is_path(text) => {
            Err("it is a path of this machine, and packages are saved from an index".to_owned())
        }
        // What was filled in may be a secret, so the words of the error, which repeat it, stay unsaid.
        Err(_) if text != written => Err("with its variables filled in it is not a requirement".to_owned()),
        Err(error) => Err(masked(&error.to_string())),
    }
}

const ADDRESS: &str = "it names an address, and packages are saved from an index";

/// Whether a text begins as a URL does: with a scheme, which may say how to check something out.
fn is_address(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once(':') else { return false };
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+.-".contains(c);
    !scheme.is_empty()
        && scheme.chars().all(is_scheme)
        && (text.contains("://") || scheme.eq_ignore_ascii_case("file") || scheme.contains('+'))
}

/// Whether a text is what pip would look for on the disk.
fn is_path(text: &str) -> bool {
    const ARCHIVES: [&str; 7] = [".whl", ".zip", ".tar.gz", ".tgz", ".tar", ".tar.bz2", ".tar.xz"];
    let before_marker = text.split(';').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let path = before_marker.split('[').next().unwrap_or_default().trim_end();
    text.starts_with('.')
        || path.contains(['/', '\\'])
        || ARCHIVES.iter().any(|extension| path.ends_with(extension))
}
