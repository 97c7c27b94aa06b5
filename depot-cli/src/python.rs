//! The verbs for Python packages.

mod document;
mod fetch;
mod indexes;
mod inputs;
mod locks;
pub(crate) mod push;
pub(crate) mod relock;
mod requirements;
mod resolve;
pub(crate) mod save;
mod select;
mod server;
mod targets;
