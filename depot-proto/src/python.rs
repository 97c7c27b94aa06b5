//! The Python ecosystem's nouns and pages.

pub(crate) mod environment;
pub(crate) mod facts;
pub(crate) mod filename;
mod lenient;
pub(crate) mod marker;
pub mod media_type;
pub mod metadata;
pub(crate) mod name;
pub(crate) mod platform;
pub(crate) mod project;
pub(crate) mod python_version;
pub(crate) mod record;
pub(crate) mod requirement;
pub mod simple;
pub(crate) mod tags;
pub(crate) mod target;
pub(crate) mod version;
pub(crate) mod yank;
