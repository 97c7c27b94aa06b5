//! Who sends a request. A presented credential that fails is a 401, never anonymous.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use depot_proto::{
    accounts::{EXPIRES_HEADER, WARN_DAYS},
    claims::TOKEN_USER,
    redact::Secret,
};

use super::{
    error::ApiError,
    forwarded::{self, Peer},
    middleware::Who,
};
use crate::{
    auth::{password, policy::Principal},
    clock,
    config::Network,
    service::{authority::Authority, login::Logins, tokens::ends_within},
};

/// What credentials are judged by.
pub(crate) struct Authenticator {
    pub(crate) authority: Arc<Authority>,
    pub(crate) logins: Logins,
    /// From where `X-Forwarded-For` is believed.
    pub(crate) trusted: Vec<Network>,
}

/// Finds out who sends the request and tells the handler, as an extension.
pub(crate) async fn authenticate(
    State(authenticator): State<Arc<Authenticator>>,
    mut request: Request,
    next: Next,
) -> Response {
    let principal = match credentials(request.headers()) {
        Ok(None) => Ok(Principal::Anonymous),
        Ok(Some(Credentials::Token(token))) => authenticator.authority.bearer(&token).map_err(ApiError::from),
        Ok(Some(Credentials::Password(name, given))) => {
            let client = authenticator.client(&request);
            let user = authenticator.logins.check(&name, given, client).await;
            user.map(|user| authenticator.authority.user(user)).map_err(ApiError::from)
        }
        Err(error) => Err(error),
    };
    let principal = match principal {
        Ok(principal) => principal,
        Err(error) => return error.into_response(),
    };
    let who = principal.name().to_owned();
    let ends = ends_soon(&principal);
    request.extensions_mut().insert(principal);
    let mut response = next.run(request).await;
    response.extensions_mut().insert(Who(who));
    if let Some(ends) = ends {
        response.headers_mut().insert(EXPIRES, ends);
    }
    response
}

const EXPIRES: HeaderName = HeaderName::from_static(EXPIRES_HEADER);

/// When a token ends, where that is soon.
fn ends_soon(principal: &Principal) -> Option<HeaderValue> {
    let Principal::Token(token, _) = principal else { return None };
    let is_soon = ends_within(token, WARN_DAYS, clock::now());
    is_soon.then(|| HeaderValue::try_from(token.expires.to_string()).ok()).flatten()
}

impl Authenticator {
    /// Where a request comes from, through the proxies that are trusted to say so; none inside another application that
    /// does not say.
    fn client(&self, request: &Request) -> Option<IpAddr> {
        let Peer(peer) = *request.extensions().get()?;
        Some(forwarded::client(peer, request.headers(), &self.trusted))
    }
}

/// What someone presents.
enum Credentials {
    Token(String),
    Password(String, Secret),
}

fn credentials(headers: &HeaderMap) -> Result<Option<Credentials>, ApiError> {
    let mut presented = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = presented.next() else { return Ok(None) };
    if presented.next().is_some() {
        return Err(ApiError::malformed_credentials());
    }
    let read = value.to_str().ok().and_then(read);
    read.map(Some).ok_or_else(ApiError::malformed_credentials)
}

/// What an Authorization header presents: a token as the Bearer, as the Basic password of any user, or as the user
/// without a password; else the name and password of an account.
fn read(value: &str) -> Option<Credentials> {
    let (scheme, rest) = value.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(Credentials::Token(rest.to_owned()));
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
    let (user, given) = decoded.split_once(':')?;
    Some(if given.is_empty() {
        Credentials::Token(user.to_owned())
    } else if user == TOKEN_USER || password::is_token(given) {
        Credentials::Token(given.to_owned())
    } else {
        Credentials::Password(user.to_owned(), Secret::from(given.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(text: &str) -> String {
        format!("Basic {}", STANDARD.encode(text))
    }

    #[test]
    fn tokens_and_passwords_are_found_wherever_clients_put_them() {
        for (header, found) in [
            ("Bearer depot_x".to_owned(), Some("token depot_x")),
            ("bearer  depot_x".to_owned(), Some("token depot_x")),
            (basic("__token__:depot_x"), Some("token depot_x")),
            (basic("ann:depot_x"), Some("token depot_x")),
            (basic("ann:eyJa.b.c"), Some("token eyJa.b.c")),
            (basic("depot_x:"), Some("token depot_x")),
            (basic("__token__:anything"), Some("token anything")),
            (basic("ann:correct horse"), Some("ann correct horse")),
            (basic("ann:with:colons"), Some("ann with:colons")),
            (basic(":x"), Some(" x")),
            (basic("no colon"), None),
            ("Basic !!!".to_owned(), None),
            ("Digest x".to_owned(), None),
            ("depot_x".to_owned(), None),
        ] {
            let read = read(&header).map(|credentials| match credentials {
                Credentials::Token(token) => format!("token {token}"),
                Credentials::Password(name, given) => format!("{name} {}", given.expose()),
            });
            assert_eq!(read.as_deref(), found, "{header}");
        }
    }
}
