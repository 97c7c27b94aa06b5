//! Why a file is shown, or is not: the page that readers get, told with what each member has and what took it away.

use std::{collections::BTreeMap, sync::Arc};

use depot_proto::{
    DistributionFilename, ProjectName, Timestamp, Version,
    policy::{Decision, RuleRef, Subject},
    simple::{PageFile, ProjectStatus},
    why::{self, Fate, Held, Outcome, Owner, Verdict, WHY_SCHEMA, WhyAnswer},
};

use super::{
    Readable, Versions, View, ViewError,
    buried::Buried,
    member::{Answer, Member, Source},
    merge::Shown,
};
use crate::{
    clock,
    python::{listing::Listing, policy::InForce, proxy::LastSaid},
};

/// What is asked about, beside the project.
#[derive(Clone, Debug, Default)]
pub(crate) struct About {
    pub(crate) version: Option<Version>,
    pub(crate) filename: Option<String>,
}

impl About {
    fn means(&self, project: &ProjectName, file: &PageFile) -> bool {
        let version = version_of(project, file);
        self.filename.as_ref().is_none_or(|filename| *filename == file.filename)
            && self.version.as_ref().is_none_or(|wanted| version.as_ref() == Some(wanted))
    }
}

fn version_of(project: &ProjectName, file: &PageFile) -> Option<Version> {
    Some(DistributionFilename::parse(&file.filename, project).ok()?.version().clone())
}

impl Source {
    fn kind(&self) -> &'static str {
        match self {
            Self::Hosted(_) => "hosted",
            Self::Proxy(_) => "proxy",
            Self::Directory(_) => "directory",
        }
    }
}

/// A file that a proxy keeps, whether a page lists it or not.
#[derive(Clone, Debug)]
struct Kept {
    place: usize,
    /// As its record tells it.
    file: PageFile,
    /// The state of life that its project had last.
    status: ProjectStatus,
}

/// What a member said, in so many words, and the page that it has.
type Said = (why::Member, Option<Listing>);

impl View {
    /// Why a project, or some of its files, are shown here or not.
    pub(crate) async fn why(
        self: &Arc<Self>,
        project: &ProjectName,
        about: &About,
        readable: Readable,
    ) -> Result<WhyAnswer, ViewError> {
        let now = clock::now();
        let rule = self.policy.as_ref().map(|policy| policy.in_force().policy.decide_project(project, now));
        let rule = rule.and_then(Decision::hidden);
        let owner = self.owner(project, readable).await?;
        let asked = if rule.is_some() { Vec::new() } else { self.asked_by(project, readable).await? };
        let (mut members, mut listings, mut kept, mut withheld) = (Vec::new(), Vec::new(), Vec::new(), None);
        for (place, member) in self.members.iter().enumerate() {
            let (mut said, listing) = match member.hides(project, now) {
                _ if !asked.contains(&place) => {
                    (told(member, Outcome::NotAsked, Some(not_asked(rule.is_some(), owner.as_ref()))), None)
                }
                Some(own) => {
                    let reason = format!("its own policy hides the project: {own}");
                    withheld.get_or_insert(own);
                    (told(member, Outcome::NotAsked, Some(reason)), None)
                }
                None => {
                    let said = self.said_by(member, project).await;
                    if let Source::Proxy(proxy) = &member.source {
                        let (files, status) = proxy.kept_files(project).await?;
                        kept.extend(files.into_iter().map(|file| Kept { place, file, status }));
                    }
                    said
                }
            };
            said.owns = owner.as_ref().is_some_and(|owner| owner.repository == member.name);
            members.push(said);
            listings.extend(listing.map(|listing| (place, listing)));
        }
        // Where nobody else has it, that is why it is not shown.
        let rule = rule.or(withheld.filter(|_| listings.is_empty()));
        let (view, of, asked_about) = (Arc::clone(self), project.clone(), about.clone());
        let explaining =
            tokio::task::spawn_blocking(move || view.explain(&of, &asked_about, &listings, &kept, now));
        let (status, files) = explaining.await??;
        let verdict = match Verdict::of(rule.as_ref(), &members, &files) {
            // It is there, and says so, but nothing of it.
            Verdict::Absent if !status.offers_files() => Verdict::Hidden,
            verdict => verdict,
        };
        Ok(WhyAnswer {
            schema: WHY_SCHEMA.to_owned(),
            repository: self.name.clone(),
            at: format!("{}/", self.mount),
            project: project.clone(),
            version: about.version.as_ref().map(ToString::to_string),
            filename: about.filename.clone(),
            verdict,
            rule,
            status,
            owner,
            members,
            files,
        })
    }

