//! `/api/users`: accounts are made, listed, changed and deleted; but for one's own password, by administrators.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, Request, State},
    http::{StatusCode, header},
    response::IntoResponse as _,
};
use depot_proto::{
    ErrorCode, Subject,
    accounts::{USERS_PATH, UserFacts, UserList, UserRequest, UserUpdate},
    redact::Secret,
};

use super::{AccountsState, Shared, document, read};
use crate::{
    auth::{
        password::{self, PasswordError},
        policy::Principal,
    },
    http::error::{ApiError, ApiResult},
    service::users::{NewUser, check_email},
    store::records::{PasswordHash, UserRecord},
};

/// `GET /api/users`.
pub(super) async fn list(State(state): Shared, Extension(principal): Extension<Principal>) -> ApiResult {
    principal.may_administer()?;
    let users = state.authority.users.list();
    Ok(document(&UserList { users: users.iter().map(|user| facts(user)).collect() }))
}

/// `GET /api/users/{name}`: for an administrator, and for oneself.
pub(super) async fn show(
    State(state): Shared,
    Extension(principal): Extension<Principal>,
    Path(name): Path<String>,
) -> ApiResult {
    if principal.account().is_none_or(|account| account.user.name.as_str() != name) {
        principal.may_administer()?;
    }
    let user = state.authority.users.get(&name).filter(|user| user.deleted.is_none());
    Ok(document(&facts(&*user.ok_or_else(unknown)?)))
}

/// `POST /api/users`.
pub(super) async fn create(
    State(state): Shared,
    Extension(principal): Extension<Principal>,
    request: Request,
) -> ApiResult {
    let request: UserRequest = read(&state, request).await?;
    check_email(request.email.as_deref())?;
    let password = match request.password {
        Some(password) if !request.robot => Some(hash(&state, password).await?),
        None if request.robot => None,
        _ => {
            let detail = "a person has a `password`, and a `robot` has none";
            return Err(ApiError::bad_request(ErrorCode::BadRequest, detail));
        }
    };
    let UserRequest { name, email, admin, robot, mirror, .. } = request;
    let new = NewUser { name, email, admin, robot, mirror, password };
    let made = tokio::task::spawn_blocking(move || {
        state.authority.users.create(new, principal.name(), &state.committer)
    });
    let made = made.await??;
    let location = format!("{USERS_PATH}/{}", made.name);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], document(&facts(&made))).into_response())
}

/// `PATCH /api/users/{name}`: an administrator may change all of it; who gave the password of an account, that password.
pub(super) async fn change(
    State(state): Shared,
    Extension(principal): Extension<Principal>,
    Path(name): Path<String>,
    request: Request,
) -> ApiResult {
    let is_own = matches!(&principal, Principal::User(account) if account.user.name.as_str() == name);
    if !is_own {
        principal.may_administer()?;
    }
    let update: UserUpdate = read(&state, request).await?;
    if update.disabled.is_some() {
        principal.may_administer()?;
    }
    let name: Subject = name.parse().map_err(|_| unknown())?;
    let password = match update.password {
        Some(password) => Some(hash(&state, password).await?),
        None => None,
    };
    let changed = tokio::task::spawn_blocking(move || {
        let (users, committer) = (&state.authority.users, &state.committer);
        if let Some(password) = password {
            users.set_password(&name, password, principal.name(), committer)?;
        }
        if let Some(disabled) = update.disabled {
            users.set_disabled(&name, disabled, principal.name(), committer)?;
        }
        users.get(name.as_str()).filter(|user| user.deleted.is_none()).ok_or_else(unknown)
    });
    Ok(document(&facts(&*changed.await??)))
}

/// `DELETE /api/users/{name}`.
pub(super) async fn delete(
    State(state): Shared,
    Extension(principal): Extension<Principal>,
    Path(name): Path<String>,
) -> ApiResult {
    let name: Subject = name.parse().map_err(|_| unknown())?;
    let deleted = tokio::task::spawn_blocking(move || {
        state.authority.delete_user(&name, principal.name(), &state.committer)
    });
    deleted.await??;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What a password will be judged by, in turn with those that are checked.
async fn hash(state: &Arc<AccountsState>, given: String) -> ApiResult<PasswordHash> {
    let _turn = state.authority.turns.acquire().await.map_err(ApiError::internal)?;
    let hashed = tokio::task::spawn_blocking(move || password::hash(&Secret::from(given)));
    hashed.await?.map_err(|error| match error {
        PasswordError::Failed => ApiError::internal(error),
        error => ApiError::bad_request(ErrorCode::BadRequest, error.to_string()),
    })
}

fn unknown() -> ApiError {
    ApiError::not_found("there is no such account")
}

fn facts(user: &UserRecord) -> UserFacts {
    UserFacts {
        name: user.name.clone(),
        email: user.email.clone(),
        admin: user.admin,
        robot: user.robot,
        mirror: user.mirror,
        disabled: user.disabled,
        created: user.created,
    }
}
