//! Parts of a file (RFC 9110, section 14), as pip, uv and Poetry ask for them.

use bytes::Bytes;
use reqwest::header::{IF_RANGE as IF_RANGE_HEADER, RANGE};
use url::Url;

use crate::doctor::{
    ask::{Answer, Asker},
    checks::{
        IF_RANGE, RANGE_BEYOND, RANGE_BYTES, RANGE_SUFFIX, RANGES, RANGES_CLAIMED, RANGES_SAID, RESUME,
    },
    report::Report,
};

/// How many bytes of a file are asked for.
const PART: usize = 64;

/// A validator that no server gives.
const OTHER_VERSION: &str = "\"depot-doctor-made-this-up\"";

/// Asks for parts of a file whose bytes are these.
pub(super) async fn look(asker: &Asker, url: &Url, bytes: &Bytes, report: &mut Report) {
    let size = bytes.len();
    if size < 4 {
        return;
    }
    let ask = async |range: String, condition: Option<&str>| {
        let question =
            asker.get(url).encoding("identity").header(RANGE, &format!("bytes={range}")).limit(size as u64);
        let question = match condition {
            Some(condition) => question.header(IF_RANGE_HEADER, condition),
            None => question,
        };
        question.send().await
    };
    let head = asker.head(url).encoding("identity").send().await;
    let from = size / 3;
    let to = (from + PART - 1).min(size - 1);
    let middle = ask(format!("{from}-{to}"), None).await;
    // That HEAD does not work is told by itself.
    let said = if head.status == 200 { &head } else { &middle };
    let claims = said.header_has("accept-ranges", "bytes");
    if middle.status != 206 {
        if claims {
            report
                .found(&RANGES_CLAIMED, format!("`Accept-Ranges: bytes`, and {} for a range", middle.told()));
        } else {
            report.found(&RANGES, format!("{} for a range", middle.told()));
        }
        return;
    }
    report.well(&RANGES, format!("206 for bytes {from}-{to}"));
    report.well(&RANGES_CLAIMED, "206");
    report.judge(
        &RANGES_SAID,
        claims,
        said.header("accept-ranges").unwrap_or_else(|| "no `Accept-Ranges`".to_owned()),
    );
    let wrong: Vec<String> = part_fault(&middle, bytes, from, to).into_iter().collect();
    report.weigh(&RANGE_BYTES, &wrong, format!("bytes {from}-{to}"));

    let mut wrong = Vec::new();
    for length in [PART.min(size - 1), size + 1000] {
        let answer = ask(format!("-{length}"), None).await;
        let fault = part_fault(&answer, bytes, size.saturating_sub(length), size - 1);
        wrong.extend(fault.map(|fault| format!("bytes=-{length}: {fault}")));
    }
    report.weigh(&RANGE_SUFFIX, &wrong, format!("the last {PART} bytes, and all"));

    let beyond = ask(format!("{}-", size + 1000), None).await;
    let range = beyond.header("content-range").unwrap_or_default();
    let is_said = beyond.status == 416 && range == format!("bytes */{size}");
    report.judge(&RANGE_BEYOND, is_said, format!("{}, `{range}`", beyond.told()));

    let other = ask(format!("{from}-{to}"), Some(OTHER_VERSION)).await;
    report.judge(&IF_RANGE, other.status == 200, format!("{} for another version", other.told()));
    if let Some(tag) = said.header("etag").filter(|tag| !tag.starts_with("W/")) {
        let same = ask(format!("{from}-"), Some(&tag)).await;
        let fault = part_fault(&same, bytes, from, size - 1);
        report.weigh(&RESUME, &fault.into_iter().collect::<Vec<_>>(), format!("206 for `{tag}`"));
    }
}

/// What is wrong with an answer that should be these bytes of the file.
fn part_fault(answer: &Answer, bytes: &Bytes, from: usize, to: usize) -> Option<String> {
    if answer.status != 206 {
        return Some(answer.told());
    }
    let expected = format!("bytes {from}-{to}/{}", bytes.len());
    let range = answer.header("content-range").unwrap_or_default();
    if range != expected {
        return Some(format!("`Content-Range: {range}`, not `{expected}`"));
    }
    (answer.body != bytes[from..=to]).then(|| format!("{} other bytes", answer.body.len()))
}
