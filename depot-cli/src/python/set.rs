//! A set file (`depot-set.toml`): what is wanted, for which targets, from where and how fresh, so that the next run is
//! one short command. It says what flags say, by their names; a flag beside it adds to its lists and comes before its
//! single values.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use clap::ValueEnum as _;

use super::{
    document::{Document, Item, Table, Wrong, nearest},
    inputs::Place,
};
use crate::args::{ChoiceArgs, IndexArgs, IndexStrategy, Listed, SaveArgs, SourceArgs, TargetArgs};

/// The largest set that is read, in bytes.
const MAX_SET: u64 = 1 << 20;

/// What a set file says, as it could have been typed.
#[derive(Clone, Debug, Default)]
pub(super) struct Set {
    pub(super) sources: SourceArgs,
    pub(super) targets: TargetArgs,
    pub(super) index: IndexArgs,
    pub(super) choice: ChoiceArgs,
}

/// The tables, each with its keys.
const TABLES: [(&str, &[&str]); 4] = [
    (
        "inputs",
        &[
            "requirements",
            "files",
            "locks",
            "constraints",
            "require-hashes",
            "extras",
            "all-extras",
            "groups",
            "all-groups",
            "no-build-requires",
        ],
    ),
    ("targets", &["python", "platform", "glibc", "target", "universal"]),
    ("index", &["url", "extra-urls", "strategy"]),
    (
        "choice",
        &[
            "exclude-newer",
            "policy",
            "pre",
            "no-deps",
            "all-versions",
            "all-files",
            "sdist",
            "only-binary",
            "no-binary",
            "upgrade",
            "provenance",
        ],
    ),
];

impl Set {
    /// Reads the file. Paths in it are meant from where it lies.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let size = std::fs::metadata(path).with_context(|| format!("cannot read `{shown}`"))?.len();
        anyhow::ensure!(size <= MAX_SET, "cannot read `{shown}`: it is too large for a set file");
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read `{shown}`"))?;
        let path: Arc<Path> = path.into();
        Self::parse(&path, &text).map_err(|wrong| {
            let place = Place::File(Arc::clone(&path), wrong.line);
            anyhow::anyhow!("{place}: {}", wrong.words)
        })
    }

    fn parse(path: &Arc<Path>, text: &str) -> Result<Self, Wrong> {
        let document = Document::parse(text.strip_prefix('\u{feff}').unwrap_or(text))?;
        let root = document.root();
        check(&root)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let beside = |paths: Vec<(&str, usize)>| -> Vec<PathBuf> {
            paths.into_iter().map(|(path, _)| folder.join(path)).collect()
        };
        let mut set = Self::default();
        if let Some(inputs) = root.table("inputs")? {
            let listed =
                |(text, line): (&str, usize)| Listed { text: text.to_owned(), path: Arc::clone(path), line };
            set.sources = SourceArgs {
                listed: lines(&inputs, "requirements")?.into_iter().map(listed).collect(),
                requirements: beside(lines(&inputs, "files")?),
                locks: beside(lines(&inputs, "locks")?),
                constraints: beside(lines(&inputs, "constraints")?),
                require_hashes: inputs.boolean("require-hashes")?,
                extras: texts(&inputs, "extras")?,
                all_extras: inputs.boolean("all-extras")?,
                groups: texts(&inputs, "groups")?,
                all_groups: inputs.boolean("all-groups")?,
                no_build_requires: inputs.boolean("no-build-requires")?,
                ..SourceArgs::default()
            };
        }
        if let Some(targets) = root.table("targets")? {
            set.targets = TargetArgs {
                python: texts(&targets, "python")?,
                platform: texts(&targets, "platform")?,
                glibc: single(&targets, "glibc")?,
                target: texts(&targets, "target")?,
                universal: targets.boolean("universal")?,
            };
        }
        if let Some(index) = root.table("index")? {
            let strategy = index.get("strategy").map(|item| strategy(&item)).transpose()?;
            set.index = IndexArgs {
                index_url: single(&index, "url")?,
                extra_index_url: texts(&index, "extra-urls")?,
                index_strategy: strategy,
            };
        }
        if let Some(choice) = root.table("choice")? {
            set.choice = ChoiceArgs {
                no_deps: choice.boolean("no-deps")?,
                pre: choice.boolean("pre")?,
                all_versions: choice.boolean("all-versions")?,
                all_files: choice.boolean("all-files")?,
                sdist: choice.boolean("sdist")?,
                only_binary: texts(&choice, "only-binary")?,
                no_binary: texts(&choice, "no-binary")?,
                exclude_newer: single(&choice, "exclude-newer")?,
                policy: choice.text("policy")?.map(|path| folder.join(path)),
                upgrade: choice.boolean("upgrade")?,
                provenance: choice.boolean("provenance")?,
            };
        }
        Ok(set)
    }

    /// The same with the arguments of a save around it.
    pub(super) fn beside_save(self, typed: SaveArgs) -> SaveArgs {
        let SaveArgs { sources, targets, index, choice, .. } = typed;
        let both = self.beside(Self { sources, targets, index, choice });
        let Self { sources, targets, index, choice } = both;
        SaveArgs { sources, targets, choice, index, ..typed }
    }

    /// Adds what was typed beside it. Lists are added to, single values replaced; targets that were typed take the
    /// place of all of the set's, because a Python of one and a platform of the other are no target that anybody meant.
    pub(super) fn beside(mut self, typed: Self) -> Self {
        self.sources.add(typed.sources);
        if typed.targets.is_given() {
            self.targets = typed.targets;
        }
        self.index.index_url = typed.index.index_url.or(self.index.index_url);
        self.index.extra_index_url.extend(typed.index.extra_index_url);
        self.index.index_strategy = typed.index.index_strategy.or(self.index.index_strategy);
        self.choice.add(typed.choice);
        self
    }
}

