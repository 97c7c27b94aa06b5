//! The `depot-server` command: arguments, and what each verb prints.

mod args;
mod audit;
mod config;
mod data;
mod init;
mod key;
mod serve;
mod stats;
mod token;
mod user;
mod warm;

use std::{ffi::OsString, io::Write as _, process::ExitCode};

use anyhow::Context as _;

use crate::{
    admin::{self, AdminAnswer, AdminRequest, import::ImportError},
    app::{
        Depot, OpenError,
        format::{self, FormatError},
    },
    config::{Config, ConfigError},
    listen::tls::TlsError,
    store::export::ExportError,
};
use args::{Arguments, DataDir, Verb};

/// Runs the command.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::read(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help goes to stdout with 0, a wrong usage to stderr with 2. A closed pipe is no reason to fail.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let done = match arguments.verb {
        Verb::Serve(given) => serve::serve(given).map(|()| ExitCode::SUCCESS),
        Verb::Init(args) => init::init(&args).map(|()| ExitCode::SUCCESS),
        Verb::Config(args) => config::show(args).map(|()| ExitCode::SUCCESS),
        Verb::Token(verb) => token::run(verb).map(|()| ExitCode::SUCCESS),
        Verb::Key(verb) => key::run(verb).map(|()| ExitCode::SUCCESS),
        Verb::User(verb) => user::run(verb).map(|()| ExitCode::SUCCESS),
        Verb::Audit(verb) => audit::run(&verb),
        Verb::Stats(args) => stats::stats(&args).map(|()| ExitCode::SUCCESS),
        Verb::Reindex(args) => data::reindex(&args),
        Verb::Scrub(args) => data::scrub(&args),
        Verb::Gc(args) => data::gc(&args),
        Verb::Export(args) => data::export(&args),
        Verb::Import(args) => data::import(&args),
        Verb::Backup(args) => data::backup(&args),
        Verb::Warm(args) => warm::warm(args),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            let causes = error.chain().map(ToString::to_string);
            // Some errors name their causes themselves.
            let words = causes
                .reduce(|all, cause| if all.contains(&cause) { all } else { format!("{all}: {cause}") });
            say(&format!("depot-server: {}", words.unwrap_or_default()));
            code_of(&error)
        }
    }
}

/// `EX_CONFIG`, for what no repetition mends: data that only a newer server may touch.
const TOO_NEW: u8 = 78;

/// 2 for what was typed or configured wrongly, as clap has it; 78 for what is too new; and 1 for everything else.
fn code_of(error: &anyhow::Error) -> ExitCode {
    if error.is::<ConfigError>() || error.is::<TlsError>() {
        return ExitCode::from(2);
    }
    if let Some(ImportError::Export(ExportError::TooNew(_))) = error.downcast_ref() {
        return ExitCode::from(TOO_NEW);
    }
    let opened = match error.downcast_ref() {
        Some(ImportError::Open(error)) => Some(error),
        _ => error.downcast_ref::<OpenError>(),
    };
    match opened {
        Some(OpenError::Format(FormatError::TooNew { .. } | FormatError::Unreadable { .. })) => {
            ExitCode::from(TOO_NEW)
        }
        _ => ExitCode::FAILURE,
    }
}

/// Asks the running server, or does it here where none runs.
fn ask(data_dir: &DataDir, request: AdminRequest) -> anyhow::Result<AdminAnswer> {
    ask_and_hear(data_dir, request, &|_| true)
}

/// The same, for a verb that says something before its answer.
fn ask_and_hear(
    data_dir: &DataDir,
    request: AdminRequest,
    tell: admin::Tell<'_>,
) -> anyhow::Result<AdminAnswer> {
    // Nobody downloads anything from a verb, and how long days are kept is for the server to know.
    let config = Config { count_downloads: false, ..Config::new(data_dir.resolve()?) };
    #[cfg(unix)]
    {
        let socket = config.admin_socket();
        let answer = admin::socket::ask(&socket, &request, tell);
        if let Some(answer) =
            answer.with_context(|| format!("cannot ask the server at `{}`", socket.display()))?
        {
            return refused(answer);
        }
    }
    expect_data_dir(&config)?;
    crate::telemetry::start("warn", crate::telemetry::LogFormat::Text)?;
    let depot = Depot::open(config)?;
    let answer = admin::perform(&depot, request, tell);
    depot.close();
    refused(answer)
}

/// Refuses a folder that no server has served: but for `serve` and `import`, no verb makes a data directory.
fn expect_data_dir(config: &Config) -> anyhow::Result<()> {
    let shown = config.data_dir.display();
    if !config.data_dir.is_dir() {
        anyhow::bail!("there is no data directory `{shown}`: name one with --data-dir or --config");
    }
    format::check(&config.data_dir).map_err(OpenError::from)?;
    if !format::is_settled(&config.data_dir) {
        anyhow::bail!(
            "`{shown}` is no data directory, as there is neither `format` nor `journal/` in it: name one with \
             --data-dir or --config, or make it one with `depot-server serve`"
        );
    }
    Ok(())
}

fn refused(answer: AdminAnswer) -> anyhow::Result<AdminAnswer> {
    match answer {
        AdminAnswer::Failed { reason } => Err(anyhow::anyhow!(reason)),
        answer => Ok(answer),
    }
}

fn unexpected(answer: &AdminAnswer) -> anyhow::Error {
    let kind = match answer {
        AdminAnswer::Token { .. } => "a token",
        AdminAnswer::Tokens { .. } => "tokens",
        AdminAnswer::Revoked { .. } => "a revocation",
        AdminAnswer::User { .. } => "an account",
        AdminAnswer::Users { .. } => "accounts",
        AdminAnswer::KeyRotated { .. } => "a key",
        AdminAnswer::Stats { .. } => "numbers of downloads",
        AdminAnswer::Reindexed { .. } => "a reindex",
        AdminAnswer::Scrubbed { .. } => "a scrub",
        AdminAnswer::Swept { .. } => "a sweep",
        AdminAnswer::Exported { .. } => "an export",
        AdminAnswer::BackedUp { .. } => "a backup",
        AdminAnswer::Warmed { .. } => "what is warm",
        AdminAnswer::Progress { .. } => "its progress",
        AdminAnswer::Failed { .. } => "a failure",
    };
    anyhow::anyhow!("the server answered with {kind}, which was not asked; is it of another version?")
}

/// Data goes to stdout. A reader that went away is no failure of ours.
fn print(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Talk goes to stderr.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
