//! `[server]`: where the data lies, and where the server listens.

use std::{net::IpAddr, path::PathBuf};

use super::{
    Config,
    error::ConfigError,
    reader::Reader,
    setting::{Fallback, Section, Setting},
};

pub(crate) static DATA_DIR: Setting = Setting::new(
    "server.data_dir",
    Fallback::Words { words: "the user's data directory + /depot", example: "\"/var/lib/depot\"" },
    "The folder of everything the server keeps",
)
.outside("--data-dir", "DEPOT_DATA_DIR", "DIR");

pub(crate) static HOST: Setting = Setting::new(
    "server.host",
    Fallback::Value("\"127.0.0.1\""),
    "The IP address to listen on; beyond this machine only once [access] and [transport] are stated",
)
.outside("--host", "DEPOT_HOST", "ADDR");

pub(crate) static PORT: Setting =
    Setting::new("server.port", Fallback::Value("8080"), "The port to listen on; 0 takes a free one")
        .outside("--port", "DEPOT_PORT", "N");

pub(crate) static OFFLINE: Setting = Setting::new(
    "server.offline",
    Fallback::Value("false"),
    "Never ask another index, whatever else is configured",
)
.outside("--offline", "DEPOT_OFFLINE", "BOOL");

pub(crate) static SECTION: Section = Section {
    name: "server",
    what: "Where the data lies, and where the server listens",
    settings: &[&DATA_DIR, &HOST, &PORT, &OFFLINE],
};

/// What `[server]` says.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// The folder of everything the server keeps.
    pub(crate) data_dir: PathBuf,
    /// The address it listens on.
    pub(crate) host: IpAddr,
    /// The port it listens on.
    pub(crate) port: u16,
    /// Whether it never asks another index.
    pub(crate) offline: bool,
}

impl Server {
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, ConfigError> {
        let data_dir = data_dir(reader)?;
        let default = Config::new(&data_dir);
        Ok(Self {
            data_dir,
            host: reader.value(&HOST, default.host)?,
            port: reader.value(&PORT, default.port)?,
            offline: reader.value(&OFFLINE, default.offline)?,
        })
    }
}

/// The data directory alone, for the verbs that need no more.
pub(super) fn data_dir(reader: &mut Reader<'_>) -> Result<PathBuf, ConfigError> {
    if let Some(data_dir) = reader.path(&DATA_DIR)? {
        return Ok(data_dir);
    }
    let data_dir = dirs::data_dir().ok_or(ConfigError::NoDataDir)?.join("depot");
    reader.note(&DATA_DIR, Some(&data_dir), super::error::Origin::Default);
    Ok(data_dir)
}
