//! `depot whoami`.

use depot_proto::{
    accounts::{WARN_DAYS, WHOAMI_PATH, WhoAmI},
    redact::SafeUrl,
};
use serde_json::{Value, json};

use super::{api::Api, who};
use crate::{
    args::WhoamiArgs,
    clock,
    exit::{ExitStatus, UsageError},
    logins::Logins,
    output::{Printer, explain},
};

/// Says who one is at a server, or at every one that there is a login for.
pub(crate) async fn run(args: WhoamiArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let urls = match &args.url {
        Some(url) => vec![url.clone()],
        None => Logins::read()?.all().map(|(origin, _)| origin.to_owned()).collect(),
    };
    if urls.is_empty() {
        let words = "there is no login: run `depot login URL`, or name a server";
        return Err(UsageError(words.to_owned()).into());
    }
    let (mut rows, mut failures) = (Vec::new(), Vec::new());
    for url in &urls {
        match ask(url, &args).await {
            Ok((server, told)) => {
                show(&server, &told, printer);
                rows.push(row(&server, &told)?);
            }
            // Of one server that is what there is to say.
            Err(error) if args.url.is_some() => return Err(error),
            Err(error) => {
                printer.error(&format!("{url}: {}", explain(&error)));
                failures.push(json!({ "item": url, "reason": explain(&error) }));
            }
        }
    }
    printer.json(&json!({ "schema": "depot.whoami/1", "servers": rows, "failed": failures }));
    Ok(if failures.is_empty() { ExitStatus::Done } else { ExitStatus::Partial })
}

async fn ask(url: &str, args: &WhoamiArgs) -> anyhow::Result<(String, WhoAmI)> {
    let (api, in_url) = Api::new(url, &args.network)?;
    let who = who::find(&api, &args.who, in_url)?;
    let told = api.get(WHOAMI_PATH, &who).await?;
    Ok((SafeUrl::from(api.root().clone()).to_string(), told))
}

fn row(server: &str, told: &WhoAmI) -> anyhow::Result<Value> {
    let mut row = serde_json::to_value(told)?;
    row["server"] = json!(server);
    Ok(row)
}

fn show(server: &str, told: &WhoAmI, printer: &Printer) {
    let kind = match (told.account, told.admin) {
        (true, true) => "an administrator",
        (true, false) => "an account",
        (false, true) => "no account, and an administrator by the token",
        (false, false) => "no account",
    };
    printer.data(&format!("{server}  {}  {kind}", told.user));
    let Some(token) = &told.token else {
        printer.data("  by a password");
        return;
    };
    printer.data(&format!("  by the token {} ({})", token.id, token.name));
    for scope in &token.scopes {
        printer.data(&format!("  which grants {scope}"));
    }
    let days = (token.expires.seconds() - clock::now().seconds()) / (24 * 60 * 60);
    printer.data(&format!("  until {}", token.expires));
    if days < i64::from(WARN_DAYS) {
        printer.say(&format!(
            "warning: the token for {server} ends in {days} days: log in again, or make another"
        ));
    }
}
