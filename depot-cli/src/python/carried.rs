//! What indexes say now of files that a tree carries already: of each whose project is asked for, chosen or not. So a
//! file that was yanked since it was saved is not carried on as if nothing had happened.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use depot_index::IndexUrl;
use depot_proto::{
    DistributionFilename, FileRecord,
    simple::{PageFile, ProjectPage},
};
use depot_tree::{Tree, TreeError};

use super::{
    fetch::{Fetched, Outcome, facts, refresh},
    resolve::Wanted,
};

/// What the pages that were read say of files of the tree, as far as that is news: so it takes no more room than what
/// changed upstream.
#[derive(Debug, Default)]
pub(super) struct Carried {
    /// Set where the tree is written to.
    tree: OnceLock<Arc<Tree>>,
    news: Mutex<BTreeMap<String, News>>,
}

/// A file of the tree of which an index says something that its record does not.
#[derive(Debug)]
pub(super) struct News {
    pub(super) wanted: Wanted,
    pub(super) fetched: Fetched,
    /// Whether that is a yank, which the record knows nothing of.
    pub(super) is_withdrawn: bool,
}

impl Carried {
    /// From here on the files of this tree are looked for on pages.
    pub(super) fn watch(&self, tree: &Arc<Tree>) {
        // There is one tree in a run.
        let _ = self.tree.set(Arc::clone(tree));
    }

    /// Notes what a page says of files that the tree has. Of several indexes the first that lists a file counts.
    pub(super) async fn note(&self, index: &Arc<IndexUrl>, page: &ProjectPage) {
        let Some(tree) = self.tree.get() else { return };
        let (of, project) = (Arc::clone(tree), page.project.clone());
        let names = tokio::task::spawn_blocking(move || of.filenames(&project)).await;
        // A folder that cannot be listed is met again when something is put into it.
        let names: BTreeSet<String> = names.into_iter().flatten().flatten().collect();
        let listed = page.files.iter().filter(|file| names.contains(&file.filename));
        let listed: Vec<PageFile> = listed.cloned().collect();
        if listed.is_empty() {
            return;
        }
        let (of, project, index) = (Arc::clone(tree), page.project.clone(), Arc::clone(index));
        let looking = tokio::task::spawn_blocking(move || {
            let files = listed.into_iter().filter_map(|file| {
                let filename = DistributionFilename::parse(&file.filename, &project).ok()?;
                let record = of.record(&project, &file.filename).ok()??;
                News::of(
                    Wanted { filename, file, index: Arc::clone(&index), pins: Vec::new(), is_listed: true },
                    record,
                )
            });
            files.collect::<Vec<_>>()
        });
        let found = looking.await.unwrap_or_default();
        let mut noted = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        for news in found {
            noted.entry(news.wanted.filename.to_string()).or_insert(news);
        }
    }

    /// Brings the records of these files up, but for those that the run brought up already, and tells which changed.
    /// It blocks.
    pub(super) fn store(&self, tree: &Tree, done: &BTreeSet<String>) -> Result<Vec<News>, TreeError> {
        let noted = std::mem::take(&mut *self.news.lock().unwrap_or_else(PoisonError::into_inner));
        let mut changed = Vec::new();
        for (filename, news) in noted {
            let Wanted { filename: name, file, index, .. } = &news.wanted;
            if !done.contains(&filename) && refresh(tree, name, &facts(index, file))? {
                changed.push(news);
            }
        }
        Ok(changed)
    }
}

impl News {
    /// None where the page speaks of other bytes, or says what the record says.
    fn of(wanted: Wanted, record: FileRecord) -> Option<Self> {
        if wanted.file.sha256() != Some(record.sha256) {
            return None;
        }
        let (sha256, size, was_yanked) = (record.sha256, record.size, record.facts.yanked.is_yanked());
        let facts = facts(&wanted.index, &wanted.file);
        let mut taken = record;
        if !taken.take_facts(&facts, Some(facts.digest())) {
            return None;
        }
        let is_withdrawn = taken.facts.yanked.is_yanked() && !was_yanked;
        let fetched = Fetched { outcome: Outcome::Updated, sha256, size, resumed: 0, warning: None };
        Some(Self { wanted, fetched, is_withdrawn })
    }
}
