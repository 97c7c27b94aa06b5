//! Python: publication, pages and files of its repositories.

pub(crate) mod catalog;
pub(crate) mod declared;
pub(crate) mod directory;
pub(crate) mod exceptions;
pub(crate) mod files;
mod footprint;
pub(crate) mod http;
mod key;
pub(crate) mod listing;
pub(crate) mod pages;
pub(crate) mod plan;
pub(crate) mod policy;
pub(crate) mod projects;
pub(crate) mod provenance;
pub(crate) mod proxy;
pub(crate) mod publish;
pub(crate) mod reindex;
pub(crate) mod release;
pub(crate) mod repository;
pub(crate) mod root;
pub(crate) mod scrub;
pub(crate) mod statistics;
pub(crate) mod upstream;
pub(crate) mod view;
pub(crate) mod warm;
