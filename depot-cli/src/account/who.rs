//! By whose name a server is asked.

use std::io::{self, IsTerminal as _, Read as _};

use anyhow::Context as _;
use depot_proto::redact::Secret;

use super::api::Api;
use crate::{
    args::WhoArgs,
    credentials::{self, Credentials},
    exit::UsageError,
};

/// The longest secret that is read from standard input, in bytes.
const MOST_READ: u64 = 64 * 1024;

/// The name and password that were given, else a token: given, in the URL, of the login, or in `.netrc`.
pub(super) fn find(api: &Api, args: &WhoArgs, in_url: Option<Credentials>) -> anyhow::Result<Credentials> {
    if let Some(user) = &args.username {
        return Ok(Credentials { user: user.clone(), secret: password(args.password_stdin)? });
    }
    let given = credentials::token(args.token_file.as_deref(), args.token.as_deref())?;
    if let Some(found) = credentials::find(given, in_url, api.root())? {
        return Ok(found.credentials);
    }
    let words = format!(
        "there is no login at {}: run `depot login`, or give --username, --token or --token-file",
        api.root()
    );
    Err(UsageError(words).into())
}

/// A password: the first line of standard input, or asked of the terminal.
pub(super) fn password(from_stdin: bool) -> anyhow::Result<Secret> {
    if from_stdin {
        return line_of_stdin("password");
    }
    if !io::stdin().is_terminal() {
        let words = "there is no terminal to ask for a password: give --password-stdin";
        return Err(UsageError(words.to_owned()).into());
    }
    Ok(rpassword::prompt_password("Password: ").context("cannot read the password")?.into())
}

/// What stands on standard input, without the end of its line.
pub(super) fn line_of_stdin(what: &str) -> anyhow::Result<Secret> {
    let mut text = String::new();
    io::stdin()
        .take(MOST_READ)
        .read_to_string(&mut text)
        .with_context(|| format!("cannot read the {what}"))?;
    let line = text.trim_end_matches(['\r', '\n']);
    anyhow::ensure!(!line.is_empty(), "there is no {what} on standard input");
    Ok(line.to_owned().into())
}

/// A user name, asked of the terminal.
pub(super) fn user() -> anyhow::Result<String> {
    if !io::stdin().is_terminal() {
        let words = "there is no terminal to ask for a user name: give --username and --password-stdin, or --token-stdin";
        return Err(UsageError(words.to_owned()).into());
    }
    let _ = io::Write::write_all(&mut io::stderr(), b"User name: ");
    let mut name = String::new();
    io::stdin().read_line(&mut name).context("cannot read the user name")?;
    Ok(name.trim().to_owned())
}
