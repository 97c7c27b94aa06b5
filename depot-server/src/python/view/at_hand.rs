//! What is at hand of a view: pages and files as they are shown now, where nobody must be asked for that, nothing read, and
//! nobody waited for.

use std::sync::Arc;

use depot_proto::{DistributionFilename, ProjectName, Timestamp, layout::Part};
use smallvec::SmallVec;

use super::{
    Readable, Shown, Versions, View,
    member::{Member, Source},
};
use crate::{
    clock,
    python::{
        files::Served,
        listing::CacheState,
        proxy::{AtHand, KeptFile},
    },
};

/// What the page of a project is made of now.
pub(crate) struct Now {
    versions: Versions,
    /// The members that have the project, and where the page of each is from.
    found: SmallVec<[(usize, CacheState); 4]>,
    time: Timestamp,
}

impl Now {
    /// Whether this page is made of that.
    pub(crate) fn shows(&self, shown: &Shown) -> bool {
        shown.holds(&self.versions, self.time)
    }

    /// Where an answer that shows it is taken from.
    pub(crate) fn cache(&self) -> CacheState {
        self.found.iter().map(|(_, cache)| *cache).max().unwrap_or(CacheState::Here)
    }
}

/// A part of a file that is open or in memory.
pub(crate) enum Opened {
    /// Of the hosted repository.
    Hosted(Arc<Served>),
    /// Of another index.
    Kept(Arc<KeptFile>),
}

impl Opened {
    /// What is sent.
    pub(crate) fn served(&self) -> &Arc<Served> {
        match self {
            Self::Hosted(served) => served,
            Self::Kept(opened) => &opened.served,
        }
    }

    /// Where it is from.
    pub(crate) fn cache(&self) -> CacheState {
        match self {
            Self::Hosted(_) => CacheState::Here,
            Self::Kept(_) => CacheState::Hit,
        }
    }
}

impl View {
    /// All members, if anybody may read them.
    pub(crate) fn everybody(&self) -> Option<Readable> {
        self.anonymous_read.then(|| self.all_readable())
    }

    /// What the page of a project is made of now; none if that is not known, or there is none.
    pub(crate) fn now(&self, project: &ProjectName, readable: Readable) -> Option<Now> {
        let time = clock::now();
        self.check_project(project, time).ok()?;
        let mut found: SmallVec<[(usize, CacheState); 4]> = SmallVec::new();
        let mut of_found = Versions::new();
        for place in self.asked_if(self.ownership.known(project)?) {
            if !readable.includes(place) || self.members[place].hides(project, time).is_some() {
                continue;
            }
            match self.members[place].at_hand(project, time)? {
                AtHand::Page(version, cache) => {
                    of_found.push((place, version));
                    found.push((place, cache));
                }
                AtHand::Nothing => {}
            }
        }
        if found.is_empty() {
            // Whether there is no such project, or nobody can say, is found out by who asks.
            return None;
        }
        let policies = self.policies(found.iter().map(|(place, _)| *place));
        let versions = self.versions(of_found.into_iter(), &policies, &self.buried(project));
        Some(Now { versions, found, time })
    }

    /// The page that is made of this, if it was put together before.
    pub(crate) fn remembered(
        &self,
        project: &ProjectName,
        readable: Readable,
        now: &Now,
    ) -> Option<Arc<Shown>> {
        let key = self.key(project, readable)?;
        self.merged.get(key.as_bytes()).filter(|shown| now.shows(shown))
    }

    /// Notes that an answer shows a page that is made of this.
    pub(crate) fn count(&self, now: &Now) {
        for (place, cache) in &now.found {
            if let Source::Proxy(proxy) = &self.members[*place].source {
                proxy.count_answer(*cache);
            }
        }
    }

    /// A part of a file that a member has open or in memory.
    pub(crate) fn file_at_hand(
        &self,
        place: usize,
        filename: &DistributionFilename,
        part: Part,
    ) -> Option<Opened> {
        match &self.members.get(place)?.source {
            Source::Hosted(hosted) => {
                let stored = format!("{filename}{}", part.suffix());
                let project = filename.project().as_str();
                Some(Opened::Hosted(hosted.files.cached(&hosted.repository, project, &stored)?))
            }
            Source::Proxy(proxy) => Some(Opened::Kept(proxy.file_at_hand(filename, part)?)),
            Source::Directory(_) => None,
        }
    }

    /// Whether such a part would be the answer again, for as long as the page that shows the file is the same.
    pub(crate) fn is_still_at_hand(
        &self,
        place: usize,
        filename: &DistributionFilename,
        part: Part,
        opened: &Opened,
    ) -> bool {
        match (opened, self.members.get(place).map(|member| &member.source)) {
            // Nothing of a project changes but with its serial, and then its page is another.
            (Opened::Hosted(_), Some(Source::Hosted(_))) => true,
            (Opened::Kept(opened), Some(Source::Proxy(proxy))) => {
                proxy.is_still_at_hand(opened, filename, part)
            }
            _ => false,
        }
    }

    /// Notes that such a file is answered.
    pub(crate) fn count_file(&self, place: usize) {
        if let Some(Source::Proxy(proxy)) = self.members.get(place).map(|member| &member.source) {
            proxy.count_answer(CacheState::Hit);
        }
    }
}

impl Member {
    fn at_hand(&self, project: &ProjectName, now: Timestamp) -> Option<AtHand> {
        match &self.source {
            Source::Hosted(hosted) => Some(match hosted.repository.serial(project) {
                Some(serial) => AtHand::Page(serial, CacheState::Here),
                None => AtHand::Nothing,
            }),
            Source::Proxy(proxy) => proxy.page_at_hand(project, now),
            // It may have changed, which only who looks sees.
            Source::Directory(_) => None,
        }
    }
}
