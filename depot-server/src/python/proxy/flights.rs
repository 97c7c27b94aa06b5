//! Doing a thing once for all who ask for it at the same time.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

/// What is under way, by what it is for.
pub(super) struct Flights<K, V>(Arc<Mutex<HashMap<K, watch::Receiver<Option<V>>>>>);

/// Something that is under way.
pub(super) struct Waiting<V>(watch::Receiver<Option<V>>);

impl<K, V> Default for Flights<K, V> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K, V> Flights<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// What is under way for this; it is begun, in a task of its own, if nothing is. It goes on whoever stops waiting.
    pub(super) fn join<F>(&self, key: &K, begin: impl FnOnce() -> F) -> Waiting<V>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut under_way = self.lock();
        if let Some(waiting) = under_way.get(key) {
            return Waiting(waiting.clone());
        }
        let (sender, receiver) = watch::channel(None);
        under_way.insert(key.clone(), receiver.clone());
        drop(under_way);
        let work = begin();
        let landing = Landing { flights: Self(Arc::clone(&self.0)), key: key.clone() };
        tokio::spawn(async move {
            let value = work.await;
            // Nobody joins what has ended.
            drop(landing);
            let _ = sender.send(Some(value));
        });
        Waiting(receiver)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, watch::Receiver<Option<V>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V: Clone> Waiting<V> {
    /// What came of it; none if it was broken off.
    pub(super) async fn ended(mut self) -> Option<V> {
        let ended = self.0.wait_for(Option::is_some).await;
        ended.ok().and_then(|value| value.clone())
    }
}

/// Takes a flight out of the list however it ends.
struct Landing<K: Eq + Hash, V> {
    flights: Flights<K, V>,
    key: K,
}

impl<K: Eq + Hash, V> Drop for Landing<K, V> {
    fn drop(&mut self) {
        self.flights.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use super::*;

    #[tokio::test]
    async fn a_thing_is_done_once_for_all_and_whoever_leaves() {
        let flights: Flights<u8, usize> = Flights::default();
        let done = Arc::new(AtomicUsize::new(0));
        let begin = || {
            let done = Arc::clone(&done);
            async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                done.fetch_add(1, Ordering::Relaxed)
            }
        };
        drop(flights.join(&1, begin));
        let waiting: Vec<_> = (0..50).map(|_| flights.join(&1, begin)).collect();
        for one in waiting {
            assert_eq!(one.ended().await, Some(0));
        }
        assert_eq!(flights.join(&1, begin).ended().await, Some(1));
        assert!(flights.lock().is_empty());
    }

    #[tokio::test]
    async fn what_panics_leaves_nobody_waiting() {
        let flights: Flights<u8, ()> = Flights::default();
        assert_eq!(flights.join(&1, || async { panic!("as the test wants") }).ended().await, None);
        assert!(flights.lock().is_empty());
    }
}
