//! What a token may do: actions on projects of repositories.

use std::{fmt, str::FromStr};

use crate::{ProjectName, RepositoryName};

/// Something a token may be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Read pages and files.
    Read,
    /// Upload the first file of a project.
    PushNew,
    /// Upload files to a project that exists.
    Push,
    /// Say that an uploaded file was copied from another index, with the facts that index states.
    Mirror,
    /// Yank and un-yank.
    Yank,
    /// Delete files and projects.
    Delete,
    /// Everything, administration included.
    Admin,
}

impl Action {
    const ALL: [Self; 7] =
        [Self::Read, Self::PushNew, Self::Push, Self::Mirror, Self::Yank, Self::Delete, Self::Admin];

    /// The action's name in tokens and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::PushNew => "push-new",
            Self::Push => "push",
            Self::Mirror => "mirror",
            Self::Yank => "yank",
            Self::Delete => "delete",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which projects: one, those that start alike, or all.
///
/// Matched on normalized names only, so `acme*` is written and meant as a prefix of those. It may name what does not
/// exist yet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ProjectPattern {
    /// `*`
    All,
    /// `acme-*`: every normalized name that starts with this.
    Prefix(String),
    /// `acme`
    Exactly(ProjectName),
}

impl ProjectPattern {
    /// Whether the pattern means this project.
    pub fn matches(&self, project: &ProjectName) -> bool {
        match self {
            Self::All => true,
            Self::Prefix(prefix) => project.as_str().starts_with(prefix.as_str()),
            Self::Exactly(name) => name == project,
        }
    }
}

/// Why a text is no pattern of projects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` means no project: write a name, the beginning of one and a `*`, or `*` for all")]
pub struct PatternError(String);

impl FromStr for ProjectPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let pattern = match text.strip_suffix('*') {
            Some("") => Some(Self::All),
            Some(prefix) => normalize_prefix(prefix).map(Self::Prefix),
            None => text.parse().ok().map(Self::Exactly),
        };
        pattern.ok_or_else(|| PatternError(text.chars().take(120).flat_map(char::escape_default).collect()))
    }
}

impl fmt::Display for ProjectPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
            Self::Exactly(name) => write!(f, "{name}"),
        }
    }
}

crate::text::stands_as_text!(ProjectPattern);

/// Which repositories: one or all.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RepositoryPattern {
    /// `*`
    All,
    /// By name.
    Exactly(RepositoryName),
}

/// One grant: actions on the matching projects of a repository.
///
/// As text `push+push-new:python:acme-*`; the parts are actions joined by `+`, a repository, a pattern of projects,
/// and `*` stands for every repository or project. Left out, the last two are `*`.
///
/// ```
/// use depot_proto::scope::{Action, Scope};
/// let scope: Scope = "push+push-new:python:acme-*".parse().unwrap();
/// let python = "python".parse().unwrap();
/// assert!(scope.allows(Action::Push, &python, &"Acme.Core".parse().unwrap()));
/// assert!(!scope.allows(Action::Push, &python, &"acmeevil".parse().unwrap()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    actions: Vec<Action>,
    repository: RepositoryPattern,
    projects: ProjectPattern,
}

/// Why a text is not a scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a scope: {reason}; write actions:repository:projects, as in push+push-new:python:acme-*"
)]
pub struct ScopeError {
    text: String,
    reason: &'static str,
}

impl Scope {
    /// Everything everywhere.
    pub fn admin() -> Self {
        Self {
            actions: vec![Action::Admin],
            repository: RepositoryPattern::All,
            projects: ProjectPattern::All,
        }
    }

    /// Whether the scope grants this action on this project; `admin` grants every action.
    pub fn allows(&self, action: Action, repository: &RepositoryName, project: &ProjectName) -> bool {
        self.allows_in(action, repository) && self.projects.matches(project)
    }

    /// Whether the scope grants this action on at least some project of the repository.
    pub fn allows_in(&self, action: Action, repository: &RepositoryName) -> bool {
        let repository_fits = match &self.repository {
            RepositoryPattern::All => true,
            RepositoryPattern::Exactly(name) => name == repository,
        };
        repository_fits && self.actions.iter().any(|granted| *granted == action || *granted == Action::Admin)
    }

