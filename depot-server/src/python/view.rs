//! What readers see at one address: one repository that is not hosted here, or several as one.
//!
//! A name that the hosted repository owns is answered by it alone, and nobody else is asked. Any other name is what all
//! members say of it: every file once, as the first member in their order has it.

mod alarm;
mod at_hand;
mod buried;
mod files;
mod list;
pub(crate) mod member;
mod merge;
mod names;
pub(crate) mod ownership;
mod why;

use std::{borrow::Cow, sync::Arc, time::Duration};

use depot_proto::{
    ProjectName, RepositoryName, Timestamp,
    policy::{Decision, RuleRef},
    scope::Action,
};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use moka::sync::Cache;
use smallvec::SmallVec;
use tokio::time::Instant;

pub(crate) use self::{at_hand::Opened, merge::Shown, why::About};
use self::{
    buried::Buried,
    list::List,
    member::{Answer, Member, Source},
    ownership::Ownership,
};
use super::{
    directory::DirectoryError,
    files::FileError,
    key::Key,
    listing::CacheState,
    pages::Pages,
    policy::{InForce, PolicyFile},
    proxy::ProxyError,
};
use crate::{
    auth::policy::{Denied, Principal},
    clock,
    service::{downloads::Downloads, statistics::Statistics},
    store::StoreError,
};

/// What a page is made of: places and the versions of what is there, of a few members without allocating.
type Versions = SmallVec<[(usize, u64); 6]>;

/// What lets someone read. Who may push may see what is there: a token for nothing but pushing would be of little use.
pub(crate) const READING: [Action; 4] = [Action::Read, Action::Push, Action::PushNew, Action::Mirror];

/// The memory that the pages of all views may take, in bytes, as they were put together.
const REMEMBERED: u64 = 128 << 20;

/// The pages of views as they were put together, by view, project, and what of it its readers may read.
pub(crate) type Merged = Cache<Box<[u8]>, Arc<Shown>>;

