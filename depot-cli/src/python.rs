//! The verbs for Python packages.

mod fetch;
mod indexes;
mod inputs;
pub(crate) mod push;
mod requirements;
mod resolve;
pub(crate) mod save;
mod select;
mod server;
mod targets;
