//! Where pages are, and what is answered beside them.

use depot_tests::WheelBuilder;
use reqwest::Url;

use super::{PAGE, ROOT, depot_with_a_teapot};
use crate::python::depot::assert_refused;
use crate::python::index::{Index, JSON};

/// The answer's `Location`, as a client resolves it.
#[track_caller]
fn redirected(depot: &Index, path: &str, headers: &[&str]) -> (String, String) {
    let answer = depot.get(path, headers);
    assert_eq!(answer.status, 301, "{path}: {}", answer.text());
    let location = answer.header("location").expect("a redirect leads somewhere").to_owned();
    let url: Url = format!("http://depot.example{path}").parse().unwrap();
    let target = url.join(&location).unwrap();
    assert_eq!(target.host_str(), Some("depot.example"), "{path} leads away: {location}");
    let query = target.query().map(|query| format!("?{query}")).unwrap_or_default();
    (location, format!("{}{query}", target.path()))
}

#[test]
fn a_missing_slash_and_another_spelling_are_redirected_for_ever() {
    let depot = depot_with_a_teapot();
    for (path, target) in [
        ("/python/simple", ROOT),
        ("/python/simple/tea-pot", PAGE),
        ("/python/simple/Tea.Pot", PAGE),
        ("/python/simple/TEA_-.POT/", PAGE),
        ("/python/simple/tea..pot/", PAGE),
        ("/python/simple/tea__pot/", PAGE),
        ("/python/simple/tea%2Epot/", PAGE),
    ] {
        assert_eq!(redirected(&depot, path, &[]).1, target, "{path}");
        assert_eq!(depot.get(target, &[]).status, 200);
        let head = depot.request("HEAD", path, &[]);
        assert_eq!((head.status, head.body.len()), (301, 0));
    }
}

#[test]
fn a_redirect_keeps_the_query() {
    let depot = depot_with_a_teapot();
    for path in
        ["/python/simple", "/python/simple/tea-pot", "/python/simple/Tea.Pot", "/python/simple/Tea.Pot/"]
    {
        let query = "?format=json&x=%2B+%26";
        let (_, target) = redirected(&depot, &format!("{path}{query}"), &[]);
        assert!(target.ends_with(query), "{target}");
        assert_eq!(depot.get(&target, &[]).header("content-type"), Some(JSON));
    }
}

#[test]
fn a_redirect_is_relative_whatever_the_host_header_says() {
    let depot = depot_with_a_teapot();
    for path in ["/python/simple", "/python/simple/Tea.Pot", "/python/simple/Tea.Pot/"] {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\n\
             Forwarded: host=evil.example\r\nConnection: close\r\n\r\n"
        );
        let answer = depot_tests::send(depot.server().url(), request).unwrap();
        assert_eq!(answer.status, 301);
        let location = answer.header("location").unwrap();
        assert!(!location.contains("evil") && !location.contains("//"), "{location}");
        assert!(!location.starts_with('/'), "a prefix that a proxy took off would be lost: {location}");
        assert!(!answer.text().contains("evil"));
    }
}

#[test]
fn no_path_makes_a_redirect_lead_elsewhere() {
    let depot = depot_with_a_teapot();
    for path in [
        "/python/simple/%2F%2Fevil.example",
        "/python/simple/%2F%2Fevil.example/",
        "/python/simple/http:%2F%2Fevil.example/",
        "/python/simple/evil.example%0D%0ALocation:%20x/",
        "/python/simple/%5C%5Cevil.example/",
        "//evil.example/python/simple",
        "/python/simple//evil.example/",
    ] {
        let answer = depot.get(path, &[]);
        assert!((400..500).contains(&answer.status), "{path}: {} {:?}", answer.status, answer.headers);
        assert_eq!(answer.header("location"), None, "{path}");
    }
}

