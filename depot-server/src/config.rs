//! What a server is told: where its data lies, where it listens, what it takes.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

/// The configuration of a server.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder of everything the server keeps.
    pub data_dir: PathBuf,
    /// The address it listens on.
    pub host: IpAddr,
    /// The port it listens on; 0 takes a free one.
    pub port: u16,
    /// Whether pages and files may be read without credentials.
    pub anonymous_read: bool,
    /// The largest file taken, in bytes.
    pub max_file_size: u64,
    /// How much memory rendered pages may take, in bytes.
    pub page_cache: u64,
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
            anonymous_read: true,
            max_file_size: Self::DEFAULT_MAX_FILE_SIZE,
            page_cache: 128 << 20,
        }
    }

    /// The address and port it listens on.
    pub fn address(&self) -> SocketAddr {
        (self.host, self.port).into()
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.data_dir.join("store").join("sled")
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.data_dir.join("journal")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.data_dir.join("state")
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

    pub(crate) fn lock(&self) -> PathBuf {
        self.data_dir.join("lock")
    }
}
