//! `GET /api/why`: why something is shown to who reads here, or is not.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Query, State},
    response::IntoResponse as _,
};
use depot_proto::{
    Version,
    why::{WHY_PATH, WhyQuery},
};

use super::project_name;
use crate::{
    auth::policy::Principal,
    http::{
        doors::Doors,
        error::{ApiError, ApiResult},
    },
    python::view::{About, View},
};

/// What is read at the server's mounts.
pub(crate) type Views = Arc<[Arc<View>]>;

/// The route.
pub(crate) fn doors() -> Doors<Views> {
    Doors::new().read(WHY_PATH, why)
}

async fn why(
    State(views): State<Views>,
    Extension(principal): Extension<Principal>,
    Query(query): Query<WhyQuery>,
) -> ApiResult {
    let project = project_name(&query.project)?;
    // Pasted as it stands in a configuration of pip: with or without its last part.
    let at = query.at.trim_matches('/');
    let at = at.strip_suffix("simple").unwrap_or(at).trim_matches('/');
    let view = views.iter().find(|view| view.mount.trim_matches('/') == at);
    let view = view.ok_or_else(|| ApiError::not_found("no repository is read at this path of the server"))?;
    let readable = view.may_read(&principal, Some(&project))?;
    let about = About { version: query.version.as_deref().map(Version::read), filename: query.filename };
    Ok(Json(view.why(&project, &about, readable).await?).into_response())
}
