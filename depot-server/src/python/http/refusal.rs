//! What the core's refusals are in HTTP.

use axum::http::StatusCode;
use depot_dist::DistError;
use depot_proto::ErrorCode;

use crate::{
    http::error::ApiError,
    python::{
        files::FileError,
        projects::{ProjectError, Refused},
        publish::PublishError,
        release::ReleaseError,
    },
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
            PublishError::Invalid { .. } | PublishError::Breaks { .. } => {
                Self::bad_request(ErrorCode::InvalidDistribution, detail)
            }
            PublishError::ProjectFull { .. } => Self::too_large(detail),
            PublishError::Scanned { .. } => Self::bad_request(ErrorCode::InvalidDistribution, detail),
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
        match error {
            FileError::Damaged { .. } => Self::damaged(error.to_string()),
            FileError::Quarantined { .. } => {
                Self::new(StatusCode::FORBIDDEN, ErrorCode::ProjectClosed, error.to_string())
            }
            FileError::Tree(error) => error.into(),
            FileError::Store(error) => Self::from(&error),
        }
    }
}
