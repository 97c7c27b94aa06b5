//! Which repository a URL means.

use depot_proto::redact::{SafeUrl, Secret};
use url::Url;

use crate::exit::UsageError;

/// What the default hosted repository is mounted at.
const DEFAULT_MOUNT: &str = "/python";

/// The mount that a URL means, without credentials, and the token in it if there is one.
pub(super) fn read(text: &str) -> anyhow::Result<(Url, Option<Secret>)> {
    let usage = |words: String| anyhow::Error::from(UsageError(words));
    let url: SafeUrl =
        text.parse().map_err(|error| usage(format!("the server's URL cannot be read: {error}")))?;
    if !matches!(url.as_url().scheme(), "http" | "https") {
        return Err(usage("the server's URL must start with https:// or http://".to_owned()));
    }
    let given = url.as_url();
    let secret = given.password().filter(|password| !password.is_empty()).unwrap_or(given.username());
    let secret = (!secret.is_empty()).then(|| secret.to_owned().into());
    let mut mount = url.without_credentials();
    mount.set_query(None);
    mount.set_fragment(None);
    let path = mount.path().trim_end_matches('/');
    let path = path.strip_suffix("/simple").unwrap_or(path).to_owned();
    mount.set_path(if path.is_empty() { DEFAULT_MOUNT } else { &path });
    Ok((mount, secret))
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
            let (url, token) = read(text).unwrap();
            assert_eq!((url.as_str(), token), (expected, None), "{text}");
        }
        let (url, token) = read("https://__token__:secret@depot.example").unwrap();
        assert_eq!(url.as_str(), "https://depot.example/python");
        assert_eq!(token.unwrap().expose(), "secret");
        assert!(read("depot.example").is_err());
        assert!(read("ftp://depot.example").is_err());
    }
}
