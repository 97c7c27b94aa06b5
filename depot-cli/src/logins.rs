//! The tokens of logins: one for each server, in a file that only its owner may read.
//!
//! A token is kept under the origin of its server (scheme, host and port) and is given to nobody else.

use std::{
    collections::BTreeMap,
    env, fs, io,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use depot_proto::{Timestamp, redact::Secret};
use serde::{Deserialize, Serialize};
use url::Url;

/// Names the folder of depot's own settings.
const FOLDER_VARIABLE: &str = "DEPOT_CONFIG_DIR";

const FILE: &str = "credentials.json";

/// What is kept of a login.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Login {
    /// The token.
    token: String,
    /// Who bears it.
    pub(crate) user: String,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<Timestamp>,
}

impl Login {
    pub(crate) fn new(token: &Secret, user: String, expires: Option<Timestamp>) -> Self {
        Self { token: token.expose().to_owned(), user, expires }
    }

    pub(crate) fn token(&self) -> Secret {
        self.token.clone().into()
    }
}

/// The file.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Logins {
    v: u32,
    servers: BTreeMap<String, Login>,
    #[serde(flatten)]
    other: serde_json::Map<String, serde_json::Value>,
}

/// The server that a URL is of, as logins are kept.
pub(crate) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// The token of the login at the server of this URL.
pub(crate) fn token_for(url: &Url) -> anyhow::Result<Option<Secret>> {
    Ok(Logins::read()?.get(&origin(url)).map(Login::token))
}

impl Logins {
    /// Reads the file; none is an empty one. One that others may read is refused: they have the tokens already.
    pub(crate) fn read() -> anyhow::Result<Self> {
        let Some(path) = path() else { return Ok(Self::default()) };
        let shown = path.display();
        let bytes = match fs::read(&path) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(Self::default());
            }
            read => read.with_context(|| format!("cannot read the logins in `{shown}`"))?,
        };
        anyhow::ensure!(
            !is_open_to_others(&path),
            "others can read the tokens in `{shown}`: make it yours alone with `chmod 600`, and revoke them if others did"
        );
        serde_json::from_slice(&bytes).with_context(|| format!("the logins in `{shown}` cannot be read"))
    }

    pub(crate) fn get(&self, origin: &str) -> Option<&Login> {
        self.servers.get(origin)
    }

    /// The servers, with what is kept of each.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &Login)> {
        self.servers.iter().map(|(origin, login)| (origin.as_str(), login))
    }

    /// Keeps a login; the one that it takes the place of.
    pub(crate) fn keep(&mut self, origin: String, login: Login) -> anyhow::Result<Option<Login>> {
        let before = self.servers.insert(origin, login);
        self.write()?;
        Ok(before)
    }

    /// Forgets a login.
    pub(crate) fn forget(&mut self, origin: &str) -> anyhow::Result<Option<Login>> {
        let before = self.servers.remove(origin);
        if before.is_some() {
            self.write()?;
        }
        Ok(before)
    }

    fn write(&mut self) -> anyhow::Result<()> {
        let path = path().context("there is no folder for settings: name one in DEPOT_CONFIG_DIR")?;
        self.v = 1;
        let text = format!("{}\n", serde_json::to_string_pretty(self)?);
        write_private(&path, text.as_bytes()).with_context(|| format!("cannot write `{}`", path.display()))
    }
}

/// Where the file is; none where there is no home.
pub(crate) fn path() -> Option<PathBuf> {
    let named = env::var_os(FOLDER_VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
    named.or_else(|| dirs::config_dir().map(|folder| folder.join("depot"))).map(|folder| folder.join(FILE))
}

/// Puts bytes at `path`, whole or not at all, readable by their owner alone; the folder is made where there is none.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    if !folder.is_dir() {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
    }
    // Made so that only its owner may read it.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    io::Write::write_all(&mut file, bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(unix)]
fn is_open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_: &Path) -> bool {
    false
}
