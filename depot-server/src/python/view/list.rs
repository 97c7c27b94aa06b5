//! The list of a view's projects for those who may read all: put together again when the names of a member are others, or
//! a policy, or what is owned, and rendered as that of the hosted repository is.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use depot_proto::{Timestamp, media_type::PageFormat};

use super::{
    READING, View,
    member::{Member, Source},
};
use crate::{
    auth::policy::Principal,
    clock,
    coding::Coding,
    python::{
        proxy::UpstreamNames,
        root::{RootPage, Roots, root_of},
    },
    service::names::Names,
};

/// What the other indexes list, by the places of the members that they are.
pub(crate) type Upstream = Vec<(usize, UpstreamNames)>;

/// The list of a view.
#[derive(Default)]
pub(super) struct List {
    names: Names,
    roots: Roots,
    made_of: RwLock<Option<MadeOf>>,
    /// Held by the one who puts it together.
    making: Mutex<()>,
}

/// What names were put together from.
#[derive(Debug, PartialEq, Eq)]
struct MadeOf {
    /// The versions of the names of members, of what is owned, and of policies, by their places.
    versions: Vec<(usize, u64)>,
    /// When a policy may decide otherwise.
    until: Option<Timestamp>,
}

impl List {
    fn is_made_of(&self, versions: &[(usize, u64)], now: Timestamp) -> bool {
        let made_of = self.made_of.read().unwrap_or_else(PoisonError::into_inner);
        made_of.as_ref().is_some_and(|made_of| {
            made_of.versions == versions && made_of.until.is_none_or(|until| now < until)
        })
    }
}

impl View {
    /// Whether a caller may read every project there is or will be.
    pub(crate) fn may_list_all(&self, principal: &Principal) -> bool {
        let may = |repository| principal.may_everywhere(&READING, repository);
        self.anonymous_read || may(&self.name) || self.members.iter().all(|member| may(&member.name))
    }

    /// The list of all projects, if it is rendered as it is now, and nobody must be asked for that and nothing read.
    pub(crate) fn list_at_hand(&self, format: PageFormat, coding: Coding) -> Option<Arc<RootPage>> {
        let mut versions = Vec::with_capacity(2 * self.members.len());
        for (place, member) in self.members.iter().enumerate() {
            versions.push((place, member.names_at_hand()?));
            if let (true, Source::Proxy(proxy)) = (self.list_upstream, &member.source) {
                versions.push((place, proxy.upstream_names_at_hand()?.version));
            }
        }
        self.note_owned_names(&mut versions);
        self.note_policies(&mut versions);
        if !self.list.is_made_of(&versions, clock::now()) {
            return None;
        }
        self.list.roots.cached(&self.list.names, &self.name, format, coding)
    }

    /// The list of the projects that a caller may read; that of all in a coding. May block.
    pub(crate) fn list(
        &self,
        principal: &Principal,
        upstream: &Upstream,
        format: PageFormat,
        coding: Coding,
    ) -> Arc<RootPage> {
        if self.may_list_all(principal) {
            self.bring_up(upstream);
            if let Some(page) = self.list.roots.page(&self.list.names, &self.name, format, coding) {
                return page;
            }
        }
        let may = |member: &Member, project: &_| {
            self.anonymous_read
                || principal.may(&READING, &member.name, project).is_ok()
                || principal.may(&READING, &self.name, project).is_ok()
        };
        root_of(self.names(upstream, may).iter(), format)
    }

    /// Renders the list of all projects, if that can be done without asking anybody. May block.
    pub(crate) fn warm(&self, format: PageFormat) {
        if !self.list_upstream {
            self.bring_up(&Upstream::new());
            self.list.roots.page(&self.list.names, &self.name, format, Coding::Identity);
        }
    }

    /// Puts the names together if they may be others than they were.
    fn bring_up(&self, upstream: &Upstream) {
        let _alone = self.list.making.lock().unwrap_or_else(PoisonError::into_inner);
        // Asked before the names: what changes in between is noticed the next time.
        let now = clock::now();
        let mut versions = Vec::new();
        for (place, member) in self.members.iter().enumerate() {
            versions.push((place, member.names_version()));
            let listed = upstream.iter().filter(|(of, _)| *of == place);
            versions.extend(listed.map(|(_, names)| (place, names.version)));
        }
        self.note_owned_names(&mut versions);
        let until = self.note_policies(&mut versions);
        if self.list.is_made_of(&versions, now) {
            return;
        }
        self.list.names.replace(&self.name, &self.names(upstream, |_, _| true));
        let made_of = Some(MadeOf { versions, until });
        *self.list.made_of.write().unwrap_or_else(PoisonError::into_inner) = made_of;
    }

    /// Adds the version of what is owned. Where all names of the owner are listed anyway, a project that begins to own its
    /// name changes nothing, so that not every upload has the list put together again.
    fn note_owned_names(&self, versions: &mut Vec<(usize, u64)>) {
        let place = self.members.len();
        versions.push((place, self.ownership.version()));
        let is_listed = |(place, _): (usize, _)| self.members[place].policy.is_none();
        if !self.hosted().is_some_and(is_listed) {
            versions.push((place, self.ownership.last_serial()));
        }
    }

    /// Adds the versions of all policies, and says when one of them may decide otherwise about a project as a whole.
    fn note_policies(&self, versions: &mut Vec<(usize, u64)>) -> Option<Timestamp> {
        let policies = self.policies(0..self.members.len());
        versions.extend(policies.iter().map(|(place, in_force)| (*place, in_force.version)));
        let now = clock::now();
        policies.iter().filter_map(|(_, in_force)| in_force.policy.next_expiry(now)).min()
    }
}

impl Member {
    /// The version of its names, if it is known without looking.
    fn names_at_hand(&self) -> Option<u64> {
        match &self.source {
            Source::Hosted(hosted) => Some(hosted.repository.names.version(&hosted.repository.name)),
            Source::Proxy(proxy) => Some(proxy.seen_version()),
            Source::Directory(_) => None,
        }
    }

    /// The same, after a look where one is needed. May block.
    fn names_version(&self) -> u64 {
        match &self.source {
            // One that cannot be read has no names, and is said to be so when they are asked for.
            Source::Directory(directory) => directory.version().unwrap_or_default(),
            Source::Hosted(_) | Source::Proxy(_) => self.names_at_hand().unwrap_or_default(),
        }
    }
}
