//! Files by the path that they have upstream, and the names that upstream lists.

use std::sync::{Arc, PoisonError};

use depot_index::Client;
use depot_proto::{DistributionFilename, ProjectName};
use percent_encoding::percent_decode_str;
use tokio::time::Instant;

use super::{Proxy, error::ProxyError, page::Entry, upstream::Kind};
use crate::{
    python::{
        listing::next_version,
        upstream::{is_path, meanings},
    },
    service::alarms::Seen,
};

/// How many projects are asked for the owner of one file name.
const MAX_ASKED: usize = 3;

/// The names that upstream lists.
#[derive(Clone, Debug)]
pub(crate) struct UpstreamNames {
    /// In order.
    pub(crate) names: Arc<[ProjectName]>,
    /// No other list of this process has it.
    pub(crate) version: u64,
}

/// A list of names, and when it was read.
pub(super) type Listed = Option<(Instant, UpstreamNames)>;

impl Proxy {
    /// The file that lies at this path upstream (what follows `packages/`, decoded), among projects that may be asked for;
    /// none if none does. The project is told from the file's name, and its page says where the file lies.
    pub(crate) async fn packages(
        self: &Arc<Self>,
        path: &str,
        may_ask: impl Fn(&ProjectName) -> bool + Send + Sync,
    ) -> Result<Option<DistributionFilename>, ProxyError> {
        let name = path.rsplit('/').next().unwrap_or_default();
        let mut meanings = meanings(name);
        meanings.retain(|meaning| may_ask(meaning.project()));
        // The longest name is the likeliest.
        meanings.reverse();
        let mut unknown = Vec::new();
        for meaning in meanings {
            match self.kept_entry(meaning.project()).await? {
                Some(entry) if lies_at(&entry, &meaning, path) => return Ok(Some(meaning)),
                _ => unknown.push(meaning),
            }
        }
        let mut failed = None;
        for meaning in unknown.into_iter().take(MAX_ASKED) {
            match self.entry(meaning.project()).await {
                Ok(Some((entry, _))) if lies_at(&entry, &meaning, path) => return Ok(Some(meaning)),
                Ok(_) => {}
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(None), Err)
    }

    /// The names of all projects that upstream lists.
    pub(crate) async fn upstream_names(self: &Arc<Self>) -> Result<UpstreamNames, ProxyError> {
        if let Some(names) = self.upstream_names_at_hand() {
            return Ok(names);
        }
        let known = self.known_list();
        let this = Arc::clone(self);
        let asked = self.lists.join(&(), || async move { this.fetch_names().await }).ended().await;
        let asked = asked.unwrap_or_else(|| Err(ProxyError::broken_off(LIST)));
        match (asked, known) {
            (Err(error), Some((_, names))) => {
                tracing::warn!(%error, "an old list of projects is shown");
                Ok(names)
            }
            (asked, _) => asked,
        }
    }

    /// Where a name was seen among what is kept of upstream, if it was: nothing is asked.
    pub(crate) fn has_heard_of(&self, project: &ProjectName) -> Option<Seen> {
        if self.pages.folder.has(project) {
            return Some(Seen::Page);
        }
        self.known_list().filter(|(_, known)| known.names.binary_search(project).is_ok()).map(|_| Seen::List)
    }

    /// The same, if they were read a short while ago.
    pub(crate) fn upstream_names_at_hand(&self) -> Option<UpstreamNames> {
        self.known_list().filter(|(read, _)| read.elapsed() < self.settings.root_ttl).map(|(_, names)| names)
    }

    fn known_list(&self) -> Listed {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn fetch_names(self: &Arc<Self>) -> Result<UpstreamNames, ProxyError> {
        let index = &self.upstream.index;
        let question = async |client: Client| client.root(index).await;
        let root = self.upstream.ask(Kind::Small, LIST, None, question).await?;
        let root = root.ok_or_else(|| ProxyError::Missing { what: LIST.to_owned() })?;
        let read = tokio::task::spawn_blocking(move || {
            let mut names: Vec<ProjectName> =
                root.projects.iter().filter_map(|name| name.parse().ok()).collect();
            names.sort_unstable();
            names.dedup();
            Arc::<[ProjectName]>::from(names)
        });
        let names = read.await.map_err(|_| ProxyError::broken_off(LIST))?;
        let names = match self.known_list() {
            // What says the same is the same, so that nobody has to render it again.
            Some((_, known)) if known.names == names => known,
            _ => UpstreamNames { names, version: next_version() },
        };
        let listed = Some((Instant::now(), names.clone()));
        *self.listed.lock().unwrap_or_else(PoisonError::into_inner) = listed;
        Ok(names)
    }
}

const LIST: &str = "the list of projects";

fn lies_at(entry: &Entry, filename: &DistributionFilename, path: &str) -> bool {
    let Some(file) = entry.file(filename) else { return false };
    let Ok(url) = file.url.parse::<depot_proto::redact::SafeUrl>() else { return false };
    let upstream = percent_decode_str(url.as_url().path()).decode_utf8_lossy().into_owned();
    is_path(upstream.trim_start_matches('/'), path)
}
