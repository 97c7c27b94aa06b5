//! The exceptions of policies in the journal: which hold from when on, for what, until when and why, so that the audit
//! says it when the file has long been another one.
//!
//! What was told is kept in a file of its own, so that a start with the same policies tells nothing again. It is written
//! after the journal: what a crash leaves between them is told twice, and not left out.

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use depot_proto::{ProjectName, RepositoryName, Timestamp, policy::Policy};
use serde::{Deserialize, Serialize};

use super::policy::PolicyFile;
use crate::{
    clock, private,
    service::commit::{CommitError, Committer},
    store::records::{Change, Entry, ExceptionState},
};

/// Who the journal says did it: nobody else can be known, as policies are files.
const WHO: &str = "depot-server";

/// Why the journal cannot be told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExceptionsError {
    /// It does not take the line.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// It cannot be noted that it was told.
    #[error("cannot write `{}`: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The exceptions that the journal was told of.
pub(crate) struct Exceptions {
    path: PathBuf,
    policies: Vec<(RepositoryName, Arc<PolicyFile>)>,
    committer: Arc<Committer>,
    told: Mutex<Option<Told>>,
}

/// The exceptions of each repository, by project and version.
type Told = BTreeMap<RepositoryName, BTreeMap<ProjectName, BTreeMap<String, Fact>>>;

/// What was told of one exception.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Fact {
    until: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// Whether it was told that its time is over.
    #[serde(default)]
    ended: bool,
}

impl Exceptions {
    pub(crate) fn new(
        path: PathBuf,
        policies: Vec<(RepositoryName, Arc<PolicyFile>)>,
        committer: Arc<Committer>,
    ) -> Self {
        Self { path, policies, committer, told: Mutex::new(None) }
    }

    /// Tells the journal what changed since it was told last. May block.
    pub(crate) fn tell(&self) -> Result<(), ExceptionsError> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let before = told.get_or_insert_with(|| self.read());
        let now = clock::now();
        let mut after = Told::new();
        for (repository, policy) in &self.policies {
            after.insert(repository.clone(), facts(&policy.in_force().policy, before.get(repository), now));
        }
        after.retain(|_, facts| !facts.is_empty());
        if *before == after {
            return Ok(());
        }
        for change in changes(before, &after) {
            self.committer.note(Entry { time: now, who: WHO.to_owned(), change })?;
        }
        let document = serde_json::to_vec(&after).unwrap_or_default();
        private::write(&self.path, &document)
            .map_err(|source| ExceptionsError::Io { path: self.path.clone(), source })?;
        *before = after;
        Ok(())
    }

    /// What was told before this run; nothing where that cannot be known, so that all of it is told again.
    fn read(&self) -> Told {
        let read = private::read(&self.path).map_err(|error| (error.kind(), error.to_string()));
        let read = read.and_then(|text| {
            serde_json::from_str(&text).map_err(|error| (io::ErrorKind::InvalidData, error.to_string()))
        });
        read.unwrap_or_else(|(kind, error)| {
            if kind != io::ErrorKind::NotFound {
                tracing::warn!(error, "it is not known which exceptions the journal has, and it gets all");
            }
            Told::new()
        })
    }
}

/// The exceptions of a policy. One that had ended before anybody was told of it never did anything.
fn facts(
    policy: &Policy,
    before: Option<&BTreeMap<ProjectName, BTreeMap<String, Fact>>>,
    now: Timestamp,
) -> BTreeMap<ProjectName, BTreeMap<String, Fact>> {
    let mut facts: BTreeMap<ProjectName, BTreeMap<String, Fact>> = BTreeMap::new();
    for exception in policy.exceptions() {
        let version = exception.version.to_string();
        let known =
            before.and_then(|before| before.get(&exception.project)).and_then(|known| known.get(&version));
        let ended = exception.until <= now;
        if ended && known.is_none() {
            continue;
        }
        let (reason, by) = (exception.rule.reason.clone(), exception.rule.by.clone());
        let fact = Fact { until: exception.until, reason, by, ended };
        let of_project = facts.entry(exception.project.clone()).or_default();
        // Of several for one version the last to end is the one that counts.
        if of_project.get(&version).is_none_or(|other| other.until < fact.until) {
            of_project.insert(version, fact);
        }
    }
    facts
}

