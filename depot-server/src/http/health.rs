//! Is the process alive, and can it do its work?

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{extract::State, http::StatusCode};
use depot_proto::ErrorCode;

use tokio::sync::Mutex;

use super::error::ApiError;

/// For how long what was found well counts as well: to ask needs no login and writes to the disk.
const WELL_FOR: Duration = Duration::from_millis(100);

/// Finds out whether uploads can be taken, or why not. May block.
type Check = Arc<dyn Fn() -> Result<(), ApiError> + Send + Sync>;

/// Whether uploads can be taken: found out by one at a time, whoever asks.
#[derive(Clone)]
pub(crate) struct Ready {
    check: Check,
    well_at: Arc<Mutex<Option<Instant>>>,
}

impl Ready {
    pub(crate) fn new(check: Check) -> Self {
        Self { check, well_at: Arc::default() }
    }

    async fn check(&self) -> Result<(), ApiError> {
        let mut well_at = self.well_at.lock().await;
        if well_at.is_some_and(|at| at.elapsed() < WELL_FOR) {
            return Ok(());
        }
        let check = Arc::clone(&self.check);
        tokio::task::spawn_blocking(move || check()).await??;
        *well_at = Some(Instant::now());
        Ok(())
    }
}

/// `GET /healthz`: the process answers.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: pages and files are served and uploads are taken.
pub(crate) async fn readyz(State(ready): State<Ready>) -> Result<&'static str, ApiError> {
    ready.check().await.map(|()| "ready\n").map_err(|why| {
        let detail = format!("pages and files are served, and uploads are refused: {}", why.problem.detail);
        let error = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, detail);
        ApiError { cause: why.cause, ..error }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_crowd_that_asks_is_answered_by_one_look() {
        let looks = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&looks);
        let ready = Ready::new(Arc::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }));
        let asked = futures_util::future::join_all((0..50).map(|_| ready.check())).await;
        assert!(asked.into_iter().all(|answer| answer.is_ok()));
        let first = looks.load(Ordering::Relaxed);
        assert!(first < 10, "{first}");
        tokio::time::sleep(WELL_FOR).await;
        ready.check().await.unwrap();
        assert_eq!(looks.load(Ordering::Relaxed), first + 1);
    }

    #[tokio::test]
    async fn what_is_not_well_is_looked_at_each_time() {
        let looks = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&looks);
        let ready = Ready::new(Arc::new(move || {
            let first = counted.fetch_add(1, Ordering::Relaxed) == 0;
            let error = ApiError::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, "no");
            if first { Err(error) } else { Ok(()) }
        }));
        assert!(ready.check().await.is_err());
        assert!(ready.check().await.is_ok());
    }
}
