//! The Python repository: what it takes, what it serves, and what the real clients make of it.

mod attacks;
mod bundle;
mod clients;
mod command;
mod company_ca;
mod conformance;
pub(crate) mod depot;
mod files;
mod hostile;
mod hot;
mod index;
mod interrupt;
mod locks;
mod look;
mod network;
mod pages;
mod plan;
mod private;
mod push;
pub(crate) mod real;
mod rights;
mod save;
mod saved;
mod stopping;
mod targets;
mod tokens;
mod uploads;
