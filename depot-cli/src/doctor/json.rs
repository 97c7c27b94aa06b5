//! The page as JSON (PEP 691, 700, 714, 792).

mod ordered;

use depot_proto::{ProjectName, Version};
use serde_json::Value;

use super::{
    ask::{Answer, cut},
    checks::{
        JSON_FIELDS, JSON_HASH, JSON_HASH_NAME, JSON_MARK, JSON_NAME, JSON_READ, JSON_REQUIRES, JSON_SIZE,
        JSON_STATUS, JSON_TIME, JSON_TIME_FORM, JSON_VERSION, JSON_VERSIONS, JSON_YANKED,
    },
    html::is_unreadable,
    listing::{Listed, Mark, Page, is_sha256, resolve},
    report::Report,
};

/// The keys that say where metadata is: the name of today, the one before, and what PyPI writes for it.
const MARKS: [&str; 3] = ["core-metadata", "dist-info-metadata", "data-dist-info-metadata"];

/// The digests that Python's own library knows by these names.
const DIGESTS: [&str; 12] = [
    "sha256", "sha384", "sha512", "sha224", "sha1", "md5", "blake2b", "blake2s", "sha3_224", "sha3_256",
    "sha3_384", "sha3_512",
];

/// The states that a project may be in (PEP 792).
const STATES: [&str; 4] = ["active", "archived", "deprecated", "quarantined"];

/// Reads a page, and judges what it says; none where it cannot be read.
pub(super) fn look(answer: Answer, project: &ProjectName, report: &mut Report) -> Option<Page> {
    let page = match read(&answer) {
        Ok(page) => page,
        Err(why) => {
            report.found(&JSON_READ, why);
            return None;
        }
    };
    let files: Vec<&Value> = page["files"].as_array().into_iter().flatten().collect();
    report.well(&JSON_READ, format!("{} files", files.len()));
    head(&page, project, report);
    if !files.is_empty() {
        fields(&files, report);
        digests(&answer, &files, report);
        times(&files, report);
        facts(&files, report);
    }
    versions(&page, &files, project, report);
    let files = files.iter().filter_map(|file| listed(file, &answer)).collect();
    Some(Page { answer, files })
}

fn read(answer: &Answer) -> Result<Value, String> {
    let page: Value =
        serde_json::from_slice(&answer.body).map_err(|error| format!("it is no JSON: {error}"))?;
    let files = page["files"].as_array().ok_or("there is no list `files`")?;
    if files.iter().any(|file| !file.is_object()) {
        return Err("`files` has something that is no object".to_owned());
    }
    Ok(page)
}

fn head(page: &Value, project: &ProjectName, report: &mut Report) {
    let version = &page["meta"]["api-version"];
    let is_one = version.as_str().is_some_and(|version| version == "1" || version.starts_with("1."));
    report.judge(&JSON_VERSION, is_one, format!("`{version}`"));
    let name = &page["name"];
    report.judge(&JSON_NAME, name == project.as_str(), format!("`{}`", cut(&name.to_string())));
    let misplaced = page["meta"].get("project-status").is_some();
    if let Some(state) = page.get("project-status") {
        let status = state["status"].as_str();
        report.judge(
            &JSON_STATUS,
            status.is_some_and(|status| STATES.contains(&status)),
            format!("`{}`", cut(&state.to_string())),
        );
    } else if misplaced {
        report.found(&JSON_STATUS, "it stands in `meta`");
    }
}

/// What is wrong with files, each with the file's name.
fn faults(files: &[&Value], fault: impl Fn(&Value) -> Option<String>) -> Vec<String> {
    let name = |file: &Value| file["filename"].as_str().map_or("a file without a name".to_owned(), cut);
    files.iter().filter_map(|file| Some(format!("{} of {}", fault(file)?, name(file)))).collect()
}

fn fields(files: &[&Value], report: &mut Report) {
    let wrong = faults(files, |file| {
        let is_text = |key: &str| file[key].as_str().is_some_and(|text| !text.is_empty());
        if !is_text("filename") || !is_text("url") || !file["hashes"].is_object() {
            let missing = ["filename", "url", "hashes"].into_iter().find(|key| file[*key].is_null());
            return Some(format!("`{}`", missing.unwrap_or("filename, url or hashes")));
        }
        let is_wrong = |key: &&&str| match (**key, file.get(**key)) {
            (_, None) => false,
            ("size", Some(value)) => !value.is_u64(),
            ("upload-time", Some(value)) => !value.is_string(),
            ("yanked", Some(value)) => !value.is_string() && !value.is_boolean(),
            (_, Some(value)) => !value.is_string() && !value.is_null(),
        };
        let key = ["size", "upload-time", "yanked", "requires-python"];
        let key = key.iter().find(is_wrong)?;
        Some(format!("`{key}: {}`", cut(&file[*key].to_string())))
    });
    report.weigh(&JSON_FIELDS, &wrong, format!("{} files", files.len()));
    let without = faults(files, |file| file.get("size").is_none().then(|| "no size".to_owned()));
    report.weigh(&JSON_SIZE, &without, format!("{} files", files.len()));
}

