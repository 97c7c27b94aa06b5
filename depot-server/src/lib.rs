//! A Python package index over a local tree.
//!
//! The floors, each knowing only those below it:
//!
//! ```text
//! main, command                     the process: arguments, signals, the admin socket
//! app, listen                       a configuration becomes a router; a router meets a port
//! http, python::http                the doors
//! python, service, auth             the rules
//! store                             traits, and the backends behind them
//! ```
//!
//! As a library: open a [`Depot`] from a [`Config`] and mount its [`Depot::router`] in any axum application; see
//! `examples/mounted.rs`.

mod admin;
mod app;
mod auth;
mod clock;
mod coding;
pub mod command;
mod config;
mod descriptors;
mod followed;
mod http;
mod listen;
mod private;
mod python;
mod random;
mod service;
mod store;
mod telemetry;

pub use app::{Depot, OpenError, format::FormatError, routes};
pub use config::{
    Config, FileMode, GroupConfig, KindConfig, Network, NetworkError, ProxyConfig, RepositoryConfig,
    TlsFiles, Transport, WireLimits,
};
pub use http::doors::{Needs, Route};
