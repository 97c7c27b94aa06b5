//! `depot-server stats`: how often files were downloaded.

use std::fmt::Write as _;

use depot_proto::statistics::{By, StatsAnswer, StatsQuery, StatsRow};
use serde_json::json;

use super::{
    args::{OutputFormat, StatsArgs},
    ask, print, say, unexpected,
};
use crate::admin::{AdminAnswer, AdminRequest};

pub(super) fn stats(args: &StatsArgs) -> anyhow::Result<()> {
    let query = StatsQuery {
        repository: args.repository.as_ref().map(ToString::to_string),
        project: args.project.as_ref().map(ToString::to_string),
        filename: args.filename.clone(),
        from: args.from.as_ref().map(ToString::to_string),
        to: args.to.as_ref().map(ToString::to_string),
        days: args.days,
        by: args.by.map(|row| By::from(row).as_str().to_owned()),
        limit: Some(usize::from(args.top)),
        offset: Some(args.offset),
    };
    let answer = match ask(&args.data_dir, AdminRequest::Stats { query })? {
        AdminAnswer::Stats { stats } => stats,
        other => return Err(unexpected(&other)),
    };
    match args.format {
        OutputFormat::Json => print(&format!("{:#}", json!(answer))),
        OutputFormat::Text => show(&answer),
    }
    Ok(())
}

fn show(answer: &StatsAnswer) {
    let titles = titles(answer.by);
    let rows: Vec<[String; 4]> = answer.rows.iter().map(cells).collect();
    let width = |at: usize| {
        let widest = rows.iter().map(|cells| cells[at].chars().count()).max().unwrap_or(0);
        widest.max(titles[at].len())
    };
    let widths = [width(0), width(1), width(2)];
    if !rows.is_empty() {
        print(&line(titles, widths));
    }
    for [downloads, last, what, repository] in &rows {
        print(&line([downloads, last, what, repository], widths));
    }
    let span = match (answer.from, answer.to) {
        (Some(from), Some(to)) if from == to => format!("on {from}"),
        (Some(from), Some(to)) => format!("from {from} to {to}"),
        _ => "in all".to_owned(),
    };
    let downloads = if answer.total == 1 { "download" } else { "downloads" };
    print(&format!("{} {downloads} {span}", answer.total));
    if let Some(next) = answer.next {
        say(&format!("there are more rows: --offset {next} shows those that follow"));
    }
}

/// Columns, without those that are empty in every row.
fn line([downloads, last, what, repository]: [&str; 4], widths: [usize; 3]) -> String {
    let mut line = format!("{downloads:>0$}", widths[0]);
    for (cell, width) in [(last, widths[1]), (what, widths[2]), (repository, 0)] {
        if width > 0 || !cell.is_empty() {
            let _ = write!(line, "  {cell:<width$}");
        }
    }
    line.trim_end().to_owned()
}

fn titles(by: By) -> [&'static str; 4] {
    match by {
        By::Project => ["downloads", "last", "project", "repository"],
        By::Version => ["downloads", "last", "version", "repository"],
        By::File => ["downloads", "last", "file", "repository"],
        By::Day => ["downloads", "", "day", ""],
        By::Client => ["downloads", "", "client", ""],
    }
}

fn cells(row: &StatsRow) -> [String; 4] {
    fn text<T: ToString>(value: Option<&T>) -> Option<String> {
        value.map(ToString::to_string)
    }
    let client = row.client.map(|client| client.as_str().to_owned());
    let what = text(row.project.as_ref()).or(row.version.clone()).or(row.filename.clone());
    let what = what.or(text(row.day.as_ref())).or(client).unwrap_or_else(|| "-".to_owned());
    let last = text(row.last.as_ref()).unwrap_or_default();
    [row.downloads.to_string(), last, what, text(row.repository.as_ref()).unwrap_or_default()]
}