    /// Whether it lets publish under a pattern of names to which this one belongs, and not under every name: whoever is given
    /// it means the names to be theirs.
    pub fn reserves(&self, repository: &RepositoryName, project: &ProjectName) -> bool {
        let publishes =
            || [Action::Push, Action::PushNew].iter().any(|action| self.allows_in(*action, repository));
        self.projects != ProjectPattern::All && self.projects.matches(project) && publishes()
    }

    /// Whether it grants administration.
    pub fn is_admin(&self) -> bool {
        self.actions.contains(&Action::Admin)
    }

    /// The same, for these projects; a scope that names some itself stays as it is.
    pub fn within(&self, projects: &ProjectPattern) -> Self {
        match self.projects {
            ProjectPattern::All => Self { projects: projects.clone(), ..self.clone() },
            _ => self.clone(),
        }
    }

    /// Which projects it speaks of.
    pub fn projects(&self) -> &ProjectPattern {
        &self.projects
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let wrong = |reason| ScopeError { text: text.chars().take(120).collect(), reason };
        let mut parts = text.trim().splitn(3, ':');
        let actions = parts.next().unwrap_or_default();
        let mut actions = actions
            .split('+')
            .map(|name| Action::ALL.into_iter().find(|action| action.as_str() == name))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| {
                wrong("its actions are not read, push-new, push, mirror, yank, delete or admin")
            })?;
        actions.sort_unstable();
        actions.dedup();
        let repository = match parts.next().unwrap_or("*") {
            "*" => RepositoryPattern::All,
            name => RepositoryPattern::Exactly(name.parse().map_err(|_| wrong("its repository is no name"))?),
        };
        let projects = parts.next().unwrap_or("*").parse();
        let projects = projects.map_err(|PatternError(_)| wrong("its pattern means no name"))?;
        Ok(Self { actions, repository, projects })
    }
}

/// A prefix is normalized like a name, but may end in the separator: `Acme_*` is `acme-*`.
fn normalize_prefix(prefix: &str) -> Option<String> {
    let stem = prefix.trim_end_matches(['-', '_', '.']);
    let name: ProjectName = stem.parse().ok()?;
    let separator = if stem.len() < prefix.len() { "-" } else { "" };
    Some(format!("{name}{separator}"))
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let actions: Vec<_> = self.actions.iter().map(|action| action.as_str()).collect();
        f.write_str(&actions.join("+"))?;
        match &self.repository {
            RepositoryPattern::All => f.write_str(":*")?,
            RepositoryPattern::Exactly(name) => write!(f, ":{name}")?,
        }
        write!(f, ":{}", self.projects)
    }
}

crate::text::stands_as_text!(Scope);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_normalized_names_only() {
        let python: RepositoryName = "python".parse().unwrap();
        for (scope, action, project, allowed) in [
            ("push:python:acme*", Action::Push, "ACME_Core", true),
            ("push:python:acme*", Action::Push, "acmeevil", true),
            ("push:python:acme-*", Action::Push, "acmeevil", false),
            ("push:python:Acme_*", Action::Push, "acme.core", true),
            ("push:python:acme", Action::Push, "acme-core", false),
            ("push:python:acme", Action::Mirror, "acme", false),
            ("push:other:acme", Action::Push, "acme", false),
            ("push", Action::Push, "acme", true),
            ("admin", Action::Delete, "acme", true),
            ("read+push", Action::PushNew, "acme", false),
        ] {
            let scope: Scope = scope.parse().unwrap();
            assert_eq!(
                scope.allows(action, &python, &project.parse().unwrap()),
                allowed,
                "{scope} {project}"
            );
            assert_eq!(scope.to_string().parse::<Scope>().unwrap(), scope);
        }
        for text in ["", "write", "push:Python:*", "push:python:a*b", "push:python:-*", "push:python:**"] {
            assert!(text.parse::<Scope>().is_err(), "{text}");
        }
    }
}
