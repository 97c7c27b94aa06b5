//! What a server is told: where its data lies, where it listens, what it takes.

mod access;
mod error;
mod expand;
mod file;
mod intent;
mod limits;
mod log;
mod network;
mod oidc;
mod publish;
mod reader;
mod repositories;
mod server;
mod setting;
mod settings;
mod statistics;
mod template;
mod transport;
mod units;
mod value;
mod weak;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use depot_proto::scope::ProjectPattern;

pub use network::{Network, NetworkError};
pub use repositories::{FileMode, GroupConfig, KindConfig, ProxyConfig, RepositoryConfig};
pub(crate) use {access::READ, server::DATA_DIR};
pub(crate) use {
    error::{ConfigError, Origin},
    file::{ConfigFile, DEFAULT_NAME},
    reader::{Entry, Layer, Sources},
    repositories::reservation,
    setting::{Fallback, Setting, all as all_settings},
    settings::Settings,
    template::template,
    units::parse_size,
    value::Raw,
    weak::{Weakness, weaknesses},
};

/// The bootstrap token lives this long, and is made anew at a start in its second half.
pub(crate) const BOOTSTRAP_DAYS: u32 = 30;

/// The configuration of a server.
#[expect(clippy::struct_excessive_bools, reason = "each is a setting")]
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder of everything the server keeps.
    pub data_dir: PathBuf,
    /// The address it listens on.
    pub host: IpAddr,
    /// The port it listens on; 0 takes a free one.
    pub port: u16,
    /// What carries requests to it.
    pub transport: Transport,
    /// What a connection may take and how slow it may be.
    pub wire: WireLimits,
    /// Whether it never asks another index, whatever is configured.
    pub offline: bool,
    /// Whether pages and files may be read without credentials.
    pub anonymous_read: bool,
    /// Whether the hosted repository answers. What it holds stays where it is.
    pub python_enabled: bool,
    /// The largest file taken, in bytes.
    pub max_file_size: u64,
    /// The most bytes that the files of one project may have together; none for no limit.
    pub max_project_size: Option<u64>,
    /// The command, with its arguments, that looks at each file before it is published.
    pub scan: Option<Vec<String>>,
    /// How long it may take.
    pub scan_timeout: Duration,
    /// How much memory rendered pages may take, in bytes.
    pub page_cache: u64,
    /// The names of projects that the hosted repository owns whether it has files of them or not.
    pub reserved: Vec<ProjectPattern>,
    /// The policy that the hosted repository follows.
    pub python_policy: Option<PathBuf>,
    /// The repositories beside the hosted one.
    pub repositories: Vec<RepositoryConfig>,
    /// The file of publishers, for a server that gives tokens to CI jobs.
    pub publishers: Option<PathBuf>,
    /// The audience that the tokens of these jobs must be made for; one of the server's own if it is not said.
    pub audience: Option<String>,
    /// Whether it is recorded whose credentials fetched which file.
    pub record_downloads: bool,
    /// Whether whoever may read everything sees the numbers at `/metrics` too, and not only this machine and administrators.
    pub metrics_for_readers: bool,
    /// Whether it is counted how often each file is downloaded.
    pub count_downloads: bool,
    /// For how many days these numbers are kept day by day.
    pub keep_days: u32,
}

/// What carries requests to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Plain http: whoever is on the way may read and change everything.
    Plain,
    /// Plain http to a proxy that speaks TLS to the clients.
    Proxy {
        /// From where `X-Forwarded-For` is believed.
        trusted: Vec<Network>,
    },
    /// TLS.
    Tls(TlsFiles),
}

/// A certificate and its key, in PEM. Both are read again when they change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, followed by those of the authorities between it and a root.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// What a connection may take and how slow it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireLimits {
    /// Connections at once; more wait in the system's queue.
    pub connections: usize,
    /// How long a client may take to send the head of a request, and how long a connection may lie idle.
    pub head_timeout: Duration,
    /// How long a body, in either direction, may stand still.
    pub stall_timeout: Duration,
    /// The least a client must send of a body on average, in bytes a second, once `body_grace` is over.
    pub min_body_rate: u64,
    /// How long a body may come as slowly as it likes.
    pub body_grace: Duration,
}

impl Default for WireLimits {
    /// 10,000 connections, 30 s for a head, 30 s of standing still, 1 KiB/s after 10 s.
    fn default() -> Self {
        Self {
            connections: 10_000,
            head_timeout: Duration::from_secs(30),
            stall_timeout: Duration::from_secs(30),
            min_body_rate: 1024,
            body_grace: Duration::from_secs(10),
        }
    }
}

impl Config {
    /// 2 GiB: twenty times what PyPI takes unless asked; the few files that are larger want a larger limit here.
    pub const DEFAULT_MAX_FILE_SIZE: u64 = 2 << 30;
    /// The port of a server that was told none.
    pub const DEFAULT_PORT: u16 = 8080;

    /// The configuration of a server that was told only where its data lies: loopback, port 8080, everyone may read.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            host: Ipv4Addr::LOCALHOST.into(),
            port: Self::DEFAULT_PORT,
            transport: Transport::Plain,
            wire: WireLimits::default(),
            offline: false,
            anonymous_read: true,
            python_enabled: true,
            max_file_size: Self::DEFAULT_MAX_FILE_SIZE,
            max_project_size: None,
            scan: None,
            scan_timeout: Duration::from_mins(1),
            page_cache: 128 << 20,
            reserved: Vec::new(),
            python_policy: None,
            repositories: repositories::defaults(),
            publishers: None,
            audience: None,
            record_downloads: false,
            metrics_for_readers: false,
            count_downloads: true,
            keep_days: 400,
        }
    }

    /// The address and port it listens on.
    pub fn address(&self) -> SocketAddr {
        (self.host, self.port).into()
    }

    /// The folders that must be the data directory's own, the outer ones first.
    pub(crate) fn own_folders(&self) -> [PathBuf; 6] {
        ["store", "store/sled", "store/counters", "journal", "state", "repositories"]
            .map(|name| self.data_dir.join(name))
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.data_dir.join("store").join("sled")
    }

    /// The store of what is counted.
    pub(crate) fn counters(&self) -> PathBuf {
        self.data_dir.join("store").join("counters")
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.data_dir.join("journal")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.data_dir.join("state")
    }

    /// Which exceptions of policies the journal was told of.
    pub(crate) fn exceptions(&self) -> PathBuf {
        self.state().join("exceptions.json")
    }

    /// The server's id.
    pub(crate) fn instance(&self) -> PathBuf {
        self.state().join("instance")
    }

    pub(crate) fn keys(&self) -> PathBuf {
        self.data_dir.join("keys")
    }

    pub(crate) fn repository(&self, name: &str) -> PathBuf {
        self.data_dir.join("repositories").join(name)
    }

    /// The bootstrap administrator's token.
    pub fn admin_token(&self) -> PathBuf {
        self.data_dir.join("admin.token")
    }

    /// The socket that the admin verbs speak to a running server through.
    pub fn admin_socket(&self) -> PathBuf {
        self.data_dir.join("admin.sock")
    }

    /// The record of downloads.
    pub(crate) fn access(&self) -> PathBuf {
        self.data_dir.join("access")
    }

    /// What a scrub took out of the repositories.
    pub(crate) fn quarantine(&self) -> PathBuf {
        self.data_dir.join("quarantine")
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.data_dir.join("lock")
    }
}
