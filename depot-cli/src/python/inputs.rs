//! What was asked for: requirements from the command line, standard input and lists, and what the lists say beside
//! them.

mod list;
mod pyproject;
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
use depot_proto::{ProjectName, Requirement, RequiresPython, Target};

use self::list::Collector;
pub(super) use self::pyproject::is_project;
use super::{
    locks::{self, Known, Lock, Names, Selected, normalized},
    requirements::{Hashes, Kind, Reader, masked},
    solve::Formats,
};
use crate::{
    args::{Listed, SourceArgs},
    exit::UsageError,
};

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
    /// What builds the projects that were given, each in an environment of its own.
    pub(super) builds: Vec<Vec<Input>>,
    /// Which Pythons the projects that were given are for.
    pub(super) requires_python: Vec<(Place, RequiresPython)>,
    /// The locks whose files are wanted as they are.
    pub(super) locked: Vec<Lock>,
    /// The extras and groups that are wanted of locks.
    pub(super) selected: Selected,
    /// What lists say and a run does not do.
    pub(super) warnings: Vec<String>,
}

/// Refuses what is the name of a file, though it could be that of a project: whoever has registered `requirements-txt` on
/// an index counts on it.
fn refuse_file_name(spec: &str) -> Result<(), UsageError> {
    let spec = spec.trim();
    let is_of_file = Path::new(spec)
        .extension()
        .is_some_and(|end| ["txt", "in", "toml", "lock"].iter().any(|known| end.eq_ignore_ascii_case(known)));
    if is_of_file && spec.parse::<ProjectName>().is_ok() {
        return Err(UsageError(format!(
            "`{spec}` is the name of a file: write `-r {spec}` to save what it lists"
        )));
    }
    Ok(())
}

/// Reads everything that was asked for. A list that cannot be read whole ends the run; a line that cannot be read does
/// not, unless it is a constraint: without it the wrong versions would be saved.
pub(super) fn read(sources: &SourceArgs) -> anyhow::Result<Asked> {
    let mut collector = Collector::default();
    for spec in &sources.specs {
        refuse_file_name(spec)?;
        collector.take(spec);
    }
    for Listed { text, path, line } in &sources.listed {
        collector.take_listed(text, Place::File(Arc::clone(path), *line));
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
        let is_list =
            |path: &&PathBuf| kind == Kind::Constraints || !(locks::is_lock(path) || is_project(path));
        for path in paths.iter().filter(is_list) {
            reader.read_file(path, kind, &mut collector)?;
        }
    }
    let mut known = Known::default();
    for path in sources.requirements.iter().filter(|path| is_project(path)) {
        let mut project = read_project(path, sources)?;
        known.add(std::mem::take(&mut project.known));
        collector.add_project(project, sources.no_build_requires);
    }
    let mut asked = collector.finish(sources.require_hashes)?;
    for path in sources.requirements.iter().filter(|path| locks::is_lock(path)).chain(&sources.locks) {
        asked.add_lock(path)?;
    }
    asked.select(sources, known)?;
    let nothing = asked.inputs.is_empty() && asked.locked.is_empty() && asked.builds.is_empty();
    if nothing && asked.skipped.is_empty() {
        let words = "nothing is named: name packages, or use --stdin or -r FILE";
        return Err(UsageError(words.to_owned()).into());
    }
    Ok(asked)
}

impl Asked {
    /// Reads a lock. One that cannot be read whole ends the run: what is saved of it would not be what it says.
    fn add_lock(&mut self, path: &Path) -> anyhow::Result<()> {
        let mut lock = locks::read(&path.into(), &read_text(path)?)?;
        self.skipped.append(&mut lock.skipped);
        self.warnings.append(&mut lock.warnings);
        self.locked.push(lock);
        Ok(())
    }

    /// Takes what was said of extras and groups, which somebody must know.
    fn select(&mut self, sources: &SourceArgs, mut known: Known) -> Result<(), UsageError> {
        for lock in &mut self.locked {
            known.add(std::mem::take(&mut lock.known));
        }
        check("extra", &sources.extras, &known.extras)?;
        check("group", &sources.groups, &known.groups)?;
        let says_nothing = !(sources.all_extras || sources.all_groups)
            && sources.extras.is_empty()
            && sources.groups.is_empty();
        // A lock was made to be installed whole; who names some of it wants no others.
        self.selected = if says_nothing { Selected::default() } else { selected(sources) };
        Ok(())
    }

    /// Whether something of it is to be solved.
    pub(super) fn is_solved(&self) -> bool {
        !self.inputs.is_empty() || !self.builds.is_empty()
    }

    /// A warning for each target that a project which was given is not for.
    pub(super) fn check_targets(&self, targets: &[Target]) -> Vec<String> {
        let mut warnings = Vec::new();
        for (place, requires) in &self.requires_python {
            let others: Vec<_> = targets.iter().filter(|target| !target.is_allowed_by(requires)).collect();
            if !others.is_empty() {
                let names: Vec<_> = others.iter().map(ToString::to_string).collect();
                let words = format!("the project is for Python {requires}, and not for {}", names.join(", "));
                warnings.push(format!("{place}: {words}"));
            }
        }
        warnings
    }
}

/// The extras and groups that were named.
fn selected(sources: &SourceArgs) -> Selected {
    let names = |all: bool, names: &[String]| {
        let these = || Names::These(names.iter().map(|name| normalized(name)).collect());
        if all { Names::Any } else { these() }
    };
    Selected {
        extras: names(sources.all_extras, &sources.extras),
        groups: names(sources.all_groups, &sources.groups),
    }
}

/// Reads a project's file. One that cannot be read whole ends the run, as a list does.
fn read_project(path: &Path, sources: &SourceArgs) -> anyhow::Result<pyproject::Project> {
    let shared: Arc<Path> = path.into();
    pyproject::read(&shared, &read_text(path)?, &selected(sources)).map_err(|wrong| {
        let place = Place::File(Arc::clone(&shared), wrong.line);
        anyhow::anyhow!("{place}: {}", wrong.words)
    })
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    let bytes = read_file(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    String::from_utf8(bytes)
        .map_err(|_| anyhow::anyhow!("cannot read `{}`: it is not valid UTF-8", path.display()))
}

/// Whether each of these names is known.
fn check(kind: &str, names: &[String], known: &BTreeSet<String>) -> Result<(), UsageError> {
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
