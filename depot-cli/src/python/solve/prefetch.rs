//! Asks beforehand for what the solver will most likely ask for: the page of every project that is named, the metadata of
//! the candidate that fits best, and so on through what that requires. So the time of a solution is the depth of its
//! dependencies and not their number.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use depot_proto::{ProjectName, Requirement};
use tokio::{runtime::Handle, sync::Semaphore};

use super::{Offer, catalog::View, ranges};

/// How deep requirements are followed: deeper chains are followed by the solver itself.
const MAX_DEPTH: usize = 64;

/// What was begun with: the target, the project, its specifiers and its extras.
type Begun = (usize, ProjectName, String, Vec<String>);

/// Asks in the background, so many questions at once.
#[derive(Clone)]
pub(super) struct Prefetch(Arc<Inner>);

struct Inner {
    view: Arc<View>,
    handle: Handle,
    /// Questions of the solver itself are not bounded here: they never wait behind guesses.
    permits: Semaphore,
    begun: Mutex<HashSet<Begun>>,
}

impl Prefetch {
    pub(super) fn new(view: Arc<View>, handle: Handle, jobs: usize) -> Self {
        let permits = Semaphore::new(jobs.max(1));
        Self(Arc::new(Inner { view, handle, permits, begun: Mutex::default() }))
    }

    /// Follows a requirement that applies in a target.
    pub(super) fn requirement(&self, at: usize, requirement: &Requirement) {
        Inner::follow(&self.0, at, requirement, 0);
    }

    /// Asks nothing more.
    pub(super) fn stop(&self) {
        self.0.permits.close();
    }

    /// Asks for the metadata of files that may come next.
    pub(super) fn metadata(&self, offers: impl IntoIterator<Item = Arc<Offer>>) {
        for offer in offers {
            let inner = Arc::clone(&self.0);
            self.0.handle.spawn(async move {
                let Ok(_permit) = inner.permits.acquire().await else { return };
                let _ = inner.view.catalog.known(&offer).await;
            });
        }
    }
}

impl Inner {
    fn follow(self: &Arc<Self>, at: usize, requirement: &Requirement, depth: usize) {
        if depth > MAX_DEPTH || requirement.url.is_some() {
            return;
        }
        let key =
            (at, requirement.project.clone(), requirement.specifiers.to_string(), requirement.extras.clone());
        if !self.begun.lock().unwrap_or_else(PoisonError::into_inner).insert(key) {
            return;
        }
        let (inner, requirement) = (Arc::clone(self), requirement.clone());
        self.handle.spawn(async move { inner.look(at, requirement, depth).await });
    }

    async fn look(self: Arc<Self>, at: usize, requirement: Requirement, depth: usize) {
        let range = ranges::of(&requirement.specifiers);
        let best = {
            let Ok(_permit) = self.permits.acquire().await else { return };
            let Ok(candidates) = self.view.candidates(&requirement.project, at).await else { return };
            let needs_prerelease = candidates.has_only_prereleases(&range);
            let Some(best) = candidates.choose(&range, needs_prerelease, []) else { return };
            Arc::clone(&best.best)
        };
        if self.view.problem.choice.no_deps {
            return;
        }
        let known = {
            let Ok(_permit) = self.permits.acquire().await else { return };
            let Ok(known) = self.view.catalog.known(&best).await else { return };
            known
        };
        let environment = self.view.catalog.targets()[at].environment();
        for next in &known.requires {
            if next.applies_in(environment, &requirement.extras) {
                self.follow(at, next, depth + 1);
            }
        }
    }
}
