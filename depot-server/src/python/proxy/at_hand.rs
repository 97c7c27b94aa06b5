//! What is at hand of a proxy: nobody is asked for it, nothing is read, and nobody waits.

use std::sync::Arc;

use depot_proto::{DistributionFilename, ProjectName, Timestamp, layout::Part};

use super::{Proxy, counters::Event, files::check_status, kept::KeptFile};
use crate::python::listing::CacheState;

/// What is said of a project without asking anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtHand {
    /// This version of its page is shown, from there.
    Page(u64, CacheState),
    /// There is nothing of it, or nobody can say and nothing is kept.
    Nothing,
}

impl Proxy {
    /// What is said of a project now; none if somebody must be asked, or something read, to say it.
    pub(crate) fn page_at_hand(&self, project: &ProjectName, now: Timestamp) -> Option<AtHand> {
        let entry = self.in_memory(project);
        if let Some(entry) = &entry {
            if entry.is_fresh_at(now, self.settings.pages_ttl) {
                return Some(AtHand::Page(entry.version, CacheState::Hit));
            }
            if self.settings.offline || entry.is_spared() {
                return Some(AtHand::Page(entry.version, CacheState::Stale));
            }
        }
        if self.pages.is_missing(project, self.settings.missing_ttl) {
            return Some(AtHand::Nothing);
        }
        let [is_left_alone, _] = self.upstream.is_left_alone();
        let nobody_says = self.settings.offline || is_left_alone;
        (nobody_says && entry.is_none() && self.pages.is_known_lost(project)).then_some(AtHand::Nothing)
    }

    /// A part of a file that is open or in memory.
    pub(crate) fn file_at_hand(&self, filename: &DistributionFilename, part: Part) -> Option<Arc<KeptFile>> {
        let opened = self.kept.cached(&self.tree, filename, part)?;
        // Where the page is not at hand, nobody knows yet whether the files may be sent.
        let entry = self.in_memory(filename.project())?;
        check_status(&entry).is_ok().then_some(opened)
    }

    /// Whether such a part would be the answer again, for as long as the page of its project is the same.
    pub(crate) fn is_still_at_hand(
        &self,
        opened: &KeptFile,
        filename: &DistributionFilename,
        part: Part,
    ) -> bool {
        self.kept.is_still(opened, &self.tree, filename, part)
    }

    /// Notes that an answer was taken from here.
    pub(crate) fn count_answer(&self, cache: CacheState) {
        self.counters.count(match cache {
            CacheState::Here | CacheState::Hit => Event::Hit,
            CacheState::Miss => Event::Miss,
            CacheState::Stale => Event::Stale,
            CacheState::Revalidated => Event::Revalidated,
        });
    }
}