    /// Who owns the name; none too for who may not read there, and learns nothing of what is there.
    async fn owner(&self, project: &ProjectName, readable: Readable) -> Result<Option<Owner>, ViewError> {
        let mut members = self.members.iter().enumerate();
        let hosted = members.find(|(_, member)| matches!(member.source, Source::Hosted(_)));
        let Some((_, member)) = hosted.filter(|(place, _)| readable.includes(*place)) else {
            return Ok(None);
        };
        let (ownership, project) = (Arc::clone(&self.ownership), project.clone());
        let because = tokio::task::spawn_blocking(move || ownership.because(&project)).await??;
        Ok(because.map(|(because, pattern)| Owner { repository: member.name.clone(), because, pattern }))
    }

    async fn said_by(&self, member: &Member, project: &ProjectName) -> Said {
        match listing_of(member, project).await {
            Ok(Some(listing)) => {
                let mut said = told(member, Outcome::Has, None);
                said.files = listing.page.files.len();
                said.cache = listing.cache.word().map(str::to_owned);
                (said, Some(listing))
            }
            Ok(None) => (told(member, Outcome::Absent, None), None),
            Err(error) => (told(member, Outcome::Failed, Some(error.to_string())), None),
        }
    }

    /// The state of the project that readers see, and every file that is asked about, with who has it and what became of
    /// it on the page that is made of what the members have. May block.
    fn explain(
        &self,
        project: &ProjectName,
        about: &About,
        listings: &[(usize, Listing)],
        kept: &[Kept],
        now: Timestamp,
    ) -> Result<(ProjectStatus, Vec<why::File>), ViewError> {
        let policies = self.policies(listings.iter().map(|(place, _)| *place));
        let buried = self.buried(project);
        let answers = listings.iter().map(|(place, listing)| (*place, Answer::Listing(listing.clone())));
        let shown = self.merge(project, answers.collect(), &buried, &policies, Versions::new(), now)?;
        let is_kept_only = |kept: &&Kept| {
            let is_it = |file: &PageFile| file.filename == kept.file.filename;
            let is_listed = listings.iter().any(|(_, listing)| listing.page.files.iter().any(is_it));
            !is_listed && buried.digest(&kept.file.filename).is_none()
        };
        let kept: Vec<_> = kept.iter().filter(is_kept_only).cloned().collect();
        let Some(shown) = shown else {
            let last = kept.iter().map(|kept| kept.status).find(|status| *status != ProjectStatus::Active);
            let status = ProjectStatus::Active;
            let files = self.unlisted(project, about, &kept, status, now)?;
            return Ok((last.unwrap_or(status), files));
        };
        let page = Made { view: self, shown: &shown, policies, buried, now };
        let mut files: BTreeMap<(Option<Version>, &str), why::File> = BTreeMap::new();
        for (place, listing) in listings {
            for entry in listing.page.files.iter().filter(|file| about.means(project, file)) {
                let version = version_of(project, entry);
                let file = files
                    .entry((version.clone(), &entry.filename))
                    .or_insert_with(|| page.file(entry, version));
                page.take(file, *place, entry, listing.page.status);
            }
        }
        let status = shown.page.status;
        let unlisted = self.unlisted(project, about, &kept, status, now)?;
        Ok((status, files.into_values().chain(unlisted).collect()))
    }

    /// What becomes of files that are kept and on no page, of a project that is in this state where one shows it.
    fn unlisted(
        &self,
        project: &ProjectName,
        about: &About,
        kept: &[Kept],
        status: ProjectStatus,
        now: Timestamp,
    ) -> Result<Vec<why::File>, ViewError> {
        let mut files: BTreeMap<(Option<Version>, &str), why::File> = BTreeMap::new();
        for Kept { place, file, status: last } in kept.iter().filter(|kept| about.means(project, &kept.file))
        {
            let Ok(filename) = DistributionFilename::parse(&file.filename, project) else { continue };
            let member = &self.members[*place].name;
            let yanked = file.yanked.is_yanked();
            let said = LastSaid { yanked, status: *last };
            let mut places = 0..self.members.len();
            let by_name = places.try_for_each(|of| self.check_last_said(of, &filename, status, None, now));
            let checked =
                by_name.and_then(|()| self.check_last_said(*place, &filename, status, Some(said), now));
            let hidden = match checked {
                Err(ViewError::Hidden { of, rule, .. }) => Some((*rule, of)),
                checked => checked.map(|()| None)?,
            };
            let is_sent = hidden.is_none() && status.offers_files() && last.offers_files();
            let key = (Some(filename.version().clone()), file.filename.as_str());
            let known = files.entry(key).or_insert_with(|| why::File {
                filename: file.filename.clone(),
                version: Some(filename.version().to_string()),
                from: is_sent.then(|| member.clone()),
                rule: None,
                rule_of: None,
                yanked,
                held: Vec::new(),
            });
            // One that is hidden of what one member has is refused, whoever else has it.
            if let (Some((rule, of)), None) = (hidden, &known.rule) {
                (known.rule, known.rule_of, known.from) = (Some(rule), Some(of), None);
            }
            let fate = if is_sent { Fate::Unlisted } else { Fate::Hidden };
            let (sha256, upload_time) = (file.sha256(), file.upload_time);
            known.held.push(Held { repository: member.clone(), sha256, upload_time, fate });
        }
        Ok(files.into_values().collect())
    }
}

