//! The Python ecosystem's nouns and pages.

pub(crate) mod facts;
pub(crate) mod filename;
pub mod media_type;
pub mod metadata;
pub(crate) mod name;
pub(crate) mod record;
pub(crate) mod requirement;
pub mod simple;
pub(crate) mod version;
pub(crate) mod yank;
