//! One page of several.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use depot_proto::{
    ProjectName, RepositoryName, Timestamp, Version,
    policy::{Filtered, Policy, RuleRef},
    simple::{MetadataMark, PageFile, ProjectPage, ProjectStatus},
};

use super::Versions;
use crate::{
    python::{
        footprint::of_page,
        listing::{Listing, next_version},
    },
    service::alarms::Alarms,
};

/// A project as a view shows it.
#[derive(Debug)]
pub(crate) struct Shown {
    /// The page; shared with the one member that has the project, where it is the same.
    pub(crate) page: Arc<ProjectPage>,
    /// No other page of this process has it.
    pub(crate) version: u64,
    /// What it was made of: members and the versions of their pages and policies.
    pub(super) versions: Versions,
    /// The first member that has the project.
    first: usize,
    /// Where several have it: which of them have a file as it is shown, a bit for each.
    holders: HashMap<String, u32>,
    /// The files that are hidden, each with whose policy hides it and by which rule.
    pub(crate) hidden: Vec<Hidden>,
    /// When a policy may decide otherwise.
    pub(super) until: Option<Timestamp>,
}

/// A file that a policy hides.
#[derive(Debug)]
pub(crate) struct Hidden {
    pub(crate) filename: String,
    /// Of which repository or group the policy is.
    pub(crate) policy_of: RepositoryName,
    pub(crate) rule: RuleRef,
}

/// The pages of several members, the first one's word first. There is at least one.
///
/// A file that two have under one name with other bytes is the first one's, and an alarm is sounded: one of the two is not
/// what it seems.
pub(super) fn merge(
    project: &ProjectName,
    listings: &[(usize, &RepositoryName, Listing)],
    versions: Versions,
    alarms: &Alarms,
) -> Shown {
    let first = listings.first().map_or(0, |(place, ..)| *place);
    let (page, holders) = match listings {
        // A number of one index says nothing of what several have.
        [(_, _, only)] if only.page.last_serial.is_some() => {
            (Arc::new(ProjectPage { last_serial: None, ..(*only.page).clone() }), HashMap::new())
        }
        [(_, _, only)] => (Arc::clone(&only.page), HashMap::new()),
        many => {
            let (page, holders) = joined(project, many, alarms);
            (Arc::new(page), holders)
        }
    };
    Shown { page, version: next_version(), versions, first, holders, hidden: Vec::new(), until: None }
}

impl Shown {
    /// The members that have a file as the page shows it, in their order.
    pub(super) fn holders(&self, filename: &str) -> Vec<usize> {
        let places = |bits: &u32| (0..32).filter(|place| bits & (1 << place) != 0).collect();
        self.holders.get(filename).map_or_else(|| vec![self.first], places)
    }

    /// The memory that it takes, in bytes, roughly.
    pub(super) fn weight(&self) -> usize {
        let holders: usize = self.holders.keys().map(|name| size_of::<(String, u32)>() + name.len()).sum();
        let of_hidden =
            |file: &Hidden| size_of::<Hidden>() + file.filename.len() + file.policy_of.as_str().len();
        let hidden: usize = self.hidden.iter().map(of_hidden).sum();
        size_of::<Self>() + of_page(&self.page) + holders + hidden
    }

    /// The first of them, if the page shows the file at all.
    pub(crate) fn first_holder(&self, filename: &str) -> Option<usize> {
        let is_shown = self.page.files.iter().any(|file| file.filename == filename);
        self.holders(filename).first().copied().filter(|_| is_shown)
    }

    /// Takes out what a policy hides.
    pub(super) fn follow(mut self, policy: &Policy, of: &RepositoryName, now: Timestamp) -> Self {
        let Filtered { page, hidden, changes_at } = policy.decide_page(&self.page, now);
        if let Cow::Owned(page) = page {
            self.page = Arc::new(page);
        }
        self.note(hidden, changes_at, of);
        self
    }

    /// Notes what was taken out of it, and until when that holds.
    pub(super) fn note(
        &mut self,
        hidden: Vec<(String, RuleRef)>,
        until: Option<Timestamp>,
        of: &RepositoryName,
    ) {
        let hidden = hidden.into_iter();
        self.hidden.extend(hidden.map(|(filename, rule)| Hidden { filename, policy_of: of.clone(), rule }));
        self.until = [self.until, until].into_iter().flatten().min();
    }

    /// Whether it still holds, for what it was made of.
    pub(super) fn holds(&self, versions: &[(usize, u64)], now: Timestamp) -> bool {
        self.versions.as_slice() == versions && self.until.is_none_or(|until| now < until)
    }
}

fn joined(
    project: &ProjectName,
    listings: &[(usize, &RepositoryName, Listing)],
    alarms: &Alarms,
) -> (ProjectPage, HashMap<String, u32>) {
    let mut page = ProjectPage::new(project.clone());
    let mut holders: HashMap<String, u32> = HashMap::new();
    let mut kept: HashMap<&str, (&RepositoryName, usize)> = HashMap::new();
    let mut versions: BTreeSet<&str> = BTreeSet::new();
    for (member, name, listing) in listings {
        if page.status == ProjectStatus::Active {
            (page.status, page.status_reason) = (listing.page.status, listing.page.status_reason.clone());
        }
        if !listing.page.status.offers_files() {
            // Whoever keeps files back means the project, whoever else has it.
            (page.status, page.status_reason) = (listing.page.status, listing.page.status_reason.clone());
        }
        versions.extend(listing.page.versions.iter().map(String::as_str));
        for file in &listing.page.files {
            match kept.get(file.filename.as_str()) {
                None => {
                    kept.insert(&file.filename, (name, page.files.len()));
                    page.files.push(file.clone());
                    holders.insert(file.filename.clone(), 1 << member);
                }
                Some((first, place)) => {
                    if complete(&mut page.files[*place], file) {
                        *holders.entry(file.filename.clone()).or_default() |= 1 << member;
                    } else {
                        let digests = (page.files[*place].sha256(), file.sha256());
                        alarms.other_bytes((first, name), &file.filename, digests);
                    }
                }
            }
        }
    }
    if !page.status.offers_files() {
        page.files.clear();
        return (page, holders);
    }
    let mut ordered: Vec<(Version, &str)> =
        versions.into_iter().map(|text| (Version::read(text), text)).collect();
    ordered.sort_by(|(one, _), (two, _)| one.cmp(two));
    page.versions = ordered.into_iter().map(|(_, text)| text.to_owned()).collect();
    (page, holders)
}

/// Takes from another entry of the same file what this one does not say; false if it is of other bytes. A yank by either
/// stands.
fn complete(kept: &mut PageFile, other: &PageFile) -> bool {
    if kept.sha256().is_some() && other.sha256().is_some() && kept.sha256() != other.sha256() {
        return false;
    }
    kept.size = kept.size.or(other.size);
    kept.upload_time = kept.upload_time.or(other.upload_time);
    if kept.requires_python.is_none() {
        kept.requires_python.clone_from(&other.requires_python);
    }
    if kept.core_metadata == MetadataMark::Absent {
        kept.core_metadata = other.core_metadata;
    }
    if !kept.yanked.is_yanked() {
        kept.yanked.clone_from(&other.yanked);
    }
    true
}
