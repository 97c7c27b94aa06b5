//! Whether pages and files may be kept, and how much a page weighs on the way.

use depot_proto::media_type::TEXT_HTML;
use reqwest::header::{IF_MODIFIED_SINCE, IF_NONE_MATCH};

use super::{
    ask::{Answer, Asker},
    checks::{
        CODING_VARY, FILE_CACHE, FILE_FOREVER, PAGE_AGE, PAGE_CODING, PAGE_CONTROL, PAGE_DECODED, PAGE_FORMS,
        PAGE_STORE, PAGE_UNCHANGED, PAGE_VALIDATOR,
    },
    form::PIP,
    listing::{Form, Pages},
    report::Report,
};

/// How long a page may be kept before that counts as long, in seconds: who publishes does not wait for an hour.
const LONG: u64 = 3600;

/// How large a page must be, in bytes, for compression to matter: several packets.
const WORTH: usize = 4096;

/// How long a file shall at least be kept, in seconds: a day.
const KEPT: u64 = 24 * 60 * 60;

/// Looks at how pages are kept and sent.
pub(super) async fn pages(asker: &Asker, pages: &Pages, report: &mut Report) {
    let Some(page) = pages.best() else { return };
    unchanged(asker, &page.answer, report).await;
    if let (Some(json), Some(html)) = (&pages.json, &pages.html) {
        let tags = [json, html].map(|page| page.answer.header("etag"));
        if let [Some(json), Some(html)] = &tags {
            let is_weak = json.starts_with("W/");
            report.judge(
                &PAGE_FORMS,
                json != html,
                format!("{json} and {html}{}", if is_weak { ", weak" } else { "" }),
            );
        }
    }
    let answer = &page.answer;
    let control = answer.header("cache-control").unwrap_or_default();
    let shown = if control.is_empty() { "no `Cache-Control`".to_owned() } else { format!("`{control}`") };
    let words = control.to_ascii_lowercase();
    report.judge(&PAGE_STORE, !words.contains("no-store"), shown.clone());
    let is_long = !words.contains("no-cache")
        && (answer.max_age().is_some_and(|age| age > LONG) || words.contains("immutable"));
    report.judge(&PAGE_AGE, !is_long, shown.clone());
    let is_said = !control.is_empty() || answer.header("expires").is_some();
    report.judge(&PAGE_CONTROL, is_said, shown);
    coding(asker, answer, report).await;
}

/// What brings the same form of a page again.
fn accept(page: &Answer) -> &'static str {
    if Form::of(page) == Form::Json { PIP } else { TEXT_HTML }
}

/// Asks whether a page is still the one that came.
async fn unchanged(asker: &Asker, page: &Answer, report: &mut Report) {
    let (tag, time) = (page.header("etag"), page.header("last-modified"));
    let (name, value) = match (&tag, &time) {
        (Some(tag), _) => (IF_NONE_MATCH, tag),
        (None, Some(time)) => (IF_MODIFIED_SINCE, time),
        (None, None) => {
            report.found(&PAGE_VALIDATOR, "neither `ETag` nor `Last-Modified`");
            return;
        }
    };
    report.well(&PAGE_VALIDATOR, format!("`{value}`"));
    let answer = asker.get(&page.url).accept(accept(page)).header(name.clone(), value).send().await;
    let same_tag = answer.header("etag").is_none_or(|other| Some(other) == tag);
    report.judge(
        &PAGE_UNCHANGED,
        answer.status == 304 && same_tag,
        format!("{} for `{name}`", answer.told()),
    );
}

async fn coding(asker: &Asker, page: &Answer, report: &mut Report) {
    let url = &page.url;
    let packed = asker.get(url).accept(accept(page)).encoding("gzip, deflate").send().await;
    let coding = packed.header("content-encoding").filter(|coding| !coding.eq_ignore_ascii_case("identity"));
    let sizes = format!("{} bytes, {} as they are", packed.body.len(), page.body.len());
    let Some(coding) = coding else {
        let is_small = page.body.len() < WORTH;
        report.judge(&PAGE_CODING, is_small, format!("not compressed, {} bytes", page.body.len()));
        return;
    };
    report.well(&PAGE_CODING, format!("`{coding}`, {sizes}"));
    let says_so = packed.header_has("vary", "accept-encoding") || packed.header_has("vary", "*");
    report.judge(
        &CODING_VARY,
        says_so,
        packed.header("vary").map_or("no `Vary`".to_owned(), |vary| format!("`Vary: {vary}`")),
    );
    let unpacked = asker.get(url).accept(accept(page)).decoded().send().await;
    let is_same = unpacked.is_ok() && unpacked.body == page.body;
    report.judge(&PAGE_DECODED, is_same, if is_same { sizes } else { unpacked.told() });
}

/// Looks at how a file is kept.
pub(super) fn file(answer: &Answer, report: &mut Report) {
    let validator = answer.header("etag").or_else(|| answer.header("last-modified"));
    let age = answer.max_age();
    let control = answer
        .header("cache-control")
        .map_or("no `Cache-Control`".to_owned(), |control| format!("`{control}`"));
    let seen = validator
        .as_ref()
        .map_or_else(|| format!("{control}, no `ETag`"), |validator| format!("{control}, `{validator}`"));
    let is_forbidden = answer.header_has("cache-control", "no-store");
    report.judge(&FILE_CACHE, !is_forbidden && (validator.is_some() || age.is_some()), seen);
    let is_forever = age.is_some_and(|age| age >= KEPT) || answer.header_has("cache-control", "immutable");
    report.judge(&FILE_FOREVER, is_forever, control);
}
