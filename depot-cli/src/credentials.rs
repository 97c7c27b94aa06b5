//! Where a server's token comes from.

use std::{fs, path::Path};

use anyhow::Context as _;
use depot_proto::redact::Secret;

/// The token to send: the file named on the command line first, then the token given there or in `DEPOT_AUTH_TOKEN`.
pub(crate) fn token(file: Option<&Path>, given: Option<&str>) -> anyhow::Result<Option<Secret>> {
    if let Some(path) = file {
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read the token in `{}`", path.display()))?;
        let token = text.trim();
        anyhow::ensure!(!token.is_empty(), "the token file `{}` is empty", path.display());
        return Ok(Some(token.to_owned().into()));
    }
    let token = given.map(str::trim).filter(|token| !token.is_empty());
    Ok(token.map(|token| token.to_owned().into()))
}
