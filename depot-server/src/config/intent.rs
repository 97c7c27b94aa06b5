//! A server that others can reach is not a matter of defaults: who may read, and what carries the requests, must be
//! written somewhere.

use std::fmt::Write as _;

use super::{
    Transport, access,
    error::ConfigError,
    settings::Settings,
    transport::{KIND, TRUSTED_PROXIES},
};

/// What is missing, with the lines and the flags that would say it.
struct Missing {
    what: &'static str,
    lines: &'static str,
    flags: &'static str,
}

const READERS: Missing = Missing {
    what: "who may read",
    lines: r#"    [access]
    read = "tokens"                    # only who bears a token, or
    read = "everyone"                  # whoever reaches the server
"#,
    flags: "    --read tokens  or  --read everyone\n",
};

const CARRIER: Missing = Missing {
    what: "what carries the requests",
    lines: r#"    [transport]
    kind = "tls"                       # this server speaks TLS
    certificate = "/etc/depot/tls.pem"
    key = "/etc/depot/tls.key"
    # or
    kind = "proxy"                     # a proxy in front of it does
    trusted_proxies = ["10.0.0.0/8"]   # and comes from here
    # or
    kind = "plain"                     # nobody does: tokens and packages can be read and changed on the way
"#,
    flags: "    --tls-certificate FILE --tls-key FILE  or  --transport proxy --trusted-proxies RANGES\n    \
            or  --transport plain\n",
};

const PROXIES: Missing = Missing {
    what: "which proxies are trusted",
    lines: r#"    [transport]
    kind = "proxy"
    trusted_proxies = ["10.0.0.0/8"]   # where the proxy comes from
"#,
    flags: "    --trusted-proxies RANGES\n",
};

/// Refuses to be reached from other machines without a stated intent.
pub(super) fn check(settings: &Settings) -> Result<(), ConfigError> {
    if !settings.is_beyond_loopback() {
        return Ok(());
    }
    let stated = |setting| settings.origin(setting).is_stated();
    let is_proxy = matches!(settings.transport, Transport::Proxy { .. });
    let missing: Vec<Missing> = [
        (!stated(&access::READ), READERS),
        (!stated(&KIND), CARRIER),
        (is_proxy && !stated(&TRUSTED_PROXIES), PROXIES),
    ]
    .into_iter()
    .filter_map(|(is_missing, missing)| is_missing.then_some(missing))
    .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let what: Vec<_> = missing.iter().map(|missing| missing.what).collect();
    let file = settings.file.clone().unwrap_or_else(|| super::file::DEFAULT_NAME.into());
    let mut words = format!(
        "`{}` is not a loopback address, so other machines can reach it, and nothing says {}; add to {}:\n\n",
        settings.server.host,
        what.join(", and "),
        file.display(),
    );
    let lines: Vec<_> = missing.iter().map(|missing| missing.lines).collect();
    words.push_str(&lines.join("\n"));
    let _ = write!(words, "\nor to the command:\n\n");
    words.extend(missing.iter().map(|missing| missing.flags));
    Err(ConfigError::Unstated(words.trim_end().to_owned()))
}
