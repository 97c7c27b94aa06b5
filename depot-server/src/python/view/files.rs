//! Files of a view: from whom they may be read, and by whom.

use std::sync::Arc;

use depot_proto::{
    DistributionFilename, RepositoryName, Timestamp,
    layout::Part,
    policy::{Decision, RuleRef, Subject},
    simple::ProjectStatus,
};

use super::{
    Readable, View, ViewError,
    member::{Opened, Source, Wanted},
};
use crate::{
    clock,
    python::{files::FileError, proxy::LastSaid},
};

impl View {
    /// A part of a file and which member it is from, the first that has it; none if nobody does.
    ///
    /// What a page shows is what is given out: a member from which the page does not take the file is not asked for it, and
    /// neither is anybody where the page withholds all files.
    pub(crate) async fn open(
        self: &Arc<Self>,
        filename: &DistributionFilename,
        part: Part,
        wanted: Wanted,
        readable: Readable,
    ) -> Result<Option<(&RepositoryName, Opened)>, ViewError> {
        let mut failed = None;
        for place in self.holders(filename, readable).await? {
            let member = &self.members[place];
            match member.open(filename, part, wanted).await {
                Ok(Some(opened)) => return Ok(Some((&member.name, opened))),
                Ok(None) => {}
                // What one cannot say now, the next member may.
                Err(error @ (ViewError::Proxy(_) | ViewError::Directory(_))) => {
                    failed = failed.or(Some(error));
                }
                Err(error) => return Err(error),
            }
        }
        self.check_deleted(filename, readable).await?;
        failed.map_or(Ok(None), Err)
    }

    /// The members that may have a file as the page shows it.
    async fn holders(
        self: &Arc<Self>,
        filename: &DistributionFilename,
        readable: Readable,
    ) -> Result<Vec<usize>, ViewError> {
        let (project, mut status) = (filename.project(), ProjectStatus::Active);
        let now = self.now(project, readable);
        let at_hand = now.and_then(|now| self.remembered(project, readable, &now));
        let found = match at_hand {
            // It is no answer, so nobody counts it.
            Some(shown) => Some(shown),
            None => match self.project(project, readable).await {
                // Nobody says what there is of it: what is kept is served, unless a rule would have to know more.
                Err(ViewError::Proxy(_)) if !self.has_policies() => None,
                found => found?.map(|(shown, _)| shown),
            },
        };
        if let Some(shown) = &found {
            status = shown.page.status;
            if !status.offers_files() {
                let reason = shown.page.status_reason.clone();
                return Err(FileError::Quarantined { project: project.clone(), reason }.into());
            }
            if shown.page.files.iter().any(|file| file.filename == filename.as_str()) {
                return Ok(shown.holders(filename.as_str()));
            }
            if let Some(hidden) = shown.hidden.iter().find(|hidden| hidden.filename == filename.as_str()) {
                return Err(refused(filename, &hidden.policy_of, hidden.rule.clone()));
            }
        }
        let mut asked = self.asked_by(project, readable).await?;
        if self.buried(project).digest(filename.as_str()).is_some() {
            // What others have of that name has other bytes, or is not known.
            asked.retain(|place| matches!(self.members[*place].source, Source::Hosted(_)));
        }
        let asked = self.willing(project, asked, clock::now()).0;
        self.check_unlisted(filename, status, &asked).await?;
        Ok(asked)
    }

    fn has_policies(&self) -> bool {
        self.policy.is_some() || self.members.iter().any(|member| member.policy.is_some())
    }

    /// Refuses a file that no page lists any more and that a policy hides: as far as its name alone says, and by what those
    /// who may have kept it were last told of it. Nothing opens because another index takes it from its page.
    async fn check_unlisted(
        &self,
        filename: &DistributionFilename,
        status: ProjectStatus,
        asked: &[usize],
    ) -> Result<(), ViewError> {
        if !self.has_policies() {
            return Ok(());
        }
        let now = clock::now();
        for place in 0..self.members.len() {
            self.check_last_said(place, filename, status, None, now)?;
        }
        for place in asked {
            let Source::Proxy(proxy) = &self.members[*place].source else { continue };
            let said = proxy.last_said(filename).await?;
            self.check_last_said(*place, filename, status, said, now)?;
        }
        Ok(())
    }

    /// The same for a member, where one of those who have the project says this of its state.
    pub(super) fn check_last_said(
        &self,
        place: usize,
        filename: &DistributionFilename,
        status: ProjectStatus,
        said: Option<LastSaid>,
        now: Timestamp,
    ) -> Result<(), ViewError> {
        let by_name = Subject {
            project: filename.project(),
            version: Some(filename.version()),
            filename: filename.as_str(),
            upload_time: None,
            yanked: false,
            status,
        };
        let last = said.map(|LastSaid { yanked, status }| Subject { yanked, status, ..by_name });
        for subject in [Some(by_name), last].into_iter().flatten() {
            self.check_subject(place, filename, subject, now)?;
            self.check_subject(self.members.len(), filename, subject, now)?;
        }
        Ok(())
    }

    /// Refuses what a policy hides: that of a member, or, at the place after all of them, that of the view itself.
    fn check_subject(
        &self,
        place: usize,
        filename: &DistributionFilename,
        subject: Subject<'_>,
        now: Timestamp,
    ) -> Result<(), ViewError> {
        let (of, policy) = match self.members.get(place) {
            Some(member) => (&member.name, &member.policy),
            None => (&self.name, &self.policy),
        };
        match policy.as_ref().map(|policy| policy.in_force().policy.decide(subject, now)) {
            Some(Decision::Hidden(rule)) => Err(refused(filename, of, rule)),
            Some(Decision::Shown(_)) | None => Ok(()),
        }
    }

    /// The one of these files, each with what the caller may read of its project, that has this path at the index it comes
    /// from.
    pub(crate) async fn at(
        &self,
        meanings: &[(DistributionFilename, Readable)],
        path: &str,
    ) -> Result<Option<DistributionFilename>, ViewError> {
        let (mut asked, now) = (Vec::new(), clock::now());
        let mut is_owned = false;
        for (filename, readable) in meanings {
            let project = filename.project();
            is_owned |= self.is_owned(project).await?;
            let is_hidden = self.check_project(project, now).is_err();
            let places = if is_hidden { Vec::new() } else { self.asked_by(project, *readable).await? };
            asked.push(self.willing(project, places, now).0);
        }
        let mut failed = None;
        for (place, member) in self.members.iter().enumerate() {
            // What may be the name of a private project is not taken apart and asked for elsewhere piece by piece.
            if is_owned && matches!(member.source, Source::Proxy(_)) {
                continue;
            }
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
}

fn refused(filename: &DistributionFilename, of: &RepositoryName, rule: RuleRef) -> ViewError {
    ViewError::Hidden { what: format!("`{filename}`"), of: of.clone(), rule: Box::new(rule) }
}
