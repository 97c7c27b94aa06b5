//! `depot login` and `depot logout`.

use depot_proto::{
    accounts::{IssuedToken, TOKENS_PATH, TokenFacts, TokenRequest, TokenRevocation, WHOAMI_PATH, WhoAmI},
    redact::Secret,
};
use reqwest::Method;
use serde_json::json;

use super::{api::Api, who};
use crate::{
    args::{LoginArgs, LogoutArgs},
    credentials::Credentials,
    exit::{ExitStatus, UsageError},
    logins::{self, Login, Logins},
    output::Printer,
};

/// What the token of a login is called in lists.
const NAME: &str = "depot login";

/// Makes a token by name and password, or takes one, and keeps it.
pub(crate) async fn login(args: LoginArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let (api, in_url) = Api::new(&args.url, &args.network)?;
    if in_url.is_some() {
        let words = "leave user and password out of the URL: give --username, or --token-stdin";
        return Err(UsageError(words.to_owned()).into());
    }
    // Before anything is asked: what cannot be kept needs not be made.
    let mut kept = Logins::read()?;
    if api.is_in_clear() {
        printer.say(&format!("warning: {} is plain http: what is sent can be read on the way", api.root()));
    }
    let login = if args.token_stdin {
        let token = who::line_of_stdin("token")?;
        let told: WhoAmI = api.get(WHOAMI_PATH, &Credentials::token(token.clone())).await?;
        let expires = told.token.map(|token| token.expires);
        if expires.is_none() {
            anyhow::bail!(
                "what was given is a password and no token: give it with --username and --password-stdin"
            );
        }
        Login::new(&token, told.user, expires)
    } else {
        let user = args.username.clone().map_or_else(who::user, Ok)?;
        let secret = who::password(args.password_stdin)?;
        make(&api, &args, Credentials { user, secret }).await?
    };
    let (user, expires) = (login.user.clone(), login.expires);
    let origin = logins::origin(api.root());
    let new = login.token();
    let before = kept.keep(origin.clone(), login)?;
    // What is not kept any more is of use to nobody who should have it.
    if let Some(before) = before.filter(|before| before.token() != new) {
        let _ = revoke(&api, before.token()).await;
    }
    let until = expires.map(|expires| format!(", until {expires}")).unwrap_or_default();
    printer.data(&format!("logged in at {origin} as {user}{until}"));
    printer.json(&json!({
        "schema": "depot.login/1",
        "server": origin,
        "user": user,
        "expires": expires,
    }));
    Ok(ExitStatus::Done)
}

async fn make(api: &Api, args: &LoginArgs, who: Credentials) -> anyhow::Result<Login> {
    let request = TokenRequest {
        name: Some(NAME.to_owned()),
        expires_days: Some(args.expires_days),
        scopes: args.scope.clone(),
        ..TokenRequest::default()
    };
    let made: IssuedToken = api.ask(Method::POST, TOKENS_PATH, Some(&request), &who).await?;
    Ok(Login::new(&Secret::from(made.token), made.facts.user, Some(made.facts.expires)))
}

/// Lets a token revoke itself.
async fn revoke(api: &Api, token: Secret) -> Result<TokenFacts, super::api::ApiError> {
    let which = TokenRevocation { token: Some(token.expose().to_owned()), id: None };
    api.ask(Method::DELETE, TOKENS_PATH, Some(&which), &Credentials::token(token)).await
}

/// Revokes the token of the login and forgets it; forgets it even if the server cannot be told.
pub(crate) async fn logout(args: LogoutArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let (api, _) = Api::new(&args.url, &args.network)?;
    let origin = logins::origin(api.root());
    let mut kept = Logins::read()?;
    let Some(login) = kept.forget(&origin)? else {
        anyhow::bail!("there is no login at {origin}");
    };
    let revoked = revoke(&api, login.token()).await;
    let status = match &revoked {
        Ok(_) => ExitStatus::Done,
        // A token that the server does not take is dead already.
        Err(super::api::ApiError::Refused(problem)) if problem.status == 401 => ExitStatus::Done,
        Err(error) => {
            let until = login.expires.map(|expires| format!(" until {expires}")).unwrap_or_default();
            printer.error(&format!(
                "the token is forgotten here and lives on at the server{until}, which could not be told: {error}"
            ));
            ExitStatus::Partial
        }
    };
    printer.data(&format!("logged out at {origin}"));
    printer.json(&json!({
        "schema": "depot.logout/1",
        "server": origin,
        "user": login.user,
        "revoked": status == ExitStatus::Done,
    }));
    Ok(status)
}
