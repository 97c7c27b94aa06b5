//! Why a file is shown, or is not: the same steps as those of reading, told one by one.

use std::{collections::BTreeMap, sync::Arc};

use depot_proto::{
    DistributionFilename, ProjectName, RepositoryName, Timestamp, Version,
    policy::{Decision, RuleRef, Subject},
    simple::{PageFile, ProjectPage, ProjectStatus},
    why::{self, Fate, Held, Outcome, Owner, Verdict, WHY_SCHEMA, WhyAnswer},
};

use super::{
    Readable, View, ViewError,
    listing::Listing,
    member::{Member, Source},
};
use crate::clock;

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

/// What a member said, in so many words, and the page that it has.
type Said = (why::Member, Option<Arc<ProjectPage>>);

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
        let (mut members, mut pages, mut withheld) = (Vec::new(), Vec::new(), None);
        for (place, member) in self.members.iter().enumerate() {
            let (mut said, page) = match member.hides(project, now) {
                _ if !asked.contains(&place) => {
                    (told(member, Outcome::NotAsked, Some(not_asked(rule.is_some(), owner.as_ref()))), None)
                }
                Some(own) => {
                    let reason = format!("its own policy hides the project: {own}");
                    withheld.get_or_insert(own);
                    (told(member, Outcome::NotAsked, Some(reason)), None)
                }
                None => self.said_by(member, project).await,
            };
            said.owns = owner.as_ref().is_some_and(|owner| owner.repository == member.name);
            members.push(said);
            pages.extend(page.map(|page| (place, page)));
        }
        // Where nobody else has it, that is why it is not shown.
        let rule = rule.or(withheld.filter(|_| pages.is_empty()));
        let files = self.files_of(project, about, &pages, now);
        let of_members = pages.iter().map(|(_, page)| page.status);
        let status = of_members.max_by_key(|status| !status.offers_files()).unwrap_or(ProjectStatus::Active);
        Ok(WhyAnswer {
            schema: WHY_SCHEMA.to_owned(),
            repository: self.name.clone(),
            at: format!("{}/", self.mount),
            project: project.clone(),
            version: about.version.as_ref().map(ToString::to_string),
            filename: about.filename.clone(),
            verdict: Verdict::of(rule.as_ref(), &members, &files),
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
                (said, Some(listing.page))
            }
            Ok(None) => (told(member, Outcome::Absent, None), None),
            Err(error) => (told(member, Outcome::Failed, Some(error.to_string())), None),
        }
    }

    /// Every file that is asked about, with who has it and what became of it.
    fn files_of(
        &self,
        project: &ProjectName,
        about: &About,
        pages: &[(usize, Arc<ProjectPage>)],
        now: Timestamp,
    ) -> Vec<why::File> {
        let mut files: BTreeMap<(Option<Version>, &str), why::File> = BTreeMap::new();
        for (place, page) in pages {
            let member = &self.members[*place];
            let own = member.policy.as_ref().map(|policy| policy.in_force());
            let here = self.policy.as_ref().map(|policy| policy.in_force());
            for entry in page.files.iter().filter(|file| about.means(project, file)) {
                let version = version_of(project, entry);
                let file = files.entry((version.clone(), &entry.filename)).or_insert_with(|| why::File {
                    filename: entry.filename.clone(),
                    version: version.map(|version| version.to_string()),
                    from: None,
                    rule: None,
                    rule_of: None,
                    yanked: false,
                    held: Vec::new(),
                });
                let subject = Subject {
                    project,
                    version: None,
                    filename: &entry.filename,
                    upload_time: entry.upload_time,
                    yanked: entry.yanked.is_yanked(),
                    status: page.status,
                };
                let policies = [(&own, &member.name), (&here, &self.name)].into_iter();
                let decisions = policies.filter_map(|(policy, of)| {
                    policy.as_ref().map(|in_force| (in_force.policy.decide(subject, now), of))
                });
                take(file, entry, &member.name, decisions);
            }
        }
        files.into_values().collect()
    }
}

/// Adds to what is told of a file that a member has it, as the policies decide about that.
fn take<'a>(
    file: &mut why::File,
    entry: &PageFile,
    member: &RepositoryName,
    decisions: impl Iterator<Item = (Decision, &'a RepositoryName)>,
) {
    file.yanked |= entry.yanked.is_yanked();
    let (mut hidden, mut lets): (Option<(RuleRef, _)>, Option<(RuleRef, _)>) = (None, None);
    for (decision, of) in decisions {
        match decision {
            Decision::Hidden(rule) => hidden = hidden.or(Some((rule, of))),
            Decision::Shown(rule) => lets = lets.or(rule.map(|rule| (rule, of))),
        }
    }
    let first = file.held.iter().find(|held| held.fate == Fate::Chosen);
    let fate = match (&hidden, first) {
        (Some(_), _) => Fate::Hidden,
        (None, None) => Fate::Chosen,
        (None, Some(first))
            if first.sha256.is_some() && entry.sha256().is_some() && first.sha256 != entry.sha256() =>
        {
            Fate::OtherBytes
        }
        (None, Some(_)) => Fate::Same,
    };
    let told = match fate {
        Fate::Chosen => {
            file.from = Some(member.clone());
            Some(lets)
        }
        Fate::Hidden if file.from.is_none() => Some(hidden),
        _ => None,
    };
    if let Some(told) = told {
        (file.rule, file.rule_of) = told.map(|(rule, of)| (rule, of.clone())).unzip();
    }
    file.held.push(Held {
        repository: member.clone(),
        sha256: entry.sha256(),
        upload_time: entry.upload_time,
        fate,
    });
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
        priority: None,
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
