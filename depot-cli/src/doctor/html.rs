//! The page as HTML (PEP 503, 592, 629, 658, 714).

use depot_proto::{DistributionFilename, RequiresPython};
use percent_encoding::percent_decode_str;
use url::Url;

use super::{
    anchors::{self, Anchor, Document, Raw},
    ask::{Answer, cut},
    checks::{
        HTML_BASE, HTML_FRAGMENT, HTML_HASH, HTML_LINKS, HTML_MARK, HTML_RAW, HTML_REQUIRES, HTML_TEXT,
        HTML_TWIN, HTML_VERSION, HTML_YANKED,
    },
    listing::{Listed, Mark, Page, is_lower_hex, is_sha256, resolve},
    report::Report,
};

/// The attributes that say where metadata is.
const MARKS: [&str; 2] = ["data-core-metadata", "data-dist-info-metadata"];

/// The digests that clients know in fragments, with the number of their digits.
const DIGESTS: [(&str, usize); 5] =
    [("md5", 32), ("sha256", 64), ("sha384", 96), ("sha512", 128), ("blake2b", 64)];

/// A link to a file.
struct Link<'a> {
    anchor: &'a Anchor,
    href: String,
    filename: String,
}

/// Reads a page, and judges how it is written. One that is known to be empty need not list anything.
pub(super) fn look(answer: Answer, is_empty: bool, report: &mut Report) -> Page {
    let document = anchors::read(&answer.text());
    let base = base(&document, &answer.url, report);
    let links: Vec<Link> = document.anchors.iter().filter_map(link).collect();
    report.judge(&HTML_LINKS, is_empty || !links.is_empty(), format!("{} links to files", links.len()));
    let version =
        document.metas.iter().find(|(name, _)| name.eq_ignore_ascii_case("pypi:repository-version"));
    let version = version.map(|(_, content)| content.as_str());
    report.judge(
        &HTML_VERSION,
        version.is_some_and(|version| version == "1" || version.starts_with("1.")),
        version.map_or_else(
            || "no `pypi:repository-version`".to_owned(),
            |version| format!("`{}`", cut(version)),
        ),
    );
    if !links.is_empty() {
        writing(&links, report);
        digests(&links, report);
        marks(&links, report);
    }
    let files = links.iter().map(|link| listed(link, &base)).collect();
    Page { answer, files }
}

/// What links are relative to.
fn base(document: &Document, url: &Url, report: &mut Report) -> Url {
    let Some(base) = &document.base else { return url.clone() };
    let is_absolute = Url::parse(base).is_ok();
    report.judge(&HTML_BASE, is_absolute, format!("`{}`", cut(base)));
    url.join(base).unwrap_or_else(|_| url.clone())
}

/// An anchor, if it leads to a distribution.
fn link(anchor: &Anchor) -> Option<Link<'_>> {
    let href = anchor.value("href")?;
    let path = href.split(['?', '#']).next()?;
    let last = path.rsplit('/').next()?;
    let filename = percent_decode_str(last).decode_utf8_lossy().into_owned();
    // Old formats are files too, though no installer takes them.
    let is_old = [".egg", ".exe", ".msi", ".rpm"].iter().any(|end| filename.ends_with(end));
    (is_old || DistributionFilename::guess(&filename).is_ok()).then_some(Link { anchor, href, filename })
}

fn writing(links: &[Link], report: &mut Report) {
    let wrong = |is_wrong: &dyn Fn(&Link) -> Option<String>| -> Vec<String> {
        links.iter().filter_map(is_wrong).collect()
    };
    let texts = wrong(&|link| {
        (link.anchor.text != link.filename)
            .then(|| format!("`{}` for {}", cut(&link.anchor.text), link.filename))
    });
    report.weigh(&HTML_TEXT, &texts, format!("{} links", links.len()));
    let bare = wrong(&|link| link.anchor.has_bare_end().then(|| link.filename.clone()));
    report.weigh(&HTML_RAW, &bare, "every `>` is escaped");
    let has = |name: &str| links.iter().any(|link| link.anchor.raw(name).is_some());
    let requires = wrong(&|link| {
        let value = link.anchor.value("data-requires-python").filter(|value| !value.trim().is_empty())?;
        is_unreadable(&value).then(|| format!("`{}` of {}", cut(&value), link.filename))
    });
    if has("data-requires-python") {
        report.weigh(&HTML_REQUIRES, &requires, "escaped once");
    }
    let yanked =
        wrong(&|link| (link.anchor.raw("data-yanked") == Some(Raw::Bare)).then(|| link.filename.clone()));
    if has("data-yanked") {
        report.weigh(&HTML_YANKED, &yanked, "`data-yanked=\"...\"`");
    }
}

