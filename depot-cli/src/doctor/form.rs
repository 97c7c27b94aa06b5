//! Which forms of a page there are, and who gets which.

use depot_proto::media_type::{SIMPLE_HTML_V1, SIMPLE_JSON_LATEST, SIMPLE_JSON_V1, TEXT_HTML};
use url::Url;

use super::{
    ask::{Answer, Asker, cut},
    checks::{
        ACCEPTED, DEFAULT, JSON, LATEST, PARAMETER, QUALITY, TYPE, UNKNOWN_FORM, VARY, VERSIONED_HTML, WANTED,
    },
    listing::{Form, Reader},
    report::Report,
};

/// What pip sends since 22.2, and PDM.
pub(super) const PIP: &str =
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01";
/// What uv sends.
const UV: &str =
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01";
/// What Poetry sends since 2.3.
const POETRY: &str = "application/vnd.pypi.simple.v1+json, */*;q=0.1";
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// Somebody who asks for pages.
struct Client {
    name: &'static str,
    accept: &'static str,
    reader: Reader,
    /// What it makes of the answer.
    wants: Wants,
}

#[derive(PartialEq)]
enum Wants {
    Either,
    Html,
    /// It would read either, and is served best with HTML.
    RatherHtml,
}

const CLIENTS: [Client; 6] = [
    Client { name: "pip", accept: PIP, reader: Reader::Pip, wants: Wants::Either },
    Client { name: "uv", accept: UV, reader: Reader::Uv, wants: Wants::Either },
    Client { name: "poetry", accept: POETRY, reader: Reader::Poetry, wants: Wants::Either },
    Client { name: "uv --find-links, old pip", accept: TEXT_HTML, reader: Reader::Uv, wants: Wants::Html },
    Client { name: "curl, old poetry", accept: "*/*", reader: Reader::Poetry, wants: Wants::RatherHtml },
    Client { name: "a browser", accept: BROWSER, reader: Reader::Pip, wants: Wants::RatherHtml },
];

/// The pages that came, one of each form.
#[derive(Default)]
pub(super) struct Found {
    pub(super) json: Option<Answer>,
    pub(super) html: Option<Answer>,
}

impl Found {
    fn keep(&mut self, answer: &Answer) {
        let place = match Form::of(answer) {
            Form::Json => &mut self.json,
            Form::Html => &mut self.html,
        };
        if answer.is_ok() && place.is_none() {
            *place = Some(answer.clone());
        }
    }
}

/// Asks for a page as every client does.
pub(super) async fn look(asker: &Asker, url: &Url, report: &mut Report) -> Found {
    let mut found = Found::default();
    let (mut refused, mut types, mut unwanted, mut not_html) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut forms = Vec::new();
    let mut without_vary = Vec::new();
    for Client { name, accept, reader, wants } in CLIENTS {
        let answer = asker.get(url).accept(accept).send().await;
        if !answer.is_ok() {
            refused.push(format!("{name}: {}", answer.told()));
            continue;
        }
        let kind = answer.header("content-type").unwrap_or_default();
        if !reader.takes(&kind) {
            types.push(format!("{name} does not know `{}`", cut(&kind)));
        }
        let form = Form::of(&answer);
        if wants == Wants::Html && form != Form::Html {
            unwanted.push(format!("{name}: `{}`", cut(&kind)));
        } else if wants == Wants::RatherHtml && form != Form::Html {
            not_html.push(format!("{name}: `{}`", cut(&kind)));
        }
        if !answer.header_has("vary", "accept") {
            without_vary
                .push(answer.header("vary").map_or("no `Vary`".to_owned(), |vary| format!("`Vary: {vary}`")));
        }
        forms.push(form);
        found.keep(&answer);
    }
    let names = CLIENTS.map(|client| client.name).join(", ");
    report.weigh(&ACCEPTED, &refused, names);
    if found.json.is_none() && found.html.is_none() {
        return found;
    }
    let kinds =
        [&found.json, &found.html].map(|page| page.as_ref().and_then(|page| page.header("content-type")));
    report.weigh(
        &TYPE,
        &types,
        kinds.into_iter().flatten().map(|kind| format!("`{kind}`")).collect::<Vec<_>>().join(", "),
    );
    report.weigh(&WANTED, &unwanted, "HTML for `text/html`");
    report.weigh(&DEFAULT, &not_html, "HTML for `*/*`");
    let has_json = found.json.is_some();
    report.judge(
        &JSON,
        has_json,
        if has_json { format!("`{SIMPLE_JSON_V1}`") } else { "HTML alone".to_owned() },
    );
    // An index that has one form has nothing to choose.
    let has_both = has_json && forms.contains(&Form::Html);
    if has_both {
        without_vary.dedup();
        report.weigh(&VARY, &without_vary, "`Vary: Accept`");
        quality(asker, url, report).await;
    }
    if has_json {
        named(asker, url, report).await;
    }
    unknown(asker, url, report).await;
    found
}

/// Whether preferences are heeded.
async fn quality(asker: &Asker, url: &Url, report: &mut Report) {
    let cases = [
        (format!("{SIMPLE_JSON_V1};q=0.1, {TEXT_HTML};q=0.9"), Form::Html),
        (format!("{TEXT_HTML};q=0.1, {SIMPLE_JSON_V1};q=0.9"), Form::Json),
        (format!("{SIMPLE_JSON_V1};q=0, {TEXT_HTML};q=0.1"), Form::Html),
    ];
    let mut wrong = Vec::new();
    for (accept, expected) in cases {
        let answer = asker.get(url).accept(&accept).send().await;
        if !answer.is_ok() || Form::of(&answer) != expected {
            wrong.push(format!("`{accept}`: {}", answer.told()));
        }
    }
    report.weigh(&QUALITY, &wrong, "0.9 before 0.1, and 0 not at all");
}

/// The forms under their other names.
async fn named(asker: &Asker, url: &Url, report: &mut Report) {
    for (check, asked, expected) in
        [(&VERSIONED_HTML, SIMPLE_HTML_V1, SIMPLE_HTML_V1), (&LATEST, SIMPLE_JSON_LATEST, SIMPLE_JSON_V1)]
    {
        let answer = asker.get(url).accept(asked).send().await;
        let kind = answer.header("content-type").unwrap_or_default().to_ascii_lowercase();
        let is_so = answer.is_ok() && kind.split(';').next().is_some_and(|kind| kind.trim() == expected);
        report.judge(check, is_so, answer.told());
    }
}

/// Forms that there are not, and the one that the address asks for.
async fn unknown(asker: &Asker, url: &Url, report: &mut Report) {
    let is_page = |answer: &Answer| {
        let kind = answer.header("content-type").unwrap_or_default();
        answer.is_ok() && Reader::Poetry.takes(&kind)
    };
    let answer = asker.get(url).accept("application/x-depot-doctor").send().await;
    let holds = matches!(answer.status, 300 | 406) || is_page(&answer);
    report.judge(&UNKNOWN_FORM, holds, answer.told());
    let mut with_format = url.clone();
    with_format.query_pairs_mut().append_pair("format", SIMPLE_JSON_V1);
    let answer = asker.get(&with_format).accept(TEXT_HTML).send().await;
    report.judge(&PARAMETER, is_page(&answer) || answer.status == 406, answer.told());
}
