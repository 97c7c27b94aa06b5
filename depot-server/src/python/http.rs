//! The doors of a Python repository.

mod declare;
mod file;
pub(crate) mod hot;
pub(crate) mod legacy;
mod packages;
mod plan;
mod put;
mod receive;
mod refusal;
mod release;
mod simple;

use std::sync::Arc;

use axum::{
    Router,
    http::{HeaderMap, header},
    routing::{get, post, put as put_at},
};
use depot_proto::{ProjectName, scope::Action};
use tokio::sync::Semaphore;

use super::{files::Files, pages::Pages, repository::Repository, root::Roots};
use crate::{
    auth::policy::{Denied, Principal},
    config::WireLimits,
    http::error::{ApiError, ApiResult},
    service::downloads::Downloads,
};

/// What the handlers of one repository share.
pub(crate) struct RepositoryState {
    pub(crate) repository: Repository,
    pub(crate) pages: Arc<Pages>,
    pub(crate) roots: Roots,
    pub(crate) files: Files,
    pub(crate) anonymous_read: bool,
    /// Whether it is served at all.
    pub(crate) enabled: bool,
    /// The record of who fetched which file, where there is one.
    pub(crate) downloads: Option<Downloads>,
    /// How slowly bodies may come.
    pub(crate) wire: WireLimits,
    /// Uploads that are received at the same time, each with a buffer; more wait.
    pub(crate) receiving: Arc<Semaphore>,
    /// Uploads that are validated and published at the same time; more wait.
    pub(crate) publishing: Arc<Semaphore>,
}

/// What lets someone read. Who may push may see what is there: a token for nothing but pushing would be of little use.
const READING: [Action; 4] = [Action::Read, Action::Push, Action::PushNew, Action::Mirror];

type Shared = axum::extract::State<Arc<RepositoryState>>;

/// The routes under a repository's mount.
pub(crate) fn routes(state: Arc<RepositoryState>) -> Router {
    Router::new()
        .route("/simple", get(simple::add_slash).post(legacy::wrong_door))
        .route("/simple/", get(simple::root).post(legacy::wrong_door))
        .route("/simple/{project}", get(simple::add_slash).post(legacy::wrong_door))
        .route("/simple/{project}/", get(simple::project).post(legacy::wrong_door))
        .route("/simple/{project}/{filename}", get(file::get).put(put::put))
        .route("/files/{project}/{filename}", get(file::get))
        .route("/packages/{*path}", get(packages::get))
        .route("/_/plan", post(plan::plan))
        .route("/_/projects/{project}", put_at(declare::declare))
        .route("/_/yank", post(release::yank))
        .route("/_/unyank", post(release::unyank))
        .route("/_/delete", post(release::delete))
        .route("/_/status", post(release::status))
        .route("/_/roles", post(release::roles))
        .with_state(state)
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

    /// Whether the caller may read every project, so that the list of all is for them.
    fn may_list_all(&self, principal: &Principal) -> bool {
        self.anonymous_read || principal.may_everywhere(&READING, &self.repository.name)
    }

    /// How long a file may be kept: a name has the same bytes for ever. Shared caches must not keep what not everyone
    /// may read.
    fn file_caching(&self) -> &'static str {
        if self.anonymous_read {
            "public, max-age=365000000, immutable"
        } else {
            "private, max-age=365000000, immutable"
        }
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
