//! Names that are owned here, and that other indexes have too: nothing of them is asked there or served from there, and
//! their keeper should know. Only what was fetched anyway is looked at.

use std::sync::Arc;

use depot_proto::{ProjectName, RepositoryName};

use super::{View, member::Source};
use crate::{python::proxy::Proxy, service::alarms::Seen};

impl View {
    /// Looks at all pages that are kept of other indexes. May block.
    pub(crate) fn look_for_owned(&self) {
        for proxy in self.proxies() {
            for project in proxy.seen() {
                // One whose owner cannot be read is looked for again when somebody asks for it.
                if self.ownership.owns(&project).is_ok_and(|owned| owned) {
                    self.ownership.alarms.owned_elsewhere(proxy.name(), &project, Seen::Page);
                }
            }
        }
    }

    /// Sounds the alarm where another index is known to have a name that is owned here.
    pub(super) fn note_owned(&self, project: &ProjectName) {
        for proxy in self.proxies() {
            if let Some(seen) = proxy.has_heard_of(project) {
                self.ownership.alarms.owned_elsewhere(proxy.name(), project, seen);
            }
        }
    }

    /// Looks at a list of another index that was just asked for, if it is not the one that was looked at before; in a thread
    /// of its own, as such lists are long.
    pub(super) fn note_list(&self, repository: &RepositoryName, names: &Arc<[ProjectName]>) {
        if !self.ownership.is_new_list(repository, names) {
            return;
        }
        let (ownership, repository, names) =
            (Arc::clone(&self.ownership), repository.clone(), Arc::clone(names));
        tokio::task::spawn_blocking(move || {
            for project in names.iter() {
                if ownership.owns(project).is_ok_and(|owned| owned) {
                    ownership.alarms.owned_elsewhere(&repository, project, Seen::List);
                }
            }
        });
    }

    fn proxies(&self) -> impl Iterator<Item = &Arc<Proxy>> {
        self.members.iter().filter_map(|member| match &member.source {
            Source::Proxy(proxy) => Some(proxy),
            Source::Hosted(_) | Source::Directory(_) => None,
        })
    }
}
