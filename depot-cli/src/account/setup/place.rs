//! Where the files of clients are.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

use crate::exit::UsageError;

fn variable(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn home() -> anyhow::Result<PathBuf> {
    env::home_dir().context("there is no home, so no client's file is found")
}

/// The folder of the user's settings, as pip and uv find it: on a Mac too it is `.config`.
fn settings() -> anyhow::Result<PathBuf> {
    if cfg!(windows)
        && let Some(folder) = variable("APPDATA")
    {
        return Ok(folder);
    }
    match variable("XDG_CONFIG_HOME") {
        Some(folder) => Ok(folder),
        None => Ok(home()?.join(".config")),
    }
}

pub(super) fn pip() -> anyhow::Result<PathBuf> {
    if let Some(named) = variable("PIP_CONFIG_FILE") {
        return Ok(named);
    }
    if cfg!(target_os = "macos") {
        let folder = home()?.join("Library/Application Support/pip");
        if folder.is_dir() {
            return Ok(folder.join("pip.conf"));
        }
    }
    let name = if cfg!(windows) { "pip.ini" } else { "pip.conf" };
    Ok(settings()?.join("pip").join(name))
}

pub(super) fn uv() -> anyhow::Result<PathBuf> {
    match variable("UV_CONFIG_FILE") {
        Some(named) => Ok(named),
        None => Ok(settings()?.join("uv").join("uv.toml")),
    }
}

pub(super) fn poetry() -> anyhow::Result<PathBuf> {
    let path = PathBuf::from("pyproject.toml");
    if path.is_file() {
        return Ok(path);
    }
    let words = "there is no pyproject.toml here: run it in the folder of the project";
    Err(UsageError(words.to_owned()).into())
}

pub(super) fn netrc() -> anyhow::Result<PathBuf> {
    if let Some(named) = variable("NETRC") {
        return Ok(named);
    }
    let home = home()?;
    let on_windows = home.join("_netrc");
    Ok(if cfg!(windows) && on_windows.is_file() { on_windows } else { home.join(".netrc") })
}

/// The text of a file; none where there is no file.
pub(super) fn read(path: &Path) -> anyhow::Result<Option<String>> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => Ok(Some(read.with_context(|| format!("cannot read `{}`", path.display()))?)),
    }
}

/// Puts a text in the place of a file, whole or not at all. A link stays one, and what it leads to is written; who may read
/// the file stays as it is, but for a secret one, which becomes its owner's alone.
pub(super) fn write(path: &Path, text: &str, secret: bool) -> anyhow::Result<()> {
    put(path, text, secret).with_context(|| format!("cannot write `{}`", path.display()))
}

fn put(path: &Path, text: &str, secret: bool) -> io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    // Made so that only its owner may read it.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    io::Write::write_all(&mut file, text.as_bytes())?;
    #[cfg(unix)]
    if !secret {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(&path).map_or(0o644, |metadata| metadata.permissions().mode() & 0o777);
        file.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
    }
    #[cfg(not(unix))]
    let _ = secret;
    file.as_file().sync_all()?;
    file.persist(&path)?;
    Ok(())
}