/// A page, and what it was made by.
struct Made<'a> {
    view: &'a View,
    shown: &'a Shown,
    policies: Vec<(usize, Arc<InForce>)>,
    buried: Buried,
    now: Timestamp,
}

impl Made<'_> {
    /// A file as the page shows it, or why it does not; who has it is told of each member.
    fn file(&self, entry: &PageFile, version: Option<Version>) -> why::File {
        let filename = &entry.filename;
        let hidden = self.shown.hidden.iter().find(|hidden| hidden.filename == *filename);
        let mut file = why::File {
            filename: filename.clone(),
            version: version.map(|version| version.to_string()),
            from: None,
            rule: hidden.map(|hidden| hidden.rule.clone()),
            rule_of: hidden.map(|hidden| hidden.policy_of.clone()),
            yanked: false,
            held: Vec::new(),
        };
        if let Some(shown) = self.listed(filename) {
            let first = self.shown.holders(filename).first().copied().unwrap_or_default();
            file.from = Some(self.view.members[first].name.clone());
            file.yanked = shown.yanked.is_yanked();
            let here = self.lets(self.view.members.len(), shown, self.shown.page.status);
            (file.rule, file.rule_of) = here.map(|rule| (rule, self.view.name.clone())).unzip();
        }
        file
    }

    /// Adds that a member has it.
    fn take(&self, file: &mut why::File, place: usize, entry: &PageFile, status: ProjectStatus) {
        let member = &self.view.members[place];
        let fate = self.fate(place, entry);
        file.yanked |= file.from.is_none() && entry.yanked.is_yanked();
        if fate == Fate::Chosen
            && let Some(rule) = self.lets(place, entry, status)
        {
            // What its own policy says of it comes before what the group's does.
            (file.rule, file.rule_of) = (Some(rule), Some(member.name.clone()));
        }
        let (sha256, upload_time) = (entry.sha256(), entry.upload_time);
        file.held.push(Held { repository: member.name.clone(), sha256, upload_time, fate });
    }

    fn fate(&self, place: usize, entry: &PageFile) -> Fate {
        let (member, filename) = (&self.view.members[place], &entry.filename);
        let mut hidden = self.shown.hidden.iter().filter(|hidden| hidden.filename == *filename);
        let is_hosted = matches!(member.source, Source::Hosted(_));
        if !is_hosted && self.buried.is_other(filename, entry.sha256()) {
            return Fate::Deleted;
        }
        if hidden.any(|hidden| hidden.policy_of == member.name) {
            return Fate::Hidden;
        }
        let holders = self.shown.holders(filename);
        match self.listed(filename) {
            _ if !holders.contains(&place) => Fate::OtherBytes,
            // By the policy of the group, or for the state of the project.
            None => Fate::Hidden,
            Some(_) if holders.first() == Some(&place) => Fate::Chosen,
            Some(_) => Fate::Same,
        }
    }

    fn listed(&self, filename: &str) -> Option<&PageFile> {
        self.shown.page.files.iter().find(|file| file.filename == filename)
    }

    /// The rule of a policy, that of a member or of the group, that lets a file be.
    fn lets(&self, place: usize, file: &PageFile, status: ProjectStatus) -> Option<RuleRef> {
        let (_, in_force) = self.policies.iter().find(|(of, _)| *of == place)?;
        let subject = Subject {
            project: &self.shown.page.project,
            version: None,
            filename: &file.filename,
            upload_time: file.upload_time,
            yanked: file.yanked.is_yanked(),
            status,
        };
        match in_force.policy.decide(subject, self.now) {
            Decision::Shown(rule) => rule,
            Decision::Hidden(_) => None,
        }
    }
}

async fn listing_of(member: &Member, project: &ProjectName) -> Result<Option<Listing>, ViewError> {
    let Some(answer) = member.ask(project).await? else { return Ok(None) };
    let (member, project) = (member.clone(), project.clone());
    tokio::task::spawn_blocking(move || member.listing(&project, answer)).await?
}

fn told(member: &Member, outcome: Outcome, reason: Option<String>) -> why::Member {
    why::Member {
        repository: member.name.clone(),
        kind: member.source.kind().to_owned(),
        priority: member.priority,
        outcome,
        reason,
        owns: false,
        files: 0,
        cache: None,
    }
}

fn not_asked(is_hidden: bool, owner: Option<&Owner>) -> String {
    match owner {
        _ if is_hidden => "a rule hides the project as a whole".to_owned(),
        Some(owner) => format!("`{}` owns the name and answers alone", owner.repository),
        None => "it may not be asked for this".to_owned(),
    }
}