/// What must be told so that what was told before becomes what holds now.
fn changes(before: &Told, after: &Told) -> Vec<Change> {
    let mut changes = Vec::new();
    for (repository, project, version, fact) in each(after) {
        let known = before.get(repository).and_then(|known| known.get(project)?.get(version));
        if known != Some(fact) {
            let state = if fact.ended { ExceptionState::Ended } else { ExceptionState::InForce };
            changes.push(change(repository, project, version, fact, state));
        }
    }
    for (repository, project, version, fact) in each(before) {
        let is_there = after.get(repository).and_then(|facts| facts.get(project)?.get(version)).is_some();
        // One that had ended did nothing any more.
        if !is_there && !fact.ended {
            changes.push(change(repository, project, version, fact, ExceptionState::Removed));
        }
    }
    changes
}

fn each(told: &Told) -> impl Iterator<Item = (&RepositoryName, &ProjectName, &str, &Fact)> {
    told.iter().flat_map(|(repository, projects)| {
        projects.iter().flat_map(move |(project, versions)| {
            versions.iter().map(move |(version, fact)| (repository, project, version.as_str(), fact))
        })
    })
}

fn change(
    repository: &RepositoryName,
    project: &ProjectName,
    version: &str,
    fact: &Fact,
    state: ExceptionState,
) -> Change {
    Change::PolicyException {
        repository: repository.clone(),
        project: project.clone(),
        version: version.to_owned(),
        state,
        until: fact.until,
        reason: fact.reason.clone(),
        by: fact.by.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_of(text: &str, before: &Told, now: &str) -> Told {
        let policy = Policy::parse(text).unwrap();
        let name: RepositoryName = "pypi".parse().unwrap();
        let mut told = Told::new();
        told.insert(name.clone(), facts(&policy, before.get(&name), now.parse().unwrap()));
        told
    }

    fn words(changes: &[Change]) -> Vec<String> {
        let word = |change: &Change| {
            let value = serde_json::to_value(change).unwrap();
            let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
            format!("{} {} {} {}", text("what"), text("project"), text("version"), text("state"))
        };
        changes.iter().map(word).collect()
    }

    #[test]
    fn what_changed_of_the_exceptions_is_told_once() {
        let exception = |what: &str, until: &str| {
            format!("[[exception]]\nwhat = \"{what}\"\nuntil = {until}\nreason = \"r\"\nby = \"ann\"\n")
        };
        let (none, now) = (Told::new(), "2026-06-01T00:00:00Z");
        let first = [exception("Six==1.16", "2027-01-01"), exception("tea==1.0", "2026-01-01")].concat();
        let one = told_of(&first, &none, now);
        assert_eq!(words(&changes(&none, &one)), ["policy-exception six 1.16 in-force"]);
        assert!(changes(&one, &told_of(&first, &one, now)).is_empty());
        let longer = told_of(&exception("six==1.16", "2027-02-01"), &one, now);
        assert_eq!(words(&changes(&one, &longer)), ["policy-exception six 1.16 in-force"]);
        let later = told_of(&first, &one, "2027-01-01T00:00:00Z");
        assert_eq!(words(&changes(&one, &later)), ["policy-exception six 1.16 ended"]);
        assert!(changes(&later, &told_of(&first, &later, "2028-01-01T00:00:00Z")).is_empty());
        assert!(changes(&later, &none).is_empty());
        assert_eq!(words(&changes(&one, &none)), ["policy-exception six 1.16 removed"]);
    }
}
