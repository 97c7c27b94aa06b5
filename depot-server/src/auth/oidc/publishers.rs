//! The file of publishers: which jobs of which CI systems get which scopes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use depot_proto::scope::Scope;
use serde::Deserialize;
use toml::Spanned;

use super::identity::Identity;

/// The issuers of the two large CI systems, for publishers that name none.
const GITHUB: &str = "https://token.actions.githubusercontent.com";
const GITLAB: &str = "https://gitlab.com";

/// How long a minted token lives unless its publisher says otherwise, and the longest it may, in minutes.
const MINUTES: u32 = 15;
const MAX_MINUTES: u32 = 6 * 60;

/// Why the file of publishers cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PublishersError {
    /// It is not there, or cannot be read.
    #[error("cannot read the publishers `{}`: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Something in it is not what it must be.
    #[error("{}:{line}: {words}", path.display())]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// Counted from one.
        line: usize,
        /// What is wrong and what to write.
        words: String,
    },
    /// The server must not ask, and the keys are not at hand.
    #[error(
        "{}: the server is offline and the keys of `{issuer}` are in no file: add [[issuer]] with url = \"{issuer}\" and \
         jwks = FILE",
        path.display()
    )]
    Offline {
        /// Which file.
        path: PathBuf,
        /// Whose keys.
        issuer: String,
    },
}

/// What was agreed on with one kind of job.
#[derive(Clone, Debug)]
pub(crate) struct Publisher {
    /// What it is called here.
    pub(crate) name: String,
    /// What its tokens grant.
    pub(crate) scopes: Vec<Scope>,
    /// How long they live.
    pub(crate) minutes: u32,
    issuer: String,
    rules: Vec<Rule>,
}

/// What a claim must say.
#[derive(Clone, Debug)]
struct Rule {
    claim: String,
    /// One of these; a `*` at the end stands for anything.
    any_of: Vec<String>,
    /// GitHub and GitLab have names that differ only in case for the same.
    ignore_case: bool,
}

