//! What the core's refusals are in HTTP.

use axum::http::StatusCode;
use depot_dist::DistError;
use depot_proto::ErrorCode;

use crate::{
    http::error::ApiError,
    python::{
        directory::DirectoryError,
        files::FileError,
        projects::{ProjectError, Refused},
        proxy::ProxyError,
        publish::PublishError,
        release::ReleaseError,
        statistics::StatsError,
        view::ViewError,
    },
    service::statistics::question::QuestionError,
};

impl From<PublishError> for ApiError {
    fn from(error: PublishError) -> Self {
        let detail = error.to_string();
        match error {
            PublishError::Record(_) | PublishError::OtherFile { .. } => {
                Self::bad_request(ErrorCode::InvalidRecord, detail)
            }
            PublishError::Denied(denied) => denied.into(),
            PublishError::NotAnnounced { .. } => Self::bad_request(ErrorCode::DigestMismatch, detail),
            PublishError::Breaks { source: Some(DistError::Disagrees { .. }), .. } => {
                Self::bad_request(ErrorCode::MetadataMismatch, detail)
            }
            PublishError::Breaks { source: Some(DistError::TooLarge { .. }), .. }
            | PublishError::Invalid { source: DistError::TooLarge { .. }, .. } => {
                Self::bad_request(ErrorCode::TooLarge, detail)
            }
            PublishError::Invalid { .. }
            | PublishError::Breaks { .. }
            | PublishError::Scanned { .. }
            | PublishError::Attestations { .. } => Self::bad_request(ErrorCode::InvalidDistribution, detail),
            PublishError::NoCopy { .. } => Self::not_found(detail),
            PublishError::ProjectFull { .. } => Self::too_large(detail),
            PublishError::NotScanned { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, detail)
            }
            PublishError::Exists { .. } => Self::new(StatusCode::CONFLICT, ErrorCode::FileExists, detail),
            PublishError::Refused(refused) => refused.into(),
            PublishError::Unreadable { .. } => Self::damaged(detail),
            PublishError::Tree(error) => error.into(),
            PublishError::Store(error) => Self::from(&error),
            PublishError::Commit(error) => error.into(),
        }
    }
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        let detail = refused.to_string();
        match refused {
            Refused::Deleted { .. } => Self::new(StatusCode::CONFLICT, ErrorCode::FileDeleted, detail),
            Refused::Closed { .. } => Self::new(StatusCode::FORBIDDEN, ErrorCode::ProjectClosed, detail),
            Refused::Damaged(_) => Self::damaged(detail),
        }
    }
}

impl From<ProjectError> for ApiError {
    fn from(error: ProjectError) -> Self {
        match error {
            ProjectError::Refused(refused) => refused.into(),
            ProjectError::Tree(error) => error.into(),
            ProjectError::Commit(error) => error.into(),
        }
    }
}

impl From<ReleaseError> for ApiError {
    fn from(error: ReleaseError) -> Self {
        let detail = error.to_string();
        match error {
            ReleaseError::Unclear(_) | ReleaseError::Nobody(_) => {
                Self::bad_request(ErrorCode::BadRequest, detail)
            }
            ReleaseError::NotHere(_) => Self::not_found(detail),
            ReleaseError::LastOwner { .. } => Self::bad_request(ErrorCode::LastOwner, detail),
            ReleaseError::Lost(_) => Self::damaged(detail),
            ReleaseError::Project(error) => error.into(),
            ReleaseError::File(error) => error.into(),
            ReleaseError::Store(error) => Self::from(&error),
        }
    }
}

impl From<FileError> for ApiError {
    fn from(error: FileError) -> Self {
        Self::from(&error)
    }
}

impl From<&FileError> for ApiError {
    fn from(error: &FileError) -> Self {
        match error {
            FileError::Damaged { .. } => Self::damaged(error.to_string()),
            FileError::Quarantined { .. } => {
                Self::new(StatusCode::FORBIDDEN, ErrorCode::ProjectClosed, error.to_string())
            }
            FileError::Tree(error) => Self::from(error),
            FileError::Store(error) => Self::from(error),
        }
    }
}

impl From<ProxyError> for ApiError {
    fn from(error: ProxyError) -> Self {
        let detail = error.to_string();
        let later = |wait: Option<std::time::Duration>| {
            let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Upstream, detail.clone());
            Self { retry_after: wait.map_or(error.retry_after, |wait| Some(wait.as_secs().max(1))), ..error }
        };
        match error {
            // It is the keeper's word that nothing else is here.
            ProxyError::Offline { .. } | ProxyError::Missing { .. } => Self::not_found(detail),
            ProxyError::Unreachable { retry_after, .. } => later(retry_after),
            ProxyError::Busy { .. } | ProxyError::BrokenOff { .. } => later(None),
            ProxyError::Refused { .. } | ProxyError::Damaged { .. } => {
                Self::new(StatusCode::BAD_GATEWAY, ErrorCode::Upstream, detail)
            }
            ProxyError::Quarantined { .. } => {
                Self::new(StatusCode::FORBIDDEN, ErrorCode::ProjectClosed, detail)
            }
            ProxyError::Disk { source, .. } => Self::from(&*source),
        }
    }
}

impl From<StatsError> for ApiError {
    fn from(error: StatsError) -> Self {
        match error {
            StatsError::Denied(denied) => denied.into(),
            StatsError::Question(QuestionError::Store(error)) => Self::from(&error),
            StatsError::Wrong(_) | StatsError::Question(QuestionError::TooMuch) => {
                Self::bad_request(ErrorCode::BadRequest, error.to_string())
            }
        }
    }
}

impl From<ViewError> for ApiError {
    fn from(error: ViewError) -> Self {
        match error {
            ViewError::Denied(denied) => denied.into(),
            ViewError::Hidden { .. } => {
                Self::new(StatusCode::FORBIDDEN, ErrorCode::HiddenByPolicy, error.to_string())
            }
            ViewError::Deleted(_) => Self::gone(error.to_string()),
            ViewError::Proxy(error) => error.into(),
            ViewError::File(error) => Self::from(&*error),
            ViewError::Directory(error) => match &*error {
                DirectoryError::Damaged { .. } => Self::damaged(error.to_string()),
                DirectoryError::Tree(error) => Self::from(error),
                DirectoryError::Io { .. } => Self::internal(error),
            },
            ViewError::Stopped(reason) => Self::internal(reason),
        }
    }
}
