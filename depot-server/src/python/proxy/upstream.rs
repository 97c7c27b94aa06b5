//! Asking the upstream: within bounds, and not while it fails.

use std::{sync::Arc, time::Duration};

use depot_index::{Client, ClientOptions, IndexError, IndexUrl};
use tokio::{sync::OnceCell, sync::Semaphore, time::timeout};

use super::{
    breaker::Breaker,
    counters::{Counters, Event},
    error::ProxyError,
};

/// How long a question waits for its turn.
const TURN: Duration = Duration::from_secs(20);

/// What is asked for: what fails for the one may work for the other, as files mostly lie with another host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Pages, metadata, and other small documents.
    Small,
    /// Files.
    File,
}

/// The index that is pulled through.
pub(super) struct Upstream {
    /// Where it is.
    pub(super) index: IndexUrl,
    options: ClientOptions,
    /// Made when something is asked: reading the certificates of the system takes its time.
    client: OnceCell<Client>,
    offline: bool,
    small: Lane,
    files: Lane,
    counters: Arc<Counters>,
}

struct Lane {
    turns: Semaphore,
    breaker: Breaker,
}

impl Lane {
    fn new(at_once: usize) -> Self {
        Self { turns: Semaphore::new(at_once.max(1)), breaker: Breaker::default() }
    }
}

impl Upstream {
    pub(super) fn new(
        index: IndexUrl,
        options: ClientOptions,
        offline: bool,
        at_once: usize,
        counters: Arc<Counters>,
    ) -> Self {
        let (small, files) = (Lane::new(at_once), Lane::new(at_once));
        Self { index, options, client: OnceCell::new(), offline, small, files, counters }
    }

    /// Whether it is left alone for a while, as to pages and as to files.
    pub(super) fn is_left_alone(&self) -> [bool; 2] {
        [&self.small, &self.files].map(|lane| lane.breaker.is_open())
    }

    /// The address of the index, without credentials.
    pub(super) fn address(&self) -> &str {
        self.index.as_url().as_str()
    }

    /// Asks a question for `what`; none if the answer is that it does not exist. A deadline counts from when it has its
    /// turn.
    pub(super) async fn ask<T, F>(
        &self,
        kind: Kind,
        what: &str,
        deadline: Option<Duration>,
        question: impl FnOnce(Client) -> F,
    ) -> Result<Option<T>, ProxyError>
    where
        F: Future<Output = Result<T, IndexError>>,
    {
        if self.offline {
            return Err(ProxyError::Offline { what: what.to_owned() });
        }
        let lane = if kind == Kind::Small { &self.small } else { &self.files };
        let Ok(Ok(_turn)) = timeout(TURN, lane.turns.acquire()).await else {
            return Err(ProxyError::Busy { what: what.to_owned() });
        };
        let pass = lane.breaker.admit().map_err(|left| self.left_alone(what, left))?;
        let client = self.client(what).await?;
        self.counters.count(Event::Request);
        let answer = match deadline {
            Some(deadline) => timeout(deadline, question(client)).await,
            None => Ok(question(client).await),
        };
        let error = match answer {
            Ok(Ok(answer)) => {
                pass.succeeded();
                return Ok(Some(answer));
            }
            Ok(Err(IndexError::NotFound { .. })) => {
                pass.succeeded();
                return Ok(None);
            }
            Ok(Err(error)) => ProxyError::of(what, &error),
            Err(_) => self.unreachable(what, "it did not answer in time", None),
        };
        self.counters.count(Event::Failure);
        match &error {
            ProxyError::Unreachable { retry_after, .. } => pass.failed(*retry_after),
            // Bytes that cannot be written are no fault of the upstream, and a refusal is an answer.
            _ => drop(pass),
        }
        Err(error)
    }

    /// Makes the client, so that the first question need not wait for it.
    pub(super) async fn prepare(&self) {
        if !self.offline
            && let Err(error) = self.client("the first question").await
        {
            tracing::warn!(%error, "another index cannot be asked as this machine is set up");
        }
    }

    async fn client(&self, what: &str) -> Result<Client, ProxyError> {
        let options = self.options.clone();
        let made = self.client.get_or_try_init(|| async {
            let made = tokio::task::spawn_blocking(move || Client::new(options)).await;
            made.map_err(|_| ProxyError::broken_off(what))?.map_err(|error| ProxyError::of(what, &error))
        });
        made.await.cloned()
    }

    fn left_alone(&self, what: &str, left: Duration) -> ProxyError {
        let reason = "it failed repeatedly, and is left alone for a while";
        self.unreachable(what, reason, Some(left))
    }

    fn unreachable(&self, what: &str, reason: &str, retry_after: Option<Duration>) -> ProxyError {
        let reason = format!("`{}`: {reason}", self.address());
        ProxyError::Unreachable { what: what.to_owned(), reason, retry_after }
    }
}