/// All of the file.
#[derive(Clone, Debug)]
pub(crate) struct Publishers {
    key_files: BTreeMap<String, PathBuf>,
    publishers: Vec<Publisher>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    issuer: Vec<Spanned<WrittenIssuer>>,
    #[serde(default)]
    publisher: Vec<Spanned<WrittenPublisher>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenIssuer {
    url: String,
    jwks: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPublisher {
    name: String,
    kind: Kind,
    issuer: Option<String>,
    repository: Option<String>,
    project: Option<String>,
    workflow: Option<String>,
    environment: Option<String>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    subject: Option<String>,
    #[serde(default)]
    claims: BTreeMap<String, WrittenClaim>,
    scopes: Vec<String>,
    minutes: Option<u32>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    GitHub,
    GitLab,
    Generic,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenClaim {
    One(String),
    Any(Vec<String>),
    Boolean(bool),
    Number(i64),
}

impl Publishers {
    /// Reads the file.
    pub(super) fn read(path: &Path) -> Result<Self, PublishersError> {
        let unreadable = |source| PublishersError::Unreadable { path: path.to_owned(), source };
        Self::parse(path, &fs::read_to_string(path).map_err(unreadable)?)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, PublishersError> {
        let line_of = |offset: usize| 1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count();
        let invalid = |offset: usize, words: String| PublishersError::Invalid {
            path: path.to_owned(),
            line: line_of(offset),
            words,
        };
        let written: Written = toml::from_str(text).map_err(|error| {
            let words = error.message().lines().next().unwrap_or_default().to_owned();
            invalid(error.span().map_or(0, |span| span.start), words)
        })?;
        let beside = |file: &Path| path.parent().map_or(file.to_owned(), |folder| folder.join(file));
        let mut key_files = BTreeMap::new();
        for issuer in written.issuer {
            let at = issuer.span().start;
            let WrittenIssuer { url, jwks } = issuer.into_inner();
            let url = issuer_url(&url).map_err(|words| invalid(at, words))?;
            key_files.insert(url, beside(&jwks));
        }
        let (mut publishers, mut names) = (Vec::new(), BTreeSet::new());
        for publisher in written.publisher {
            let at = publisher.span().start;
            let publisher = publisher.into_inner().check().map_err(|words| invalid(at, words))?;
            if !names.insert(publisher.name.clone()) {
                return Err(invalid(at, format!("two publishers are called `{}`", publisher.name)));
            }
            publishers.push(publisher);
        }
        if publishers.is_empty() {
            return Err(invalid(0, "there is no [[publisher]] in it".to_owned()));
        }
        Ok(Self { key_files, publishers })
    }

    /// All that publishers may.
    pub(super) fn scopes(&self) -> impl Iterator<Item = &Scope> {
        self.publishers.iter().flat_map(|publisher| &publisher.scopes)
    }

    /// Every issuer that a publisher names, each once.
    pub(super) fn issuers(&self) -> BTreeSet<&str> {
        self.publishers.iter().map(|publisher| publisher.issuer.as_str()).collect()
    }

    /// The file with an issuer's keys, where it has one.
    pub(super) fn key_file(&self, issuer: &str) -> Option<PathBuf> {
        self.key_files.get(issuer).cloned()
    }

    /// The first publisher that an identity satisfies, or what keeps it from the nearest one.
    pub(super) fn of(&self, identity: &Identity) -> Result<&Publisher, String> {
        let mut nearest: Option<(usize, String)> = None;
        for publisher in self.publishers.iter().filter(|publisher| publisher.issuer == identity.issuer()) {
            let failed: Vec<&Rule> =
                publisher.rules.iter().filter(|rule| !rule.is_satisfied(identity)).collect();
            let Some(first) = failed.first() else { return Ok(publisher) };
            if nearest.as_ref().is_none_or(|(least, _)| failed.len() < *least) {
                let words = format!("`{}` wants {}", publisher.name, first.words());
                nearest = Some((failed.len(), words));
            }
        }
        Err(nearest.map_or_else(|| "none for this issuer".to_owned(), |(_, words)| words))
    }
}

impl WrittenPublisher {
    /// The publisher, or what is wrong with it.
    fn check(self) -> Result<Publisher, String> {
        let name = self.name.clone();
        let of = |words: String| format!("publisher `{name}`: {words}");
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || name.len() > 64 || !name.chars().all(is_name) {
            return Err(format!("`{name}` is no name of a publisher: use letters, digits, `-`, `_` and `.`"));
        }
        let issuer = match (self.kind, self.issuer.as_deref()) {
            (_, Some(issuer)) => issuer_url(issuer).map_err(of)?,
            (Kind::GitHub, None) => GITHUB.to_owned(),
            (Kind::GitLab, None) => GITLAB.to_owned(),
            (Kind::Generic, None) => {
                return Err(of("a generic publisher names its `issuer`, an https address".to_owned()));
            }
        };
        let rules = self.rules(&issuer).map_err(of)?;
        let mut scopes = Vec::new();
        for text in &self.scopes {
            let scope: Scope = text.parse().map_err(|error| of(format!("{error}")))?;
            if scope.is_admin() {
                return Err(of("no job may be an administrator: name the actions that it needs".to_owned()));
            }
            scopes.push(scope);
        }
        if scopes.is_empty() {
            return Err(of(
                "it grants nothing: write scopes, such as [\"push+push-new:python:acme-*\"]".to_owned()
            ));
        }
        let minutes = self.minutes.unwrap_or(MINUTES);
        if !(1..=MAX_MINUTES).contains(&minutes) {
            return Err(of(format!("`minutes` must be from 1 to {MAX_MINUTES}")));
        }
        Ok(Publisher { name: self.name, scopes, minutes, issuer, rules })
    }

    /// What the claims of its jobs must say.
    fn rules(&self, issuer: &str) -> Result<Vec<Rule>, String> {
        let mut rules = Vec::new();
        let mut add = |claim: &str, value: &str, ignore_case| {
            rules.push(Rule { claim: claim.to_owned(), any_of: vec![value.to_owned()], ignore_case });
        };
        let foreign: &[(&str, &Option<String>)] = match self.kind {
            Kind::GitHub => {
                let (repository, workflow) =
                    need(&[("repository", &self.repository), ("workflow", &self.workflow)])?;
                if repository.split('/').count() != 2 || repository.contains('*') {
                    return Err("`repository` is owner/name, without `*`".to_owned());
                }
                add("repository", repository, true);
                // The file that defines the job, at whatever ref; `ref` narrows that.
                let file = format!("{repository}/.github/workflows/{}@*", plain(workflow)?);
                add("job_workflow_ref", &file, true);
                &[("project", &self.project)]
            }
            Kind::GitLab => {
                let (project, workflow) = need(&[("project", &self.project), ("workflow", &self.workflow)])?;
                if !project.contains('/') || project.contains('*') {
                    return Err("`project` is group/name, without `*`".to_owned());
                }
                add("project_path", project, true);
                let host = issuer.split_once("://").map_or(issuer, |(_, host)| host);
                let file = format!("{host}/{project}//{}@*", workflow.trim_start_matches('/'));
                add("ci_config_ref_uri", &file, true);
                &[("repository", &self.repository)]
            }
            Kind::Generic => {
                if self.subject.is_none() && self.claims.is_empty() {
                    return Err(
                        "it would take every job of its issuer: write `subject` or `claims`".to_owned()
                    );
                }
                &[("repository", &self.repository), ("project", &self.project), ("workflow", &self.workflow)]
            }
        };
        if let Some((key, _)) = foreign.iter().find(|(_, value)| value.is_some()) {
            return Err(format!("`{key}` means nothing for its kind"));
        }
        let common = [
            ("environment", &self.environment, true),
            ("ref", &self.reference, false),
            ("sub", &self.subject, false),
        ];
        for (claim, value, ignore_case) in common {
            if let Some(value) = value {
                add(claim, value, ignore_case);
            }
        }
        for (claim, value) in &self.claims {
            rules.push(Rule { claim: claim.clone(), any_of: value.texts(), ignore_case: false });
        }
        if let Some(rule) =
            rules.iter().find(|rule| rule.any_of.iter().any(|text| text.trim_matches('*').is_empty()))
        {
            return Err(format!("what it wants of `{}` is anything or nothing: say what", rule.claim));
        }
        Ok(rules)
    }
}

/// Two keys that a kind cannot do without.
fn need<'a>(keys: &[(&str, &'a Option<String>); 2]) -> Result<(&'a str, &'a str), String> {
    match keys {
        [(_, Some(first)), (_, Some(second))] => Ok((first, second)),
        _ => Err(format!("it needs `{}` and `{}`", keys[0].0, keys[1].0)),
    }
}

/// The name of a workflow's file, which lies in no folder.
fn plain(workflow: &str) -> Result<&str, String> {
    let is_plain = !workflow.is_empty() && !workflow.contains(['/', '@', '*']);
    is_plain
        .then_some(workflow)
        .ok_or_else(|| "`workflow` is the name of its file, such as release.yml".to_owned())
}

/// An issuer as its tokens name it.
fn issuer_url(text: &str) -> Result<String, String> {
    let text = text.trim_end_matches('/');
    let parsed = reqwest::Url::parse(text).map_err(|_| format!("the issuer `{text}` is no address"))?;
    let is_here = parsed.host_str().is_some_and(|host| matches!(host, "127.0.0.1" | "localhost" | "[::1]"));
    match parsed.scheme() {
        "https" => Ok(text.to_owned()),
        "http" if is_here => Ok(text.to_owned()),
        _ => Err(format!("the issuer `{text}` is not asked over plain http: write an https address")),
    }
}

impl WrittenClaim {
    fn texts(&self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text.clone()],
            Self::Any(texts) => texts.clone(),
            Self::Boolean(yes) => vec![yes.to_string()],
            Self::Number(number) => vec![number.to_string()],
        }
    }
}

impl Rule {
    fn is_satisfied(&self, identity: &Identity) -> bool {
        let fold = |text: &str| if self.ignore_case { text.to_lowercase() } else { text.to_owned() };
        identity.claim(&self.claim).iter().any(|said| {
            let said = fold(said);
            self.any_of.iter().map(|wanted| fold(wanted)).any(|wanted| match wanted.strip_suffix('*') {
                Some(prefix) => said.starts_with(prefix),
                None => said == wanted,
            })
        })
    }

    fn words(&self) -> String {
        format!("`{}` to be `{}`", self.claim, self.any_of.join("` or `"))
    }
}

#[cfg(test)]
mod tests;
