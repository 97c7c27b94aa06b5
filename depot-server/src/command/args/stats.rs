//! What can be typed about downloads.

use clap::{Args, ValueEnum};
use depot_proto::{
    ProjectName, RepositoryName,
    statistics::{By, Day},
};

use super::{DataDir, OutputFormat};

#[derive(Debug, Args)]
pub(in super::super) struct StatsArgs {
    #[command(flatten)]
    pub(in super::super) data_dir: DataDir,
    /// Only this project
    #[arg(long, value_name = "NAME")]
    pub(in super::super) project: Option<ProjectName>,
    /// Only what this repository has; a group stands for its members
    #[arg(long, value_name = "NAME")]
    pub(in super::super) repository: Option<RepositoryName>,
    /// Only this file of the project
    #[arg(long, value_name = "FILE", requires = "project")]
    pub(in super::super) filename: Option<String>,
    /// Only the last days, today (in UTC) among them
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), conflicts_with_all = ["from", "to"])]
    pub(in super::super) days: Option<u32>,
    /// Only from this day on, such as 2026-11-01
    #[arg(long, value_name = "DAY")]
    pub(in super::super) from: Option<Day>,
    /// Only up to this day
    #[arg(long, value_name = "DAY")]
    pub(in super::super) to: Option<Day>,
    /// What a row is about; projects, or the files of a project that is named, unless said
    #[arg(long, value_enum)]
    pub(in super::super) by: Option<Row>,
    /// How many rows
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(in super::super) top: u16,
    /// How many rows to pass over
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(in super::super) offset: usize,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(in super::super) format: OutputFormat,
}

/// What a row is about.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in super::super) enum Row {
    /// A project.
    Project,
    /// A version of the project.
    Version,
    /// A file of the project.
    File,
    /// A day.
    Day,
    /// A client.
    Client,
}

impl From<Row> for By {
    fn from(row: Row) -> Self {
        match row {
            Row::Project => Self::Project,
            Row::Version => Self::Version,
            Row::File => Self::File,
            Row::Day => Self::Day,
            Row::Client => Self::Client,
        }
    }
}
