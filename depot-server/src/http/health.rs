//! Is the process alive, and can it do its work?

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use depot_proto::ErrorCode;
use tokio::sync::Mutex;

use super::{doors::Doors, error::ApiError};

/// Finds out whether uploads can be taken, or why not. May block.
type Check = Arc<dyn Fn() -> Result<(), ApiError> + Send + Sync>;

/// Whether uploads can be taken: found out for one who asks at a time, as to ask needs no login and writes to the disk.
#[derive(Clone)]
pub(crate) struct Ready {
    check: Check,
    turn: Arc<Mutex<()>>,
}

impl Ready {
    pub(crate) fn new(check: Check) -> Self {
        Self { check, turn: Arc::default() }
    }

    async fn check(&self) -> Result<(), ApiError> {
        let _turn = self.turn.lock().await;
        let check = Arc::clone(&self.check);
        tokio::task::spawn_blocking(move || check()).await?
    }
}

/// The routes, at the root.
pub(crate) fn doors() -> Doors<Ready> {
    Doors::new().read("/healthz", healthz).read("/readyz", readyz)
}

/// `GET /healthz`: the process answers.
async fn healthz() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: pages and files are served and uploads are taken.
async fn readyz(State(ready): State<Ready>) -> Result<&'static str, ApiError> {
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
    async fn a_crowd_that_asks_is_answered_one_after_another() {
        let (at_once, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (counted, highest) = (Arc::clone(&at_once), Arc::clone(&most));
        let ready = Ready::new(Arc::new(move || {
            highest.fetch_max(counted.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(std::time::Duration::from_millis(1));
            counted.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        }));
        let asked = futures_util::future::join_all((0..50).map(|_| ready.check())).await;
        assert!(asked.into_iter().all(|answer| answer.is_ok()));
        assert_eq!(most.load(Ordering::SeqCst), 1);
    }
}
