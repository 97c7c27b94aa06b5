//! What the connections of every verb share: the company's authority, and credentials by host.

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::Context as _;
use depot_index::Netrc;

use crate::args::NetworkArgs;

/// The variables that name a bundle of certificates where no flag and none of depot's own does, in this order: those
/// that pip follows.
const BUNDLE_VARIABLES: [&str; 2] = ["PIP_CERT", "REQUESTS_CA_BUNDLE"];

/// Depot's own, which stands for the flag.
const OWN_BUNDLE: &str = "DEPOT_CACERT";

impl NetworkArgs {
    /// How long to wait for an answer, or for its next bytes, where this is the default.
    pub(crate) fn timeout_or(&self, default: Duration) -> Duration {
        self.timeout.map_or(default, |seconds| Duration::from_secs(seconds.get()))
    }
}

/// The certificates, as PEM, that are trusted beside those of the system.
pub(crate) fn authorities(args: &NetworkArgs) -> anyhow::Result<Option<Vec<u8>>> {
    let from_environment = BUNDLE_VARIABLES.into_iter().find_map(|name| {
        let value = env::var_os(name).filter(|value| !value.is_empty())?;
        Some((PathBuf::from(value), name))
    });
    let is_of_variable = |path: &PathBuf| env::var_os(OWN_BUNDLE).is_some_and(|value| value == *path);
    let given = args.cacert.clone().map(|path| {
        let whence = if is_of_variable(&path) { OWN_BUNDLE } else { "--cacert" };
        (path, whence)
    });
    let Some((path, whence)) = given.or(from_environment) else { return Ok(None) };
    let shown = path.display();
    anyhow::ensure!(
        !path.is_dir(),
        "`{shown}` ({whence}) is a folder: name a file of certificates, or set SSL_CERT_DIR to a folder of them"
    );
    let pem =
        fs::read(&path).with_context(|| format!("cannot read the certificates in `{shown}` ({whence})"))?;
    let has_one = pem.windows(BEGIN.len()).any(|words| words == BEGIN);
    anyhow::ensure!(
        has_one,
        "`{shown}` ({whence}) holds no certificate as PEM, which begins with `-----BEGIN`"
    );
    Ok(Some(pem))
}

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// The `.netrc` of whoever runs this.
#[derive(Debug, Default)]
pub(crate) struct NetrcFile {
    pub(crate) netrc: Netrc,
    /// What to say once it is used, where others can read it.
    pub(crate) warning: Option<String>,
}

/// Reads the file that `NETRC` names, or `.netrc` at home (on Windows also `_netrc`). One that is not there says nothing.
pub(crate) fn netrc() -> NetrcFile {
    let named = env::var_os("NETRC").filter(|path| !path.is_empty()).map(PathBuf::from);
    let paths = match named {
        Some(path) => vec![path],
        None => {
            let usual: &[&str] = if cfg!(windows) { &[".netrc", "_netrc"] } else { &[".netrc"] };
            env::home_dir().map(|home| usual.iter().map(|name| home.join(name)).collect()).unwrap_or_default()
        }
    };
    let found = paths.iter().find_map(|path| Some((path, fs::read(path).ok()?)));
    let Some((path, bytes)) = found else { return NetrcFile::default() };
    let warning = is_open_to_others(path).then(|| {
        format!("others can read the passwords in `{}`: make it yours alone with `chmod 600`", path.display())
    });
    NetrcFile { netrc: Netrc::parse(&String::from_utf8_lossy(&bytes)), warning }
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
