//! Refusals, and the statuses of the failures below; those of Python's core are picked in `python/http/refusal.rs`.

use std::io;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use depot_proto::{ErrorCode, Problem};
use depot_tree::TreeError;

use crate::{
    auth::{policy::Denied, token::TokenError},
    service::{commit::CommitError, login::LoginError},
    store::StoreError,
};

/// What a client that may log in is told to do; they all speak Basic, and nothing else.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"depot\", charset=\"UTF-8\"");

/// A refused request. Its body is written by the middleware, which knows what the client reads.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    /// What the client is told.
    pub(crate) problem: Box<Problem>,
    /// What only the log is told, beside the request's id.
    pub(crate) cause: Option<String>,
    /// After how many seconds another try may come to something.
    pub(crate) retry_after: Option<u64>,
}

/// What every handler returns.
pub(crate) type ApiResult<T = Response> = Result<T, ApiError>;

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: ErrorCode, detail: impl Into<String>) -> Self {
        // What is not available may be in a moment.
        let retry_after = (status == StatusCode::SERVICE_UNAVAILABLE).then_some(5);
        Self { problem: Box::new(Problem::new(status.as_u16(), code, detail)), cause: None, retry_after }
    }

    pub(crate) fn bad_request(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, ErrorCode::NotFound, detail)
    }

    /// What was here, and is not to come back.
    pub(crate) fn gone(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, ErrorCode::FileDeleted, detail)
    }

    /// A client that stopped sending in the middle of its request.
    pub(crate) fn body_timeout() -> Self {
        let detail = "the body stopped coming: send it again";
        Self::new(StatusCode::REQUEST_TIMEOUT, ErrorCode::Truncated, detail)
    }

    /// Bytes whose announcement is not known any more.
    pub(crate) fn not_announced() -> Self {
        let detail =
            "the facts that were announced for this file are not known here any more: announce them again";
        Self::new(StatusCode::PRECONDITION_FAILED, ErrorCode::NotAnnounced, detail)
    }

    /// More uploads than can be received.
    pub(crate) fn busy() -> Self {
        Self::unavailable("too many uploads are under way: try again in a moment")
    }

    /// A body in a content coding that is not read.
    pub(crate) fn unsupported_coding() -> Self {
        let detail = "send the body without a Content-Encoding";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, ErrorCode::UnsupportedCoding, detail)
    }

    /// No form that was asked for exists.
    pub(crate) fn not_acceptable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_ACCEPTABLE, ErrorCode::NotAcceptable, detail)
    }

    /// Credentials that cannot be read.
    pub(crate) fn malformed_credentials() -> Self {
        let detail = "the Authorization header is neither Basic nor Bearer with a token";
        Self::new(StatusCode::UNAUTHORIZED, ErrorCode::InvalidToken, detail)
    }

    /// A body of another kind than the route reads.
    pub(crate) fn unsupported_type(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, ErrorCode::UnsupportedType, detail)
    }

    /// What was asked for clashes with what is.
    pub(crate) fn conflict(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    pub(crate) fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::TooLarge, detail)
    }

    /// A failure that is ours: the log has the cause, the client only the fact.
    pub(crate) fn internal(cause: impl std::fmt::Display) -> Self {
        let detail = "the server failed to do this; its log says why, under this request's id";
        let error = Self::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal, detail);
        Self { cause: Some(cause.to_string()), ..error }
    }

    fn full() -> Self {
        let detail =
            "the server's disk is full, and this is not done: try again when its keeper has made space";
        Self::new(StatusCode::INSUFFICIENT_STORAGE, ErrorCode::StorageFull, detail)
    }

    /// A failure of the file system that says by itself what is amiss; another is [`Self::internal`].
    fn of_io(source: &io::Error, cause: impl std::fmt::Display) -> Self {
        // A process may have too many files open, and so may the whole machine.
        let without_descriptors = cfg!(unix) && matches!(source.raw_os_error(), Some(23 | 24));
        let error = match source.kind() {
            io::ErrorKind::ReadOnlyFilesystem => {
                let detail = "the server's disk is read-only, and this is not done; what is here is served";
                Self::unavailable(detail)
            }
            _ if without_descriptors => {
                Self::unavailable("the server has too many files open: try again in a moment")
            }
            _ => return Self::internal(cause),
        };
        Self { cause: Some(cause.to_string()), ..error }
    }

    fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, detail)
    }

    /// A file whose bytes cannot be sent as they were published.
    pub(crate) fn damaged(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::FileDamaged, detail)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, CHALLENGE);
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Denied> for ApiError {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::NeedsCredentials => {
                Self::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthenticated, denied.to_string())
            }
            Denied::NotGranted { .. } | Denied::NeedsPassword | Denied::NeedsAdmin(_) => {
                Self::new(StatusCode::FORBIDDEN, ErrorCode::Forbidden, denied.to_string())
            }
        }
    }
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, ErrorCode::InvalidToken, error.to_string())
    }
}

impl From<LoginError> for ApiError {
    fn from(error: LoginError) -> Self {
        let detail = error.to_string();
        match error {
            LoginError::Wrong => Self::new(StatusCode::UNAUTHORIZED, ErrorCode::WrongPassword, detail),
            LoginError::Throttled(wait) => {
                // Rounded up: a second too early is in vain.
                let retry_after = Some(wait.as_secs() + 1);
                let error = Self::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyFailures, detail);
                Self { retry_after, ..error }
            }
            LoginError::Busy => Self::unavailable(detail),
            LoginError::Failed => Self::internal(detail),
        }
    }
}

impl From<TreeError> for ApiError {
    fn from(error: TreeError) -> Self {
        Self::from(&error)
    }
}

impl From<&TreeError> for ApiError {
    fn from(error: &TreeError) -> Self {
        match error {
            TreeError::Full { .. } => Self::full(),
            TreeError::Distrusted { .. } => {
                let detail =
                    "the server's disk failed, and nothing is taken until the server is started again";
                Self { cause: Some(error.to_string()), ..Self::unavailable(detail) }
            }
            TreeError::Io { source, .. } => Self::of_io(source, error),
            TreeError::Record { .. } | TreeError::Project { .. } => Self::internal(error),
        }
    }
}

impl From<&StoreError> for ApiError {
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Full(_) => Self::full(),
            StoreError::Failed(_) => Self::unavailable(error.to_string()),
            StoreError::Io { source, .. } => Self::of_io(source, error),
            StoreError::Damaged(_) => Self::internal(error),
        }
    }
}

impl From<CommitError> for ApiError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Store(error) => Self::from(&*error),
            CommitError::Unreadable(reason) => Self::internal(reason),
            CommitError::Stopping => Self::unavailable("the server is stopping: try again in a moment"),
        }
    }
}

impl From<tokio::task::JoinError> for ApiError {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::internal(error)
    }
}
