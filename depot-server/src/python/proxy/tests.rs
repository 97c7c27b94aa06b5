//! A proxy before an upstream that misbehaves.

mod faults;
mod files;
mod pages;
mod sidecars;
mod upstream;

use std::{path::Path, sync::Arc, time::Duration};

use depot_index::ClientOptions;
use depot_proto::{DistributionFilename, ProjectName, layout::Part, retry::Backoff, simple::PageFile};
use depot_tree::Tree;
use futures_util::TryStreamExt as _;

use self::upstream::TestIndex;
use super::{AtHand, Fetched, Proxy, ProxyError, ProxySettings, fetched::Body, settings::FileMode};
use crate::python::files::{Content, Served};

pub(super) const POT: &str = "tea-pot";

/// A proxy over a tree of its own, before an index of its own.
struct Bench {
    index: TestIndex,
    proxy: Arc<Proxy>,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut ProxySettings)) -> Self {
        let (index, folder) = (TestIndex::start(), tempfile::tempdir().unwrap());
        let proxy = open(&index, folder.path(), change);
        Self { index, proxy, folder }
    }

    /// The same data, after a new start.
    fn restart(self, change: impl FnOnce(&mut ProxySettings)) -> Self {
        let Self { index, proxy, folder } = self;
        drop(proxy);
        let proxy = open(&index, folder.path(), change);
        Self { index, proxy, folder }
    }

    async fn fetch(&self, filename: &str) -> Result<Option<Vec<u8>>, String> {
        read(self.proxy.file(&named(filename), Part::Bytes).await).await
    }

    async fn part(&self, filename: &str, part: Part) -> Result<Option<Vec<u8>>, ProxyError> {
        let fetched = self.proxy.file(&named(filename), part).await?;
        Ok(fetched.map(|fetched| match fetched {
            Fetched::Here(served) | Fetched::Now(served) => bytes_of(&served),
            _ => panic!("documents are small"),
        }))
    }

    async fn files(&self) -> Vec<PageFile> {
        self.proxy.listing(&pot()).await.unwrap().unwrap().page.files.clone()
    }

    /// Whether nothing is kept of a file, and nothing is left of the attempt.
    async fn keeps_nothing(&self, filename: &str) -> bool {
        // What is left goes with the task that fetched it.
        for _ in 0..200 {
            if self.left_in_tmp() == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let path = self.proxy.tree.path(&pot(), filename, Part::Bytes);
        let record = self.proxy.tree.record(&pot(), filename).unwrap();
        !path.exists() && record.is_none() && self.left_in_tmp() == 0
    }

    /// Waits until no file is on its way: clients have theirs before it is kept.
    async fn settled(&self) {
        for _ in 0..500 {
            if self.proxy.flights.lock().unwrap().is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("a file is on its way for ever")
    }

    fn left_in_tmp(&self) -> usize {
        let tmp = std::fs::read_dir(self.folder.path().join("tmp")).unwrap();
        tmp.filter(|entry| entry.as_ref().unwrap().path().extension().is_none_or(|end| end != "lock")).count()
    }
}

fn open(index: &TestIndex, root: &Path, change: impl FnOnce(&mut ProxySettings)) -> Arc<Proxy> {
    let mut settings = ProxySettings::new(index.url("/simple/").parse().unwrap());
    settings.patience = Duration::from_millis(400);
    settings.page_deadline = Duration::from_secs(3);
    change(&mut settings);
    let moment = Duration::from_millis(5);
    let options = ClientOptions {
        backoff: Backoff { retries: 1, first: moment, max: moment },
        read_timeout: Duration::from_millis(600),
        longest_wait: moment,
        system_proxy: false,
        ..ClientOptions::default()
    };
    let (tree, _) = Tree::open(root).unwrap();
    Proxy::open("pypi".parse().unwrap(), settings, Arc::new(tree), options).unwrap()
}

fn pot() -> ProjectName {
    POT.parse().unwrap()
}

fn named(filename: &str) -> DistributionFilename {
    DistributionFilename::parse(filename, &pot()).unwrap()
}

fn bytes_of(served: &Served) -> Vec<u8> {
    match &served.content {
        Content::Memory(bytes) => bytes.to_vec(),
        Content::File(file) => {
            let mut bytes = vec![0; served.size as usize];
            std::os::unix::fs::FileExt::read_exact_at(&**file, &mut bytes, 0).unwrap();
            bytes
        }
    }
}

/// All bytes of an answer, or why they are not whole.
async fn read(fetched: Result<Option<Fetched>, ProxyError>) -> Result<Option<Vec<u8>>, String> {
    match fetched.map_err(|error| error.to_string())? {
        None => Ok(None),
        Some(Fetched::Here(served) | Fetched::Now(served)) => Ok(Some(bytes_of(&served))),
        Some(Fetched::Coming(coming)) => all(coming.body()).await.map(Some),
        Some(Fetched::Streamed(streamed)) => all(streamed.body()).await.map(Some),
        Some(Fetched::Described(_)) => Err("it is only described".to_owned()),
        Some(Fetched::Elsewhere(url)) => Err(format!("elsewhere: {url}")),
    }
}

async fn all(body: Body) -> Result<Vec<u8>, String> {
    let read = body.try_fold(Vec::new(), |mut all, chunk| async move {
        all.extend_from_slice(&chunk);
        Ok(all)
    });
    read.await.map_err(|error| error.to_string())
}
