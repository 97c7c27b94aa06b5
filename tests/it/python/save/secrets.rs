//! Credentials in the index's URL: they go to the index and nowhere else.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use depot_tests::{FakeFile, FakeIndex, Fault, Output, Style, WheelBuilder, run};

use super::STYLES;
use crate::python::depot::listing;
use crate::python::saved::Saved;

const PASSWORD: &str = "pa55-w0rd";

fn index(style: Style) -> FakeIndex {
    FakeIndex::builder(style)
        .credentials("ann", PASSWORD)
        .wheel(&WheelBuilder::new("near", "1.0"))
        .file("far", FakeFile::from(&WheelBuilder::new("far", "1.0")).foreign())
        .start()
}

/// Fails where anything that was said or written holds the password, plain or encoded.
#[track_caller]
fn assert_kept(saved: &Saved, said: &Output) {
    let encoded = STANDARD.encode(format!("ann:{PASSWORD}"));
    let mut texts = vec![said.stdout.clone(), said.stderr.clone()];
    for path in listing(saved.around()).keys() {
        let path = saved.around().join(path);
        if path.is_file() {
            texts.push(String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned());
        }
    }
    for text in texts {
        assert!(!text.contains(PASSWORD) && !text.contains(&encoded), "{text}");
    }
}

#[test]
fn credentials_go_to_the_index_and_not_to_another_origin() {
    for style in STYLES {
        for args in [
            &["near", "far", "-v"][..],
            &["near", "far", "--format", "json"],
            &["near", "far", "--dry-run", "-v"],
        ] {
            let (index, saved) = (index(style), Saved::new());
            let said = run(&mut saved.save_command(&index.url_with_credentials(), args)).assert_success();
            assert_kept(&saved, &said);
            for request in index.requests() {
                assert_eq!(request.authorization.is_some(), !request.foreign, "{request:?}");
            }
            assert!(
                style == Style::Json && args.contains(&"--dry-run")
                    || index.requests().iter().any(|request| request.foreign)
            );
        }
    }
}

#[test]
fn credentials_in_the_environment_are_kept_too() {
    let (index, saved) = (index(Style::Json), Saved::new());
    let mut command = depot_tests::depot_command(["python", "save", "near", "-v"]);
    command.arg("--dir").arg(saved.root()).env("DEPOT_INDEX_URL", index.url_with_credentials());
    assert_kept(&saved, &run(&mut command).assert_success());
    let mut command = depot_tests::depot_command(["python", "save", "--help"]);
    command.env("DEPOT_INDEX_URL", index.url_with_credentials()).env("DEPOT_AUTH_TOKEN", PASSWORD);
    assert_kept(&saved, &run(&mut command).assert_success());
}

#[test]
fn credentials_do_not_follow_a_redirect_to_another_origin() {
    for style in STYLES {
        let (index, saved) = (index(style), Saved::new());
        let near = FakeIndex::file_path("near", &WheelBuilder::new("near", "1.0").filename());
        index.fault_times(&near, 1, Fault::Redirect(format!("{}{near}", index.foreign_origin())));
        let said = run(&mut saved.save_command(&index.url_with_credentials(), &["near"])).assert_success();
        assert_kept(&saved, &said);
        let foreign: Vec<_> = index.requests().into_iter().filter(|request| request.foreign).collect();
        assert_eq!(foreign.len(), 1);
        assert_eq!(foreign[0].authorization, None);

        // And a page that lies elsewhere is asked for without them.
        let (index, saved) = (self::index(style), Saved::new());
        let page = FakeIndex::page_path("near");
        index.fault_times(&page, 1, Fault::Redirect(format!("{}{page}", index.foreign_origin())));
        let said = run(&mut saved.save_command(&index.url_with_credentials(), &["near"]));
        assert_kept(&saved, &said);
        for request in index.requests().iter().filter(|request| request.foreign) {
            assert_eq!(request.authorization, None, "{request:?}");
        }
    }
}

#[test]
fn no_failure_repeats_credentials() {
    for style in STYLES {
        let (mut index, saved) = (index(style), Saved::new());
        let near = FakeIndex::file_path("near", &WheelBuilder::new("near", "1.0").filename());
        let url = index.url_with_credentials();
        let run = |args: &[&str]| run(&mut saved.save_command(&url, args));
        for fault in [
            Fault::NotFound,
            Fault::WrongBytes,
            Fault::Status { code: 403, retry_after: None },
            Fault::Redirect("file:///etc/passwd".to_owned()),
        ] {
            index.fault(&near, fault.clone());
            let said = run(&["near", "-v"]).assert_code(3);
            assert_kept(&saved, &said);
            index.heal();
            index.fault(&FakeIndex::page_path("near"), fault);
            assert_kept(&saved, &run(&["near", "-v"]));
            index.heal();
        }
        assert_kept(&saved, &run(&["absent", "near==99"]).assert_code(3));
        index.stop();
        assert_kept(&saved, &run(&["near", "-v"]).assert_code(3));
    }
}

#[test]
fn wrong_credentials_are_a_clear_failure_and_are_not_repeated() {
    for style in STYLES {
        let (index, saved) = (index(style), Saved::new());
        let without = saved.save(&index, &["near"]).assert_code(3);
        assert!(
            without.stderr.contains("401") || without.stderr.contains("credentials"),
            "{}",
            without.stderr
        );
        let url = index.url().replace("http://", "http://ann:wr0ng-one@");
        let wrong = run(&mut saved.save_command(&url, &["near", "-v"])).assert_code(3);
        assert!(
            wrong.stderr.contains("credentials") && !wrong.stderr.contains("wr0ng-one"),
            "{}",
            wrong.stderr
        );
        assert!(saved.filenames("near").is_empty());
    }
}

#[test]
fn a_url_that_cannot_be_read_is_not_repeated() {
    let saved = Saved::new();
    for url in [
        format!("ftp://ann:{PASSWORD}@index.example/"),
        format!("https://ann:{PASSWORD}@/"),
        format!("https://ann:{PASSWORD}@index.example:port/"),
        format!("https://ann:{PASSWORD}@index.example/?a=b"),
        format!("ann:{PASSWORD}@index.example"),
    ] {
        let said = run(&mut saved.save_command(&url, &["near", "-v"]));
        assert!(matches!(said.code, Some(1 | 2)), "{url}: {:?}", said.code);
        assert_kept(&saved, &said);
    }
}
