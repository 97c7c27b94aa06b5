//! Questions about what was counted.

use std::collections::BTreeMap;

use depot_proto::{
    ProjectName, RepositoryName,
    statistics::{By, Client, Day, StatsRow},
};

use crate::store::{
    Counters, StoreError,
    counts::{Count, Span},
};

/// The most rows of the store that are read for an answer: about a second's worth.
const MOST: usize = 1_000_000;

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// Which repositories are asked about.
    pub(crate) repositories: Vec<RepositoryName>,
    /// The project, where it is one.
    pub(crate) project: Option<ProjectName>,
    /// Its file, where it is one.
    pub(crate) filename: Option<String>,
    /// Over which time.
    pub(crate) span: Span,
    /// What a row is about.
    pub(crate) by: By,
    /// How many rows.
    pub(crate) limit: usize,
    /// How many rows to pass over.
    pub(crate) offset: usize,
}

/// Why it is not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QuestionError {
    /// It would take too long.
    #[error("this is too much to be added up at once: ask for fewer days, or for one project")]
    TooMuch,
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What it comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) total: u64,
    pub(crate) rows: Vec<StatsRow>,
    /// The offset of the rows that follow.
    pub(crate) next: Option<usize>,
}

/// How the reader is known, and files are told apart.
pub(crate) struct Judge<'a> {
    /// Whether these numbers are for who asks.
    pub(crate) may_see: &'a dyn Fn(&RepositoryName, &ProjectName) -> bool,
    /// Of which version a file of a project is; none where its name tells none.
    pub(crate) version_of: &'a dyn Fn(&ProjectName, &str) -> Option<OfVersion>,
}

/// The version of a file.
#[derive(Clone, Debug)]
pub(crate) struct OfVersion {
    /// What all files of the version share.
    pub(crate) key: String,
    /// How it is written here.
    pub(crate) shown: String,
}

/// What a row is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum About {
    Project(RepositoryName, ProjectName),
    Version(RepositoryName, Option<String>),
    File(RepositoryName, String),
    Day(Day),
    Client(Client),
}

#[derive(Clone, Debug, Default)]
struct Sum {
    downloads: u64,
    last: Day,
    /// How a version is shown.
    shown: Option<String>,
}

/// Answers a question. May block.
pub(crate) fn answer(
    store: &dyn Counters,
    question: &Question,
    judge: &Judge<'_>,
) -> Result<Sums, QuestionError> {
    let mut adding = Adding { question, judge, sums: BTreeMap::new(), total: 0, read: 0 };
    match &question.project {
        None => {
            store.of_projects(question.span, &mut |repository, project, count| {
                let is_asked = question.repositories.contains(repository);
                if is_asked && (judge.may_see)(repository, project) {
                    adding.add(repository, project, None, count);
                }
                adding.goes_on()
            })?;
        }
        Some(project) => {
            for repository in &question.repositories {
                if !(judge.may_see)(repository, project) {
                    continue;
                }
                store.of_files(repository, project, question.span, &mut |filename, count| {
                    if question.filename.as_deref().is_none_or(|wanted| wanted == filename) {
                        adding.add(repository, project, Some(filename), count);
                    }
                    adding.goes_on()
                })?;
            }
        }
    }
    if adding.read > MOST {
        return Err(QuestionError::TooMuch);
    }
    Ok(adding.end())
}

/// An answer that is being added up.
struct Adding<'a> {
    question: &'a Question,
    judge: &'a Judge<'a>,
    sums: BTreeMap<About, Sum>,
    total: u64,
    read: usize,
}

impl Adding<'_> {
    fn goes_on(&mut self) -> bool {
        self.read += 1;
        self.read <= MOST
    }

    fn add(
        &mut self,
        repository: &RepositoryName,
        project: &ProjectName,
        filename: Option<&str>,
        count: Count,
    ) {
        let times = count.downloads.total();
        self.total += times;
        let about = match self.question.by {
            By::Client => {
                for (client, times) in count.downloads.iter() {
                    self.put(About::Client(client), times, count.day);
                }
                return;
            }
            By::Day => About::Day(count.day),
            By::Project => About::Project(repository.clone(), project.clone()),
            By::File => About::File(repository.clone(), filename.unwrap_or_default().to_owned()),
            By::Version => {
                let version = filename.and_then(|name| (self.judge.version_of)(project, name));
                let (key, shown) = version.map(|OfVersion { key, shown }| (key, shown)).unzip();
                self.put(About::Version(repository.clone(), key), times, count.day).shown = shown;
                return;
            }
        };
        self.put(about, times, count.day);
    }

    fn put(&mut self, about: About, times: u64, day: Day) -> &mut Sum {
        let sum = self.sums.entry(about).or_default();
        sum.downloads += times;
        sum.last = sum.last.max(day);
        sum
    }

    fn end(self) -> Sums {
        let Question { limit, offset, by, .. } = self.question;
        let mut sums: Vec<_> = self.sums.into_iter().collect();
        if *by != By::Day {
            // Those with as many stay in the order of their names.
            sums.sort_by_key(|(_, sum)| std::cmp::Reverse(sum.downloads));
        }
        let end = offset.saturating_add(*limit);
        let next = (sums.len() > end).then_some(end);
        let rows = sums.into_iter().skip(*offset).take(*limit).map(|(about, sum)| row(about, sum)).collect();
        Sums { total: self.total, rows, next }
    }
}

fn row(about: About, sum: Sum) -> StatsRow {
    let last = Some(sum.last);
    let row = StatsRow { downloads: sum.downloads, ..StatsRow::default() };
    match about {
        About::Project(repository, project) => {
            StatsRow { repository: Some(repository), project: Some(project), last, ..row }
        }
        About::Version(repository, _) => {
            StatsRow { repository: Some(repository), version: sum.shown, last, ..row }
        }
        About::File(repository, filename) => {
            StatsRow { repository: Some(repository), filename: Some(filename), last, ..row }
        }
        About::Day(day) => StatsRow { day: Some(day), ..row },
        About::Client(client) => StatsRow { client: Some(client), ..row },
    }
}
