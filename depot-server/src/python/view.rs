//! What readers see at one address: one repository that is not hosted here, or several as one.
//!
//! A name that the hosted repository owns is answered by it alone, and nobody else is asked. Any other name is what all
//! members say of it: every file once, as the first member in their order has it.

pub(crate) mod listing;
pub(crate) mod member;
mod merge;
pub(crate) mod ownership;
mod why;

use std::{borrow::Cow, sync::Arc};

use depot_proto::{
    DistributionFilename, ProjectName, RepositoryName, Timestamp,
    layout::Part,
    policy::{Decision, RuleRef, Subject},
    scope::Action,
    simple::ProjectStatus,
};
use futures_util::future::join_all;
use moka::sync::Cache;

use self::{
    listing::CacheState,
    member::{Answer, Member, Opened, Source, Wanted},
};
pub(crate) use self::{
    merge::{Shown, next_version},
    why::About,
};
use super::{
    directory::DirectoryError,
    files::FileError,
    pages::Pages,
    policy::{InForce, PolicyFile},
    proxy::ProxyError,
};
use crate::{
    auth::policy::{Denied, Principal},
    clock,
    store::StoreError,
};

/// What lets someone read. Who may push may see what is there: a token for nothing but pushing would be of little use.
pub(crate) const READING: [Action; 4] = [Action::Read, Action::Push, Action::PushNew, Action::Mirror];

/// The merged pages that are remembered, in files that they list.
const REMEMBERED: u64 = 2_000_000;

/// Why a view cannot say what it is asked.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum ViewError {
    /// The caller may not read it.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// A policy hides it.
    #[error("{what} is hidden by the policy of `{of}`: {rule}")]
    Hidden {
        /// A file or a project, in words.
        what: String,
        /// Of which repository or group the policy is.
        of: RepositoryName,
        /// Which rule.
        rule: Box<RuleRef>,
    },
    /// Another index does not say.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// The store or the tree does not.
    #[error(transparent)]
    File(Arc<FileError>),
    /// A folder cannot be read.
    #[error(transparent)]
    Directory(Arc<DirectoryError>),
    /// The server is stopping.
    #[error("{0}")]
    Stopped(String),
}

impl From<FileError> for ViewError {
    fn from(error: FileError) -> Self {
        Self::File(Arc::new(error))
    }
}

impl From<DirectoryError> for ViewError {
    fn from(error: DirectoryError) -> Self {
        Self::Directory(Arc::new(error))
    }
}

impl From<StoreError> for ViewError {
    fn from(error: StoreError) -> Self {
        FileError::from(error).into()
    }
}

impl From<tokio::task::JoinError> for ViewError {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::Stopped(error.to_string())
    }
}

/// What readers see at one address.
pub(crate) struct View {
    /// Its name.
    pub(crate) name: RepositoryName,
    /// Below which path it is; empty for the root.
    pub(crate) mount: String,
    /// In the order in which they are asked.
    pub(crate) members: Vec<Member>,
    pub(crate) pages: Arc<Pages>,
    pub(crate) anonymous_read: bool,
    /// What of its members is shown here.
    pub(crate) policy: Option<Arc<PolicyFile>>,
    merged: Cache<(ProjectName, Readable), Arc<Shown>>,
}

/// Which members a caller may read a project from: a bit for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Readable(u32);

impl Readable {
    fn includes(self, place: usize) -> bool {
        self.0 & (1 << place) != 0
    }
}

impl View {
    /// The most members that a view may have.
    pub(crate) const MAX_MEMBERS: usize = 32;

    pub(crate) fn new(
        name: RepositoryName,
        mount: String,
        members: Vec<Member>,
        pages: Arc<Pages>,
        anonymous_read: bool,
    ) -> Self {
        let weight =
            |_: &_, shown: &Arc<Shown>| u32::try_from(shown.page.files.len() + 8).unwrap_or(u32::MAX);
        let merged = Cache::builder().max_capacity(REMEMBERED).weigher(weight).build();
        Self { name, mount, members, pages, anonymous_read, policy: None, merged }
    }

    /// The same, following a policy.
    pub(crate) fn following(mut self, policy: Option<Arc<PolicyFile>>) -> Self {
        self.policy = policy;
        self
    }

    /// What a caller may read of a project, or of anything at all where none is named.
    pub(crate) fn may_read(
        &self,
        principal: &Principal,
        project: Option<&ProjectName>,
    ) -> Result<Readable, Denied> {
        let may = |repository: &RepositoryName| match project {
            _ if self.anonymous_read => Ok(()),
            Some(project) => principal.may(&READING, repository, project),
            None => principal.may_in(&READING, repository),
        };
        let here = may(&self.name);
        let is_readable = |member: &Member| here.is_ok() || may(&member.name).is_ok();
        let bits = self.members.iter().enumerate().filter(|(_, member)| is_readable(member));
        let readable = Readable(bits.fold(0, |bits, (place, _)| bits | 1 << place));
        if readable.0 == 0 { here.map(|()| readable) } else { Ok(readable) }
    }

