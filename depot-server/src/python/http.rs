//! The doors of a Python repository.

mod declare;
mod file;
pub(crate) mod hot;
pub(crate) mod legacy;
mod packages;
mod plan;
mod publish;
mod put;
mod receive;
mod refusal;
mod release;
mod simple;
pub(crate) mod statistics;
pub(crate) mod view;
pub(crate) mod why;

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use depot_proto::{ProjectName, RepositoryName, layout::Part, scope::Action};
use tokio::sync::Semaphore;

use super::{files::Files, pages::Pages, repository::Repository, root::Roots, view::READING};
use crate::{
    auth::policy::{Denied, Principal},
    config::WireLimits,
    http::{
        doors::{Doors, Needs},
        error::{ApiError, ApiResult},
    },
    service::{
        downloads::Downloads,
        statistics::{Statistics, Tally},
        subjects::Subjects,
    },
};

/// What the handlers of one repository share.
pub(crate) struct RepositoryState {
    pub(crate) repository: Arc<Repository>,
    pub(crate) pages: Arc<Pages>,
    pub(crate) roots: Roots,
    pub(crate) files: Arc<Files>,
    pub(crate) anonymous_read: bool,
    /// To whom roles can be granted.
    pub(crate) subjects: Subjects,
    /// Whether it is served at all.
    pub(crate) enabled: bool,
    /// Whether it follows a policy, so that it is read through a view and not as it is.
    pub(crate) is_ruled: bool,
    /// The record of who fetched which file, where there is one.
    pub(crate) downloads: Option<Arc<Downloads>>,
    /// What counts downloads, where they are counted.
    pub(crate) statistics: Option<Arc<Statistics>>,
    /// How slowly bodies may come.
    pub(crate) wire: WireLimits,
    /// Uploads that are received at the same time, each with a buffer; more wait.
    pub(crate) receiving: Arc<Semaphore>,
    /// Uploads that are validated and published at the same time; more wait.
    pub(crate) publishing: Arc<Semaphore>,
}

/// What a file that is sent may need: which of them, it says itself.
const SENDING: [Action; 3] = [Action::Push, Action::PushNew, Action::Mirror];

type Shared = axum::extract::State<Arc<RepositoryState>>;

/// The routes of a repository: those under its mount, and those at the root that uploaders know.
pub(crate) fn doors(repository: &RepositoryName) -> Doors<Arc<RepositoryState>> {
    let reading = Doors::new()
        .read("/simple", simple::add_slash)
        .read("/simple/", simple::root)
        .read("/simple/{project}", simple::add_slash)
        .read("/simple/{project}/", simple::project)
        .read("/simple/{project}/{filename}", file::get)
        .read("/files/{project}/{filename}", file::get)
        .read("/packages/{*path}", packages::get);
    reading.below(&format!("/{repository}")).and(writing(repository))
}

/// Those of them that do more than read.
pub(crate) fn writing(repository: &RepositoryName) -> Doors<Arc<RepositoryState>> {
    let right = |actions| Needs::Right(repository.clone(), actions);
    let (yanking, owning) = (right(&[release::YANKING]), right(&[release::OWNING]));
    let below_mount = Doors::new()
        .post("/simple", Needs::Nobody, legacy::wrong_door)
        .post("/simple/", Needs::Nobody, legacy::wrong_door)
        .post("/simple/{project}", Needs::Nobody, legacy::wrong_door)
        .post("/simple/{project}/", Needs::Nobody, legacy::wrong_door)
        .put("/simple/{project}/{filename}", right(&SENDING), put::put)
        .post("/_/plan", right(&SENDING), plan::plan)
        .post("/_/publish", right(&legacy::UPLOADING), publish::publish)
        .put("/_/projects/{project}", right(&[Action::Mirror]), declare::declare)
        .post("/_/yank", yanking.clone(), release::yank)
        .post("/_/unyank", yanking, release::unyank)
        .post("/_/delete", owning.clone(), release::delete)
        .post("/_/status", owning.clone(), release::status)
        .post("/_/roles", owning, release::roles);
    below_mount.below(&format!("/{repository}")).and(legacy::doors(repository))
}

/// The longest body that is taken, in bytes: a form with the largest file.
pub(crate) fn longest_body(state: &RepositoryState) -> u64 {
    state.repository.max_file_size.saturating_add(legacy::MAX_AROUND)
}

impl RepositoryState {
    /// Whether the caller may read this project, or anything at all where none is named.
    fn may_read(&self, principal: &Principal, project: Option<&ProjectName>) -> Result<(), Denied> {
        if self.anonymous_read {
            return Ok(());
        }
        match project {
            Some(project) => principal.may(&READING, &self.repository.name, project),
            None => principal.may_in(&READING, &self.repository.name),
        }
    }

    /// Where the downloads of a file are counted that is at hand; none of what is not the bytes of a file.
    fn tally(&self, project: &str, stored: &str) -> Option<Arc<Tally>> {
        let (filename, Part::Bytes) = Part::split(stored) else { return None };
        let statistics = self.statistics.as_ref()?;
        Some(statistics.tally(&self.repository.name, &project.parse().ok()?, filename))
    }

    /// Whether the caller may read every project, so that the list of all is for them.
    fn may_list_all(&self, principal: &Principal) -> bool {
        self.anonymous_read || principal.may_everywhere(&READING, &self.repository.name)
    }
}

/// How long a file may be kept: a name has the same bytes for ever. Shared caches must not keep what not everyone may
/// read.
fn file_caching(anonymous_read: bool) -> &'static str {
    if anonymous_read {
        "public, max-age=365000000, immutable"
    } else {
        "private, max-age=365000000, immutable"
    }
}

fn project_name(text: &str) -> ApiResult<ProjectName> {
    text.parse().map_err(|_| {
        let shown: String = text.chars().take(80).flat_map(char::escape_default).collect();
        ApiError::not_found(format!("no project can have the name `{shown}`"))
    })
}

/// A body in a content coding is not decoded: what is stored is what was sent.
fn refuse_coding(headers: &HeaderMap) -> ApiResult<()> {
    let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
    if codings.all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Ok(());
    }
    Err(ApiError::unsupported_coding())
}
