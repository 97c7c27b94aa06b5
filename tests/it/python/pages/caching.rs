//! Validators, caching headers and serials of pages.

use depot_tests::{RawResponse, SdistBuilder, WheelBuilder};

use super::{PAGE, ROOT, depot_with_a_teapot};
use crate::python::index::{HTML, HTML_V1, Index, JSON, varies_by};

/// The three representations, by what a client accepts.
const FORMS: [&str; 3] = [
    "Accept: application/vnd.pypi.simple.v1+json",
    "Accept: application/vnd.pypi.simple.v1+html",
    "Accept: text/html",
];

#[track_caller]
fn etag(page: &RawResponse) -> String {
    let etag = page.header("etag").expect("a page has a validator").to_owned();
    let inside = etag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    assert!(inside.is_some_and(|inside| !inside.is_empty() && !inside.contains('"')), "not strong: {etag}");
    etag
}

fn serial(page: &RawResponse) -> u64 {
    page.header("x-pypi-last-serial").expect("a page has a serial").parse().unwrap()
}

#[test]
fn each_representation_has_a_validator_of_its_own() {
    let depot = depot_with_a_teapot();
    for path in [ROOT, PAGE] {
        let pages = FORMS.map(|accept| depot.get(path, &[accept]));
        let types = pages.each_ref().map(|page| page.header("content-type").unwrap());
        assert_eq!(types, [JSON, HTML_V1, HTML]);
        let [json, html_v1, html] = pages.each_ref().map(etag);
        assert_ne!(json, html, "{path}");
        assert_ne!(json, html_v1, "{path}");
        // The bytes are the same, but a 304 would stand for another Content-Type.
        assert_ne!(html_v1, html, "{path}");
        // And it lasts for as long as nothing changes.
        assert_eq!(FORMS.map(|accept| etag(&depot.get(path, &[accept]))), [json, html_v1, html]);
    }
}

#[test]
fn a_client_that_has_the_representation_is_told_so() {
    let depot = depot_with_a_teapot();
    for path in [ROOT, PAGE] {
        for accept in FORMS {
            let page = depot.get(path, &[accept]);
            let etag = etag(&page);
            for known in [
                etag.clone(),
                format!("W/{etag}"),
                format!("\"other\", {etag}"),
                format!("\"other\",W/{etag} , \"more\""),
                "*".to_owned(),
            ] {
                for method in ["GET", "HEAD"] {
                    let answer = depot.request(method, path, &[accept, &format!("If-None-Match: {known}")]);
                    assert_eq!((answer.status, answer.body.len()), (304, 0), "{path} {accept} {known}");
                    assert_eq!(answer.header("etag"), Some(etag.as_str()));
                    assert!(varies_by(&answer, "accept"), "{:?}", answer.headers);
                    assert_eq!(answer.header("cache-control"), page.header("cache-control"));
                    assert_eq!(serial(&answer), serial(&page));
                    assert_eq!(answer.header("content-length").unwrap_or("0"), "0");
                }
            }
            let lines = [accept, "If-None-Match: \"other\"", &format!("If-None-Match: {etag}")];
            assert_eq!(depot.get(path, &lines).status, 304, "several lines are one list");
        }
    }
}

#[test]
fn a_client_that_has_something_else_gets_the_page() {
    let depot = depot_with_a_teapot();
    for path in [ROOT, PAGE] {
        let etags = FORMS.map(|accept| etag(&depot.get(path, &[accept])));
        let bare = etags[0].trim_matches('"').to_owned();
        let upper = etags[0].to_ascii_uppercase();
        for known in ["\"other\"", "", "\"\"", &bare, &upper, &etags[1], &etags[2]] {
            let page = depot.get(path, &[FORMS[0], &format!("If-None-Match: {known}")]);
            assert_eq!((page.status, page.header("content-type")), (200, Some(JSON)), "{known}");
        }
        let html = depot.get(path, &[FORMS[2], &format!("If-None-Match: {}", etags[0])]);
        assert_eq!((html.status, html.header("content-type")), (200, Some(HTML)));
    }
}

#[test]
fn pages_are_kept_by_caches_only_to_be_asked_for_again() {
    let depot = depot_with_a_teapot();
    for path in [ROOT, PAGE] {
        for accept in FORMS {
            let page = depot.get(path, &[accept]);
            assert_eq!(page.header("cache-control"), Some("no-cache"));
            assert!(!varies_by(&page, "*"), "pip keeps nothing that varies by everything");
        }
    }
}

#[test]
fn every_answer_of_a_page_varies_by_accept() {
    let depot = depot_with_a_teapot();
    for (path, status) in [
        (ROOT, 200),
        (PAGE, 200),
        ("/python/simple/unknown/", 404),
        ("/python/simple/_x_/", 404),
        ("/python/simple/?format=xml", 406),
        ("/python/simple/tea-pot/?format=xml", 406),
        ("/python/simple", 301),
        ("/python/simple/tea-pot", 301),
        ("/python/simple/Tea.Pot/", 301),
    ] {
        for headers in [&[][..], &["Accept: application/vnd.pypi.simple.v1+json"], &["Accept: text/html"]] {
            let answer = depot.get(path, headers);
            assert_eq!(answer.status, status, "{path}");
            assert!(varies_by(&answer, "accept"), "{path}: {:?}", answer.headers);
        }
    }
}

#[test]
fn a_change_is_seen_at_once_in_every_form_and_raises_the_serial() {
    let depot = depot_with_a_teapot();
    let see = |path: &str| FORMS.map(|accept| depot.get(path, &[accept]));
    let (page_before, root_before) = (see(PAGE), see(ROOT));

    depot.publish(&WheelBuilder::new("tea-pot", "2.0"));
    let page_after = see(PAGE);
    for (before, after) in page_before.iter().zip(&page_after) {
        assert!(after.text().contains("tea_pot-2.0-py3-none-any.whl"), "{}", after.text());
        assert_ne!(etag(before), etag(after));
        assert!(serial(before) < serial(after));
    }
    assert_eq!(etag(&see(ROOT)[0]), etag(&root_before[0]), "the list of names is the same");

    depot.publish(&SdistBuilder::new("lid", "1.0"));
    for (before, after) in root_before.iter().zip(&see(ROOT)) {
        assert!(after.text().contains("lid"), "{}", after.text());
        assert_ne!(etag(before), etag(after));
        assert!(serial(before) < serial(after));
    }
    let page_last = see(PAGE);
    assert_eq!(page_last.each_ref().map(etag), page_after.each_ref().map(etag), "another project's change");
    assert_eq!(page_last.each_ref().map(serial), page_after.each_ref().map(serial));
}

#[test]
fn validators_and_serials_survive_a_restart() {
    let mut depot = depot_with_a_teapot();
    let see = |depot: &Index| {
        [ROOT, PAGE].map(|path| {
            let page = depot.get(path, &[FORMS[0]]);
            (etag(&page), serial(&page))
        })
    };
    let before = see(&depot);
    depot.restart_after(|| ());
    assert_eq!(see(&depot), before);
}
