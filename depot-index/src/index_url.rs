//! Where an index is, and who asks.

use std::{fmt, str::FromStr};

use depot_proto::{
    ProjectName,
    redact::{SafeUrl, Secret},
};
use percent_encoding::percent_decode_str;
use url::Url;

/// The index that packages come from unless another is named: PyPI.
pub const DEFAULT_INDEX: &str = "https://pypi.org/simple/";

/// The root of an index's Simple API, such as `https://user:password@index.example/simple/`.
///
/// Credentials are split off when it is read: the URL held has none, and they go only to the origin (scheme, host and
/// port) of this URL. It prints with them masked.
///
/// ```
/// use depot_index::IndexUrl;
/// let index: IndexUrl = "https://me:secret@index.example/simple".parse().unwrap();
/// assert_eq!(index.to_string(), "https://***@index.example/simple/");
/// assert_eq!(index.as_url().as_str(), "https://index.example/simple/");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct IndexUrl {
    url: Url,
    credentials: Option<Credentials>,
}

/// A user and a password or token, sent by HTTP Basic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The user; for a token `__token__` by custom.
    pub user: String,
    /// The password or token; may be empty.
    pub password: Secret,
}

/// Why a text is not the URL of an index. The text itself is not repeated: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexUrlError {
    /// It is not a URL.
    #[error("the index URL cannot be read: {0}")]
    Malformed(#[from] url::ParseError),
    /// It is a URL of another scheme.
    #[error("the index URL starts with `{0}:`, but depot reads indexes over https and http only")]
    Scheme(String),
    /// It has a query, which project names cannot be appended to.
    #[error(
        "the index URL has a query (`?...`): give the root of the index, such as https://index.example/simple/"
    )]
    Query,
}

impl IndexUrl {
    /// The root, without credentials and with a trailing slash.
    pub fn as_url(&self) -> &Url {
        &self.url
    }

    /// The credentials sent to this index's origin.
    pub fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// The page of `project`, by its normalized name and with a trailing slash, which spares a redirect.
    pub fn project_url(&self, project: &ProjectName) -> Url {
        let mut url = self.url.clone();
        // Fails only for URLs without a host, which no http(s) URL is.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push(project.as_str()).push("");
        }
        url
    }

    /// Whether `url` has the scheme, host and port of this index.
    pub fn is_same_origin(&self, url: &Url) -> bool {
        self.url.origin() == url.origin()
    }
}

/// Takes the user and password out of `url`, percent-decoded.
pub(crate) fn split_credentials(url: &mut Url) -> Option<Credentials> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let credentials = Credentials {
        user: decode(url.username()),
        password: decode(url.password().unwrap_or_default()).into(),
    };
    *url = SafeUrl::from(url.clone()).without_credentials();
    Some(credentials)
}

impl TryFrom<Url> for IndexUrl {
    type Error = IndexUrlError;

    fn try_from(mut url: Url) -> Result<Self, IndexUrlError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(IndexUrlError::Scheme(url.scheme().to_owned()));
        }
        if url.query().is_some() {
            return Err(IndexUrlError::Query);
        }
        let credentials = split_credentials(&mut url);
        url.set_fragment(None);
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(Self { url, credentials })
    }
}

impl FromStr for IndexUrl {
    type Err = IndexUrlError;

    fn from_str(text: &str) -> Result<Self, IndexUrlError> {
        Url::parse(text.trim())?.try_into()
    }
}

impl fmt::Display for IndexUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.credentials, self.url.as_str().split_once("://")) {
            (Some(_), Some((scheme, rest))) => write!(f, "{scheme}://***@{rest}"),
            _ => f.write_str(self.url.as_str()),
        }
    }
}

impl fmt::Debug for IndexUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_asked_for_by_its_normalized_name_under_the_root() {
        for root in ["https://index.example/simple", "https://index.example/simple/#top"] {
            let index: IndexUrl = root.parse().unwrap();
            let url = index.project_url(&"Foo.Bar".parse().unwrap());
            assert_eq!(url.as_str(), "https://index.example/simple/foo-bar/");
        }
        let index: IndexUrl = "http://index.example:8080".parse().unwrap();
        assert_eq!(index.project_url(&"a".parse().unwrap()).as_str(), "http://index.example:8080/a/");
    }

    #[test]
    fn credentials_are_decoded_and_never_printed() {
        let index: IndexUrl = "https://me%40work:s%3Acret@index.example/simple".parse().unwrap();
        let credentials = index.credentials().unwrap();
        assert_eq!((credentials.user.as_str(), credentials.password.expose()), ("me@work", "s:cret"));
        for printed in [format!("{index}"), format!("{index:?}"), format!("{credentials:?}")] {
            assert!(!printed.contains("cret"), "{printed}");
        }
        assert_eq!(index.as_url().as_str(), "https://index.example/simple/");
    }

    #[test]
    fn a_token_may_stand_alone() {
        let index: IndexUrl = "https://token@index.example/".parse().unwrap();
        let credentials = index.credentials().unwrap();
        assert_eq!((credentials.user.as_str(), credentials.password.expose()), ("token", ""));
    }

    #[test]
    fn refuses_what_is_not_an_index_and_does_not_repeat_it() {
        for text in [
            "file:///srv/index",
            "ftp://me:secret@index.example/",
            "index.example",
            "https://",
            "https://me:secret@index.example/?a=b",
        ] {
            let error = text.parse::<IndexUrl>().unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let index: IndexUrl = "https://index.example/simple/".parse().unwrap();
        for (url, same) in [
            ("https://INDEX.example:443/files/a", true),
            ("http://index.example/files/a", false),
            ("https://index.example:8443/files/a", false),
            ("https://files.index.example/a", false),
        ] {
            assert_eq!(index.is_same_origin(&url.parse().unwrap()), same, "{url}");
        }
    }
}
