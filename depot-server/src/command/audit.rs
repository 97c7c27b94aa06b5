//! `depot-server audit show | verify`: what the journal says, read from its file while a server may be writing it.

use std::{fmt::Write as _, path::Path, process::ExitCode};

use anyhow::Context as _;
use depot_proto::Timestamp;
use serde_json::{Value, json};

use super::{
    args::{AuditShow, AuditVerb, AuditVerify, OutputFormat},
    expect_data_dir, print, say,
};
use crate::{
    config::Config,
    service::downloads,
    store::journal::{
        self,
        walk::{Break, walk},
    },
};

/// The chain is broken, and someone must see to it.
const BROKEN: u8 = 3;

/// What every line has, and a line of text says in its own places.
const COMMON: [&str; 6] = ["serial", "time", "who", "what", "prev", "sum"];

pub(super) fn run(verb: &AuditVerb) -> anyhow::Result<ExitCode> {
    match verb {
        AuditVerb::Show(args) => show(args),
        AuditVerb::Verify(args) => verify(args),
    }
}

fn show(args: &AuditShow) -> anyhow::Result<ExitCode> {
    let config = Config::new(args.data_dir.resolve()?);
    expect_data_dir(&config)?;
    let mut rows = Rows::begin(args);
    if let Some(filename) = &args.downloads {
        let folder = config.access();
        if !folder.is_dir() {
            say("depot-server: no downloads were recorded: set log.downloads to have them so");
        }
        let visit = &mut |download: downloads::Download| {
            let is_meant = download.filename == *filename
                && args.project.as_ref().is_none_or(|project| download.project == project.as_str())
                && args.user.as_ref().is_none_or(|user| download.who == *user)
                && args.since.is_none_or(|since| download.time >= since);
            if is_meant {
                let line =
                    format!("{}  {}  {}  {}", download.time, download.who, download.token, download.filename);
                rows.row(&json!(download), &line);
            }
        };
        downloads::read(&folder, visit)
            .with_context(|| format!("cannot read the record in `{}`", folder.display()))?;
    } else {
        let path = config.journal().join(journal::FILE);
        walk(&path, &mut |step| {
            if let Some(said) = step.said.filter(|said| is_meant(said, args)) {
                rows.row(&said, &line(&said));
            }
        })
        .with_context(|| format!("cannot read the journal `{}`", path.display()))?;
    }
    rows.end();
    Ok(ExitCode::SUCCESS)
}

/// Whether a line of the journal was asked for.
fn is_meant(said: &Value, args: &AuditShow) -> bool {
    let text = |key: &str| said.get(key).and_then(Value::as_str);
    let is_of = |user: &String| {
        let about = [text("who"), text("subject"), text("name")];
        about.into_iter().flatten().any(|name| name == user)
    };
    let time = || text("time").and_then(|time| time.parse::<Timestamp>().ok());
    args.project.as_ref().is_none_or(|project| text("project") == Some(project.as_str()))
        && args.user.as_ref().is_none_or(is_of)
        && args.since.is_none_or(|since| time().is_none_or(|time| time >= since))
}

/// A change in one line: its number, when, who, what, and then all that it was done to.
fn line(said: &Value) -> String {
    let text = |key: &str| said.get(key).map(plain).unwrap_or_default();
    let mut line = format!("{}  {}  {}  {}", text("serial"), text("time"), text("who"), text("what"));
    for (key, value) in said.as_object().into_iter().flatten() {
        if !COMMON.contains(&key.as_str()) {
            let _ = write!(line, "  {key}={}", plain(value));
        }
    }
    line
}

fn plain(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    // Names and reasons must not command a terminal, nor pass for another line.
    text.chars()
        .map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() })
        .collect()
}

/// Rows as they are found, so that memory does not grow with the journal.
struct Rows {
    format: OutputFormat,
    is_empty: bool,
}

impl Rows {
    fn begin(args: &AuditShow) -> Self {
        if args.format == OutputFormat::Json {
            let (schema, name) =
                if args.downloads.is_some() { ("downloads", "downloads") } else { ("show", "changes") };
            print(&format!("{{\n  \"schema\": \"depot.audit-{schema}/1\",\n  \"{name}\": ["));
        }
        Self { format: args.format, is_empty: true }
    }

    fn row(&mut self, row: &Value, line: &str) {
        match self.format {
            OutputFormat::Text => print(line),
            OutputFormat::Json => print(&format!("    {}{row}", if self.is_empty { "" } else { "," })),
        }
        self.is_empty = false;
    }

    fn end(&self) {
        if self.format == OutputFormat::Json {
            print("  ]\n}");
        }
    }
}

fn verify(args: &AuditVerify) -> anyhow::Result<ExitCode> {
    let config = Config::new(args.data_dir.resolve()?);
    expect_data_dir(&config)?;
    let path = config.journal().join(journal::FILE);
    let mut broken = Vec::new();
    let end = walk(&path, &mut |step| broken.extend(step.broken.map(|how| (step.line, how))))
        .with_context(|| format!("cannot read the journal `{}`", path.display()))?;
    let reason = |how: &Break| match how {
        Break::Damaged => "it is not what was written",
        Break::Unfollowed => {
            "it does not follow the line before it: lines are missing, or others took their place"
        }
    };
    match args.format {
        OutputFormat::Json => {
            let broken: Vec<Value> =
                broken.iter().map(|(line, how)| json!({ "line": line, "reason": reason(how) })).collect();
            let answer = json!({ "schema": "depot.audit-verify/1", "lines": end.lines, "serial": end.serial,
                "sum": end.sum, "broken": broken });
            print(&format!("{answer:#}"));
        }
        OutputFormat::Text => {
            for (line, how) in &broken {
                print(&format!("{}:{line}: {}", shown(&path), reason(how)));
            }
            let sum = end.sum.map(|sum| format!(", sum {sum}")).unwrap_or_default();
            let verdict = if broken.is_empty() {
                "the chain holds".to_owned()
            } else {
                format!("broken in {} places", broken.len())
            };
            print(&format!("{} lines, up to change {}{sum}: {verdict}", end.lines, end.serial));
        }
    }
    Ok(if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(BROKEN) })
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
