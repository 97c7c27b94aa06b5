//! Being asked to stop.

use crate::exit::ExitStatus;

/// Waits until somebody wants the command to end; how it ends then.
#[cfg(unix)]
pub(crate) async fn asked_to_stop() -> ExitStatus {
    use tokio::signal::unix::{SignalKind, signal};
    let (interrupt, terminate) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    let (Ok(mut interrupt), Ok(mut terminate)) = (interrupt, terminate) else {
        // The signals then end the process as they always do, which leaves a tree that is as good.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => ExitStatus::Interrupted,
        _ = terminate.recv() => ExitStatus::Terminated,
    }
}

/// Waits until somebody wants the command to end; how it ends then.
#[cfg(not(unix))]
pub(crate) async fn asked_to_stop() -> ExitStatus {
    match tokio::signal::ctrl_c().await {
        Ok(()) => ExitStatus::Interrupted,
        Err(_) => std::future::pending().await,
    }
}
