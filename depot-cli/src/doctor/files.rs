//! Files: that they are where the page says, and are what it says.

mod pick;
mod range;

use bytes::Bytes;
use depot_proto::{DistributionFilename, Sha256Digest};
use url::Url;

pub(super) use self::pick::Picked;
use super::{
    ask::{Answer, Asker, shown},
    cache,
    checks::{
        BYTES, DISPOSITION, DOWNGRADE, FILE_CODING, HEAD, LENGTH, LINK, OPEN_FILES, ORIGIN, PLUS, QUERY,
        SERVED, SIZE, TOO_LARGE,
    },
    listing::{Listed, Page, Pages},
    report::Report,
};

/// What Poetry says that it takes, for files too.
const ANY_CODING: &str = "gzip, deflate";

/// A file that was downloaded whole.
pub(super) struct Held {
    pub(super) listed: Listed,
    pub(super) filename: DistributionFilename,
    pub(super) bytes: Bytes,
}

/// Looks at the links of a page, and at the smallest wheel and the smallest sdist behind them; those that came.
pub(super) async fn look(
    asker: &Asker,
    pages: &Pages,
    limit: u64,
    is_private: bool,
    report: &mut Report,
) -> Vec<Held> {
    let Some(page) = pages.best() else { return Vec::new() };
    links(pages, report);
    plus(asker, page, report).await;
    let mut held = Vec::new();
    let picked = Picked::of(asker, page, &pages.project).await;
    for (number, listed) in picked.both().enumerate() {
        let Some((url, filename)) = listed.url.clone().zip(listed.parsed(&pages.project)) else { continue };
        if let Some(bytes) = download(asker, listed, &url, limit, report).await {
            report.downloaded(&listed.filename, bytes.len() as u64);
            if number == 0 {
                range::look(asker, &url, &bytes, report).await;
                if is_private {
                    open(asker, &url, report).await;
                }
            }
            held.push(Held { listed: listed.clone(), filename, bytes });
        }
    }
    held
}

/// Where the links of all forms lead.
fn links(pages: &Pages, report: &mut Report) {
    let both = [&pages.json, &pages.html].into_iter().flatten();
    let all: Vec<(&Page, &Listed)> =
        both.flat_map(|page| page.files.iter().map(move |file| (page, file))).collect();
    if all.is_empty() {
        return;
    }
    let wrong = |is_wrong: &dyn Fn(&Page, &Url) -> bool| -> Vec<String> {
        let found = all.iter().filter_map(|(page, file)| {
            let url = file.url.as_ref()?;
            is_wrong(page, url).then(|| shown(url))
        });
        found.collect()
    };
    let nowhere: Vec<String> = all
        .iter()
        .filter(|(_, file)| file.url.is_none())
        .map(|(_, file)| format!("`{}`", file.link))
        .collect();
    report.weigh(&LINK, &nowhere, format!("{} links", all.len()));
    report.weigh(&QUERY, &wrong(&|_, url| url.query().is_some()), "none");
    let is_unsafe = |page: &Page, url: &Url| page.answer.url.scheme() == "https" && url.scheme() == "http";
    let unsafe_ones = wrong(&is_unsafe);
    report.weigh(&DOWNGRADE, &unsafe_ones, pages.url.scheme());
    let abroad = wrong(&|page, url| url.origin() != page.answer.url.origin() && !is_unsafe(page, url));
    report.weigh(&ORIGIN, &abroad, pages.url.origin().ascii_serialization());
}

/// Asks for a file with a `+` in its name, written both ways.
async fn plus(asker: &Asker, page: &Page, report: &mut Report) {
    let with_plus = page.files.iter().find(|file| file.filename.contains('+'));
    let Some(url) = with_plus.and_then(|file| file.url.as_ref()) else { return };
    let (folder, name) = url.path().rsplit_once('/').unwrap_or(("", url.path()));
    let mut wrong = Vec::new();
    for name in [name.replace("%2B", "+").replace("%2b", "+"), name.replace('+', "%2B")] {
        let mut other = url.clone();
        other.set_path(&format!("{folder}/{name}"));
        let answer = asker.get(&other).encoding("identity").limit(0).send().await;
        if answer.status != 200 {
            wrong.push(format!("`{name}`: {}", answer.told()));
        }
    }
    // A file that is there under no spelling is told where files are downloaded.
    if wrong.len() < 2 {
        report.weigh(&PLUS, &wrong, name);
    }
}

