//! A whole page under a policy.

use std::{borrow::Cow, collections::BTreeSet};

use super::{Decision, Policy, RuleRef, Subject, scoped::Scoped};
use crate::{
    DistributionFilename, Timestamp, Version,
    simple::{PageFile, ProjectPage},
};

/// What readers see of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filtered<'a> {
    /// The page with what is shown; the one that was asked about if that is all.
    pub page: Cow<'a, ProjectPage>,
    /// The files that are hidden, in the order of the page, each with the rule.
    pub hidden: Vec<(String, RuleRef)>,
    /// The next moment at which some of this may change by itself; until then it may be kept.
    pub changes_at: Option<Timestamp>,
}

impl Policy {
    /// Decides about every file of a page at once. Versions that have no file left are not listed any more.
    pub fn decide_page<'a>(&self, page: &'a ProjectPage, now: Timestamp) -> Filtered<'a> {
        let scoped = self.about(&page.project);
        let (mut hidden, mut changes_at) = (Vec::new(), None);
        let mut note = |rule: &RuleRef| {
            let later = rule.until.filter(|until| *until > now);
            changes_at = [changes_at, later].into_iter().flatten().min();
        };
        for (place, file) in page.files.iter().enumerate() {
            match decide(&scoped, page, file, now) {
                Decision::Shown(None) => {}
                Decision::Shown(Some(rule)) => note(&rule),
                Decision::Hidden(rule) => {
                    note(&rule);
                    hidden.push((place, rule));
                }
            }
        }
        let kept = match hidden.as_slice() {
            [] => Cow::Borrowed(page),
            hidden => Cow::Owned(without(page, hidden)),
        };
        let hidden = hidden.into_iter().map(|(place, rule)| (page.files[place].filename.clone(), rule));
        Filtered { page: kept, hidden: hidden.collect(), changes_at }
    }
}

fn decide(scoped: &Scoped<'_>, page: &ProjectPage, file: &PageFile, now: Timestamp) -> Decision {
    let subject = Subject {
        project: &page.project,
        version: None,
        filename: &file.filename,
        upload_time: file.upload_time,
        yanked: file.yanked.is_yanked(),
        status: page.status,
    };
    scoped.decide(&subject, now)
}

/// The page without the files at these places, which are in order.
fn without(page: &ProjectPage, hidden: &[(usize, RuleRef)]) -> ProjectPage {
    let version = |file: &PageFile| {
        let read = DistributionFilename::parse(&file.filename, &page.project).ok()?;
        Some(read.version().clone())
    };
    let mut places = hidden.iter().map(|(place, _)| *place).peekable();
    let (mut files, mut gone) = (Vec::with_capacity(page.files.len() - hidden.len()), BTreeSet::new());
    for (place, file) in page.files.iter().enumerate() {
        if places.next_if_eq(&place).is_some() {
            gone.extend(version(file));
        } else {
            files.push(file.clone());
        }
    }
    // Only versions of which something is hidden can have lost all files.
    if !gone.is_empty() {
        for version in files.iter().filter_map(version) {
            gone.remove(&version);
        }
    }
    let versions = page.versions.iter().filter(|text| !gone.contains(&Version::read(text)));
    ProjectPage {
        project: page.project.clone(),
        status: page.status,
        status_reason: page.status_reason.clone(),
        versions: versions.cloned().collect(),
        files,
        last_serial: page.last_serial,
        skipped: page.skipped.clone(),
    }
}
