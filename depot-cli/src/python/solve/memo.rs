//! Answers that are asked for once, however many want them.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::OnceCell;

/// Remembers answers by their questions. Who asks while an answer is under way waits for that one.
#[derive(Debug)]
pub(super) struct Memo<K, V>(Mutex<HashMap<K, Arc<OnceCell<V>>>>);

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Memo<K, V> {
    fn cell(&self, key: K) -> Arc<OnceCell<V>> {
        let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(cells.entry(key).or_default())
    }

    /// The answer, if it is there.
    pub(super) fn ready(&self, key: K) -> Option<V> {
        self.cell(key).get().cloned()
    }

    /// The answer, asked for unless it is there or under way.
    pub(super) async fn get(&self, key: K, ask: impl Future<Output = V>) -> V {
        self.cell(key).get_or_init(|| ask).await.clone()
    }
}
