//! `[repositories.NAME]`: what is served where. Three are always there: `python`, which is hosted here, `pypi`, which
//! pulls through, and `all`, which has both at the root. More are declared by a table with a `kind`.

mod keys;
mod values;

use std::{path::PathBuf, sync::LazyLock, time::Duration};

use depot_index::{DEFAULT_INDEX, IndexUrl};
use depot_proto::{RepositoryName, scope::ProjectPattern};

use keys::{Kind, declare};
use values::{Members, Patterns, Upstream};
pub(crate) use values::{reservation, reservations};

use super::{
    error::ConfigError,
    limits::FILE_SIZES,
    reader::Reader,
    setting::{Section, Setting},
    value::{Period, Size, Words},
};

/// A repository that has a table, and which keys that may have.
#[derive(Clone, Debug)]
pub(crate) struct Declared {
    pub(super) name: &'static str,
    kind: Kind,
    pub(super) section: &'static Section,
}

static BUILT_IN: LazyLock<[Declared; 3]> = LazyLock::new(|| {
    [("python", Kind::Hosted), ("pypi", Kind::Proxy), ("all", Kind::Group)]
        .map(|(name, kind)| declare(name, kind, true))
});

/// The repositories that every server has.
pub(super) fn built_in() -> &'static [Declared] {
    &*BUILT_IN
}

/// A repository that a file declares: its name, and the `kind` that its table says, if it says one.
pub(super) fn declared(name: &str, kind: Option<&str>) -> Result<Declared, String> {
    let valid: RepositoryName = name.parse().map_err(|error| format!("{error}"))?;
    let words: Vec<&str> =
        Kind::WORDS.iter().map(|(word, _)| *word).filter(|word| *word != "hosted").collect();
    let words = words.join("\", \"");
    let Some(kind) = kind else {
        return Err(format!("[repositories.{name}] needs a `kind`, one of \"{words}\""));
    };
    match Kind::WORDS.iter().find(|(word, _)| *word == kind) {
        Some((_, Kind::Hosted)) => {
            Err("`python` is the only repository that can be hosted so far: bind others to patterns of names in it".to_owned())
        }
        Some((_, kind)) => Ok(declare(valid.as_str(), *kind, false)),
        None => Err(format!("the `kind` of [repositories.{name}] must be one of \"{words}\"")),
    }
}

/// The setting of the largest file that the hosted repository takes.
pub(super) fn max_file_size() -> &'static Setting {
    let mut settings = built_in().iter().flat_map(|repository| repository.section.settings);
    settings
        .find(|setting| setting.key == "repositories.python.max_file_size")
        .copied()
        .unwrap_or(&keys::NONE)
}

/// What `[repositories.python]` says.
#[derive(Clone, Debug)]
pub(crate) struct Python {
    /// Whether it answers.
    pub(crate) enabled: bool,
    /// The largest file taken, in bytes, if it differs from that of `[limits]`.
    pub(crate) max_file_size: Option<u64>,
    /// The names that it owns whether it has files of them or not.
    pub(crate) reserved: Vec<ProjectPattern>,
    /// The policy that it follows.
    pub(crate) policy: Option<PathBuf>,
}

/// A repository beside the hosted one.
#[derive(Clone, Debug)]
pub struct RepositoryConfig {
    /// Its name.
    pub name: RepositoryName,
    /// Whether it answers.
    pub enabled: bool,
    /// The policy that it follows.
    pub policy: Option<PathBuf>,
    /// What it is.
    pub kind: KindConfig,
}

/// What a repository beside the hosted one is.
#[derive(Clone, Debug)]
pub enum KindConfig {
    /// Another index, pulled through.
    Proxy(Box<ProxyConfig>),
    /// A folder, served in place.
    Directory(PathBuf),
    /// Others under one address.
    Group(GroupConfig),
}

/// Another index, and how it is pulled through.
#[derive(Clone, Debug)]
pub struct ProxyConfig {
    /// The root of its Simple API.
    pub upstream: IndexUrl,
    /// What becomes of its files.
    pub files: FileMode,
    /// The most bytes of files that are kept; none for no limit.
    pub max_size: Option<u64>,
    /// For how long a page is believed without asking again.
    pub page_ttl: Duration,
    /// For how long the list of all projects is.
    pub root_ttl: Duration,
    /// For how long it is believed that a project is not there.
    pub missing_ttl: Duration,
    /// How long it may say nothing.
    pub timeout: Duration,
    /// Whether it may be asked over plain http beyond this machine.
    pub allow_http: bool,
    /// Whether its links and redirects may lead to private addresses other than its own.
    pub allow_private: bool,
    /// Where credentials for it are read, if not from the URL.
    pub netrc: Option<PathBuf>,
}