fn single<'d>(table: &Table<'d>, key: &'d str) -> Result<Option<String>, Wrong> {
    Ok(table.text(key)?.map(str::to_owned))
}

/// The texts of a list; one alone may stand without brackets.
fn texts<'d>(table: &Table<'d>, key: &'d str) -> Result<Vec<String>, Wrong> {
    Ok(lines(table, key)?.into_iter().map(|(text, _)| text.to_owned()).collect())
}

/// The same with their lines.
fn lines<'d>(table: &Table<'d>, key: &'d str) -> Result<Vec<(&'d str, usize)>, Wrong> {
    if let Some(item) = table.get(key)
        && let Ok(text) = item.text()
    {
        return Ok(vec![(text, item.line)]);
    }
    table.texts(key)
}

fn strategy(item: &Item<'_>) -> Result<IndexStrategy, Wrong> {
    let text = item.text()?;
    IndexStrategy::from_str(text, false).map_err(|_| {
        let names: Vec<_> = IndexStrategy::value_variants()
            .iter()
            .filter_map(clap::ValueEnum::to_possible_value)
            .map(|value| format!("`{}`", value.get_name()))
            .collect();
        Wrong::new(item.line, format!("`strategy` must be one of {}", names.join(", ")))
    })
}

/// Refuses the first key that nobody knows, with the one that was probably meant.
fn check(root: &Table<'_>) -> Result<(), Wrong> {
    let mut wrong: Vec<Wrong> = Vec::new();
    for (name, found) in root.items() {
        match TABLES.iter().find(|(table, _)| *table == name) {
            None => wrong.push(unknown(found.line, name)),
            Some(_) if !found.is_table() => {
                wrong.push(Wrong::new(
                    found.line,
                    format!("`{name}` is a table: write [{name}] above its keys"),
                ));
            }
            Some((_, keys)) => {
                let others = found.table()?.items().filter(|(key, _)| !keys.contains(key));
                wrong.extend(others.map(|(key, other)| unknown(other.line, &format!("{name}.{key}"))));
            }
        }
    }
    wrong.into_iter().min_by_key(|wrong| wrong.line).map_or(Ok(()), Err)
}

