//! A depot server, as the client sees it: the plan, announcements and bytes.

mod mount;
mod patience;
mod release;
mod verbs;

use std::{fs::File, io, sync::Arc, time::Duration};

use bytes::Bytes;
use depot_index::{Attempts, connections, wanted_wait};
use depot_proto::{
    ErrorCode, FileRecord, Problem, ProjectName, StatusRecord,
    push::{
        FACTS_HEADER, MAX_PLAN_FILES, PLAN_PATH, PROJECTS_PATH, PlanAnswer, PlanFile, PlanProject,
        PlanRequest, PlanResponse, ProjectAnswer, UploadAnswer, UploadOutcome,
    },
    redact::SafeUrl,
    retry::{self, Backoff},
    simple::quote,
};
use depot_tree::read_at;
use futures_util::{Stream, stream};
use reqwest::{
    Body, Client, RequestBuilder, Response, StatusCode,
    header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE},
};
use serde::de::DeserializeOwned;
use url::Url;

use self::patience::{Moved, while_it_moves};
use crate::{
    args::{NetworkArgs, TokenArgs},
    credentials::{self, Credentials},
    network,
    output::Printer,
};

/// How much of a file is read at once, in bytes; what is smaller is sent in one piece.
const CHUNK: usize = 256 * 1024;

/// The address of a repository of a server, as it may be written down.
pub(super) fn mount_without_credentials(url: &str) -> anyhow::Result<Url> {
    let (mount, in_url) = mount::read(url)?;
    if in_url.is_some() {
        let words = "a user and password in the server's URL would be written down: leave them out";
        return Err(crate::exit::UsageError(words.to_owned()).into());
    }
    Ok(mount)
}

/// A server that does nothing with a request for this long is not going to. Publishing a large file takes its time.
const TIMEOUT: Duration = Duration::from_mins(2);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

const JSON: &str = "application/json";

/// The forms of answers that are read: a page of a project, what verbs are told, a refusal.
const ANSWERS: &str = "application/vnd.pypi.simple.v1+json, application/json, application/problem+json";

/// Why the server did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServerError {
    /// It wants a token, and none was given.
    #[error(
        "the server wants a token: run `depot login`, or give one with --token, --token-file or DEPOT_AUTH_TOKEN"
    )]
    NoToken,
    /// The token is wrong, expired or revoked, or the name or the password is wrong.
    #[error("the server does not take the {what}: {detail}")]
    Unauthorized {
        /// What was sent.
        what: &'static str,
        /// What the server says to that.
        detail: String,
    },
    /// It refused.
    #[error("{0}")]
    Refused(Problem),
    /// It answered with something that depot-server does not say.
    #[error("`{url}` answered {status}, which is not an answer of a depot-server: is the URL right?")]
    NotADepot {
        /// What was asked.
        url: SafeUrl,
        /// The status.
        status: StatusCode,
    },
    /// It could not be reached, or the connection broke.
    #[error("`{url}` could not be reached ({attempts} attempts)")]
    Unreachable {
        /// What was asked.
        url: SafeUrl,
        /// How often.
        attempts: u32,
        /// What the last attempt met.
        source: reqwest::Error,
    },
    /// It took the connection, and then did nothing.
    #[error("`{url}` did nothing for {} s ({attempts} attempts)", limit.as_secs())]
    Silent {
        /// What was asked.
        url: SafeUrl,
        /// How often.
        attempts: u32,
        /// For how long each time.
        limit: Duration,
    },
    /// The file could not be read.
    #[error("the file cannot be read: {0}")]
    Read(#[from] io::Error),
}

/// A repository of a server.
#[derive(Clone, Debug)]
pub(super) struct Server {
    client: Client,
    mount: Url,
    who: Option<Credentials>,
    backoff: Backoff,
    /// For how long nothing may move.
    timeout: Duration,
}

impl ServerError {
    /// Whether an announcement may have been forgotten on the way: the file should be announced and sent again.
    pub(super) fn may_have_forgotten(&self) -> bool {
        match self {
            Self::Refused(problem) => problem.code == ErrorCode::NotAnnounced,
            // A refusal in the middle of a large body may be seen as nothing but a broken connection.
            Self::Unreachable { .. } | Self::Silent { .. } => true,
            _ => false,
        }
    }
}