fn digests(answer: &Answer, files: &[&Value], report: &mut Report) {
    let unknown: Vec<String> = ordered::first_digests(&answer.body)
        .into_iter()
        .filter(|name| !DIGESTS.contains(&name.as_str()))
        .map(|name| format!("`{}` comes first", cut(&name)))
        .collect();
    report.weigh(&JSON_HASH_NAME, &unknown, "known ones first");
    let is_bad = |value: &Value| !value.as_str().is_some_and(is_sha256);
    let without = faults(files, |file| match file["hashes"].get("sha256") {
        None if file["hashes"].is_object() => Some("no sha256".to_owned()),
        Some(value) if is_bad(value) => Some(format!("`{}`", cut(&value.to_string()))),
        _ => None,
    });
    report.weigh(&JSON_HASH, &without, format!("{} files", files.len()));
}

fn times(files: &[&Value], report: &mut Report) {
    let without =
        faults(files, |file| file.get("upload-time").is_none().then(|| "no `upload-time`".to_owned()));
    report.weigh(&JSON_TIME, &without, format!("{} files", files.len()));
    if without.len() < files.len() {
        let odd = faults(files, |file| {
            let time = file["upload-time"].as_str()?;
            (!is_time(time)).then(|| format!("`{}`", cut(time)))
        });
        report.weigh(&JSON_TIME_FORM, &odd, "UTC, to the microsecond or second");
    }
}

/// Whether a time has the one form that every version of Python reads.
fn is_time(text: &str) -> bool {
    let Some((whole, fraction)) =
        text.strip_suffix('Z').map(|text| text.split_once('.').unwrap_or((text, "")))
    else {
        return false;
    };
    // With a point there are digits: three or six.
    let has_point = text.contains('.');
    let is_fraction =
        fraction.bytes().all(|byte| byte.is_ascii_digit()) && (!has_point || matches!(fraction.len(), 3 | 6));
    let shape: String = whole.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    is_fraction && shape == "0000-00-00T00:00:00"
}

/// Requires-Python, yanks and marks.
fn facts(files: &[&Value], report: &mut Report) {
    let has = |key: &str| files.iter().any(|file| file.get(key).is_some_and(|value| !value.is_null()));
    if has("requires-python") {
        let wrong = faults(files, |file| {
            let value = file["requires-python"].as_str().filter(|value| !value.trim().is_empty())?;
            is_unreadable(value).then(|| format!("`{}`", cut(value)))
        });
        report.weigh(&JSON_REQUIRES, &wrong, "each can be read");
    }
    if has("yanked") {
        let empty = faults(files, |file| (file["yanked"] == "").then(|| "`\"\"`".to_owned()));
        report.weigh(&JSON_YANKED, &empty, "truths and reasons");
    }
    if MARKS.iter().any(|key| has(key)) {
        let wrong = faults(files, |file| {
            let value = MARKS.iter().filter_map(|key| file.get(*key)).find(|value| is_no_mark(value))?;
            Some(format!("`{}`", cut(&value.to_string())))
        });
        report.weigh(&JSON_MARK, &wrong, "`true`, `false` or a digest");
    }
}

fn is_no_mark(value: &Value) -> bool {
    match value {
        Value::Bool(_) | Value::Null => false,
        Value::Object(digests) => digests.is_empty() || digests.values().any(|digest| !digest.is_string()),
        _ => true,
    }
}

fn versions(page: &Value, files: &[&Value], project: &ProjectName, report: &mut Report) {
    let Some(versions) = page["versions"].as_array() else {
        report.found(&JSON_VERSIONS, "there is no list `versions`");
        return;
    };
    let versions: Vec<Version> = versions.iter().filter_map(Value::as_str).map(Version::read).collect();
    let missing = faults(files, |file| {
        let name = file["filename"].as_str()?;
        let parsed = depot_proto::DistributionFilename::parse(name, project).ok()?;
        (!versions.contains(parsed.version())).then(|| format!("not {}", parsed.version()))
    });
    report.weigh(&JSON_VERSIONS, &missing, format!("{} versions", versions.len()));
}

fn listed(file: &Value, answer: &Answer) -> Option<Listed> {
    let text = |key: &str| file[key].as_str().map(str::to_owned);
    let link = text("url")?;
    let mark = MARKS.iter().find_map(|key| file.get(*key)).and_then(|value| match value {
        Value::Bool(true) => Some(Mark::There),
        Value::Object(digests) => Some(
            digests
                .get("sha256")
                .and_then(Value::as_str)
                .map_or(Mark::There, |digest| Mark::Sha256(digest.to_owned())),
        ),
        _ => None,
    });
    Some(Listed {
        filename: text("filename")?,
        url: resolve(&answer.url, &link),
        link,
        sha256: file["hashes"]["sha256"].as_str().map(str::to_owned),
        size: file["size"].as_u64(),
        requires_python: text("requires-python").filter(|value| !value.trim().is_empty()),
        mark,
        provenance: text("provenance"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_every_python_reads_are_known() {
        for good in ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.123Z", "2026-01-02T03:04:05.123456Z"] {
            assert!(is_time(good), "{good}");
        }
        for bad in [
            "2026-01-02T03:04:05",
            "2026-01-02T03:04:05.Z",
            "2026-01-02T03:04:05.1Z",
            "2026-01-02 03:04:05Z",
            "2026-01-02T03:04:05+00:00",
            "2026-01-02",
            "yesterday",
            "",
        ] {
            assert!(!is_time(bad), "{bad}");
        }
    }
}
