//! The verbs about one's account at a server: `login`, `logout`, `token`, `whoami`, and `use`, which tells clients of it.

mod api;
pub(crate) mod login;
pub(crate) mod setup;
pub(crate) mod token;
mod who;
pub(crate) mod whoami;