    /// The members that are asked for a project: its owner alone, if it has one. May block for a moment.
    async fn asked(&self, project: &ProjectName) -> Result<Vec<usize>, ViewError> {
        for (place, member) in self.members.iter().enumerate() {
            let Source::Hosted(hosted) = &member.source else { continue };
            let owns = match hosted.ownership.known(project) {
                Some(owns) => owns,
                None => {
                    let (hosted, project) = (Arc::clone(hosted), project.clone());
                    tokio::task::spawn_blocking(move || hosted.ownership.owns(&project)).await??
                }
            };
            if owns {
                return Ok(vec![place]);
            }
        }
        Ok((0..self.members.len()).collect())
    }

    /// The same, of those that the caller may read.
    async fn asked_by(&self, project: &ProjectName, readable: Readable) -> Result<Vec<usize>, ViewError> {
        let mut asked = self.asked(project).await?;
        asked.retain(|place| readable.includes(*place));
        Ok(asked)
    }

    /// A project as this caller sees it; none if nobody has it.
    ///
    /// A member that does not answer is left out where another one has the project, so that what was pushed here installs
    /// while another index is down. Where none has it, it is not said that there is no such project.
    pub(crate) async fn project(
        self: &Arc<Self>,
        project: &ProjectName,
        readable: Readable,
    ) -> Result<Option<(Arc<Shown>, CacheState)>, ViewError> {
        let now = clock::now();
        self.check_project(project, now)?;
        let asked = self.asked_by(project, readable).await?;
        let (asked, withheld) = self.willing(project, asked, now);
        // At once: one index that is slow does not add to another.
        let answers = join_all(asked.iter().map(|place| self.members[*place].ask(project))).await;
        let (mut found, mut failed) = (Vec::new(), None);
        for (place, answer) in asked.into_iter().zip(answers) {
            match answer {
                Ok(answer) => found.extend(answer.map(|answer| (place, answer))),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        if found.is_empty() {
            return failed.or(withheld).map_or(Ok(None), Err);
        }
        let cache = found.iter().map(|(_, answer)| answer.cache()).max().unwrap_or(CacheState::Here);
        let key = (project.clone(), readable);
        let policies = self.policies(found.iter().map(|(place, _)| *place));
        let mut versions: Vec<_> = found.iter().map(|(place, answer)| (*place, answer.version())).collect();
        versions.extend(policies.iter().map(|(place, policy)| (*place, policy.version)));
        if let Some(shown) = self.merged.get(&key).filter(|shown| shown.holds(&versions, now)) {
            return Ok(Some((shown, cache)));
        }
        let view = Arc::clone(self);
        let merging = tokio::task::spawn_blocking(move || {
            view.merge(&key.0, found, &policies, versions, now).map(|shown| (key, shown))
        });
        let (key, shown) = merging.await??;
        let Some(shown) = shown else { return Ok(None) };
        self.merged.insert(key, Arc::clone(&shown));
        Ok(Some((shown, cache)))
    }

    /// The policies that decide about what these members have, by their places, and that of the view itself.
    fn policies(&self, asked: impl Iterator<Item = usize>) -> Vec<(usize, Arc<InForce>)> {
        let of_members = asked.map(|place| (place, self.members[place].policy.as_ref()));
        let all = of_members.chain([(self.members.len(), self.policy.as_ref())]);
        all.filter_map(|(place, policy)| Some((place, policy?.in_force()))).collect()
    }

    /// Refuses a project of which the view's own policy shows nothing, whatever there is of it: nobody is asked for it.
    fn check_project(&self, project: &ProjectName, now: Timestamp) -> Result<(), ViewError> {
        let Some(policy) = &self.policy else { return Ok(()) };
        match policy.in_force().policy.decide_project(project, now) {
            Decision::Shown(_) => Ok(()),
            Decision::Hidden(rule) => {
                let what = format!("project `{project}`");
                Err(ViewError::Hidden { what, of: self.name.clone(), rule: Box::new(rule) })
            }
        }
    }

    /// Those of some members whose own policies show something of a project: the others are not asked for it. And why the
    /// first of those others is not.
    fn willing(
        &self,
        project: &ProjectName,
        mut asked: Vec<usize>,
        now: Timestamp,
    ) -> (Vec<usize>, Option<ViewError>) {
        let mut withheld = None;
        asked.retain(|place| match self.members[*place].hides(project, now) {
            None => true,
            Some(rule) => {
                let (what, of) = (format!("project `{project}`"), self.members[*place].name.clone());
                withheld.get_or_insert(ViewError::Hidden { what, of, rule: Box::new(rule) });
                false
            }
        });
        (asked, withheld)
    }

    /// May block.
    fn merge(
        &self,
        project: &ProjectName,
        answers: Vec<(usize, Answer)>,
        policies: &[(usize, Arc<InForce>)],
        versions: Vec<(usize, u64)>,
        now: Timestamp,
    ) -> Result<Option<Arc<Shown>>, ViewError> {
        let policy_of = |place: usize| policies.iter().find(|(of, _)| *of == place).map(|(_, policy)| policy);
        let (mut listings, mut hidden) = (Vec::new(), Vec::new());
        for (place, answer) in answers {
            let member = &self.members[place];
            let Some(mut listing) = member.listing(project, answer)? else { continue };
            if let Some(in_force) = policy_of(place) {
                let filtered = in_force.policy.decide_page(&listing.page, now);
                hidden.push((filtered.hidden, filtered.changes_at, &member.name));
                if let Cow::Owned(page) = filtered.page {
                    listing.page = Arc::new(page);
                }
            }
            listings.push((&member.name, listing));
        }
        if listings.is_empty() {
            return Ok(None);
        }
        let mut shown = merge::merge(project, &listings, versions);
        for (hidden, until, of) in hidden {
            shown.note(hidden, until, of);
        }
        if let Some(in_force) = policy_of(self.members.len()) {
            shown = shown.follow(&in_force.policy, &self.name, now);
        }
        Ok(Some(Arc::new(shown)))
    }

    /// Refuses a file that a policy hides. Where there is any policy, only what a page shows is given out: what is not
    /// listed any more is judged by its name alone.
    async fn check_file(
        self: &Arc<Self>,
        filename: &DistributionFilename,
        readable: Readable,
    ) -> Result<(), ViewError> {
        if self.policy.is_none() && self.members.iter().all(|member| member.policy.is_none()) {
            return Ok(());
        }
        let refused = |of: &RepositoryName, rule: RuleRef| {
            Err(ViewError::Hidden { what: format!("`{filename}`"), of: of.clone(), rule: Box::new(rule) })
        };
        let found = self.project(filename.project(), readable).await?;
        if let Some((shown, _)) = &found {
            if shown.page.files.iter().any(|file| file.filename == filename.as_str()) {
                return Ok(());
            }
            if let Some(hidden) = shown.hidden.iter().find(|hidden| hidden.filename == filename.as_str()) {
                return refused(&hidden.policy_of, hidden.rule.clone());
            }
        }
        let subject = Subject {
            project: filename.project(),
            version: Some(filename.version()),
            filename: filename.as_str(),
            upload_time: None,
            yanked: false,
            status: ProjectStatus::Active,
        };
        for (place, in_force) in self.policies(0..self.members.len()) {
            if let Decision::Hidden(rule) = in_force.policy.decide(subject, clock::now()) {
                return refused(self.members.get(place).map_or(&self.name, |member| &member.name), rule);
            }
        }
        Ok(())
    }

    /// A part of a file, from the first member that has it; none if nobody does.
    pub(crate) async fn open(
        self: &Arc<Self>,
        filename: &DistributionFilename,
        part: Part,
        wanted: Wanted,
        readable: Readable,
    ) -> Result<Option<Opened>, ViewError> {
        self.check_file(filename, readable).await?;
        let mut failed = None;
        let asked = self.asked_by(filename.project(), readable).await?;
        for place in self.willing(filename.project(), asked, clock::now()).0 {
            let member = &self.members[place];
            match member.open(filename, part, wanted).await {
                Ok(Some(opened)) => return Ok(Some(opened)),
                Ok(None) => {}
                // What another index does not say now, the next member may.
                Err(error @ ViewError::Proxy(_)) => failed = failed.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        failed.map_or(Ok(None), Err)
    }

    /// The one of these files, each with what the caller may read of its project, that has this path at the index it comes
    /// from.
    pub(crate) async fn at(
        &self,
        meanings: &[(DistributionFilename, Readable)],
        path: &str,
    ) -> Result<Option<DistributionFilename>, ViewError> {
        let (mut asked, now) = (Vec::new(), clock::now());
        for (filename, readable) in meanings {
            let project = filename.project();
            let is_hidden = self.check_project(project, now).is_err();
            let places = if is_hidden { Vec::new() } else { self.asked_by(project, *readable).await? };
            asked.push(self.willing(project, places, now).0);
        }
        let mut failed = None;
        for (place, member) in self.members.iter().enumerate() {
            let here = meanings.iter().zip(&asked).filter(|(_, asked)| asked.contains(&place));
            let here: Vec<_> = here.map(|((filename, _), _)| filename.clone()).collect();
            if here.is_empty() {
                continue;
            }
            match member.at(here, path).await {
                Ok(Some(filename)) => return Ok(Some(filename)),
                Ok(None) => {}
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(None), Err)
    }

    /// The names of projects that are known without asking anybody, in order; not of those that policies hide whatever
    /// there is of them.
    pub(crate) fn names(&self, readable: Readable) -> Vec<ProjectName> {
        let now = clock::now();
        let members = self.members.iter().enumerate().filter(|(place, _)| readable.includes(*place));
        let mut names: Vec<_> = members.flat_map(|(_, member)| member.shown_names(now)).collect();
        names.sort();
        names.dedup();
        if let Some(policy) = &self.policy {
            let in_force = policy.in_force();
            names.retain(|project| in_force.policy.decide_project(project, now).is_shown());
        }
        names
    }
}
