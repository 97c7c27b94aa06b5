//! The upload form that twine, uv, Poetry, hatch, flit, PDM and maturin send: a `POST` of `multipart/form-data`.
//!
//! It is nowhere specified. What each of them sends and expects is in `docs/publishing.md` and in the tests
//! (`tests/it/python/legacy.rs`); the file goes the way that every upload goes ([`publish::publish`]).

mod digests;
mod form;
mod multipart;
mod parameters;

use std::{
    io::{self, Read as _},
    sync::Arc,
};

use axum::{
    Extension,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Json, Response},
};
use bytes::Bytes;
use depot_proto::{
    DistributionFilename, DistributionKind, ErrorCode, RepositoryName, push::UploadAnswer, scope::Action,
};
use depot_tree::{Sealed, TreeError};

use self::{
    digests::Digests,
    form::{CONTENT, Field, Form, invalid},
    multipart::{Event, Head, Multipart},
};
use super::{
    RepositoryState, Shared, longest_body,
    receive::{Receiver, content_length, place, too_large},
    refuse_coding,
};
use crate::{
    auth::policy::Principal,
    http::{
        doors::{Doors, Needs},
        error::{ApiError, ApiResult},
        middleware,
        paced::Paced,
    },
    python::{plan::may_upload, provenance, publish},
};

/// What an upload of somebody's own may need: which of them, the form or the manifest says.
pub(super) const UPLOADING: [Action; 2] = [Action::Push, Action::PushNew];

/// The most bytes of a form beside the file itself.
pub(super) const MAX_AROUND: u64 = 32 << 20;

/// The addresses that clients are told to upload to, whole: those of the repository at its mount, and, for the default
/// one, those at the server's root.
pub(crate) fn doors(repository: &RepositoryName) -> Doors<Arc<RepositoryState>> {
    let mount = format!("/{repository}");
    let needs = || Needs::Right(repository.clone(), &UPLOADING);
    let mut doors = Doors::new();
    for path in [mount.clone(), format!("{mount}/")] {
        doors = doors.post(&path, needs(), upload).read(&path, middleware::no_route);
    }
    for door in ["legacy", "upload"] {
        for (prefix, slash) in [(mount.as_str(), ""), (&mount, "/"), ("", ""), ("", "/")] {
            doors = doors.post(&format!("{prefix}/{door}{slash}"), needs(), upload);
        }
    }
    doors
}

/// `POST` of a form.
async fn upload(
    State(state): Shared,
    Extension(principal): Extension<Principal>,
    request: Request,
) -> ApiResult {
    let (parts, body) = request.into_parts();
    let mut body = Paced::new(body, &state.wire);
    let answer = take(&state, &principal, &parts.headers, parts.uri.query(), &mut body).await?;
    Ok((StatusCode::OK, Json(answer)).into_response())
}

/// `POST` of a form to the address that is for installing from, which many paste.
pub(super) async fn wrong_door(State(state): Shared) -> Response {
    refusal(&state.repository.name)
}

/// Says to who uploads there where this is done.
pub(super) fn refusal(mount: &RepositoryName) -> Response {
    let detail = format!("this address is for installing from: upload to `/{mount}/`");
    let error = ApiError::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::MethodNotAllowed, detail);
    ([(header::ALLOW, HeaderValue::from_static("GET,HEAD"))], error).into_response()
}

async fn take(
    state: &Arc<RepositoryState>,
    principal: &Principal,
    headers: &HeaderMap,
    query: Option<&str>,
    body: &mut Paced,
) -> ApiResult<UploadAnswer> {
    refuse_coding(headers)?;
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mut multipart = Multipart::new(content_type)?;
    if content_length(headers).is_some_and(|length| length > longest_body(state)) {
        return Err(too_large("the upload", state.repository.max_file_size));
    }
    let mut reading =
        Reading { state, principal, form: Form::default(), content: None, part: None, content_size: 0 };
    reading.form.take_query(query)?;
    let place = place(state).await?;
    let mut total = 0;
    while let Some(bytes) = body.next().await? {
        total += bytes.len() as u64;
        multipart.feed(&bytes);
        while let Some(event) = multipart.next()? {
            reading.take(event).await?;
        }
        if total.saturating_sub(reading.content_size) > MAX_AROUND {
            let detail = format!("the form has more than {MAX_AROUND} bytes beside the file");
            return Err(ApiError::too_large(detail));
        }
    }
    multipart.finish()?;
    let (form, content) = (reading.form, reading.content);
    form.check_complete()?;
    let content =
        content.ok_or_else(|| invalid("Upload payload does not have a file: send it as `content`"))?;
    let filename = form.filename(&content.filename)?;
    may_upload(&state.repository, principal, filename.project(), false)?;
    let digests = form.digests()?;
    let turn = Arc::clone(&state.publishing).acquire_owned().await.map_err(ApiError::internal)?;
    let (state, principal) = (Arc::clone(state), principal.clone());
    tokio::task::spawn_blocking(move || {
        // Held until it is done, even if the client has gone by then.
        let _held = (place, turn);
        let mut sealed = content.receiver.seal()?;
        check_digests(&digests, &filename, &mut sealed)?;
        let mut sealed = of_project(&state, sealed, &content.guessed, &filename)?;
        if let Some(attestations) = form.attestations()
            && let Some(document) = provenance_of(attestations, &sealed, &principal)?
        {
            sealed.attach_provenance(&document)?;
        }
        Ok(publish::publish(&state.repository, &filename, sealed, None, &principal)?)
    })
    .await?
}

