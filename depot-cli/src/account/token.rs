//! `depot token create | list | revoke`.

use depot_proto::{
    ErrorCode,
    accounts::{IssuedToken, TOKENS_PATH, TokenFacts, TokenList, TokenRequest},
};
use reqwest::Method;
use serde_json::json;

use super::{
    api::{Api, ApiError},
    who,
};
use crate::{
    args::{TokenCreateArgs, TokenListArgs, TokenRevokeArgs, TokenVerb},
    clock,
    exit::ExitStatus,
    output::Printer,
};

/// Runs the verb.
pub(crate) async fn run(verb: TokenVerb, printer: &Printer) -> anyhow::Result<ExitStatus> {
    match verb {
        TokenVerb::Create(args) => create(args, printer).await,
        TokenVerb::List(args) => list(args, printer).await,
        TokenVerb::Revoke(args) => revoke(args, printer).await,
    }
}

async fn create(args: TokenCreateArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let (api, in_url) = Api::new(&args.url, &args.network)?;
    let who = who::find(&api, &args.who, in_url)?;
    let request = TokenRequest {
        name: Some(args.name),
        expires_days: Some(args.expires_days),
        scopes: args.scope,
        projects: args.project,
        user: args.user,
    };
    let made: IssuedToken =
        api.ask(Method::POST, TOKENS_PATH, Some(&request), &who).await.map_err(with_advice)?;
    printer.data(&made.token);
    let TokenFacts { id, user, expires, .. } = &made.facts;
    printer.say(&format!("token {id} for {user} until {expires}; it is not shown again"));
    printer.json(&json!({ "schema": "depot.api-token-create/1", "token": made.token, "facts": made.facts }));
    Ok(ExitStatus::Done)
}

async fn list(args: TokenListArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let (api, in_url) = Api::new(&args.url, &args.network)?;
    let who = who::find(&api, &args.who, in_url)?;
    let query = args.user.map(|user| {
        let user = percent_encoding::utf8_percent_encode(&user, percent_encoding::NON_ALPHANUMERIC);
        format!("?user={user}")
    });
    let path = format!("{TOKENS_PATH}{}", query.unwrap_or_default());
    let TokenList { tokens } = api.get(&path, &who).await?;
    for token in &tokens {
        printer.data(&line(token));
    }
    printer.json(&json!({ "schema": "depot.api-token-list/1", "server": api.root(), "tokens": tokens }));
    Ok(ExitStatus::Done)
}

async fn revoke(args: TokenRevokeArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let (api, in_url) = Api::new(&args.url, &args.network)?;
    let who = who::find(&api, &args.who, in_url)?;
    let id = percent_encoding::utf8_percent_encode(&args.id, percent_encoding::NON_ALPHANUMERIC);
    let path = format!("{TOKENS_PATH}/{id}");
    let revoked: TokenFacts = api.ask(Method::DELETE, &path, None::<&()>, &who).await.map_err(with_advice)?;
    printer.data(&format!("revoked {} ({}, {})", revoked.id, revoked.user, revoked.name));
    printer.json(&json!({ "schema": "depot.api-token-revoke/1", "token": revoked }));
    Ok(ExitStatus::Done)
}

/// A token may be refused what a password is not.
fn with_advice(error: ApiError) -> anyhow::Error {
    let is_forbidden = matches!(&error, ApiError::Refused(problem) if problem.code == ErrorCode::Forbidden);
    let error = anyhow::Error::from(error);
    if is_forbidden {
        error.context("the server refused; give --username to ask by a password")
    } else {
        error
    }
}

/// A token for people.
fn line(token: &TokenFacts) -> String {
    let scopes: Vec<_> = token.scopes.iter().map(ToString::to_string).collect();
    let state = match token.revoked {
        Some(at) => format!("revoked {at}"),
        None if token.expires <= clock::now() => format!("expired {}", token.expires),
        None => format!("until {}", token.expires),
    };
    format!("{}  {}  {}  {}  {state}", token.id, token.user, token.name, scopes.join(" "))
}