/// How long other indexes may keep a page waiting that another member has: installers give up after 15 seconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the views of a server remember pages.
pub(crate) fn remembering() -> Merged {
    let weight = |_: &_, shown: &Arc<Shown>| u32::try_from(shown.weight()).unwrap_or(u32::MAX);
    Cache::builder().max_capacity(REMEMBERED).weigher(weight).build()
}

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
    /// It was deleted here, and nobody else may have it.
    #[error("`{0}` was deleted here")]
    Deleted(String),
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
    /// The record of who fetched which file, where there is one.
    pub(crate) downloads: Option<Arc<Downloads>>,
    /// What counts downloads, where they are counted.
    pub(crate) statistics: Option<Arc<Statistics>>,
    /// Whether its list of projects names all that the other indexes have.
    pub(crate) list_upstream: bool,
    /// Who owns which name, whether the owner is a member or not.
    ownership: Arc<Ownership>,
    /// Shared with the other views.
    merged: Merged,
    list: List,
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
    pub(crate) fn new(
        name: RepositoryName,
        mount: String,
        members: Vec<Member>,
        pages: Arc<Pages>,
        ownership: Arc<Ownership>,
        anonymous_read: bool,
        merged: Merged,
    ) -> Self {
        Self {
            name,
            mount,
            members,
            pages,
            anonymous_read,
            policy: None,
            list_upstream: false,
            downloads: None,
            statistics: None,
            ownership,
            merged,
            list: List::default(),
        }
    }

    /// All that there is to read, for the server itself.
    pub(crate) fn all_readable(&self) -> Readable {
        Readable((0..self.members.len()).fold(0, |bits, place| bits | 1 << place))
    }

    /// The other indexes among the members of which no more than so many bytes are kept.
    pub(crate) fn bounds(&self) -> impl Iterator<Item = (&RepositoryName, u64)> {
        self.members.iter().filter_map(|member| match &member.source {
            Source::Proxy(proxy) => Some((&member.name, proxy.settings().max_size?)),
            Source::Hosted(_) | Source::Directory(_) => None,
        })
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

    /// Whether a caller may read here what one of its members has of a project: not what a policy hides as a whole.
    pub(crate) fn may_read_of(
        &self,
        principal: &Principal,
        member: &RepositoryName,
        project: &ProjectName,
    ) -> bool {
        let Some(place) = self.members.iter().position(|of| of.name == *member) else { return false };
        let readable = self.may_read(principal, Some(project));
        let now = clock::now();
        readable.is_ok_and(|readable| readable.includes(place))
            && self.members[place].hides(project, now).is_none()
            && self.check_project(project, now).is_ok()
    }

    /// Whether the hosted repository owns a name. May block for a moment.
    async fn is_owned(&self, project: &ProjectName) -> Result<bool, ViewError> {
        if let Some(known) = self.ownership.known(project) {
            return Ok(known);
        }
        let (ownership, project) = (Arc::clone(&self.ownership), project.clone());
        Ok(tokio::task::spawn_blocking(move || ownership.owns(&project)).await??)
    }

    /// The members that are asked for a project: its owner alone, if it has one. Where the owner is no member, folders are
    /// still what they are, and no other index is asked.
    fn asked_if(&self, is_owned: bool) -> impl Iterator<Item = usize> {
        let owner_is_member = self.hosted().is_some();
        (0..self.members.len()).filter(move |place| match self.members[*place].source {
            Source::Hosted(_) => true,
            Source::Directory(_) => !is_owned || !owner_is_member,
            Source::Proxy(_) => !is_owned,
        })
    }

    /// The same, of those that the caller may read.
    async fn asked_by(&self, project: &ProjectName, readable: Readable) -> Result<Vec<usize>, ViewError> {
        let is_owned = self.is_owned(project).await?;
        if is_owned {
            self.note_owned(project);
        }
        Ok(self.asked_if(is_owned).filter(|place| readable.includes(*place)).collect())
    }

    /// A project as this caller sees it; none if nobody has it.
    ///
    /// Another index that does not answer is left out where a member has the project, so that what was pushed here installs
    /// while that index is down. Where none has it, it is not said that there is no such project.
    pub(crate) async fn project(
        self: &Arc<Self>,
        project: &ProjectName,
        readable: Readable,
    ) -> Result<Option<(Arc<Shown>, CacheState)>, ViewError> {
        if let Some(now) = self.now(project, readable)
            && let Some(shown) = self.remembered(project, readable, &now)
        {
            self.count(&now);
            return Ok(Some((shown, now.cache())));
        }
        let now = clock::now();
        self.check_project(project, now)?;
        let asked = self.asked_by(project, readable).await?;
        let (asked, withheld) = self.willing(project, asked, now);
        let (found, failed) = self.ask(project, &asked).await?;
        if found.is_empty() {
            return failed.or(withheld).map_or(Ok(None), Err);
        }
        let cache = found.iter().map(|(_, answer)| answer.cache()).max().unwrap_or(CacheState::Here);
        let policies = self.policies(found.iter().map(|(place, _)| *place));
        let buried = self.buried(project);
        let of_found = found.iter().map(|(place, answer)| (*place, answer.version()));
        let versions = self.versions(of_found, &policies, &buried);
        let key = self.key(project, readable);
        let known = key.as_ref().and_then(|key| self.merged.get(key.as_bytes()));
        if let Some(shown) = known.filter(|shown| shown.holds(&versions, now)) {
            return Ok(Some((shown, cache)));
        }
        let (view, of) = (Arc::clone(self), project.clone());
        let merging =
            tokio::task::spawn_blocking(move || view.merge(&of, found, &buried, &policies, versions, now));
        let Some(shown) = merging.await?? else { return Ok(None) };
        if let Some(key) = key {
            self.merged.insert(key.as_bytes().into(), Arc::clone(&shown));
        }
        Ok(Some((shown, cache)))
    }

    /// What these members have of a project, in their order, and why one of them cannot say.
    ///
    /// All are asked at once, so that one that is slow does not add to another. Once one has the project, the other indexes
    /// get so long to answer and no longer: their questions go on, for those who come later. What is here must answer for
    /// the names it has: those in a folder that was taken away would be free for others.
    async fn ask(
        &self,
        project: &ProjectName,
        asked: &[usize],
    ) -> Result<(Vec<(usize, Answer)>, Option<ViewError>), ViewError> {
        let is_here = |place: usize| !matches!(self.members[place].source, Source::Proxy(_));
        let mut here = asked.iter().filter(|place| is_here(**place)).count();
        let ask = |place: usize| async move { (place, self.members[place].ask(project).await) };
        let mut asking: FuturesUnordered<_> = asked.iter().map(|place| ask(*place)).collect();
        let (mut found, mut failed) = (Vec::new(), None);
        let patience = Instant::now() + PATIENCE;
        loop {
            let may_go_on = here == 0 && !found.is_empty();
            let answer = tokio::select! {
                biased;
                answer = asking.next() => answer,
                () = tokio::time::sleep_until(patience), if may_go_on => None,
            };
            let Some((place, answer)) = answer else { break };
            here -= usize::from(is_here(place));
            match answer {
                Ok(answer) => found.extend(answer.map(|answer| (place, answer))),
                Err(error) if self.members[place].must_answer(project) => return Err(error),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        found.sort_by_key(|(place, _)| *place);
        Ok((found, failed))
    }

    /// Under what a page is remembered.
    fn key(&self, project: &ProjectName, readable: Readable) -> Option<Key> {
        Key::new(&[self.name.as_str(), project.as_str()], &readable.0.to_be_bytes(), 0)
    }

    /// The policies that decide about what these members have, by their places, and that of the view itself.
    fn policies(&self, asked: impl Iterator<Item = usize>) -> Vec<(usize, Arc<InForce>)> {
        let of_members = asked.map(|place| (place, self.members[place].policy.as_ref()));
        let all = of_members.chain([(self.members.len(), self.policy.as_ref())]);
        all.filter_map(|(place, policy)| Some((place, policy?.in_force()))).collect()
    }

    /// What a page is made of, where these members have the project with these versions of their pages: another list of
    /// places and versions whenever it may say something else.
    fn versions(
        &self,
        found: impl Iterator<Item = (usize, u64)>,
        policies: &[(usize, Arc<InForce>)],
        buried: &Buried,
    ) -> Versions {
        let policies = policies.iter().map(|(place, policy)| (*place, policy.version));
        let buried = buried.version().map(|version| (self.members.len() + 1, version));
        found.chain(policies).chain(buried).collect()
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
        buried: &Buried,
        policies: &[(usize, Arc<InForce>)],
        versions: Versions,
        now: Timestamp,
    ) -> Result<Option<Arc<Shown>>, ViewError> {
        let policy_of = |place: usize| policies.iter().find(|(of, _)| *of == place).map(|(_, policy)| policy);
        let (mut listings, mut hidden) = (Vec::new(), Vec::new());
        for (place, answer) in answers {
            let member = &self.members[place];
            let Some(mut listing) = member.listing(project, answer)? else { continue };
            if !matches!(member.source, Source::Hosted(_)) {
                buried.take_out(&mut listing, &member.name, &self.ownership.alarms);
            }
            if let Some(in_force) = policy_of(place) {
                let filtered = in_force.policy.decide_page(&listing.page, now);
                hidden.push((filtered.hidden, filtered.changes_at, &member.name));
                if let Cow::Owned(page) = filtered.page {
                    listing.page = Arc::new(page);
                }
            }
            listings.push((place, &member.name, listing));
        }
        if listings.is_empty() {
            return Ok(None);
        }
        let mut shown = merge::merge(project, &listings, versions, &self.ownership.alarms);
        for (hidden, until, of) in hidden {
            shown.note(hidden, until, of);
        }
        if let Some(in_force) = policy_of(self.members.len()) {
            shown = shown.follow(&in_force.policy, &self.name, now);
        }
        Ok(Some(Arc::new(shown)))
    }
}