/// What becomes of the files of another index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileMode {
    /// They are kept here.
    Cache,
    /// They pass through.
    Stream,
    /// Clients are sent there.
    Redirect,
}

/// Others under one address.
#[derive(Clone, Debug)]
pub struct GroupConfig {
    /// The members with their priorities, the first to be asked first.
    pub members: Vec<(RepositoryName, i64)>,
    /// Whether its list of projects names all that the other indexes have.
    pub list_upstream: bool,
}

impl GroupConfig {
    /// A group of these, the first to be asked first.
    pub fn of(members: impl IntoIterator<Item = RepositoryName>) -> Self {
        let members = members.into_iter().zip(1..).map(|(name, place)| (name, place * 10)).collect();
        Self { members, list_upstream: false }
    }
}

impl Words for FileMode {
    const WORDS: &'static [(&'static str, Self)] =
        &[("cache", Self::Cache), ("stream", Self::Stream), ("redirect", Self::Redirect)];
}

/// What all of `[repositories]` says.
#[derive(Clone, Debug)]
pub(crate) struct Repositories {
    pub(crate) python: Python,
    pub(crate) others: Vec<RepositoryConfig>,
}

impl Repositories {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ConfigError> {
        let declared: Vec<Declared> = built_in().iter().cloned().chain(reader.declared()).collect();
        let (mut python, mut others) = (None, Vec::new());
        for repository in &declared {
            let mut table = Table { repository, reader };
            if repository.kind == Kind::Hosted {
                python = Some(table.python()?);
            } else {
                others.push((repository, table.other(&declared)?));
            }
        }
        let others = others.into_iter().map(|(_, config)| config).collect();
        let python = python.unwrap_or(Python {
            enabled: true,
            max_file_size: None,
            reserved: Vec::new(),
            policy: None,
        });
        Ok(Self { python, others })
    }
}

/// The repositories beside the hosted one of a server that was told nothing of them.
pub(super) fn defaults() -> Vec<RepositoryConfig> {
    let name = |text: &str| text.parse::<RepositoryName>().ok();
    let upstream = DEFAULT_INDEX.parse::<IndexUrl>().ok();
    let proxy = upstream.map(|upstream| KindConfig::Proxy(Box::new(ProxyConfig::new(upstream))));
    let group = KindConfig::Group(GroupConfig::of(["python", "pypi"].into_iter().filter_map(name)));
    [("pypi", proxy), ("all", Some(group))]
        .into_iter()
        .filter_map(|(text, kind)| {
            Some(RepositoryConfig { name: name(text)?, enabled: true, policy: None, kind: kind? })
        })
        .collect()
}

impl ProxyConfig {
    /// An index that is pulled through as it is by default: files kept without bound, pages believed for five minutes.
    pub fn new(upstream: IndexUrl) -> Self {
        Self {
            upstream,
            files: FileMode::Cache,
            max_size: None,
            page_ttl: Duration::from_mins(5),
            root_ttl: Duration::from_mins(10),
            missing_ttl: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
            allow_http: false,
            allow_private: false,
            netrc: None,
        }
    }
}

/// The most members that a group may have.
pub(crate) const MAX_MEMBERS: usize = 32;

/// One repository's table.
struct Table<'a, 'b> {
    repository: &'a Declared,
    reader: &'a mut Reader<'b>,
}

const TTLS: (Period, Period) = (Period(Duration::from_secs(0)), Period(Duration::from_hours(24 * 30)));
const TIMEOUTS: (Period, Period) = (Period(Duration::from_secs(1)), Period(Duration::from_hours(1)));
const SIZES: (Size, Size) = (Size(1 << 20), Size(u64::MAX));

