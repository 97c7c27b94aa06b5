//! The names of projects that a view lists.

use depot_proto::ProjectName;

use super::{
    View,
    list::Upstream,
    member::{Member, Source},
};
use crate::clock;

impl View {
    /// The names that a caller may read, in order, with those that other indexes list; not of projects that policies hide
    /// whatever there is of them, nor those that others have of names that are owned. Each member's are those that the caller
    /// may read there: whoever may read a name of one member does not learn that another has it. May block.
    pub(super) fn names(
        &self,
        upstream: &Upstream,
        may_read: impl Fn(&Member, &ProjectName) -> bool,
    ) -> Vec<ProjectName> {
        let now = clock::now();
        let mut names = Vec::new();
        for (place, member) in self.members.iter().enumerate() {
            let listed = upstream.iter().filter(|(of, _)| *of == place);
            let listed = listed.flat_map(|(_, listed)| listed.names.iter().cloned());
            let listed = listed.filter(|project| member.hides(project, now).is_none());
            let all = member.shown_names(now).into_iter().chain(listed);
            names.extend(
                all.filter(|project| may_read(member, project) && !self.is_withheld(member, project)),
            );
        }
        names.sort();
        names.dedup();
        if let Some(policy) = &self.policy {
            let in_force = policy.in_force();
            names.retain(|project| in_force.policy.decide_project(project, now).is_shown());
        }
        names
    }

    /// Whether a member is not asked for a name because it is owned; of one whose owner cannot be read too. May block.
    fn is_withheld(&self, member: &Member, project: &ProjectName) -> bool {
        let yields = match &member.source {
            Source::Hosted(_) => false,
            Source::Directory(_) => self.hosted().is_some(),
            Source::Proxy(_) => true,
        };
        yields && self.ownership.owns(project).unwrap_or(true)
    }

    /// What the other indexes among the members list, by their places, where this is wanted. One that does not say is left
    /// out, and said in the log.
    pub(crate) async fn upstream_names(&self) -> Upstream {
        let mut listed = Upstream::new();
        for (place, member) in self.members.iter().enumerate().filter(|_| self.list_upstream) {
            let Source::Proxy(proxy) = &member.source else { continue };
            match proxy.upstream_names().await {
                Ok(names) => {
                    self.note_list(&member.name, &names.names);
                    listed.push((place, names));
                }
                Err(error) => {
                    tracing::warn!(%error, repository = %member.name, "the list of an index cannot be had");
                }
            }
        }
        listed
    }
}
