//! How the index is reached, and who may read.

use depot_index::Credentials;
use reqwest::Version;
use url::{Host, Url};

use super::{
    ask::{Answer, Asker, Follow},
    checks::{CHALLENGE, HTTP2, KEEP_ALIVE, PLAIN_HTTP, PUBLIC_CACHE, REFUSED_AS, WRONG_CREDENTIALS},
    form::PIP,
    report::Report,
};

/// What is seen of a connection by an answer that came over it.
pub(super) fn connection(answer: &Answer, report: &mut Report) {
    let is_safe = answer.url.scheme() == "https";
    if is_safe || !is_this_machine(&answer.url) {
        report.judge(&PLAIN_HTTP, is_safe, answer.url.scheme());
    }
    let version = answer.version;
    let closes = answer.header_has("connection", "close");
    let is_old = version < Version::HTTP_11 && !answer.header_has("connection", "keep-alive");
    report.judge(
        &KEEP_ALIVE,
        !closes && !is_old,
        if closes { format!("{version:?}, `Connection: close`") } else { format!("{version:?}") },
    );
    if is_safe {
        report.judge(&HTTP2, version >= Version::HTTP_2, format!("{version:?}"));
    }
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// How nobody in particular is refused.
pub(super) fn refusal(anonymous: &Answer, report: &mut Report) {
    let is_told = anonymous.status == 401;
    report.judge(&REFUSED_AS, is_told, format!("{} without credentials", anonymous.told()));
    if is_told {
        let challenge = anonymous.header("www-authenticate").unwrap_or_default();
        let is_basic = challenge.split(',').any(|part| part.trim().to_ascii_lowercase().starts_with("basic"));
        let seen =
            if challenge.is_empty() { "no `WWW-Authenticate`".to_owned() } else { format!("`{challenge}`") };
        report.judge(&CHALLENGE, is_basic, seen);
    }
}

/// What a private index makes of credentials.
pub(super) async fn private(asker: &Asker, url: &Url, with: &Answer, report: &mut Report) {
    let wrong =
        Credentials { user: "depot-doctor".to_owned(), password: "wrong-on-purpose".to_owned().into() };
    let answer = asker.get(url).accept(PIP).by(wrong).follow(Follow::No).send().await;
    report.judge(&WRONG_CREDENTIALS, answer.status == 401, answer.told());
    let control = with.header("cache-control").unwrap_or_default();
    let is_public = control.to_ascii_lowercase().contains("public");
    report.judge(
        &PUBLIC_CACHE,
        !is_public,
        if control.is_empty() { "no `Cache-Control`".to_owned() } else { format!("`{control}`") },
    );
}