/// Whether nobody can read this as versions of Python.
pub(super) fn is_unreadable(specifiers: &str) -> bool {
    ["&gt", "&lt", "&amp"].iter().any(|escaped| specifiers.contains(escaped))
        || specifiers.parse::<RequiresPython>().is_err()
}

/// What is wrong with a fragment, if clients would not know it as a digest.
fn fragment_fault(href: &str) -> Option<String> {
    let (_, fragment) = href.split_once('#')?;
    let fault = || Some(format!("`#{}`", cut(fragment)));
    match fragment.split_once('=') {
        Some((name, digest)) => match DIGESTS.iter().find(|(known, _)| *known == name) {
            Some((_, digits)) if digest.len() == *digits && is_lower_hex(digest) => None,
            _ => fault(),
        },
        // A place in the page is no digest, and no harm.
        None => {
            if fragment.len() >= 32 && is_lower_hex(fragment) {
                fault()
            } else {
                None
            }
        }
    }
}

fn digests(links: &[Link], report: &mut Report) {
    let faults: Vec<String> = links.iter().filter_map(|link| fragment_fault(&link.href)).collect();
    report.weigh(&HTML_FRAGMENT, &faults, "none that is unknown");
    let bare: Vec<String> = links
        .iter()
        .filter(|link| !link.href.contains("#sha256=") && fragment_fault(&link.href).is_none())
        .map(|link| link.filename.clone())
        .collect();
    report.weigh(&HTML_HASH, &bare, format!("{} links", links.len()));
}

fn marks(links: &[Link], report: &mut Report) {
    let (mut wrong, mut single, mut marked) = (Vec::new(), Vec::new(), 0);
    for link in links {
        let values = MARKS.map(|name| link.anchor.value(name));
        for value in values.iter().flatten() {
            if value != "true" && mark(value).is_none() {
                wrong.push(format!("`{}` of {}", cut(value), link.filename));
            }
        }
        let number = values.iter().flatten().count();
        marked += usize::from(number > 0);
        if number == 1 {
            single.push(link.filename.clone());
        }
    }
    if marked > 0 {
        report.weigh(&HTML_MARK, &wrong, format!("{marked} marked"));
        report.weigh(&HTML_TWIN, &single, format!("{marked} marked"));
    }
}

fn mark(value: &str) -> Option<Mark> {
    match value.split_once('=') {
        Some(("sha256", digest)) if is_sha256(digest) => Some(Mark::Sha256(digest.to_owned())),
        Some((name, digest))
            if DIGESTS.iter().any(|(known, digits)| *known == name && digest.len() == *digits) =>
        {
            Some(Mark::There)
        }
        _ => (value == "true").then_some(Mark::There),
    }
}

fn listed(link: &Link, base: &Url) -> Listed {
    let marks = MARKS.iter().find_map(|name| link.anchor.value(name));
    Listed {
        filename: link.filename.clone(),
        link: link.href.clone(),
        url: resolve(base, &link.href),
        sha256: link.href.split_once("#sha256=").map(|(_, digest)| digest.to_owned()),
        size: None,
        requires_python: link.anchor.value("data-requires-python").filter(|value| !value.trim().is_empty()),
        mark: marks.and_then(|value| mark(&value)),
        provenance: link.anchor.value("data-provenance").filter(|value| !value.is_empty()),
    }
}
