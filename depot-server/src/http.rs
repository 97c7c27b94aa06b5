//! The edge that every route shares; it knows no ecosystem.

pub(crate) mod accounts;
pub(crate) mod authenticate;
pub(crate) mod body;
pub(crate) mod chunk;
pub(crate) mod conditional;
pub(crate) mod doors;
pub(crate) mod error;
pub(crate) mod forwarded;
pub(crate) mod health;
mod leftover;
pub(crate) mod metrics;
pub(crate) mod middleware;
pub(crate) mod oidc;
pub(crate) mod paced;
pub(crate) mod pieces;
pub(crate) mod prepared;
mod problem;
pub(crate) mod range;
mod shared;
pub(crate) mod strict;
pub(crate) mod tally;