/// Downloads a file and compares it with what the page says of it.
async fn download(
    asker: &Asker,
    listed: &Listed,
    url: &Url,
    limit: u64,
    report: &mut Report,
) -> Option<Bytes> {
    if listed.size.is_some_and(|size| size > limit) {
        report.found(&TOO_LARGE, format!("{} is the smallest of its kind", listed.filename));
        return None;
    }
    let answer = asker.get(url).encoding("identity").limit(limit).send().await;
    let name = &listed.filename;
    if answer.is_cut {
        report.found(&TOO_LARGE, format!("{name} is larger than {limit} bytes"));
        return None;
    }
    report.judge(&SERVED, answer.is_ok(), format!("{} for {name}", answer.told()));
    if !answer.is_ok() {
        return None;
    }
    let coded = coding(asker, url, &answer, report).await;
    length(asker, url, name, &answer, report).await;
    cache::file(&answer, report);
    let bytes = answer.body;
    if coded {
        // Whatever came are not the bytes of the file.
        return None;
    }
    if let Some(expected) = &listed.sha256 {
        let found = Sha256Digest::of(&bytes).to_string();
        report.judge(&BYTES, found == *expected, format!("{found} of {name}"));
    }
    if let Some(expected) = listed.size {
        let seen = format!("{} bytes of {name}, listed as {expected}", bytes.len());
        report.judge(&SIZE, expected == bytes.len() as u64, seen);
    }
    Some(bytes)
}

/// Whether a file comes in a coding, to who takes none or to who takes any.
async fn coding(asker: &Asker, url: &Url, plain: &Answer, report: &mut Report) -> bool {
    let of = |answer: &Answer| {
        answer.header("content-encoding").filter(|coding| !coding.eq_ignore_ascii_case("identity"))
    };
    let any = asker.get(url).encoding(ANY_CODING).limit(0).send().await;
    let codings: Vec<String> = [plain, &any]
        .into_iter()
        .filter_map(of)
        .map(|coding| format!("`Content-Encoding: {coding}`"))
        .collect();
    report.weigh(&FILE_CODING, &codings, "none");
    of(plain).is_some()
}

async fn length(asker: &Asker, url: &Url, name: &str, answer: &Answer, report: &mut Report) {
    let size = answer.body.len() as u64;
    let said = answer.content_length();
    report.judge(
        &LENGTH,
        said == Some(size),
        said.map_or("no `Content-Length`".to_owned(), |said| said.to_string()),
    );
    let head = asker.head(url).encoding("identity").send().await;
    let same = head.status == 200 && head.content_length() == Some(size);
    let length = head.header("content-length").unwrap_or_else(|| "none".to_owned());
    report.judge(&HEAD, same, format!("{}, `Content-Length`: {length}", head.told()));
    let Some(disposition) = answer.header("content-disposition") else { return };
    let given = disposition.split(';').find_map(|part| part.trim().strip_prefix("filename="));
    let is_other = given.is_some_and(|given| given.trim_matches('"') != name);
    report.judge(&DISPOSITION, !is_other, format!("`{disposition}`"));
}

/// Whether a file of a private index is given to nobody in particular.
async fn open(asker: &Asker, url: &Url, report: &mut Report) {
    // Addresses that are signed say by themselves who may read.
    if asker.index().is_same_origin(url) && url.query().is_none() {
        let answer = asker.get(url).encoding("identity").by_nobody().limit(0).send().await;
        report.judge(&OPEN_FILES, answer.status != 200, format!("{} without credentials", answer.told()));
    }
}
