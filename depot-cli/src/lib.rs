//! The `depot` command: save packages from an index, push them to a server, carry them where no network goes.
//!
//! `args` is what was typed, the modules of `python` named as its verbs are what is done about it: plan, run, report. Data goes
//! to stdout and talk to stderr, both through `output`; exit codes are `exit`.

mod account;
mod args;
mod clock;
mod credentials;
mod doctor;
mod exit;
mod interrupt;
mod logins;
mod network;
mod output;
mod progress;
mod python;
mod variables;

use std::{ffi::OsString, io::Write as _, process::ExitCode, time::Duration};

use clap::CommandFactory as _;

use args::{Arguments, PythonVerb, Verb};
use exit::ExitStatus;
use output::{Printer, explain};

pub use depot_index::DEFAULT_INDEX;

/// How long tasks that were cut off have for putting away what they hold.
const PUTTING_AWAY: Duration = Duration::from_millis(400);

/// Runs the command with these arguments, the program's name first.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match variables::parse(&arguments.into_iter().collect::<Vec<_>>()) {
        Ok(arguments) => arguments,
        Err((error, variable)) => {
            // Help goes to stdout with 0, a wrong usage to stderr with 2. A closed pipe is no reason to fail.
            let _ = error.print();
            if let Some(variable) = variable {
                let _ = writeln!(std::io::stderr(), "The value is that of the variable `{variable}`.");
            }
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let printer = Printer::new(&arguments.output);
    if arguments.output.verbose {
        // What the index client says of its retries. Another subscriber may be there when this runs inside a program.
        // The solver tells every step, which is for who works on it.
        let filter = tracing_subscriber::EnvFilter::new("info,pubgrub=off");
        let talk = tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter);
        let _ = talk.without_time().with_target(false).with_ansi(false).try_init();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            printer.error(&format!("cannot start: {error}"));
            return ExitStatus::Failed.into();
        }
    };
    let stopped = if arguments.verb.goes_on() {
        "stopped: what is done is kept; run the same command again to go on from there"
    } else {
        "stopped: nothing was written"
    };
    let done = runtime.block_on(async {
        tokio::select! {
            done = run(arguments, &printer) => done,
            status = interrupt::asked_to_stop() => {
                printer.interrupted(stopped);
                Ok(status)
            }
        }
    });
    // What is under way is dropped, and puts away what it has. What blocks is left behind: whoever wants to stop waits
    // for nothing.
    runtime.shutdown_timeout(PUTTING_AWAY);
    match done {
        Ok(status) => status.into(),
        Err(error) => {
            printer.error(&explain(&error));
            ExitStatus::of(&error).into()
        }
    }
}

async fn run(arguments: Arguments, printer: &Printer) -> anyhow::Result<ExitStatus> {
    match arguments.verb {
        Verb::Python(verb) => match *verb {
            PythonVerb::Save(save) => python::save::run(*save, printer).await,
            PythonVerb::Push(push) => python::push::run(push, printer).await,
            PythonVerb::Publish(publish) => python::publish::run(publish, printer).await,
            PythonVerb::Check(check) => python::check::run(check, printer).await,
            PythonVerb::Yank(yank) => python::releases::yank(yank, printer).await,
            PythonVerb::Unyank(unyank) => python::releases::unyank(unyank, printer).await,
            PythonVerb::Delete(delete) => python::releases::delete(delete, printer).await,
            PythonVerb::Status(status) => python::releases::status(status, printer).await,
            PythonVerb::Verify(verify) => python::verify::run(*verify, printer).await,
            PythonVerb::Relock(relock) => python::relock::run(&relock, printer),
            PythonVerb::Prune(prune) => python::prune::run(prune, printer).await,
            PythonVerb::Sbom(sbom) => python::sbom::run(sbom, printer).await,
            PythonVerb::Bundle(verb) => python::bundle::run(verb, printer).await,
            PythonVerb::List(list) => python::list::run(list, printer).await,
            PythonVerb::Show(show) => python::show::run(show, printer).await,
            PythonVerb::Diff(diff) => python::diff::run(diff, printer).await,
        },
        Verb::Doctor(args) => doctor::run(*args, printer).await,
        Verb::Login(login) => account::login::login(*login, printer).await,
        Verb::Logout(logout) => account::login::logout(logout, printer).await,
        Verb::Whoami(whoami) => account::whoami::run(*whoami, printer).await,
        Verb::Token(verb) => account::token::run(*verb, printer).await,
        Verb::Use(args) => account::setup::run(&args, printer),
        Verb::Why(why) => python::why::run(why, printer).await,
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "depot", &mut script);
            printer.raw(&script);
            Ok(ExitStatus::Done)
        }
    }
}
