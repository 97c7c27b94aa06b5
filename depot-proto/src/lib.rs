//! What the `depot` command and `depot-server` must agree on, byte for byte or decision for decision.
//!
//! A thing enters this crate only if both ends need it. There is no I/O here, no clock, no tokio: every function
//! is a function of its arguments.
//!
//! * Spec nouns, each a validated type built by parsing: [`ProjectName`], [`Version`], [`DistributionFilename`],
//!   [`Requirement`], [`Sha256Digest`], [`RepositoryName`], [`Subject`], [`Timestamp`].
//! * Where things shall install: [`Target`], a Python on a [`Platform`], with its wheel [`Tags`] and [`Environment`] markers.
//! * What is stored: [`FileRecord`] (one file), [`ProjectRecord`] (what belongs to a project), [`layout`] (where it lies).
//! * What is served: [`simple`] pages, read from any index and rendered, with [`media_type`] negotiation.
//! * What is said between them: [`push`] payloads, how a release is sent ([`mod@publish`]), what is asked of one that is there
//!   ([`release`]), [`scope`]s and token [`claims`], [`accounts`], [`why`] something is shown or not, download [`statistics`], [`Problem`] documents.
//! * What readers may see: [`policy`]. How people write things down: [`document`]s in TOML, [`moment`]s.
//! * What must not be said: [`redact`].

pub mod accounts;
pub mod claims;
mod digest;
pub mod document;
pub mod layout;
pub mod moment;
pub mod policy;
mod problem;
pub mod publish;
pub mod push;
mod python;
pub mod redact;
pub mod release;
mod repository;
pub mod retry;
pub mod scope;
pub mod statistics;
mod subject;
mod text;
mod timestamp;
pub mod why;

pub use digest::{DigestError, Sha256Digest, Sha256Hasher, hex};
pub use problem::{ErrorCode, PROBLEM_JSON, Problem};
pub use python::environment::Environment;
pub use python::facts::{Facts, Origin};
pub use python::filename::{
    DistributionFilename, DistributionKind, FilenameError, Legacy, MAX_FILENAME_LEN, Sdist, SdistFormat,
    Wheel,
};
pub use python::marker::{Marker, MarkerError};
pub use python::metadata::{self, CoreMetadata, MetadataError};
pub use python::name::{ProjectName, ProjectNameError};
pub use python::platform::{Arch, Platform, PlatformError, System};
pub use python::project::{ProjectRecord, ProjectRecordError, Role, StatusRecord, Tombstone};
pub use python::python_version::{PythonVersion, PythonVersionError, RequiresPython, RequiresPythonError};
pub use python::record::{FileRecord, RecordError};
pub use python::requirement::{Requirement, RequirementError};
pub use python::tags::{Rank, Tags};
pub use python::target::{Implementation, Interpreter, Target, TargetError};
pub use python::version::{Version, VersionKey};
pub use python::yank::Yanked;
pub use python::{media_type, simple};
pub use repository::{RepositoryName, RepositoryNameError};
pub use subject::{Subject, SubjectError};
pub use timestamp::{Timestamp, TimestampError};
