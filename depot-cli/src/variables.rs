//! The environment variables that stand for flags: one that is empty is not set, and an error names the one it comes from.

use std::{
    env,
    ffi::{OsStr, OsString},
};

use clap::{
    Command, CommandFactory as _, FromArgMatches as _,
    builder::Resettable,
    error::{ContextKind, ContextValue},
};

use crate::args::Arguments;

/// Reads what was typed, and what variables say in its place. The second half of an error is the variable to blame.
pub(crate) fn parse(arguments: &[OsString]) -> Result<Arguments, (clap::Error, Option<String>)> {
    let command =
        without(Arguments::command(), &|name| env::var_os(name).is_some_and(|value| is_blank(&value)));
    let read = command.clone().try_get_matches_from(arguments);
    let read = read.and_then(|matches| Arguments::from_arg_matches(&matches));
    read.map_err(|error| {
        let blamed = blamed(&error, &command, arguments);
        (error, blamed)
    })
}

/// Where a value comes from, for an error: the variable, if that is what it says, else the flag.
pub(crate) fn whence<'a>(flag: &'a str, variable: &'a str, value: &str, said: Option<&str>) -> &'a str {
    if said == Some(value) { variable } else { flag }
}

/// Whether a variable with this value says nothing.
fn is_blank(value: &OsStr) -> bool {
    value.to_str().is_some_and(|value| value.trim().is_empty())
}

/// The same command, where none of these variables stands for a flag.
fn without(command: Command, passed_over: &dyn Fn(&OsStr) -> bool) -> Command {
    command
        .mut_args(|arg| match arg.get_env() {
            Some(name) if passed_over(name) => arg.env(Resettable::Reset),
            _ => arg,
        })
        .mut_subcommands(|command| without(command, passed_over))
}

/// The variable whose value cannot be read: the one of the flag that the error is about, if the error is not there
/// without it.
fn blamed(error: &clap::Error, command: &Command, arguments: &[OsString]) -> Option<String> {
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return None };
    let variable = variable_of(command, flag)?;
    let again = without(command.clone(), &|name| name == variable).try_get_matches_from(arguments);
    let is_typed =
        again.is_err_and(|again| again.get(ContextKind::InvalidArg) == error.get(ContextKind::InvalidArg));
    (!is_typed).then(|| variable.to_string_lossy().into_owned())
}

fn variable_of(command: &Command, flag: &str) -> Option<OsString> {
    // An error names a flag with its value: `--jobs <N>`.
    let long = flag.split(' ').next().and_then(|flag| flag.strip_prefix("--"));
    let own = command.get_arguments().filter(|arg| long.is_some() && arg.get_long() == long);
    let own = own.filter_map(|arg| arg.get_env()).find(|name| env::var_os(name).is_some());
    own.map(OsStr::to_owned)
        .or_else(|| command.get_subcommands().find_map(|command| variable_of(command, flag)))
}