#[test]
fn an_unknown_project_is_not_found() {
    let depot = depot_with_a_teapot();
    for path in ["/python/simple/unknown/", "/python/simple/tea-pots/", "/python/simple/t/"] {
        let refused = depot.get(path, &["Accept: application/vnd.pypi.simple.v1+json"]);
        assert_refused(&refused, 404, "not-found");
        assert_ne!(depot.get(path, &[]).header("content-type"), Some("application/problem+json"));
        let html = depot.get(path, &["Accept: text/html"]);
        assert_eq!((html.status, html.header("content-type")), (404, Some("text/html; charset=utf-8")));
    }
    assert_eq!(redirected(&depot, "/python/simple/Un_known", &[]).1, "/python/simple/un-known/");
}

#[test]
fn a_name_that_no_project_can_have_is_not_found() {
    let depot = depot_with_a_teapot();
    let long = "a".repeat(201);
    for name in [
        "_x_",
        "-x",
        "x-",
        ".x",
        "x.",
        "tea-pot.",
        "tea-pot__",
        "...",
        "x%20y",
        "x%0A",
        "x%00",
        "x%2Fy",
        "%2E%2E",
        "x%5Cy",
        "%C3%A9",
        "x+y",
        "x%25",
        "x!y",
        "~x",
        &long,
    ] {
        for path in [format!("/python/simple/{name}/"), format!("/python/simple/{name}")] {
            let refused = depot.get(&path, &["Accept: application/vnd.pypi.simple.v1+json"]);
            assert_refused(&refused, 404, "not-found");
        }
    }
}

#[test]
fn a_path_that_is_no_text_is_refused_as_such() {
    let depot = depot_with_a_teapot();
    for path in [
        "/python/simple/%FF/",
        "/python/simple/x%FF",
        "/python/files/tea-pot/x%FF.whl",
        "/python/files/%FF/x",
    ] {
        let refused = depot.get(path, &["Accept: application/json"]);
        assert_refused(&refused, 400, "bad-request");
    }
}

#[test]
fn an_empty_depot_has_an_empty_list() {
    let depot = Index::start();
    let root = depot.json(ROOT);
    assert_eq!(root["projects"], serde_json::json!([]));
    assert_eq!(root["meta"]["api-version"], "1.4");
    let html = depot.get(ROOT, &["Accept: text/html"]).text();
    assert!(html.contains("<!DOCTYPE html>") && !html.contains("<a "), "{html}");
}

#[test]
fn the_list_of_projects_links_to_each_by_its_normalized_name() {
    let depot = depot_with_a_teapot();
    depot.publish(&WheelBuilder::new("Lid", "1"));
    depot.publish(&WheelBuilder::new("zig__Zag", "1"));
    assert_eq!(
        depot.json(ROOT)["projects"],
        serde_json::json!([{ "name": "lid" }, { "name": "tea-pot" }, { "name": "zig-zag" }])
    );
    let html = depot.get(ROOT, &["Accept: text/html"]).text();
    // The links are relative, because some clients read names out of them.
    for name in ["lid", "tea-pot", "zig-zag"] {
        assert!(html.contains(&format!("<a href=\"{name}/\">{name}</a>")), "{html}");
        assert_eq!(depot.get(&format!("{ROOT}{name}/"), &[]).status, 200);
    }
}

#[test]
fn pages_take_no_other_methods() {
    let depot = depot_with_a_teapot();
    for path in [ROOT, PAGE, "/python/simple/tea-pot"] {
        for method in ["POST", "DELETE", "PATCH", "PUT"] {
            let headers = ["Accept: application/json", "Content-Length: 0"];
            let refused = depot.request(method, path, &headers);
            assert_refused(&refused, 405, "method-not-allowed");
            let allow = refused.header("allow").unwrap_or_else(|| panic!("{method} {path}: no Allow"));
            let allowed: Vec<_> = allow.split(',').map(str::trim).collect();
            assert!(allowed.contains(&"GET") && allowed.contains(&"HEAD"), "{allow}");
        }
    }
}
