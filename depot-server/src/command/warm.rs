//! `depot-server warm`.

mod locks;
mod requirements;

use std::{env, process::ExitCode};

use anyhow::Context as _;
use serde_json::json;

use self::requirements::Read;
use super::{
    args::{OutputFormat, WarmArgs},
    expect_data_dir, print, refused, say, unexpected,
};
use crate::{
    admin::{self, AdminAnswer, AdminRequest, Said},
    app::Depot,
    config::Config,
    python::warm::{Failure, Warmed, Wish, default_targets},
    telemetry,
};

/// Done, but something could not be had.
const SOME_FAILED: u8 = 3;

pub(super) fn warm(args: WarmArgs) -> anyhow::Result<ExitCode> {
    let targets = default_targets(&args.python, &args.platform).map_err(anyhow::Error::msg)?;
    let mut read = Read::new(args.pre);
    for name in &args.names {
        read.name(name)?;
    }
    for file in &args.requirement {
        read.file(file)?;
    }
    for file in &args.constraint {
        read.constraints(file)?;
    }
    for words in &read.said {
        say(&format!("depot-server: {words}"));
    }
    let wish = Wish {
        lines: read.lines,
        constraints: read.constraints,
        targets: targets.iter().map(ToString::to_string).collect(),
        dependencies: !args.no_deps,
        all_files: args.all_files,
        pre: read.pre,
    };
    let config = args.given.settings()?.config();
    let request = AdminRequest::Warm { repository: args.repository, wish };
    let (repository, warmed) = match ask(config, request)? {
        AdminAnswer::Warmed { repository, warmed } => (repository, warmed),
        other => return Err(unexpected(&other)),
    };
    let Warmed { projects, files, warnings, failed } = &warmed;
    let fetched = || files.iter().filter(|file| file.fetched);
    match args.format {
        OutputFormat::Json => {
            let targets: Vec<_> = targets.iter().map(ToString::to_string).collect();
            let answer = json!({ "schema": "depot.warm/1", "repository": repository, "targets": targets,
                "projects": projects, "files": files, "not-read": read.said, "warnings": warnings, "failed": failed });
            print(&format!("{answer:#}"));
        }
        OutputFormat::Text => {
            for warning in warnings {
                say(&format!("depot-server: {warning}"));
            }
            for Failure { what, reason } in failed {
                print(&format!("failed: {what}: {reason}"));
            }
            let mib = fetched().map(|file| file.size).sum::<u64>().div_ceil(1 << 20);
            let (projects, count, fetched) = (projects.len(), files.len(), fetched().count());
            print(&format!(
                "warm in `{repository}`: {projects} projects, {count} files, of which {fetched} were fetched now ({mib} MiB)"
            ));
        }
    }
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(SOME_FAILED) })
}

/// Asks the running server, or does it here where none runs: with the repositories of the configuration, for what is asked
/// of other indexes depends on them.
fn ask(config: Config, request: AdminRequest) -> anyhow::Result<AdminAnswer> {
    let tell = |said| {
        if let Said::Progress(words) = said {
            say(&format!("depot-server: {words}"));
        }
        true
    };
    #[cfg(unix)]
    {
        let socket = config.admin_socket();
        let answer = admin::socket::ask(&socket, &request, &tell);
        if let Some(answer) =
            answer.with_context(|| format!("cannot ask the server at `{}`", socket.display()))?
        {
            return refused(answer);
        }
    }
    expect_data_dir(&config)?;
    telemetry::start("warn", telemetry::LogFormat::Text)?;
    let depot = Depot::open(config)?;
    let answer = admin::perform(&depot, request, &tell);
    depot.close();
    refused(answer)
}

/// A variable of the environment, for the files that name some.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
