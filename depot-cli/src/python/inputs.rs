//! What was asked for: requirements from the command line, standard input and lists, and what the lists say beside
//! them.

mod list;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use depot_proto::{ProjectName, Requirement};

use self::list::Collector;
use super::{
    locks::{self, Known, Lock, Names, Selected, normalized},
    requirements::{Hashes, Kind, Reader, masked},
    solve::Formats,
};
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
    /// Whether all requirements must be pinned to digests, by the flag or because lists pin one.
    pub(super) hashes_required: bool,
    /// Of which projects lists want wheels or sdists alone.
    pub(super) formats: Formats,
    /// What is left out because it can be wanted nowhere, with its reason.
    pub(super) skipped: Vec<(String, String)>,
    /// The locks whose files are wanted as they are.
    pub(super) locked: Vec<Lock>,
    /// The extras and groups that are wanted of locks.
    pub(super) selected: Selected,
    /// Whether everything must be pinned to digests.
    pub(super) require_hashes: bool,
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
        let is_list = |path: &&PathBuf| kind == Kind::Constraints || !locks::is_lock(path);
        for path in paths.iter().filter(is_list) {
            reader.read_file(path, kind, &mut collector)?;
        }
    }
    let mut asked = collector.finish(sources.require_hashes)?;
    asked.require_hashes = sources.require_hashes;
    for path in sources.requirements.iter().filter(|path| locks::is_lock(path)).chain(&sources.locks) {
        asked.add_lock(path)?;
    }
    asked.select(sources)?;
    if asked.inputs.is_empty() && asked.skipped.is_empty() && asked.locked.is_empty() {
        let words = "nothing to save: name packages, or use --stdin or -r FILE";
        return Err(UsageError(words.to_owned()).into());
    }
    Ok(asked)
}

impl Asked {
    /// Reads a lock. One that cannot be read whole ends the run: what is saved of it would not be what it says.
    fn add_lock(&mut self, path: &Path) -> anyhow::Result<()> {
        let bytes = read_file(path).with_context(|| format!("cannot read `{}`", path.display()))?;
        let text = String::from_utf8(bytes)
            .map_err(|_| anyhow::anyhow!("cannot read `{}`: it is not valid UTF-8", path.display()))?;
        let mut lock = locks::read(&path.into(), &text)?;
        self.skipped.append(&mut lock.skipped);
        self.warnings.append(&mut lock.warnings);
        self.locked.push(lock);
        Ok(())
    }

    /// Takes what was said of extras and groups, which somebody must know.
    fn select(&mut self, sources: &SourceArgs) -> Result<(), UsageError> {
        let known = |names: fn(&Known) -> &BTreeSet<String>| {
            self.locked.iter().flat_map(move |lock| names(&lock.known)).map(String::as_str).collect()
        };
        let (extras, groups): (BTreeSet<&str>, BTreeSet<&str>) =
            (known(|known| &known.extras), known(|known| &known.groups));
        check("extra", &sources.extras, &extras)?;
        check("group", &sources.groups, &groups)?;
        let these = |names: &[String]| Names::These(names.iter().map(|name| normalized(name)).collect());
        // Who names some wants no others; of the groups, which have no part in what is published, none but those.
        if !(sources.extras.is_empty() && sources.groups.is_empty()) {
            let all = |all: bool, names| if all { Names::Any } else { these(names) };
            self.selected = Selected {
                extras: all(sources.all_extras, &sources.extras),
                groups: all(sources.all_groups, &sources.groups),
            };
        }
        Ok(())
    }
}

/// Whether each of these names is known.
fn check(kind: &str, names: &[String], known: &BTreeSet<&str>) -> Result<(), UsageError> {
    for name in names {
        if known.iter().any(|known| normalized(known) == normalized(name)) {
            continue;
        }
        let known: Vec<_> = known.iter().map(|known| format!("`{known}`")).collect();
        let known = if known.is_empty() {
            "there are none".to_owned()
        } else {
            format!("there are {}", known.join(", "))
        };
        return Err(UsageError(format!("nothing that is read has the {kind} `{name}`: {known}")));
    }
    Ok(())
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
