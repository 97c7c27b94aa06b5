//! Metadata and provenance beside files (PEP 658, 714, 740), compared with what is inside.

use std::io::Cursor;

use depot_dist::{Limits, read};
use depot_proto::{DistributionFilename, DistributionKind, ProjectName, Sha256Digest};
use url::Url;

use super::{
    ask::{Asker, shown},
    checks::{METADATA_HASH, METADATA_REQUIRES, METADATA_SAME, METADATA_SERVED, OFFERED, PROVENANCE},
    files::Held,
    listing::{Listed, Mark, Page, resolve},
    report::Report,
};

/// The largest metadata read, in bytes.
const LIMIT: u64 = 10 << 20;

pub(super) async fn look(
    asker: &Asker,
    page: &Page,
    project: &ProjectName,
    held: &[Held],
    report: &mut Report,
) {
    offered(page, project, report);
    for Held { listed, filename, bytes } in held {
        let inside = read(Cursor::new(bytes.clone()), filename, &Limits::default()).ok();
        let served = match (&listed.mark, &listed.url) {
            (Some(mark), Some(url)) => sidecar(asker, listed, mark, url, report).await,
            _ => None,
        };
        let Some(inside) = inside else { continue };
        if let Some(served) = served.filter(|_| matches!(filename, DistributionFilename::Wheel(_))) {
            let seen =
                format!("{} bytes, {} in {}", served.len(), inside.raw_metadata.len(), listed.filename);
            report.judge(&METADATA_SAME, served == inside.raw_metadata, seen);
        }
        // Of an sdist, what stands inside may be decided when it is built.
        if matches!(filename, DistributionFilename::Wheel(_)) || inside.metadata.requires_python.is_some() {
            requires(listed, inside.metadata.requires_python.as_deref(), report);
        }
    }
    provenance(asker, page, report).await;
}

fn offered(page: &Page, project: &ProjectName, report: &mut Report) {
    let is_wheel =
        |file: &&Listed| file.parsed(project).is_some_and(|name| name.kind() == DistributionKind::Wheel);
    let wheels: Vec<&Listed> = page.files.iter().filter(is_wheel).collect();
    if !wheels.is_empty() {
        let marked = wheels.iter().filter(|wheel| wheel.mark.is_some()).count();
        report.judge(&OFFERED, marked == wheels.len(), format!("{marked} of {} wheels", wheels.len()));
    }
}

/// Asks for the metadata beside a file.
async fn sidecar(
    asker: &Asker,
    listed: &Listed,
    mark: &Mark,
    url: &Url,
    report: &mut Report,
) -> Option<Vec<u8>> {
    let mut beside = url.clone();
    beside.set_path(&format!("{}.metadata", url.path()));
    let answer = asker.get(&beside).encoding("identity").limit(LIMIT).send().await;
    report.judge(
        &METADATA_SERVED,
        answer.is_ok(),
        format!("{} for {}.metadata", answer.told(), listed.filename),
    );
    if !answer.is_ok() {
        return None;
    }
    if let Mark::Sha256(expected) = mark {
        let found = Sha256Digest::of(&answer.body).to_string();
        report.judge(&METADATA_HASH, found == *expected, format!("{found} of {}.metadata", listed.filename));
    }
    Some(answer.body.to_vec())
}

/// Compares what the page says of a file with the file.
fn requires(listed: &Listed, inside: Option<&str>, report: &mut Report) {
    let plain = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    // A value that nobody can read is told where it is read.
    let said = listed.requires_python.as_deref();
    if said.is_some_and(super::html::is_unreadable) {
        return;
    }
    let shown = |text: Option<&str>| text.map_or("nothing".to_owned(), |text| format!("`{text}`"));
    let seen = format!("{}, and {} in {}", shown(said), shown(inside), listed.filename);
    report.judge(&METADATA_REQUIRES, said.map(plain) == inside.map(plain), seen);
}

/// Asks for one provenance that the page names.
async fn provenance(asker: &Asker, page: &Page, report: &mut Report) {
    let Some(link) = page.files.iter().find_map(|file| file.provenance.as_ref()) else { return };
    let Some(url) = resolve(&page.answer.url, link) else {
        report.found(&PROVENANCE, format!("`{link}` leads nowhere"));
        return;
    };
    let answer = asker.get(&url).accept("application/vnd.pypi.integrity.v1+json").limit(LIMIT).send().await;
    let document: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let is_whole = answer.is_ok() && document["version"] == 1 && document["attestation_bundles"].is_array();
    report.judge(&PROVENANCE, is_whole, format!("{} at {}", answer.told(), shown(&url)));
}
