//! Values that cannot be printed by accident.

use std::{fmt, str::FromStr};

use url::Url;

/// A token or password. It prints as `***`; the text is had by asking for it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A URL whose user and password print as `***`.
///
/// ```
/// use depot_proto::redact::SafeUrl;
/// let url: SafeUrl = "https://me:secret@index.example/simple/".parse().unwrap();
/// assert_eq!(url.to_string(), "https://***@index.example/simple/");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SafeUrl(Url);

impl SafeUrl {
    /// The URL itself, credentials and all.
    pub fn as_url(&self) -> &Url {
        &self.0
    }

    /// Whether there is a user or a password in it.
    pub fn has_credentials(&self) -> bool {
        !self.0.username().is_empty() || self.0.password().is_some()
    }

    /// The URL without credentials, which may be written down.
    pub fn without_credentials(&self) -> Url {
        let mut url = self.0.clone();
        // Both fail only for URLs that cannot have credentials in the first place.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url
    }
}

impl From<Url> for SafeUrl {
    fn from(url: Url) -> Self {
        Self(url)
    }
}

impl FromStr for SafeUrl {
    type Err = url::ParseError;

    fn from_str(text: &str) -> Result<Self, url::ParseError> {
        Url::parse(text).map(Self)
    }
}

impl fmt::Display for SafeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.has_credentials() {
            return f.write_str(self.0.as_str());
        }
        let bare = self.without_credentials();
        match bare.as_str().split_once("://") {
            Some((scheme, rest)) => write!(f, "{scheme}://***@{rest}"),
            None => f.write_str(bare.as_str()),
        }
    }
}

impl fmt::Debug for SafeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Words as they may be printed: the user and password of each address in them are masked.
///
/// ```
/// use depot_proto::redact::masked;
/// assert_eq!(masked("six @ https://me:secret@index.example/six.whl"), "six @ https://***@index.example/six.whl");
/// ```
pub fn masked(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        shown.extend([before, "://"]);
        let end = after.find(|c: char| "/?#\"'".contains(c) || c.is_whitespace()).unwrap_or(after.len());
        let (authority, next) = after.split_at(end);
        match authority.rsplit_once('@') {
            Some((_, host)) => shown.extend(["***@", host]),
            None => shown.push_str(authority),
        }
        rest = next;
    }
    shown + rest
}
