//! Names and addresses: what is there under other spellings, and what is not there at all.

use depot_proto::ProjectName;
use url::Url;

use super::{
    anchors,
    ask::{Answer, Asker, Follow, shown},
    checks::{ABSENT, INVALID, REDIRECT, SLASH, SPELLING},
    form::PIP,
    listing::Form,
    report::Report,
};

/// A name that no project has.
const NOBODY: &str = "no-such-project-asked-for-by-depot-doctor";

/// What the index says of a project that there is not.
pub(super) async fn absent(asker: &Asker, report: &mut Report) {
    let page = |name: &str| {
        let mut url = asker.index().as_url().clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push(name).push("");
        }
        url
    };
    let answer = asker.get(&page(NOBODY)).accept(PIP).follow(Follow::AtHome).send().await;
    report.judge(&ABSENT, answer.status == 404, answer.told());
    let answer = asker.get(&page("-x-")).accept(PIP).follow(Follow::AtHome).send().await;
    // An index that is wrong about every absent project is told so once.
    let is_refused = matches!(answer.status, 400 | 404 | 410 | 422) || answer.location.is_some();
    report.judge(&INVALID, is_refused, answer.told());
}

/// The address of a page without its slash, and with the name spelled otherwise.
pub(super) async fn look(asker: &Asker, url: &Url, project: &ProjectName, report: &mut Report) {
    let mut astray = Vec::new();
    let mut bare = url.clone();
    bare.set_path(url.path().trim_end_matches('/'));
    let answer = asker.get(&bare).accept(PIP).follow(Follow::No).send().await;
    match &answer.location {
        Some(to) if is_same(to, url) => report.well(&SLASH, answer.told()),
        Some(to) => astray.push(format!("{} leads to {}", shown(&bare), shown(to))),
        None if answer.is_ok() => {
            let relative = relative_links(&answer);
            let seen = format!(
                "{}, {} of its links relative",
                answer.told(),
                if relative { "some" } else { "none" }
            );
            report.judge(&SLASH, !relative, seen);
        }
        None => report.found(&SLASH, answer.told()),
    }

    let mut elsewhere = Vec::new();
    for spelling in spellings(project) {
        let mut other = asker.index().as_url().clone();
        if let Ok(mut segments) = other.path_segments_mut() {
            segments.pop_if_empty().push(&spelling).push("");
        }
        let answer = asker.get(&other).accept(PIP).follow(Follow::No).send().await;
        match &answer.location {
            Some(to) if is_same(to, url) => {}
            Some(to) => astray.push(format!("{} leads to {}", shown(&other), shown(to))),
            None if answer.is_ok() => {}
            None => elsewhere.push(format!("`{spelling}`: {}", answer.told())),
        }
    }
    report.weigh(&SPELLING, &elsewhere, spellings(project).join(", "));
    report.weigh(&REDIRECT, &astray, shown(url));
}

/// Other ways to write a name.
fn spellings(project: &ProjectName) -> Vec<String> {
    let name = project.as_str();
    let mut spellings = vec![name.to_uppercase()];
    if name.contains('-') {
        spellings.push(name.replacen('-', "_", 1));
        spellings.push(name.replacen('-', ".", 1));
    }
    spellings.retain(|spelling| spelling != name);
    spellings
}

/// Whether an address is the one of the page; a query is no part of that.
fn is_same(to: &Url, page: &Url) -> bool {
    to.origin() == page.origin() && to.path() == page.path()
}

/// Whether links of a page depend on the page's own address.
fn relative_links(answer: &Answer) -> bool {
    let links: Vec<String> = match Form::of(answer) {
        Form::Html => {
            let anchors = anchors::read(&answer.text()).anchors;
            anchors.iter().filter_map(|anchor| anchor.value("href")).collect()
        }
        Form::Json => {
            let page: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            let files = page["files"].as_array().into_iter().flatten();
            files.filter_map(|file| file["url"].as_str().map(str::to_owned)).collect()
        }
    };
    links.iter().any(|link| !link.starts_with('/') && !link.starts_with('#') && Url::parse(link).is_err())
}
