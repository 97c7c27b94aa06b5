//! How often files were downloaded, for who may read them.

use std::sync::Arc;

use depot_proto::{
    DistributionFilename, ProjectName, RepositoryName,
    statistics::{By, DEFAULT_ROWS, Day, MAX_ROWS, STATS_SCHEMA, StatsAnswer, StatsQuery},
};

use super::view::View;
use crate::{
    auth::policy::{Denied, Principal},
    clock,
    service::statistics::question::{self, Judge, OfVersion, Question, QuestionError},
    store::{Counters, StoreError, counts::Span},
};

/// Why numbers are not told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StatsError {
    /// The question makes no sense.
    #[error("{0}")]
    Wrong(String),
    /// It would take too long.
    #[error(transparent)]
    Question(#[from] QuestionError),
    /// They are not for who asks.
    #[error(transparent)]
    Denied(#[from] Denied),
}

impl From<StoreError> for StatsError {
    fn from(error: StoreError) -> Self {
        Self::Question(error.into())
    }
}

fn wrong(words: impl Into<String>) -> StatsError {
    StatsError::Wrong(words.into())
}

/// Whose numbers are told.
#[derive(Clone, Copy)]
pub(crate) enum Asker<'a> {
    /// The server's keeper: all there are.
    Keeper,
    /// Who may read something: those of that.
    Reader(&'a Principal),
}

/// What is known of downloads.
pub(crate) struct Known {
    /// The numbers.
    pub(crate) counters: Arc<dyn Counters>,
    /// What is read at the server's mounts.
    pub(crate) views: Arc<[Arc<View>]>,
}

impl Known {
    /// Answers a question. May block.
    pub(crate) fn answer(&self, asker: Asker<'_>, query: &StatsQuery) -> Result<StatsAnswer, StatsError> {
        let read = |text: &Option<String>, what: &str| {
            let name = text.as_ref().map(|text| text.parse::<ProjectName>());
            name.transpose().map_err(|error| wrong(format!("`{what}`: {error}")))
        };
        let project = read(&query.project, "project")?;
        self.check(asker, project.as_ref())?;
        let repository = query.repository.as_ref().map(|name| name.parse::<RepositoryName>());
        let repository = repository.transpose().map_err(|error| wrong(format!("`repository`: {error}")))?;
        let by = by_of(query, project.as_ref())?;
        let span = self.span(query, by)?;
        let limit = query.limit.unwrap_or(DEFAULT_ROWS);
        if !(1..=MAX_ROWS).contains(&limit) {
            return Err(wrong(format!("`limit` is a number from 1 to {MAX_ROWS}")));
        }
        let question = Question {
            repositories: self.repositories(asker, repository.as_ref())?,
            project,
            filename: query.filename.clone(),
            span,
            by,
            limit,
            offset: query.offset.unwrap_or_default(),
        };
        let judge = Judge {
            may_see: &|repository, project| self.may_see(asker, repository, project),
            version_of: &version_of,
        };
        let sums = question::answer(&*self.counters, &question, &judge)?;
        let (from, to) = match question.span {
            Span::Days(from, to) => (Some(from), Some(to)),
            Span::Ever => (None, None),
        };
        Ok(StatsAnswer {
            schema: STATS_SCHEMA.to_owned(),
            by,
            repository,
            project: question.project,
            filename: question.filename,
            from,
            to,
            total: sums.total,
            rows: sums.rows,
            next: sums.next,
        })
    }

    /// Refuses who may read nothing of what is asked about, whether there is something of it or not.
    fn check(&self, asker: Asker<'_>, project: Option<&ProjectName>) -> Result<(), Denied> {
        let Asker::Reader(principal) = asker else { return Ok(()) };
        let mut denied = None;
        for view in self.views.iter() {
            match view.may_read(principal, project) {
                Ok(_) => return Ok(()),
                Err(error) => denied = denied.or(Some(error)),
            }
        }
        denied.map_or(Ok(()), Err)
    }

    /// A member that is read at several mounts is readable if it is at one.
    fn may_see(&self, asker: Asker<'_>, repository: &RepositoryName, project: &ProjectName) -> bool {
        match asker {
            Asker::Keeper => true,
            Asker::Reader(principal) => {
                self.views.iter().any(|view| view.may_read_of(principal, repository, project))
            }
        }
    }

    /// The repositories that a name stands for; without one, all of which anything was counted.
    ///
    /// The keeper is told of a name that stands for none; to readers it is one that nothing was counted of.
    fn repositories(
        &self,
        asker: Asker<'_>,
        name: Option<&RepositoryName>,
    ) -> Result<Vec<RepositoryName>, StatsError> {
        let Some(name) = name else { return Ok(self.counters.repositories()?) };
        if let Some(view) = self.views.iter().find(|view| view.name == *name) {
            return Ok(view.members.iter().map(|member| member.name.clone()).collect());
        }
        if matches!(asker, Asker::Keeper) {
            let mut known = self.counters.repositories()?;
            if !known.contains(name) {
                known.extend(self.views.iter().map(|view| view.name.clone()));
                known.sort();
                known.dedup();
                let known: Vec<_> = known.iter().map(RepositoryName::as_str).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(wrong(format!("nothing is counted of a repository `{name}`, only of {known}")));
            }
        }
        Ok(vec![name.clone()])
    }

    fn span(&self, query: &StatsQuery, by: By) -> Result<Span, StatsError> {
        let today = Day::of(clock::now());
        let kept_from = self.counters.first_day()?.unwrap_or(today);
        let day = |text: &Option<String>, what: &str| {
            let day = text.as_ref().map(|text| text.parse::<Day>());
            day.transpose().map_err(|error| wrong(format!("`{what}`: {error}")))
        };
        let (from, to) = match (day(&query.from, "from")?, day(&query.to, "to")?, query.days) {
            (None, None, None) if by == By::Day => (kept_from, today),
            (None, None, None) => return Ok(Span::Ever),
            (None, None, Some(0)) => return Err(wrong("`days` is a number from 1 on")),
            (None, None, Some(days)) => (today.before(days - 1), today),
            (_, _, Some(_)) => return Err(wrong("give `days`, or `from` and `to`, and not both")),
            (from, to, None) => (from.unwrap_or(kept_from), to.unwrap_or(today)),
        };
        if query.to.is_none() && from > today {
            return Err(wrong(format!("`from` is after today, which is {today}")));
        }
        if from > to {
            return Err(wrong("`from` is after `to`"));
        }
        // What is told is what was counted: days before are not kept.
        Ok(Span::Days(from.max(kept_from).min(to), to))
    }
}

fn by_of(query: &StatsQuery, project: Option<&ProjectName>) -> Result<By, StatsError> {
    let by = match (&query.by, project) {
        (None, None) => By::Project,
        (None, Some(_)) => By::File,
        (Some(text), _) => By::read(text).ok_or_else(|| {
            let words: Vec<_> = By::ALL.iter().map(|by| by.as_str()).collect();
            wrong(format!("`by` is one of {}", words.join(", ")))
        })?,
    };
    if project.is_none() && (matches!(by, By::File | By::Version) || query.filename.is_some()) {
        return Err(wrong("files and versions are those of a `project`: say which"));
    }
    Ok(by)
}

fn version_of(project: &ProjectName, filename: &str) -> Option<OfVersion> {
    let filename = DistributionFilename::parse(filename, project).ok()?;
    Some(OfVersion { key: filename.version().key().to_string(), shown: filename.version().to_string() })
}
