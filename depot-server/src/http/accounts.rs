//! The doors of accounts: `/api/tokens`, `/api/users`, `/api/whoami`. What is said at them: [`depot_proto::accounts`].

mod tokens;
mod users;

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Request, State},
    http::{HeaderValue, header},
    response::{IntoResponse as _, Json, Response},
};
use depot_proto::{
    ErrorCode,
    accounts::{Shown, TOKENS_PATH, USERS_PATH, WHOAMI_PATH, WhoAmI},
};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    doors::{Doors, Needs},
    error::{ApiError, ApiResult},
    paced::Paced,
};
use crate::{
    auth::policy::{Denied, Principal},
    config::WireLimits,
    service::{
        authority::{Authority, DeleteError},
        commit::Committer,
        issuing::{self, IssueError},
        users::UsersError,
    },
};

/// The largest document read, in bytes.
const MAX_DOCUMENT: usize = 64 * 1024;

/// What the handlers share.
pub(crate) struct AccountsState {
    pub(crate) authority: Arc<Authority>,
    pub(crate) committer: Arc<Committer>,
    /// How slowly bodies may come.
    pub(crate) wire: WireLimits,
}

type Shared = State<Arc<AccountsState>>;

/// The routes, at the root.
pub(crate) fn doors() -> Doors<Arc<AccountsState>> {
    let (token, user) = (format!("{TOKENS_PATH}/{{id}}"), format!("{USERS_PATH}/{{name}}"));
    Doors::new()
        .read(WHOAMI_PATH, whoami)
        .read(TOKENS_PATH, tokens::list)
        .post(TOKENS_PATH, Needs::Owner, tokens::create)
        .delete(TOKENS_PATH, Needs::Owner, tokens::revoke)
        .delete(&token, Needs::Owner, tokens::revoke_by_id)
        .read(USERS_PATH, users::list)
        .post(USERS_PATH, Needs::Administrator, users::create)
        .read(&user, users::show)
        .patch(&user, Needs::Owner, users::change)
        .delete(&user, Needs::Administrator, users::delete)
}

/// `GET /api/whoami`.
async fn whoami(Extension(principal): Extension<Principal>) -> ApiResult {
    let token = match &principal {
        Principal::Anonymous => return Err(Denied::NeedsCredentials.into()),
        Principal::Token(token, _) => Some(issuing::facts(token)),
        Principal::User(_) => None,
    };
    Ok(document(&WhoAmI {
        user: principal.name().to_owned(),
        by: if token.is_some() { Shown::Token } else { Shown::Password },
        account: principal.account().is_some(),
        admin: principal.may_administer().is_ok(),
        token,
    }))
}

/// An answer that nobody keeps.
fn document(answer: &impl Serialize) -> Response {
    let mut response = Json(answer).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Reads a document that says itself to be JSON: no form of a web page can send that.
async fn read<T: DeserializeOwned>(state: &AccountsState, request: Request) -> ApiResult<T> {
    let (parts, body) = request.into_parts();
    if parts.headers.contains_key(header::CONTENT_ENCODING) {
        return Err(ApiError::unsupported_coding());
    }
    let kind =
        parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(ApiError::unsupported_type(
            "send a document of JSON, with `Content-Type: application/json`",
        ));
    }
    let document = Paced::new(body, &state.wire).read_small(MAX_DOCUMENT).await?;
    if document.trim_ascii_start().first() != Some(&b'{') {
        return Err(ApiError::bad_request(
            ErrorCode::BadRequest,
            "the document cannot be read: it is no object",
        ));
    }
    serde_json::from_slice(&document).map_err(|error| {
        ApiError::bad_request(ErrorCode::BadRequest, format!("the document cannot be read: {}", said(&error)))
    })
}

/// What a reader of JSON says, but for the values that it quotes: one may be a secret.
fn said(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    match error.classify() {
        serde_json::error::Category::Data => {
            let words = error.to_string();
            // A key that is not known, or one that is missing, is no value.
            let is_key = words.starts_with("unknown field") || words.starts_with("missing field");
            if is_key {
                words
            } else {
                format!("a value in line {line}, before column {column}, is none that it can have")
            }
        }
        _ => format!("it is no JSON at line {line}, column {column}"),
    }
}

impl From<IssueError> for ApiError {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::Invalid(detail) => Self::bad_request(ErrorCode::BadRequest, detail),
            IssueError::Denied(denied) => denied.into(),
            IssueError::Unknown => Self::not_found(error.to_string()),
            IssueError::Tokens(_) | IssueError::Failed(_) => Self::internal(error),
        }
    }
}

impl From<DeleteError> for ApiError {
    fn from(error: DeleteError) -> Self {
        match error {
            DeleteError::Users(error) => error.into(),
            DeleteError::Tokens(_) => Self::internal(error),
        }
    }
}

impl From<UsersError> for ApiError {
    fn from(error: UsersError) -> Self {
        let detail = error.to_string();
        match error {
            UsersError::Unknown(_) => Self::not_found(detail),
            UsersError::Exists(_) => Self::conflict(ErrorCode::UserExists, detail),
            UsersError::Robot(_) | UsersError::Email => Self::bad_request(ErrorCode::BadRequest, detail),
            UsersError::Store(error) => Self::from(&error),
            UsersError::Commit(error) => error.into(),
            UsersError::Twin { .. } => Self::internal(detail),
        }
    }
}
