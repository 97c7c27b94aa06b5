//! The keys that the table of a repository may have, by its kind.

use super::{
    super::{
        setting::{Fallback, Section, Setting},
        value::Words,
    },
    Declared,
};

/// What a repository is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Hosted,
    Proxy,
    Directory,
    Group,
}

impl Words for Kind {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("hosted", Self::Hosted),
        ("proxy", Self::Proxy),
        ("directory", Self::Directory),
        ("group", Self::Group),
    ];
}

/// A key within a table.
struct Key {
    name: &'static str,
    fallback: Fallback,
    what: &'static str,
}

const fn key(name: &'static str, fallback: Fallback, what: &'static str) -> Key {
    Key { name, fallback, what }
}

const NO_POLICY: Fallback = Fallback::Words { words: "none", example: "\"policy.toml\"" };

const KIND: Key = key(
    "kind",
    Fallback::Words { words: "it must be said", example: "\"proxy\"" },
    "What it is: a \"proxy\", a \"directory\" or a \"group\"",
);
const ENABLED: Key = key(
    "enabled",
    Fallback::Value("true"),
    "Whether it answers at all; where not, nothing below its address is found, and nothing is deleted",
);
const POLICY: Key = key(
    "policy",
    NO_POLICY,
    "The file of rules that say which releases are shown; read again when it changes",
);

const HOSTED: &[Key] = &[
    ENABLED,
    key(
        "max_file_size",
        Fallback::Words { words: "that of [limits]", example: "\"10 GiB\"" },
        "The largest file taken here, in place of what [limits] and --max-file-size say",
    ),
    key(
        "reserved",
        Fallback::Value("[]"),
        "Names of projects, or beginnings of names and a `*`, that no other repository is ever asked for",
    ),
    POLICY,
];

const PROXY: &[Key] = &[
    ENABLED,
    key(
        "upstream",
        Fallback::Words { words: "PyPI for `pypi`", example: "\"https://index.example/simple/\"" },
        "The root of the Simple API of the index that is pulled through; it may hold a user and a password",
    ),
    key(
        "files",
        Fallback::Value("\"cache\""),
        "What becomes of its files: \"cache\" keeps them, \"stream\" lets them pass, \"redirect\" sends clients there",
    ),
    key(
        "max_size",
        Fallback::Words { words: "no limit", example: "\"200 GiB\"" },
        "The most that files kept of it may take; those that nobody asked for longest go first",
    ),
    key("page_ttl", Fallback::Value("\"5m\""), "For how long a page is believed without asking again"),
    key(
        "root_ttl",
        Fallback::Value("\"10m\""),
        "For how long its list of all projects is, where that is asked for",
    ),
    key("missing_ttl", Fallback::Value("\"10s\""), "For how long it is believed that a project is not there"),
    key(
        "timeout",
        Fallback::Value("\"30s\""),
        "How long it may say nothing, when it is asked or amid an answer, before that is tried again or given up",
    ),
    key(
        "allow_http",
        Fallback::Value("false"),
        "Whether it may be asked over plain http, if it is another machine",
    ),
    key(
        "allow_private",
        Fallback::Value("false"),
        "Whether its links and redirects may lead to private addresses other than its own",
    ),
    key(
        "netrc",
        Fallback::Words { words: "that of NETRC, or of the user", example: "\"netrc\"" },
        "The file with its user and password, where the URL has none",
    ),
    POLICY,
];

const DIRECTORY: &[Key] = &[
    ENABLED,
    key(
        "path",
        Fallback::Words { words: "it must be said", example: "\"wheels\"" },
        "The folder of distributions: flat, in folders of projects, or a saved tree; nothing is written there",
    ),
    POLICY,
];

const GROUP: &[Key] = &[
    ENABLED,
    key(
        "members",
        Fallback::Value("{ python = 10, pypi = 20 }"),
        "The repositories in it, each with its priority: the lowest is asked first",
    ),
    key(
        "list_upstream",
        Fallback::Value("false"),
        "Whether its list of projects names all that the other indexes have, and not only what was asked for",
    ),
    POLICY,
];

/// What stands for a key that a kind does not have; it is never written anywhere.
pub(super) static NONE: Setting = Setting::new("repositories", Fallback::Value("\"\""), "");

/// The table of a repository.
///
/// Its settings live as long as the process, as those of every other table do: a process reads its configuration once.
pub(super) fn declare(name: &str, kind: Kind, is_built_in: bool) -> Declared {
    let (keys, what) = match kind {
        Kind::Hosted => (HOSTED, format!("The hosted repository, at /{name}")),
        Kind::Proxy => (
            PROXY,
            format!(
                "Another index, pulled through, at /{name}; nothing is asked of it before somebody asks for it"
            ),
        ),
        Kind::Directory => (DIRECTORY, format!("A folder that is served in place, at /{name}")),
        Kind::Group if name == "all" => {
            (GROUP, "Several repositories under one address, at the root".to_owned())
        }
        Kind::Group => (GROUP, format!("Several repositories under one address, at /{name}")),
    };
    let kept = |text: String| &*Box::leak(text.into_boxed_str());
    let setting = |key: &Key| {
        let full = kept(format!("repositories.{name}.{}", key.name));
        let setting = Setting::new(full, key.fallback, key.what);
        let setting = if full == "repositories.pypi.upstream" {
            setting.outside("--upstream", "DEPOT_UPSTREAM", "URL")
        } else {
            setting
        };
        &*Box::leak(Box::new(setting))
    };
    let kind_key = (!is_built_in).then_some(&KIND);
    let settings: Vec<&'static Setting> = kind_key.into_iter().chain(keys).map(setting).collect();
    let section = Section {
        name: kept(format!("repositories.{name}")),
        what: kept(what),
        settings: Box::leak(settings.into_boxed_slice()),
    };
    Declared { name: kept(name.to_owned()), kind, section: Box::leak(Box::new(section)) }
}
