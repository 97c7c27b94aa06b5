//! The verbs for Python packages.

mod fetch;
mod inputs;
pub(crate) mod push;
mod resolve;
pub(crate) mod save;
mod select;
mod server;
