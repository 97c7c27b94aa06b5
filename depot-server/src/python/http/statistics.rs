//! `GET /api/stats`: how often files were downloaded that who asks may read.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Query, State},
    http::{HeaderValue, header},
    response::IntoResponse as _,
};
use depot_proto::statistics::{STATS_PATH, StatsQuery};
use tokio::sync::Semaphore;

use crate::{
    auth::policy::Principal,
    http::{
        doors::Doors,
        error::{ApiError, ApiResult},
    },
    python::statistics::{Asker, Known},
};

/// Questions that are answered at the same time; more wait.
const AT_ONCE: usize = 2;

/// What answers.
#[derive(Clone)]
pub(crate) struct StatsState {
    known: Arc<Known>,
    turns: Arc<Semaphore>,
}

impl StatsState {
    pub(crate) fn new(known: Arc<Known>) -> Self {
        Self { known, turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

/// The route.
pub(crate) fn doors() -> Doors<StatsState> {
    Doors::new().read(STATS_PATH, stats)
}

async fn stats(
    State(state): State<StatsState>,
    Extension(principal): Extension<Principal>,
    Query(query): Query<StatsQuery>,
) -> ApiResult {
    let turn = state.turns.acquire_owned().await.map_err(ApiError::internal)?;
    let known = state.known;
    let answering = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        known.answer(Asker::Reader(&principal), &query)
    });
    let answer = answering.await??;
    // Another second, another number; and who else asks may see others.
    let caching = HeaderValue::from_static("no-store");
    Ok(([(header::CACHE_CONTROL, caching)], Json(answer)).into_response())
}
