//! `depot use`: tells clients of a server, in their own files, and shows the change.
//!
//! What is not understood is left as it is. A file is written whole or not at all, and a second run changes nothing.

mod difference;
mod ini;
mod netrc;
mod place;
mod poetry;
mod uv;

use std::path::PathBuf;

use depot_proto::redact::Secret;
use serde_json::json;
use url::Url;

use crate::{
    args::UseArgs,
    exit::{ExitStatus, UsageError},
    logins,
    output::Printer,
    python,
};

/// What the server is called in files that give names to indexes.
const NAME: &str = "depot";

/// A client that can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Client {
    Pip,
    Uv,
    Poetry,
    Netrc,
}

impl Client {
    const fn name(self) -> &'static str {
        match self {
            Self::Pip => "pip",
            Self::Uv => "uv",
            Self::Poetry => "poetry",
            Self::Netrc => "netrc",
        }
    }
}

/// What a file shall be.
struct Change {
    client: Client,
    path: PathBuf,
    before: Option<String>,
    after: String,
}

impl Change {
    fn is_one(&self) -> bool {
        self.before.as_deref() != Some(&*self.after)
    }
}

/// Runs the verb.
pub(crate) fn run(args: &UseArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let mount = python::mount(&args.url)?;
    let index = Url::parse(&format!("{}/simple/", mount.as_str().trim_end_matches('/')))?;
    let token = logins::token_for(&mount)?;
    let named = [
        (args.pip, Client::Pip),
        (args.uv, Client::Uv),
        (args.poetry, Client::Poetry),
        (args.netrc, Client::Netrc),
    ];
    let named: Vec<_> =
        named.into_iter().filter(|(is_named, _)| *is_named).map(|(_, client)| client).collect();
    let clients = if named.is_empty() { vec![Client::Pip, Client::Uv] } else { named };
    // Everything is made up before anything is written.
    let changes = clients
        .iter()
        .map(|client| change(*client, &index, token.as_ref(), printer))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut rows = Vec::new();
    for change in &changes {
        let shown = difference::unified(&change.path, change.before.as_deref(), &change.after);
        if change.is_one() {
            for line in &shown {
                printer.data(line);
            }
            if !args.dry_run {
                place::write(&change.path, &change.after, change.client == Client::Netrc)?;
            }
        } else {
            printer.say(&format!("{} is so already", change.path.display()));
        }
        rows.push(json!({
            "client": change.client.name(),
            "path": change.path,
            "changed": change.is_one(),
            "difference": shown,
        }));
    }
    if token.is_some() && !clients.contains(&Client::Netrc) {
        printer.say("pip and uv find the token of the login in .netrc: `depot use --netrc` writes it there");
    }
    printer.json(&json!({
        "schema": "depot.use/1",
        "index": index,
        "dry-run": args.dry_run,
        "files": rows,
    }));
    Ok(ExitStatus::Done)
}

fn change(client: Client, index: &Url, token: Option<&Secret>, printer: &Printer) -> anyhow::Result<Change> {
    let path = match client {
        Client::Pip => place::pip()?,
        Client::Uv => place::uv()?,
        Client::Poetry => place::poetry()?,
        Client::Netrc => place::netrc()?,
    };
    let before = place::read(&path)?;
    let text = before.as_deref().unwrap_or_default();
    let after = match client {
        Client::Pip => {
            if ini::value(text, "global", "extra-index-url").is_some() {
                printer.say(&format!(
                    "warning: `{}` names an extra index: whoever has a private name there decides what you install",
                    path.display()
                ));
            }
            ini::with(text, "global", "index-url", index.as_str())
        }
        Client::Uv => uv::with(text, NAME, index)?,
        Client::Poetry => {
            printer.say("a token is given to Poetry by `poetry config http-basic.depot __token__ TOKEN`");
            poetry::with(text, NAME, index)?
        }
        Client::Netrc => {
            let Some(token) = token else {
                let words = format!("there is no login at {index}: run `depot login` first");
                return Err(UsageError(words).into());
            };
            let host = index.host_str().unwrap_or_default();
            netrc::with(text, host, token)
        }
    };
    Ok(Change { client, path, before, after })
}
