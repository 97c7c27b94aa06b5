//! Attacks 9 to 16: archives that mean harm, or that two readers read differently. Each has the verdict that it must have,
//! and is compared with what CPython makes of it.

mod large;
mod served;
#[cfg(target_os = "linux")]
mod traced;

use std::collections::BTreeMap;
use std::io::Cursor;

use depot_dist::{Limits, rules};
use depot_proto::DistributionFilename;
use depot_tests::corpus::{Case, PROJECT, Python, tar_cases, zip_cases};
use depot_tests::{Clients, counted, run, workspace_root};
use serde_json::Value;

/// Reads every file in its folder, with the reader for its kind, to the end.
const READER: &str = include_str!("corpus/reader.py");

/// What the rules say of a case.
fn verdict_of(case: &Case) -> rules::Verdict {
    let filename = DistributionFilename::parse(&case.filename, &PROJECT.parse().unwrap()).unwrap();
    rules::check(Cursor::new(&case.bytes), &filename, &Limits::default()).unwrap()
}

#[track_caller]
fn assert_verdicts(cases: &[Case]) {
    let mut wrong = Vec::new();
    for case in cases {
        let verdict = verdict_of(case);
        if verdict.codes() != case.codes() || verdict.is_refused() != case.is_refused() {
            let said: Vec<String> = verdict.findings.iter().map(ToString::to_string).collect();
            wrong.push(format!("{}: expected {:?}, found {said:#?}", case.name, case.codes()));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn every_zip_of_the_corpus_has_its_verdict() {
    let cases = zip_cases();
    assert_verdicts(&cases);
    let bad = cases.iter().filter(|case| case.is_refused()).count();
    assert!(bad >= 45 && cases.len() - bad >= 10, "{bad} of {}", cases.len());
    counted("attack 9", "zips judged", cases.len() as u64);
}

#[test]
fn every_tar_of_the_corpus_has_its_verdict() {
    let cases = tar_cases();
    assert_verdicts(&cases);
    let bad = cases.iter().filter(|case| case.is_refused()).count();
    assert!(bad >= 40 && cases.len() - bad >= 10, "{bad} of {}", cases.len());
    counted("attack 11", "tars judged", cases.len() as u64);
}

#[test]
fn no_two_cases_share_a_name_and_all_rules_are_tried() {
    let cases = [zip_cases(), tar_cases()].concat();
    let filenames: std::collections::BTreeSet<&str> =
        cases.iter().map(|case| case.filename.as_str()).collect();
    assert_eq!(filenames.len(), cases.len());
    let tried: Vec<&str> = cases.iter().flat_map(Case::codes).collect();
    // A file of another kind is no archive of the corpus.
    let untried: Vec<&str> =
        rules::ALL.iter().map(|rule| rule.code).filter(|code| !tried.contains(code)).collect();
    assert_eq!(untried, ["kind"]);
}

/// What CPython made of a file: the digests of what it holds, or why it would not read it.
fn read_by_python(cases: &[Case]) -> Option<BTreeMap<String, Value>> {
    let clients = Clients::find()?;
    let room = clients.room();
    for case in cases {
        std::fs::write(room.path().join(&case.filename), &case.bytes).unwrap();
    }
    let output = run(room.command("python").args(["-c", READER])).assert_success().stdout;
    Some(serde_json::from_str(&output).unwrap())
}

#[track_caller]
fn assert_agrees_with_python(cases: &[Case]) {
    let Some(read) = read_by_python(cases) else { return };
    let mut wrong = Vec::new();
    for case in cases {
        let python = &read[&case.filename];
        let held = python.as_object();
        let fits = match case.python {
            Python::Agrees if case.is_refused() => held.is_none(),
            Python::Agrees => held.is_some_and(|held| {
                held.len() == case.holds.len()
                    && case.holds.iter().all(|(name, sha256)| held.get(name).is_some_and(|it| it == sha256))
            }),
            Python::Reads(_) => case.is_refused() && held.is_some(),
            Python::Varies(_) => case.is_refused(),
        };
        if !fits {
            wrong.push(format!("{} ({:?}): {python:.300}", case.name, case.python));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn zipfile_reads_what_is_taken_as_it_is_meant_and_differs_only_where_that_is_agreed() {
    let cases = zip_cases();
    assert_agrees_with_python(&cases);
    counted("attack 9", "zips compared with CPython's zipfile", cases.len() as u64);
}

#[test]
fn tarfile_reads_what_is_taken_as_it_is_meant_and_differs_only_where_that_is_agreed() {
    let cases = tar_cases();
    assert_agrees_with_python(&cases);
    counted("attack 11", "tars compared with CPython's tarfile", cases.len() as u64);
}

#[test]
fn the_page_of_the_rules_has_each_of_them_as_it_is() {
    let page = std::fs::read_to_string(workspace_root().join("docs/rules.md")).unwrap();
    for rule in rules::ALL {
        let row = format!("| `{}` | {} | {} |\n", rule.code, rule.severity, rule.about);
        assert!(page.contains(&row), "docs/rules.md has no row {row}");
    }
    assert_eq!(page.lines().filter(|line| line.starts_with("| `")).count(), rules::ALL.len());
}
