//! The doors of trusted publishing, as PyPI has them: `GET /_/oidc/audience`, `POST /_/oidc/mint-token`, and
//! `POST /_/oidc/burn-token` for a job that is done.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Semaphore;

use super::{
    doors::{Doors, Needs},
    error::{ApiError, ApiResult},
    paced::Paced,
};
use crate::{
    auth::oidc::{Oidc, OidcError},
    config::WireLimits,
    service::{
        authority::Authority,
        commit::Committer,
        mint::{self, BurnError, MintError, NewlyMinted},
    },
};

/// The largest request taken, in bytes; a job's token is a few KiB.
const MAX_REQUEST: usize = 32 * 1024;

/// How many are judged at once; each costs a signature check and perhaps a question to its issuer.
const AT_ONCE: usize = 16;

/// What the doors share.
pub(crate) struct OidcState {
    oidc: Arc<Oidc>,
    authority: Arc<Authority>,
    committer: Arc<Committer>,
    wire: WireLimits,
    places: Semaphore,
}

#[derive(Deserialize)]
struct TokenRequest {
    token: String,
}

impl OidcState {
    pub(crate) fn new(
        oidc: Arc<Oidc>,
        authority: Arc<Authority>,
        committer: Arc<Committer>,
        wire: WireLimits,
    ) -> Self {
        Self { oidc, authority, committer, wire, places: Semaphore::new(AT_ONCE) }
    }
}

/// The routes below `/_/oidc`, of a server that trusts publishers.
pub(crate) fn doors() -> Doors<Arc<OidcState>> {
    Doors::new()
        .read("/_/oidc/audience", audience)
        .post("/_/oidc/mint-token", Needs::Proof, mint_token)
        .post("/_/oidc/burn-token", Needs::Proof, burn_token)
        // Where maturin looks.
        .post("/_/oidc/github/mint-token", Needs::Proof, mint_token)
}

async fn audience(State(state): State<Arc<OidcState>>) -> Response {
    unkept(Json(json!({ "audience": state.oidc.audience() })).into_response())
}

async fn mint_token(State(state): State<Arc<OidcState>>, request: Request) -> ApiResult<Response> {
    let body = Paced::new(request.into_body(), &state.wire).read_small(MAX_REQUEST).await?;
    let Ok(request) = serde_json::from_slice::<TokenRequest>(&body) else {
        return Ok(refusal("invalid-payload", "send a JSON object with the job's `token`, a text"));
    };
    let place = state.places.acquire().await.map_err(ApiError::internal)?;
    let (signer, tokens) = (state.authority.signer(), &state.authority.tokens);
    let minted = mint::mint(&state.oidc, &signer, tokens, &state.committer, &request.token).await;
    drop(place);
    let error = match minted {
        Ok(NewlyMinted { token, expires }) => {
            let answer = json!({ "success": true, "token": token.expose(), "expires": expires.seconds() });
            return Ok(unkept(Json(answer).into_response()));
        }
        Err(error) => error,
    };
    let code = match &error {
        MintError::Refused(OidcError::NoPublisher { .. }) => "invalid-publisher",
        MintError::Refused(_) => "invalid-token",
        MintError::Used => "invalid-reuse-token",
        MintError::Tokens(_) | MintError::Signing(_) => return Err(ApiError::internal(error)),
    };
    tracing::info!(%error, code, "a job got no token");
    Ok(refusal(code, &error.to_string()))
}

/// Ends a minted token before its time: whoever bears it may.
async fn burn_token(State(state): State<Arc<OidcState>>, request: Request) -> ApiResult<Response> {
    let body = Paced::new(request.into_body(), &state.wire).read_small(MAX_REQUEST).await?;
    let Ok(request) = serde_json::from_slice::<TokenRequest>(&body) else {
        return Ok(refusal("invalid-payload", "send a JSON object with the `token` to end, a text"));
    };
    let (authority, committer) = (Arc::clone(&state.authority), Arc::clone(&state.committer));
    let burnt = tokio::task::spawn_blocking(move || {
        mint::burn(&authority.signer(), &authority.tokens, &committer, &request.token)
    });
    match burnt.await? {
        Ok(()) => Ok(unkept(StatusCode::NO_CONTENT.into_response())),
        Err(BurnError::Invalid(error)) => Ok(refusal("invalid-token", &error.to_string())),
        Err(error @ BurnError::NotMinted) => Ok(refusal("invalid-token", &error.to_string())),
        Err(BurnError::Tokens(error)) => Err(ApiError::internal(error)),
    }
}

/// A refusal in the form that uploaders read: each of them looks for code and description in the list.
fn refusal(code: &str, description: &str) -> Response {
    let errors = json!([{ "code": code, "description": description }]);
    let body = json!({ "message": "Token request failed", "errors": errors });
    unkept((StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response())
}

fn unkept(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
