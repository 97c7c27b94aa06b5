//! Who sends a request. A presented credential that fails is a 401, never anonymous.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{error::ApiError, middleware::Who};
use crate::{
    auth::{policy::Principal, token::Signer},
    service::tokens::Tokens,
};

/// What credentials are judged by.
pub(crate) struct Authenticator {
    pub(crate) signer: Signer,
    pub(crate) tokens: Arc<Tokens>,
}

/// Finds out who sends the request and tells the handler, as an extension.
pub(crate) async fn authenticate(
    State(authenticator): State<Arc<Authenticator>>,
    mut request: Request,
    next: Next,
) -> Response {
    let principal = match principal(&authenticator, request.headers()) {
        Ok(principal) => principal,
        Err(error) => return error.into_response(),
    };
    let who = principal.name().to_owned();
    request.extensions_mut().insert(principal);
    let mut response = next.run(request).await;
    response.extensions_mut().insert(Who(who));
    response
}

fn principal(authenticator: &Authenticator, headers: &HeaderMap) -> Result<Principal, ApiError> {
    let mut presented = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = presented.next() else { return Ok(Principal::Anonymous) };
    if presented.next().is_some() {
        return Err(ApiError::malformed_credentials());
    }
    let token = value.to_str().ok().and_then(token_of).ok_or_else(ApiError::malformed_credentials)?;
    Ok(authenticator.signer.verify(&token, |id| authenticator.tokens.get(id))?)
}

/// The token in an Authorization header: as the Basic password of any user, as the user without a password, or as the
/// Bearer.
fn token_of(value: &str) -> Option<String> {
    let (scheme, rest) = value.split_once(' ')?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some(if password.is_empty() { user } else { password }.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_wherever_clients_put_it() {
        for (header, token) in [
            ("Bearer depot_x", Some("depot_x")),
            ("bearer  depot_x", Some("depot_x")),
            ("Basic X190b2tlbl9fOmRlcG90X3g=", Some("depot_x")),
            ("basic ZGVwb3RfeDo=", Some("depot_x")),
            ("Basic !!!", None),
            ("Digest x", None),
            ("depot_x", None),
        ] {
            assert_eq!(token_of(header).as_deref(), token, "{header}");
        }
    }
}
