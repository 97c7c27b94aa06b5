//! What becomes of an upload, of the same file again, and of other bytes under its name.

mod wheel;

use std::time::Duration;

use depot_index::IndexUrl;
use depot_proto::{ProjectName, Sha256Digest};
use reqwest::{
    Method,
    header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE},
};
use serde_json::Value;
use url::Url;

use self::wheel::Wheel;
use super::{
    anchors,
    ask::{Answer, Asker, Follow, cut},
    checks::{
        UPLOAD_CHALLENGE, UPLOAD_LISTED, UPLOAD_OTHER, UPLOAD_SAME, UPLOAD_SLASH, UPLOAD_TAKEN, UPLOAD_WORDS,
    },
    form::PIP,
    listing::Form,
    report::Report,
};
use crate::clock;

/// How often, and after which wait, a page is looked at again for what was uploaded.
const LOOKS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(500);

/// What uv sends with an upload.
const ACCEPT_UPLOAD: &str = "application/json;q=0.9, text/plain;q=0.8, text/html;q=0.7";

/// Statuses and words by which twine, Poetry and maturin know that a file is there already.
const KNOWN: [(u16, &str); 6] = [
    (409, ""),
    (400, "already exist"),
    (400, "updating asset"),
    (400, "already been taken"),
    (400, "cannot be updated"),
    (403, "overwrite artifact"),
];

/// Where uploads go, and as what.
pub(super) struct Target {
    project: ProjectName,
    url: Url,
}

impl Target {
    /// The error says what was used wrongly.
    pub(super) fn new(project: ProjectName, url: Option<&str>, index: &IndexUrl) -> Result<Self, String> {
        let root = index.as_url();
        let url = match url {
            Some(url) => url.parse().map_err(|error| format!("`--upload-url` cannot be read: {error}"))?,
            None => {
                let path = root.path().strip_suffix("simple/").filter(|path| path.ends_with('/'));
                let path =
                    path.ok_or("where uploads go cannot be told from the URL: say it with `--upload-url`")?;
                let mut url = root.clone();
                url.set_path(&format!("{path}legacy/"));
                url
            }
        };
        if !index.is_same_origin(&url) {
            return Err(
                "`--upload-url` is of another server than the index, which credentials are not sent to"
                    .to_owned(),
            );
        }
        Ok(Self { project, url })
    }
}

/// Publishes a wheel, and looks what the index says of it.
pub(super) async fn look(asker: &Asker, target: &Target, report: &mut Report) {
    // A version that was never there before.
    let version = format!("0.{}", clock::now().micros());
    let first = Wheel::new(&target.project, &version, "first");
    let Ok(first) = first else { return };
    let Ok(other) = Wheel::new(&target.project, &version, "other") else { return };

    let by_nobody = post(asker, &target.url, &first, true).await;
    let challenge = by_nobody.header("www-authenticate").unwrap_or_default();
    let is_challenged = by_nobody.status == 401 && challenge.to_ascii_lowercase().contains("basic");
    report.judge(&UPLOAD_CHALLENGE, is_challenged, format!("{} `{challenge}`", by_nobody.told()));

    let taken = post(asker, &target.url, &first, false).await;
    report.judge(&UPLOAD_TAKEN, is_good(&taken) || is_good(&by_nobody), told(&taken));
    if !is_good(&taken) {
        return;
    }
    listed(asker, &target.project, &first, report).await;

    let again = post(asker, &target.url, &first, false).await;
    report.judge(&UPLOAD_SAME, is_good(&again) || is_known(&again), told(&again));
    slash(asker, target, &first, report).await;
    let other = post(asker, &target.url, &other, false).await;
    report.judge(&UPLOAD_OTHER, !is_good(&other), told(&other));
    if !is_good(&other) {
        report.judge(&UPLOAD_WORDS, is_known(&other), told(&other));
    }
}

async fn post(asker: &Asker, url: &Url, wheel: &Wheel, by_nobody: bool) -> Answer {
    let (kind, body) = wheel.form();
    let question = asker.ask(Method::POST, url).header(CONTENT_TYPE, &kind).header(ACCEPT, ACCEPT_UPLOAD);
    let question = question.body(body).limit(1 << 20).follow(Follow::No);
    if by_nobody { question.by_nobody().send().await } else { question.send().await }
}

fn is_good(answer: &Answer) -> bool {
    (200..300).contains(&answer.status)
}

/// Whether clients know this refusal for one of a file that is there already.
fn is_known(answer: &Answer) -> bool {
    let words = answer.text().to_lowercase();
    KNOWN.iter().any(|(status, known)| answer.status == *status && words.contains(known))
}

/// An answer with what it says.
fn told(answer: &Answer) -> String {
    let text = answer.text();
    let words = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('<'));
    words.map_or_else(|| answer.told(), |words| format!("{}, `{}`", answer.status, cut(words)))
}

/// Whether the page names the file with its digest.
async fn listed(asker: &Asker, project: &ProjectName, wheel: &Wheel, report: &mut Report) {
    let digest = Sha256Digest::of(&wheel.bytes).to_string();
    let url = asker.index().project_url(project);
    for look in 0..LOOKS {
        if look > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let page = asker.get(&url).accept(PIP).header(CACHE_CONTROL, "no-cache").send().await;
        let known = digest_on(&page, &wheel.filename);
        if known.as_deref() == Some(digest.as_str()) {
            // It is said by the answer to the upload that it is there.
            let seen = format!("at look {} of {LOOKS}", look + 1);
            return report.judge(&UPLOAD_LISTED, look == 0, seen);
        }
        if let Some(known) = known {
            return report.found(&UPLOAD_LISTED, format!("with `{}`", cut(&known)));
        }
    }
    report.found(&UPLOAD_LISTED, format!("not after {LOOKS} looks"));
}

/// The sha256 that a page has for a file: empty where it has none, nothing where it does not name the file.
fn digest_on(page: &Answer, filename: &str) -> Option<String> {
    match Form::of(page) {
        Form::Json => {
            let page: Value = serde_json::from_slice(&page.body).ok()?;
            let file = page["files"].as_array()?.iter().find(|file| file["filename"] == filename)?;
            Some(file["hashes"]["sha256"].as_str().unwrap_or_default().to_owned())
        }
        Form::Html => {
            let hrefs =
                anchors::read(&page.text()).anchors.into_iter().filter_map(|anchor| anchor.value("href"));
            let href = hrefs.into_iter().find(|href| href.contains(filename))?;
            Some(href.split_once("#sha256=").map(|(_, digest)| digest.to_owned()).unwrap_or_default())
        }
    }
}

/// Sends the same file to the address with, or without, its last slash.
async fn slash(asker: &Asker, target: &Target, wheel: &Wheel, report: &mut Report) {
    let mut url = target.url.clone();
    match url.path().to_owned().as_str() {
        "/" => return,
        path if path.ends_with('/') => url.set_path(path.trim_end_matches('/')),
        path => url.set_path(&format!("{path}/")),
    }
    let answer = post(asker, &url, wheel, false).await;
    report.judge(
        &UPLOAD_SLASH,
        is_good(&answer) || is_known(&answer),
        format!("{} for `{}`", told(&answer), url.path()),
    );
}
