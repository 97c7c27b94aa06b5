//! A list of what a policy names, found by project.

use std::{collections::HashMap, sync::Arc};

use pep440_rs::VersionSpecifiers;

use super::{
    pattern::{Glob, NamePattern, What},
    rule::Rule,
    scoped::LazyVersion,
};
use crate::ProjectName;

/// Such a list. Lists of names may be long, so those are looked up; globs are few.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entries {
    named: HashMap<ProjectName, Vec<Entry>>,
    globs: Vec<(Glob, Entry)>,
}

/// An entry, whose name is known to fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Empty where all versions are meant.
    specifiers: VersionSpecifiers,
    pub(super) rule: Arc<Rule>,
}

impl Entries {
    pub(super) fn add(&mut self, what: What, rule: Rule) {
        let entry = Entry { specifiers: what.specifiers, rule: Arc::new(rule) };
        match what.name {
            NamePattern::Exactly(project) => self.named.entry(project).or_default().push(entry),
            NamePattern::Glob(glob) => self.globs.push((glob, entry)),
        }
    }

    /// The entries that are about a project, those by its name first.
    pub(super) fn about(&self, project: &ProjectName) -> Vec<&Entry> {
        let named = self.named.get(project).into_iter().flatten();
        let globs = self.globs.iter().filter(|(glob, _)| glob.matches(project.as_str()));
        named.chain(globs.map(|(_, entry)| entry)).collect()
    }
}

impl Entry {
    /// Whether it means all versions.
    pub(super) fn is_of_all(&self) -> bool {
        self.specifiers.is_empty()
    }

    /// Whether it names a version; where nobody can say, as for one that is not PEP 440, this is the answer.
    pub(super) fn names(&self, version: &LazyVersion<'_>, where_unknown: bool) -> bool {
        if self.is_of_all() {
            return true;
        }
        let version = version.get().and_then(|version| version.pep440());
        version.map_or(where_unknown, |version| super::pattern::names(&self.specifiers, version))
    }
}
