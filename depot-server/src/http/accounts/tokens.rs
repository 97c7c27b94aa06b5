//! `/api/tokens`: tokens are issued, listed and revoked.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, Query, Request, State},
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
};
use depot_proto::{
    ErrorCode,
    accounts::{IssuedToken, TOKENS_PATH, TokenList, TokenRequest, TokenRevocation},
};
use serde::Deserialize;

use super::{AccountsState, Shared, document, read};
use crate::{
    auth::policy::Principal,
    http::error::{ApiError, ApiResult},
    service::issuing::{IssueError, facts},
};

/// The query of the list.
#[derive(Debug, Deserialize)]
pub(super) struct ListQuery {
    user: Option<String>,
}

/// `POST /api/tokens`: issues a token, for its own account or as an administrator.
pub(super) async fn create(
    State(state): Shared,
    Extension(principal): Extension<Principal>,
    request: Request,
) -> ApiResult {
    let request: TokenRequest = read(&state, request).await?;
    let issued =
        tokio::task::spawn_blocking(move || state.authority.issue(request, &principal, &state.committer));
    let (text, record) = issued.await??;
    let location = format!("{TOKENS_PATH}/{}", record.id);
    let issued = IssuedToken { token: text.expose().to_owned(), facts: facts(&record) };
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], document(&issued)).into_response())
}

/// `GET /api/tokens`: one's own tokens; for an administrator all, or those of `?user=`.
pub(super) async fn list(
    State(state): Shared,
    Extension(principal): Extension<Principal>,
    Query(query): Query<ListQuery>,
) -> ApiResult {
    let tokens = state.authority.visible(&principal, query.user.as_deref())?;
    Ok(document(&TokenList { tokens: tokens.iter().map(|token| facts(token)).collect() }))
}

/// `DELETE /api/tokens` with the text or the id of the token.
pub(super) async fn revoke(
    State(state): Shared,
    Extension(principal): Extension<Principal>,
    request: Request,
) -> ApiResult {
    let id = match read(&state, request).await? {
        TokenRevocation { token: Some(text), id: None } => {
            // One that is revoked already is known by its text all the same.
            state.authority.signer().id_of(&text).ok_or(IssueError::Unknown)?
        }
        TokenRevocation { token: None, id: Some(id) } => id,
        _ => {
            let detail = "give `token`, the text of the token, or `id`, and not both";
            return Err(ApiError::bad_request(ErrorCode::BadRequest, detail));
        }
    };
    revoke_one(state, principal, id).await
}

/// `DELETE /api/tokens/{id}`.
pub(super) async fn revoke_by_id(
    State(state): Shared,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> ApiResult {
    revoke_one(state, principal, id).await
}

async fn revoke_one(state: Arc<AccountsState>, principal: Principal, id: String) -> ApiResult<Response> {
    let revoked =
        tokio::task::spawn_blocking(move || state.authority.revoke(&id, &principal, &state.committer));
    Ok(document(&facts(&*revoked.await??)))
}