/// A form that is being read.
struct Reading<'a> {
    state: &'a Arc<RepositoryState>,
    principal: &'a Principal,
    form: Form,
    content: Option<Content>,
    /// The part that is coming.
    part: Option<Part>,
    /// The bytes of the file that came up to now.
    content_size: u64,
}

/// The file of a form.
struct Content {
    /// What its sender calls it.
    filename: String,
    /// What it was taken for while it came: the form may say later to which project it belongs.
    guessed: DistributionFilename,
    receiver: Receiver,
}

enum Part {
    Content,
    Field(Field),
}

impl Reading<'_> {
    async fn take(&mut self, event: Event) -> ApiResult<()> {
        match event {
            Event::Begin(head) => self.begin(head),
            Event::Bytes(bytes) => self.bytes(bytes).await,
            Event::End => match self.part.take() {
                Some(Part::Field(field)) => self.form.take(field),
                _ => Ok(()),
            },
        }
    }

    fn begin(&mut self, head: Head) -> ApiResult<()> {
        if head.name != CONTENT {
            self.part = Some(Part::Field(Field::begin(&head.name, head.filename.is_some())?));
            return Ok(());
        }
        if self.content.is_some() {
            return Err(invalid("the form has two files: send one form for each"));
        }
        let filename = head.filename.ok_or_else(|| invalid("the field `content` must be a file"))?;
        self.form.check_protocol()?;
        let guessed = self.form.filename(&filename)?;
        // What is certain already is asked for before the bytes come.
        if self.form.names_project() || guessed.kind() == DistributionKind::Wheel {
            may_upload(&self.state.repository, self.principal, guessed.project(), false)?;
        }
        let receiver = Receiver::new(self.state, guessed.project(), &filename);
        self.content = Some(Content { filename, guessed, receiver });
        self.part = Some(Part::Content);
        Ok(())
    }

    async fn bytes(&mut self, bytes: Bytes) -> ApiResult<()> {
        match (&mut self.part, &mut self.content) {
            (Some(Part::Field(field)), _) => field.take(&bytes),
            (Some(Part::Content), Some(content)) => {
                self.content_size += bytes.len() as u64;
                content.receiver.take(bytes).await
            }
            _ => Ok(()),
        }
    }
}

/// Refuses bytes that have not the digests that the form says. May block.
fn check_digests(digests: &Digests, filename: &DistributionFilename, sealed: &mut Sealed) -> ApiResult<()> {
    let sha256 = sealed.sha256();
    let failed =
        |source: io::Error| TreeError::Io { what: "read back", path: filename.as_str().into(), source };
    match digests.mismatch(sha256, sealed.reader()?).map_err(failed)? {
        None => Ok(()),
        Some(field) => {
            let detail = format!(
                "The digest supplied does not match the file: `{field}` is not that of the bytes of `{filename}` \
                 that came here; send it again"
            );
            Err(ApiError::bad_request(ErrorCode::DigestMismatch, detail))
        }
    }
}

fn provenance_of(attestations: &str, sealed: &Sealed, principal: &Principal) -> ApiResult<Option<Vec<u8>>> {
    let document = provenance::document(attestations, sealed.sha256(), principal);
    document.map_err(|error| invalid(format!("Invalid attestations supplied during upload: {error}")))
}

/// The bytes as those of the project that they turned out to belong to. May block.
fn of_project(
    state: &RepositoryState,
    mut sealed: Sealed,
    guessed: &DistributionFilename,
    filename: &DistributionFilename,
) -> Result<Sealed, TreeError> {
    if guessed.project() == filename.project() {
        return Ok(sealed);
    }
    let mut incoming = state.repository.tree.begin(filename.project())?;
    let mut part = vec![0; 256 * 1024];
    let reader = sealed.reader()?;
    loop {
        let read = reader.read(&mut part);
        let path = filename.as_str().into();
        match read.map_err(|source| TreeError::Io { what: "read back", path, source })? {
            0 => return incoming.seal(),
            length => incoming.write(&part[..length])?,
        }
    }
}