impl Server {
    /// The repository that `url` means: an empty path is the default one, a trailing `/simple/` is ignored. It is asked by
    /// the token that was typed, else by what is in the URL, else by the login, else by `.netrc`, which is said.
    pub(super) fn open(
        url: &str,
        token: &TokenArgs,
        network: &NetworkArgs,
        printer: &Printer,
    ) -> anyhow::Result<Self> {
        let given = credentials::token(token.token_file.as_deref(), token.token.as_deref())?;
        let (mount, in_url) = mount::read(url)?;
        let timeout = network.timeout_or(TIMEOUT);
        let backoff = Backoff { retries: network.retries, ..Backoff::default() };
        // A redirect could carry the token elsewhere, and no depot-server redirects what is sent here: none is followed.
        let client = connections(network::authorities(network)?.as_deref())?
            .user_agent(concat!("depot/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT.min(timeout))
            .build()?;
        let found = credentials::find(given, in_url, &mount)?;
        if let Some(found) = found.as_ref().filter(|found| found.is_of_netrc) {
            printer.detail("the credentials are those of .netrc");
            if let Some(warning) = &found.warning {
                printer.say(&format!("warning: {warning}"));
            }
        }
        Ok(Self { client, mount, who: found.map(|found| found.credentials), backoff, timeout })
    }

    /// The repository, for a message.
    pub(super) fn shown(&self) -> &str {
        self.mount.as_str()
    }

    /// Asks which of these files are wanted.
    pub(super) async fn plan(&self, files: Vec<PlanFile>) -> Result<Vec<PlanAnswer>, ServerError> {
        self.plan_with(files, Vec::new()).await.map(|plan| plan.answers)
    }

    /// The same, and whether what is declared of these projects is news to it: an answer for each, or for none.
    pub(super) async fn plan_with(
        &self,
        files: Vec<PlanFile>,
        projects: Vec<PlanProject>,
    ) -> Result<PlanResponse, ServerError> {
        debug_assert!(files.len().max(projects.len()) <= MAX_PLAN_FILES);
        let asked = (files.len(), projects.len());
        let url = self.url(PLAN_PATH);
        let body =
            Bytes::from(serde_json::to_vec(&PlanRequest { files, projects }).map_err(io::Error::from)?);
        let plan: PlanResponse = self
            .ask(&url, |_| Ok(self.client.post(url.clone()).header(CONTENT_TYPE, JSON).body(body.clone())))
            .await?;
        let status = StatusCode::OK;
        let is_whole = plan.answers.len() == asked.0 && [0, asked.1].contains(&plan.projects.len());
        if is_whole { Ok(plan) } else { Err(Self::not_a_depot(&url, status)) }
    }

    /// Says what the index of a project declares of it; true if that was news.
    pub(super) async fn declare(
        &self,
        project: &ProjectName,
        status: &StatusRecord,
    ) -> Result<bool, ServerError> {
        let url = self.url(&format!("{PROJECTS_PATH}/{project}"));
        let body = Bytes::from(serde_json::to_vec(status).map_err(io::Error::from)?);
        let request =
            |_: &Moved| Ok(self.client.put(url.clone()).header(CONTENT_TYPE, JSON).body(body.clone()));
        let answer: ProjectAnswer = self.ask(&url, request).await?;
        Ok(answer.outcome == UploadOutcome::Updated)
    }

    /// Says what is known of a file.
    pub(super) async fn announce(
        &self,
        project: &ProjectName,
        record: &FileRecord,
    ) -> Result<UploadAnswer, ServerError> {
        let url = self.url(&format!("simple/{project}/{}.json", quote(&record.filename)));
        let body = Bytes::from(record.to_document());
        self.ask(&url, |_| Ok(self.client.put(url.clone()).header(CONTENT_TYPE, JSON).body(body.clone())))
            .await
    }

    /// Says what attests of a copy that is there; true if that was news.
    pub(super) async fn attest(
        &self,
        project: &ProjectName,
        filename: &str,
        document: Vec<u8>,
    ) -> Result<bool, ServerError> {
        let url = self.url(&format!("simple/{project}/{}.provenance", quote(filename)));
        let body = Bytes::from(document);
        let request =
            |_: &Moved| Ok(self.client.put(url.clone()).header(CONTENT_TYPE, JSON).body(body.clone()));
        let answer: UploadAnswer = self.ask(&url, request).await?;
        Ok(answer.outcome == UploadOutcome::Updated)
    }

    /// Sends the bytes of a file whose record was announced.
    pub(super) async fn send(
        &self,
        project: &ProjectName,
        record: &FileRecord,
        file: &Arc<File>,
    ) -> Result<UploadAnswer, ServerError> {
        let url = self.url(&format!("simple/{project}/{}", quote(&record.filename)));
        let (size, facts) = (record.size, record.facts.digest().to_string());
        self.ask(&url, |moved| {
            let request = self.client.put(url.clone()).header(CONTENT_TYPE, "application/octet-stream");
            let request = request.header(CONTENT_LENGTH, size).header(FACTS_HEADER, &facts);
            Ok(request.body(body_of(file, size, moved.clone())?))
        })
        .await
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.mount.clone();
        let mount = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{mount}/{path}"));
        url
    }

    fn not_a_depot(url: &Url, status: StatusCode) -> ServerError {
        ServerError::NotADepot { url: url.clone().into(), status }
    }

    /// Sends a request and reads what the server says to it.
    async fn ask<T: DeserializeOwned>(
        &self,
        url: &Url,
        request: impl Fn(&Moved) -> Result<RequestBuilder, ServerError>,
    ) -> Result<T, ServerError> {
        let response = self.retrying(url, request).await?;
        let status = response.status();
        self.read_json(response).await.ok_or_else(|| Self::not_a_depot(url, status))
    }

    /// Sends a request until it is answered for good. Every request made here may be repeated: what was done already is
    /// answered as such.
    async fn retrying(
        &self,
        url: &Url,
        request: impl Fn(&Moved) -> Result<RequestBuilder, ServerError>,
    ) -> Result<Response, ServerError> {
        let mut attempts = Attempts::new(self.backoff);
        loop {
            let moved = Moved::default();
            let mut request = request(&moved)?.header(ACCEPT, ANSWERS);
            if let Some(who) = &self.who {
                request = request.basic_auth(&who.user, Some(who.secret.expose()));
            }
            let wait = match while_it_moves(&moved, self.timeout, request.send()).await {
                Some(Ok(response)) if response.status().is_success() => return Ok(response),
                Some(Ok(response)) => {
                    let transient = retry::is_transient(response.status().as_u16());
                    let wait = if transient { attempts.next_wait(wanted_wait(&response)) } else { None };
                    match wait {
                        Some(wait) => wait,
                        None => return Err(self.refusal(url, response).await),
                    }
                }
                None => match attempts.next_wait(None) {
                    Some(wait) => wait,
                    None => {
                        let (url, attempts, limit) = (url.clone().into(), attempts.made(), self.timeout);
                        return Err(ServerError::Silent { url, attempts, limit });
                    }
                },
                Some(Err(source)) => match attempts.next_wait(None) {
                    Some(wait) => wait,
                    None => {
                        let (url, attempts) = (url.clone().into(), attempts.made());
                        return Err(ServerError::Unreachable { url, attempts, source: source.without_url() });
                    }
                },
            };
            tracing::info!(url = %SafeUrl::from(url.clone()), ?wait, "trying again");
            tokio::time::sleep(wait).await;
        }
    }

    async fn read_json<T: DeserializeOwned>(&self, response: Response) -> Option<T> {
        let bytes = tokio::time::timeout(self.timeout, response.bytes()).await.ok()?;
        serde_json::from_slice(&bytes.ok()?).ok()
    }

    async fn refusal(&self, url: &Url, response: Response) -> ServerError {
        let status = response.status();
        match (self.read_json::<Problem>(response).await, &self.who) {
            (Some(_), None) if status == StatusCode::UNAUTHORIZED => ServerError::NoToken,
            (Some(problem), Some(who)) if status == StatusCode::UNAUTHORIZED => {
                let what = if who.is_token() { "token" } else { "name and password" };
                ServerError::Unauthorized { what, detail: problem.detail }
            }
            (Some(problem), _) => ServerError::Refused(problem),
            (None, _) => Self::not_a_depot(url, status),
        }
    }
}

fn body_of(file: &Arc<File>, size: u64, moved: Moved) -> Result<Body, ServerError> {
    if size <= CHUNK as u64 {
        let mut bytes = vec![0; size as usize];
        let mut filled = 0;
        while filled < bytes.len() {
            match read_at(file, &mut bytes[filled..], filled as u64)? {
                0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                read => filled += read,
            }
        }
        return Ok(Body::from(bytes));
    }
    Ok(Body::wrap_stream(stream_of(Arc::clone(file), size, moved)))
}

/// So many bytes of a file, as a stream that says when it moves on.
fn stream_of(file: Arc<File>, size: u64, moved: Moved) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold((file, 0_u64, moved), move |(file, offset, moved)| async move {
        moved.on();
        if offset >= size {
            return Ok::<_, io::Error>(None);
        }
        let reading = tokio::task::spawn_blocking(move || {
            let mut bytes = vec![0; CHUNK.min(usize::try_from(size - offset).unwrap_or(CHUNK))];
            let read = read_at(&file, &mut bytes, offset)?;
            bytes.truncate(read);
            io::Result::Ok((file, bytes))
        });
        let (file, bytes) = reading.await??;
        if bytes.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let next = offset + bytes.len() as u64;
        Ok(Some((Bytes::from(bytes), (file, next, moved))))
    })
}