fn unknown(line: usize, key: &str) -> Wrong {
    let known = TABLES.iter().flat_map(|(table, keys)| {
        let whole = keys.iter().map(move |key| format!("{table}.{key}"));
        whole.chain([(*table).to_owned()])
    });
    let shown = key.escape_debug();
    Wrong::new(
        line,
        match nearest(key, known) {
            Some(known) => format!("`{shown}` is not a known key: is `{known}` meant?"),
            None => {
                let tables: Vec<_> = TABLES.iter().map(|(table, _)| format!("[{table}]")).collect();
                format!("`{shown}` is not a known key: a set has {}", tables.join(", "))
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Set, Wrong> {
        Set::parse(&Path::new("etc/depot-set.toml").into(), text)
    }

    #[test]
    fn a_set_says_what_flags_say() {
        let set = parse(
            "[inputs]\nrequirements = [\n 'six',\n]\nfiles = ['r.txt', '/abs/pyproject.toml']\nlocks = ['../uv.lock']\n\
             extras = 'x'\n[targets]\npython = '>=3.10'\nplatform = ['linux', 'windows']\nglibc = '2.17'\n\
             [index]\nurl = 'https://i.example/'\nstrategy = 'unsafe-best-match'\n[choice]\nexclude-newer = '7 days'\nsdist = true\n\
             policy = 'p.toml'\n",
        )
        .unwrap();
        let listed = &set.sources.listed[0];
        assert_eq!((listed.text.as_str(), listed.line), ("six", 3));
        assert_eq!(set.sources.requirements, [Path::new("etc/r.txt"), Path::new("/abs/pyproject.toml")]);
        assert_eq!(set.sources.locks, [Path::new("etc/../uv.lock")]);
        assert_eq!(
            (set.sources.extras, set.targets.python),
            (vec!["x".to_owned()], vec![">=3.10".to_owned()])
        );
        assert_eq!(set.targets.platform.len(), 2);
        assert_eq!(set.index.index_strategy, Some(IndexStrategy::UnsafeBestMatch));
        assert_eq!((set.choice.exclude_newer.as_deref(), set.choice.sdist), (Some("7 days"), true));
        assert_eq!(set.choice.policy.as_deref(), Some(Path::new("etc/p.toml")));
    }

    #[test]
    fn a_list_of_one_needs_no_brackets() {
        let set = parse(
            "[inputs]\nrequirements = 'six'\nfiles = 'r.txt'\nlocks = 'uv.lock'\nconstraints = 'c.txt'\n",
        );
        let SourceArgs { listed, requirements, locks, constraints, .. } = set.unwrap().sources;
        assert_eq!((listed[0].text.as_str(), listed[0].line), ("six", 2));
        let paths = [requirements, locks, constraints].concat();
        assert_eq!(paths, ["r.txt", "uv.lock", "c.txt"].map(|name| Path::new("etc").join(name)));
    }

    #[test]
    fn what_is_typed_adds_to_lists_and_comes_before_single_values() {
        let set = parse(
            "[inputs]\nfiles = ['a']\n[targets]\npython = '3.9'\nplatform = 'windows'\n[index]\nurl = 'https://i.example/'\n\
             extra-urls = ['https://e.example/']\n[choice]\nexclude-newer = '7 days'\nonly-binary = ['x']\n",
        )
        .unwrap();
        let mut typed = Set::default();
        typed.sources.specs = vec!["six".to_owned()];
        typed.sources.requirements = vec!["b".into()];
        typed.targets.python = vec!["3.12".to_owned()];
        typed.index.index_url = Some("https://j.example/".to_owned());
        typed.choice.exclude_newer = Some("1 day".to_owned());
        typed.choice.only_binary = vec!["y".to_owned()];
        typed.choice.pre = true;
        let both = set.clone().beside(typed);
        assert_eq!(both.sources.requirements, [Path::new("etc/a"), Path::new("b")]);
        assert_eq!(both.sources.specs, ["six"]);
        assert_eq!((both.targets.python, both.targets.platform.len()), (vec!["3.12".to_owned()], 0));
        assert_eq!(both.index.index_url.as_deref(), Some("https://j.example/"));
        assert_eq!(both.index.extra_index_url, ["https://e.example/"]);
        assert_eq!(
            (both.choice.exclude_newer.as_deref(), both.choice.only_binary.len(), both.choice.pre),
            (Some("1 day"), 2, true)
        );
        assert_eq!(set.clone().beside(Set::default()).targets.platform, ["windows"]);
    }

    #[test]
    fn what_nobody_knows_is_refused_with_what_is_meant() {
        for (text, line, words) in [
            ("[inputs]\nrequirement = ['x']\n", 2, "is `inputs.requirements` meant?"),
            ("[inputs]\nlocks = []\nrequire_hashes = true\n", 3, "is `inputs.require-hashes` meant?"),
            ("[target]\npython = '3'\n", 1, "is `targets"),
            ("python = '3.12'\n", 1, "is `targets.python` meant?"),
            ("[choice]\nexclude-never = 'x'\n", 2, "is `choice.exclude-newer` meant?"),
            ("[weather]\nx = 1\n", 1, "`weather` is not a known key: a set has [inputs], [targets]"),
            ("inputs = ['x']\n", 1, "`inputs` is a table"),
            ("[inputs]\nrequirements = [1]\n", 2, "`requirements` must be a text"),
            ("[targets]\nuniversal = 'yes'\n", 2, "`universal` must be `true` or `false`"),
            ("[index]\nstrategy = 'best'\n", 2, "`strategy` must be one of `first-index`"),
            ("[inputs]\nrequirements = [six]\n", 2, "this is no TOML"),
        ] {
            let wrong = parse(text).unwrap_err();
            assert_eq!(wrong.line, line, "{text}: {}", wrong.words);
            assert!(wrong.words.contains(words), "{text}: {}", wrong.words);
        }
    }
}
