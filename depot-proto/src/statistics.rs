//! How often files are downloaded: what is asked at [`STATS_PATH`], and the answer.
//!
//! A download is an answer with the whole of a file. It is counted for the repository that has the file, on its day in
//! UTC, under the [`Client`] that asked. Who asked, and from where, is not kept.

mod client;
mod day;

use serde::{Deserialize, Serialize};

pub use self::{
    client::Client,
    day::{Day, DayError},
};
use crate::{ProjectName, RepositoryName};

/// Where a server is asked, by `GET` with a [`StatsQuery`].
pub const STATS_PATH: &str = "/api/stats";

/// The name of the form of [`StatsAnswer`].
pub const STATS_SCHEMA: &str = "depot.stats/1";

/// How many rows an answer has, where nobody says.
pub const DEFAULT_ROWS: usize = 100;

/// The most rows that an answer has; more come when they are asked for by `offset`.
pub const MAX_ROWS: usize = 1000;

/// What is asked. Names and days are plain text here, so that a wrong one is refused in words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatsQuery {
    /// Only what this repository has; the name of a group stands for its members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Only this project, in any spelling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// Only this file of the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// From this day on, such as `2026-11-01`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Up to this day, and with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The last days, today among them, in place of `from` and `to`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
    /// What a row is about, as [`By`] is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// How many rows, up to [`MAX_ROWS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// How many rows to pass over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<usize>,
}

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// A project in a repository.
    Project,
    /// A version of the project that is asked about.
    Version,
    /// A file of the project that is asked about.
    File,
    /// A day.
    Day,
    /// A client.
    Client,
}

impl By {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Project, Self::Version, Self::File, Self::Day, Self::Client];

    /// How it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Version => "version",
            Self::File => "file",
            Self::Day => "day",
            Self::Client => "client",
        }
    }

    /// Reads what [`Self::as_str`] writes.
    pub fn read(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.as_str() == text)
    }
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StatsAnswer {
    /// Always [`STATS_SCHEMA`].
    pub schema: String,
    /// What a row is about.
    pub by: By,
    /// The repository, or the group, that was asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<RepositoryName>,
    /// The project that was asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectName>,
    /// The file that was asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// The first day that is counted; without one everything is, also days that are not kept one by one any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Day>,
    /// The last day that is counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Day>,
    /// All downloads that were asked about, whatever rows are in this answer.
    pub total: u64,
    /// Days in their order, everything else by its number of downloads, the most first.
    pub rows: Vec<StatsRow>,
    /// The `offset` of the rows that follow, if there are more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<usize>,
}

/// A row of an answer: what it is about, as far as that is not what was asked about, and its number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StatsRow {
    /// The repository that has the file; of rows about projects, versions and files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<RepositoryName>,
    /// The project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectName>,
    /// The version; none of a row about files whose names tell none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
    /// The day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<Day>,
    /// The client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Client>,
    /// How often it was downloaded.
    pub downloads: u64,
    /// The last day on which it was, among those that were asked about; of rows about projects, versions and files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Day>,
}
