//! Which repository a URL means.

use depot_proto::redact::SafeUrl;
use url::Url;

use crate::{credentials::Credentials, exit::UsageError};

/// What the default hosted repository is mounted at.
const DEFAULT_MOUNT: &str = "/python";

/// The mount that a URL means, without credentials, and those in it if there are some.
pub(super) fn read(text: &str) -> anyhow::Result<(Url, Option<Credentials>)> {
    let usage = |words: String| anyhow::Error::from(UsageError(words));
    let url: SafeUrl =
        text.parse().map_err(|error| usage(format!("the server's URL cannot be read: {error}")))?;
    if !matches!(url.as_url().scheme(), "http" | "https") {
        return Err(usage("the server's URL must start with https:// or http://".to_owned()));
    }
    let in_url = Credentials::in_url(&url);
    let mut mount = url.without_credentials();
    mount.set_query(None);
    mount.set_fragment(None);
    let path = mount.path().trim_end_matches('/');
    let path = path.strip_suffix("/simple").unwrap_or(path).to_owned();
    mount.set_path(if path.is_empty() { DEFAULT_MOUNT } else { &path });
    Ok((mount, in_url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_means_a_repository() {
        for (text, expected) in [
            ("https://depot.example", "https://depot.example/python"),
            ("https://depot.example/", "https://depot.example/python"),
            ("https://depot.example/simple/", "https://depot.example/python"),
            ("https://depot.example/python/simple/", "https://depot.example/python"),
            ("https://depot.example/python", "https://depot.example/python"),
            ("https://depot.example/under/team/", "https://depot.example/under/team"),
        ] {
            let (url, in_url) = read(text).unwrap();
            assert_eq!((url.as_str(), in_url.is_none()), (expected, true), "{text}");
        }
        let (url, in_url) = read("https://ann:secret@depot.example").unwrap();
        assert_eq!(url.as_str(), "https://depot.example/python");
        let found = in_url.unwrap();
        assert_eq!((found.user.as_str(), found.secret.expose()), ("ann", "secret"));
        assert!(read("depot.example").is_err());
        assert!(read("ftp://depot.example").is_err());
    }
}
