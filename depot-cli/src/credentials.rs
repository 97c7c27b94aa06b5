//! By whose name a server is asked, and where that comes from.

use std::{fs, path::Path};

use anyhow::Context as _;
use depot_index::Netrc;
use depot_proto::{
    claims::TOKEN_USER,
    redact::{SafeUrl, Secret},
};
use percent_encoding::percent_decode_str;
use url::Url;

use crate::{logins, network};

/// Who asks: the user and what stands for the password.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    pub(crate) user: String,
    pub(crate) secret: Secret,
}

impl Credentials {
    /// Those of a token, which needs no user's name.
    pub(crate) fn token(secret: Secret) -> Self {
        Self { user: TOKEN_USER.to_owned(), secret }
    }

    /// Those in a URL. A user without a password is a token, and so is a password without a user.
    pub(crate) fn in_url(url: &SafeUrl) -> Option<Self> {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let given = url.as_url();
        Self::of(decoded(given.username()), given.password().map(decoded).unwrap_or_default().into())
    }

    /// Those that `.netrc` has for a host.
    fn in_netrc(netrc: &Netrc, host: &str) -> Option<Self> {
        let found = netrc.credentials(host)?;
        Self::of(found.user.clone(), found.password.clone())
    }

    fn of(user: String, secret: Secret) -> Option<Self> {
        match (user.is_empty(), secret.expose().is_empty()) {
            (true, true) => None,
            (true, false) => Some(Self::token(secret)),
            (false, true) => Some(Self::token(user.into())),
            (false, false) => Some(Self { user, secret }),
        }
    }

    /// Whether they are a token by their user's name.
    pub(crate) fn is_token(&self) -> bool {
        self.user == TOKEN_USER
    }
}

/// What was found, and where.
pub(crate) struct Found {
    pub(crate) credentials: Credentials,
    /// Whether they are those of `.netrc`.
    pub(crate) is_of_netrc: bool,
    /// What its owner should know of that file.
    pub(crate) warning: Option<String>,
}

/// The token that was given, else what is in the URL, else the login at this server, else what `.netrc` has for its host.
pub(crate) fn find(
    given: Option<Secret>,
    in_url: Option<Credentials>,
    server: &Url,
) -> anyhow::Result<Option<Found>> {
    let plain = |credentials| Ok(Some(Found { credentials, is_of_netrc: false, warning: None }));
    if let Some(credentials) = given.map(Credentials::token).or(in_url) {
        return plain(credentials);
    }
    if let Some(token) = logins::token_for(server)? {
        return plain(Credentials::token(token));
    }
    let file = network::netrc();
    let found = server.host_str().and_then(|host| Credentials::in_netrc(&file.netrc, host));
    Ok(found.map(|credentials| Found { credentials, is_of_netrc: true, warning: file.warning }))
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_with_a_password_stays_one_and_a_user_alone_is_a_token() {
        let of = |credentials: Option<Credentials>| {
            credentials.map(|found| (found.user, found.secret.expose().to_owned()))
        };
        let pair = |user: &str, secret: &str| Some((user.to_owned(), secret.to_owned()));
        for (url, expected) in [
            ("https://depot.example", None),
            ("https://ann:s%40cret@depot.example", pair("ann", "s@cret")),
            ("https://depot_abc@depot.example", pair(TOKEN_USER, "depot_abc")),
            ("https://depot_abc:@depot.example", pair(TOKEN_USER, "depot_abc")),
            ("https://:depot_abc@depot.example", pair(TOKEN_USER, "depot_abc")),
        ] {
            assert_eq!(of(Credentials::in_url(&url.parse().unwrap())), expected, "{url}");
        }
        let netrc =
            Netrc::parse("machine a.example login ann password secret\nmachine b.example login depot_abc");
        assert_eq!(of(Credentials::in_netrc(&netrc, "a.example")), pair("ann", "secret"));
        assert_eq!(of(Credentials::in_netrc(&netrc, "b.example")), pair(TOKEN_USER, "depot_abc"));
        assert_eq!(of(Credentials::in_netrc(&netrc, "c.example")), None);
    }
}
