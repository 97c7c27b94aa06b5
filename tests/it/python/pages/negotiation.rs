//! Which form of a page a client gets (PEP 691).

use depot_tests::RawResponse;

use super::{PAGE, ROOT, depot_with_a_teapot};
use crate::python::depot::{assert_refused, body};
use crate::python::index::{HTML, HTML_V1, Index, JSON, lasting_headers, varies_by};

const PIP: &str =
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01";
const UV: &str =
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01";
const POETRY: &str = "application/vnd.pypi.simple.v1+json, */*;q=0.1";
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

#[track_caller]
fn assert_form(page: &RawResponse, content_type: &str, asked: &str) {
    assert_eq!((page.status, page.header("content-type")), (200, Some(content_type)), "{asked}");
    let start = if content_type == JSON { "{" } else { "<!DOCTYPE html>" };
    assert!(page.text().starts_with(start), "{asked}: {}", page.text());
    assert!(varies_by(page, "accept"), "{asked}: {:?}", page.headers);
    assert_eq!(page.header("content-encoding"), None);
}

/// Asks for both kinds of page with these header lines.
#[track_caller]
fn assert_both(depot: &Index, headers: &[&str], content_type: &str) {
    for path in [ROOT, PAGE] {
        assert_form(&depot.get(path, headers), content_type, &format!("{path} {headers:?}"));
    }
}

#[test]
fn clients_of_the_wild_get_the_form_they_read() {
    let depot = depot_with_a_teapot();
    assert_both(&depot, &[], HTML);
    for (accept, content_type) in
        [("*/*", HTML), (BROWSER, HTML), ("text/html", HTML), (PIP, JSON), (UV, JSON), (POETRY, JSON)]
    {
        assert_both(&depot, &[&format!("Accept: {accept}")], content_type);
    }
}

#[test]
fn quality_decides_and_then_how_closely_a_form_is_named() {
    let depot = depot_with_a_teapot();
    for (accept, content_type) in [
        (JSON, JSON),
        ("application/vnd.pypi.simple.latest+json", JSON),
        ("application/vnd.pypi.simple.latest+html", HTML_V1),
        ("application/vnd.pypi.simple.v1+html", HTML_V1),
        ("application/vnd.pypi.simple.v1+json;q=0, text/html", HTML),
        ("application/vnd.pypi.simple.v1+json;q=0, */*", HTML),
        ("text/html;q=0, */*", JSON),
        ("*/*, application/vnd.pypi.simple.v1+json", JSON),
        ("text/html, application/vnd.pypi.simple.v1+json", JSON),
        ("text/html, application/vnd.pypi.simple.v1+html", HTML_V1),
        ("application/vnd.pypi.simple.v1+html, application/vnd.pypi.simple.v1+json", JSON),
        ("text/html;q=0.9, application/vnd.pypi.simple.v1+json;q=0.8", HTML),
        ("text/html;q=0.001, application/vnd.pypi.simple.v1+json;q=0.002", JSON),
        ("APPLICATION/VND.PYPI.SIMPLE.V1+JSON", JSON),
        ("application/*", JSON),
        ("text/*", HTML),
    ] {
        assert_both(&depot, &[&format!("Accept: {accept}")], content_type);
    }
}

#[test]
fn who_accepts_nothing_on_offer_gets_html() {
    let depot = depot_with_a_teapot();
    for accept in [
        "",
        "application/json",
        "image/png",
        "text/html;q=0",
        "*/*;q=0",
        "application/vnd.pypi.simple.v2+json",
        "rubbish",
        ",;,",
        "\u{fc}\u{fc}/*",
    ] {
        assert_both(&depot, &[&format!("Accept: {accept}")], HTML);
    }
}

#[test]
fn several_accept_lines_are_one_list() {
    let depot = depot_with_a_teapot();
    assert_both(&depot, &["Accept: text/html;q=0.1", &format!("Accept: {JSON}")], JSON);
    assert_both(&depot, &[&format!("Accept: {JSON};q=0.1"), "Accept: image/png", "Accept: text/html"], HTML);
}

#[test]
fn the_format_parameter_decides_over_the_header() {
    let depot = depot_with_a_teapot();
    for (format, content_type) in [
        ("json", JSON),
        ("html", HTML),
        ("application/vnd.pypi.simple.v1%2Bjson", JSON),
        ("application/vnd.pypi.simple.v1+json", JSON),
        ("application%2Fvnd.pypi.simple.latest%2Bjson", JSON),
        ("application/vnd.pypi.simple.v1%2Bhtml", HTML_V1),
        ("application/vnd.pypi.simple.latest+html", HTML_V1),
        ("text/html", HTML),
    ] {
        let other = if content_type == JSON {
            "Accept: text/html"
        } else {
            "Accept: application/vnd.pypi.simple.v1+json"
        };
        for path in [ROOT, PAGE] {
            let path = format!("{path}?format={format}");
            assert_form(&depot.get(&path, &[other]), content_type, &path);
        }
    }
}

#[test]
fn an_unknown_format_parameter_is_not_acceptable() {
    let depot = depot_with_a_teapot();
    for format in ["xml", "", "application/json", "*/*"] {
        for path in [ROOT, PAGE] {
            let refused = depot.get(&format!("{path}?format={format}"), &["Accept: application/json"]);
            assert_refused(&refused, 406, "not-acceptable");
            assert!(varies_by(&refused, "accept"), "{:?}", refused.headers);
            assert!(refused.text().contains(JSON), "the answer names what there is: {}", refused.text());
        }
    }
}

#[test]
fn a_query_that_contradicts_itself_is_refused_as_a_problem() {
    let depot = depot_with_a_teapot();
    for path in [ROOT, PAGE] {
        let refused = depot.get(&format!("{path}?format=json&format=html"), &["Accept: application/json"]);
        assert!((400..500).contains(&refused.status), "{}", refused.status);
        assert_refused(&refused, refused.status, body(&refused)["code"].as_str().unwrap());
    }
}

#[test]
fn other_parameters_of_the_query_change_nothing() {
    let depot = depot_with_a_teapot();
    for query in ["?", "?x", "?x=1&format=json&y=%FF", "?format=json&&"] {
        let page = depot.get(&format!("{PAGE}{query}"), &[]);
        assert_form(&page, if query.contains("json") { JSON } else { HTML }, query);
    }
}

#[test]
fn a_head_says_what_a_get_says_without_the_body() {
    let depot = depot_with_a_teapot();
    for path in [ROOT, PAGE, "/python/simple/unknown/", "/python/simple", "/python/simple/?format=xml"] {
        for accept in [PIP, "text/html", "*/*"] {
            let accept = format!("Accept: {accept}");
            let (get, head) = (depot.get(path, &[&accept]), depot.request("HEAD", path, &[&accept]));
            assert_eq!(head.status, get.status, "{path}");
            assert_eq!(head.body, b"", "{path}");
            // Every refusal has an id of its own, and all ids are of one length.
            assert_eq!(lasting_headers(&head), lasting_headers(&get), "{path} {accept}");
            if get.status == 200 {
                assert_eq!(get.header("content-length"), Some(get.body.len().to_string().as_str()));
            }
        }
    }
}
