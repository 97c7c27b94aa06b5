use std::borrow::Cow;

use super::*;
use crate::{
    Yanked,
    simple::{PageFile, ProjectPage},
};

fn page(files: &[(&str, &str)]) -> ProjectPage {
    let mut page = ProjectPage::new("foo".parse().unwrap());
    for (filename, uploaded) in files {
        page.files.push(PageFile {
            filename: (*filename).to_owned(),
            upload_time: uploaded.parse().ok(),
            ..PageFile::default()
        });
    }
    page
}

fn names(page: &ProjectPage) -> Vec<&str> {
    page.files.iter().map(|file| file.filename.as_str()).collect()
}

#[test]
fn a_page_of_which_all_is_shown_is_the_same_page() {
    let page = page(&[("foo-1.0.tar.gz", "2026-01-01T00:00:00Z"), ("unreadable", "")]);
    for text in
        ["", "block = ['bar', 'ba*>1']", "allow = ['foo']", "cooldown = '1 day'\ncooldown_unknown = 'allow'"]
    {
        let policy = policy(text);
        let filtered = policy.decide_page(&page, now());
        assert!(
            matches!(filtered.page, Cow::Borrowed(same) if std::ptr::eq(same, &raw const page)),
            "{text}"
        );
        assert_eq!((filtered.hidden.len(), filtered.changes_at), (0, None), "{text}");
    }
}

#[test]
fn a_page_loses_what_is_hidden_and_the_versions_that_have_no_file_left() {
    let mut page = page(&[
        ("foo-1.0.tar.gz", "2026-01-01T00:00:00Z"),
        ("foo-1.0-py3-none-any.whl", "2026-11-21T00:00:00Z"),
        ("foo-2.0.tar.gz", "2026-11-20T00:00:00Z"),
        ("foo-2.0-py3-none-any.whl", "2026-11-19T00:00:00Z"),
        ("foo-3.0.tar.gz", ""),
    ]);
    page.versions = ["0.9", "1.0.0", "2.0", "3.0"].map(str::to_owned).to_vec();
    page.last_serial = Some(7);
    let policy = policy("cooldown = '7 days'");
    let filtered = policy.decide_page(&page, now());
    assert_eq!(names(&filtered.page), ["foo-1.0.tar.gz"]);
    assert_eq!(filtered.page.versions, ["0.9", "1.0.0"]);
    assert_eq!(filtered.page.last_serial, Some(7));
    let hidden: Vec<_> = filtered.hidden.iter().map(|(name, rule)| (name.as_str(), rule.code)).collect();
    assert_eq!(
        hidden,
        [
            ("foo-1.0-py3-none-any.whl", RuleCode::Cooldown),
            ("foo-2.0.tar.gz", RuleCode::Cooldown),
            ("foo-2.0-py3-none-any.whl", RuleCode::Cooldown),
            ("foo-3.0.tar.gz", RuleCode::NoUploadTime),
        ]
    );
    // The wheel of 2.0 is the first to come.
    let next = at("2026-11-26T00:00:00Z");
    assert_eq!(filtered.changes_at, Some(next));
    let then = policy.decide_page(&page, next);
    assert_eq!(names(&then.page), ["foo-1.0.tar.gz", "foo-2.0-py3-none-any.whl"]);
    assert_eq!(then.page.versions, ["0.9", "1.0.0", "2.0"]);
    assert_eq!(then.changes_at, Some(at("2026-11-27T00:00:00Z")));
    let at_last = policy.decide_page(&page, at("2027-01-01T00:00:00Z"));
    assert_eq!((at_last.page.files.len(), at_last.changes_at), (4, None));
}

#[test]
fn an_exception_that_ends_changes_a_page() {
    let page = page(&[("foo-1.0.tar.gz", ""), ("foo-2.0.tar.gz", "")]);
    let policy = policy(
        "block = ['foo']\n[[exception]]\nwhat = 'foo==1'\nuntil = '2026-12-01'\n\
         [[exception]]\nwhat = 'foo==3'\nuntil = '2026-11-23'\n",
    );
    let filtered = policy.decide_page(&page, now());
    assert_eq!(names(&filtered.page), ["foo-1.0.tar.gz"]);
    assert_eq!(filtered.changes_at, Some(at("2026-12-01T00:00:00Z")));
    let then = policy.decide_page(&page, filtered.changes_at.unwrap());
    assert_eq!((names(&then.page), then.changes_at), (Vec::new(), None));
}

/// The page and the single question agree about every file, at every moment.
#[test]
fn a_page_is_decided_as_its_files_are_one_by_one() {
    let mut page = page(&[
        ("foo-1.0.tar.gz", "2026-01-01T00:00:00Z"),
        ("foo-1.1rc1.tar.gz", "2026-11-21T00:00:00Z"),
        ("foo-1.2-py3-none-any.whl", ""),
        ("foo-2.0.post1.tar.gz", "2026-11-12T00:00:00Z"),
        ("foo-weird_.zip", "2026-11-12T00:00:00Z"),
        ("not a file", "2026-11-12T00:00:00Z"),
        ("bar-1.0.tar.gz", "2026-11-12T00:00:00Z"),
    ]);
    page.files[0].yanked = Yanked::because("broken");
    for text in [
        "",
        "cooldown = '7 days'",
        "freeze = '2026-11-15'",
        "block = ['foo<1.1', 'f*==1.2']",
        "allow = ['foo>=1.1', 'fo*<1']\ncooldown = '12 days'\ncooldown_exempt = ['foo>1']",
        "yanked = 'hide'\nblock = ['foo>1.1']\n[[exception]]\nwhat='foo==1.2'\nuntil='2026-11-23'",
        "archived = 'hide'",
    ] {
        for status in [ProjectStatus::Active, ProjectStatus::Archived, ProjectStatus::Quarantined] {
            page.status = status;
            let policy = policy(text);
            let mut moment = now();
            for _ in 0..5 {
                let filtered = policy.decide_page(&page, moment);
                let one_by_one: Vec<_> = page
                    .files
                    .iter()
                    .filter(|file| {
                        let subject = Subject {
                            project: &page.project,
                            version: None,
                            filename: &file.filename,
                            upload_time: file.upload_time,
                            yanked: file.yanked.is_yanked(),
                            status,
                        };
                        policy.decide(subject, moment).is_shown()
                    })
                    .map(|file| file.filename.as_str())
                    .collect();
                assert_eq!(names(&filtered.page), one_by_one, "{text} {status} {moment}");
                assert_eq!(filtered.hidden.len() + one_by_one.len(), page.files.len());
                if let Some(next) = filtered.changes_at {
                    // Nothing changes before it is said to.
                    let before = Timestamp::from_micros(next.micros() - 1).unwrap();
                    assert_eq!(names(&policy.decide_page(&page, before).page), one_by_one, "{text} {before}");
                    moment = next;
                }
            }
        }
    }
}