impl Table<'_, '_> {
    fn key(&self, name: &str) -> &'static Setting {
        let mut settings = self.repository.section.settings.iter();
        // Each kind's keys are those that its reading below asks for, which a test reads once each.
        settings.find(|setting| setting.name() == name).copied().unwrap_or(&keys::NONE)
    }

    fn python(&mut self) -> Result<Python, ConfigError> {
        Ok(Python {
            enabled: self.reader.value(self.key("enabled"), true)?,
            max_file_size: self
                .reader
                .optional_bounded(self.key("max_file_size"), &FILE_SIZES)?
                .map(|size: Size| size.0),
            reserved: self.reader.value(self.key("reserved"), Patterns(Vec::new()))?.0,
            policy: self.reader.path(self.key("policy"))?,
        })
    }

    fn other(&mut self, declared: &[Declared]) -> Result<RepositoryConfig, ConfigError> {
        let name = self.repository.name;
        if !built_in().iter().any(|built_in| built_in.name == name) {
            self.reader.value(self.key("kind"), self.repository.kind)?;
        }
        let enabled = self.reader.value(self.key("enabled"), true)?;
        let kind = match self.repository.kind {
            Kind::Proxy | Kind::Hosted => KindConfig::Proxy(Box::new(self.proxy()?)),
            Kind::Directory => {
                let path = self.reader.path(self.key("path"))?;
                KindConfig::Directory(path.ok_or_else(|| self.lacks("path", "the folder to serve"))?)
            }
            Kind::Group => KindConfig::Group(self.group(declared)?),
        };
        let policy = self.reader.path(self.key("policy"))?;
        let name = name.parse().map_err(|error| self.wrong("enabled", &format!("{error}")))?;
        Ok(RepositoryConfig { name, enabled, policy, kind })
    }

    fn proxy(&mut self) -> Result<ProxyConfig, ConfigError> {
        let default = (self.repository.name == "pypi").then(|| DEFAULT_INDEX.parse().ok()).flatten();
        let key = self.key("upstream");
        let upstream = match default {
            Some(default) => Some(self.reader.value(key, Upstream(default))?),
            None => self.reader.optional::<Upstream>(key)?,
        };
        let upstream = upstream.ok_or_else(|| self.lacks("upstream", "the root of an index's Simple API"))?.0;
        let plain = ProxyConfig::new(upstream);
        let period = |table: &mut Self, name: &str, default: Duration| {
            let bounds = if name == "timeout" { &TIMEOUTS } else { &TTLS };
            table.reader.bounded(table.key(name), Period(default), bounds).map(|period| period.0)
        };
        Ok(ProxyConfig {
            files: self.reader.value(self.key("files"), plain.files)?,
            max_size: self.reader.optional_bounded(self.key("max_size"), &SIZES)?.map(|size| size.0),
            page_ttl: period(self, "page_ttl", plain.page_ttl)?,
            root_ttl: period(self, "root_ttl", plain.root_ttl)?,
            missing_ttl: period(self, "missing_ttl", plain.missing_ttl)?,
            timeout: period(self, "timeout", plain.timeout)?,
            allow_http: self.reader.value(self.key("allow_http"), plain.allow_http)?,
            allow_private: self.reader.value(self.key("allow_private"), plain.allow_private)?,
            netrc: self.reader.path(self.key("netrc"))?,
            upstream: plain.upstream,
        })
    }

    fn group(&mut self, declared: &[Declared]) -> Result<GroupConfig, ConfigError> {
        let key = self.key("members");
        let members = if self.repository.name == "all" {
            self.reader.value(key, Members::of(&["python", "pypi"]))?
        } else {
            let members = self.reader.optional::<Members>(key)?;
            members.ok_or_else(|| self.lacks("members", "the repositories in it, each with its priority"))?
        };
        if members.0.len() > MAX_MEMBERS {
            return Err(self.wrong("members", &format!("a group has at most {MAX_MEMBERS} members")));
        }
        let mut named = Vec::new();
        for (name, priority) in &members.0 {
            match declared.iter().find(|other| other.name == name).map(|other| other.kind) {
                // What was written may come from a variable, so it is not repeated.
                None => {
                    let there: Vec<_> = declared.iter().map(|other| other.name).collect();
                    let words = format!("one of them is no repository: there are `{}`", there.join("`, `"));
                    return Err(self.wrong("members", &words));
                }
                Some(Kind::Group) => {
                    return Err(self.wrong("members", &format!("`{name}` is a group, and groups hold none")));
                }
                Some(_) => named.extend(name.parse().ok().map(|name: RepositoryName| (name, *priority))),
            }
        }
        let list_upstream = self.reader.value(self.key("list_upstream"), false)?;
        Ok(GroupConfig { members: named, list_upstream })
    }

    fn lacks(&self, key: &str, what: &str) -> ConfigError {
        let name = self.repository.name;
        ConfigError::invalid(
            &self.reader.origin(self.key("kind")),
            format!("[repositories.{name}] needs `{key}`: {what}"),
        )
    }

    fn wrong(&self, key: &str, words: &str) -> ConfigError {
        let key = self.key(key);
        ConfigError::invalid(&self.reader.origin(key), format!("`{}`: {words}", key.key))
    }
}
