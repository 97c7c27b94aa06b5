//! Pages in content codings: each coding is a representation of its own, and nobody gets one that was not asked for.

use std::collections::BTreeSet;
use std::io::Read as _;

use depot_tests::RawResponse;

use super::{Item, assert_each_holds};
use crate::python::index::{Index, lasting_headers, varies_by};
use crate::python::pages::content::stocked;

const BOTH: [&str; 2] = ["/python/simple/", "/python/simple/tea-pot/"];
const FORMS: [&str; 3] =
    ["application/vnd.pypi.simple.v1+json", "application/vnd.pypi.simple.v1+html", "text/html"];

fn ask(depot: &Index, method: &str, path: &str, accept: &str, more: &[&str]) -> RawResponse {
    depot.request(method, path, &[&[&*format!("Accept: {accept}")], more].concat())
}

/// The coding of an answer; `identity` where none is named.
fn coding(page: &RawResponse) -> &str {
    page.header("content-encoding").unwrap_or("identity")
}

/// The bytes of a page with its coding taken off.
fn decoded(page: &RawResponse) -> Vec<u8> {
    let mut bytes = Vec::new();
    match coding(page) {
        "identity" => return page.body.clone(),
        "gzip" => {
            // As clients read it: every member to the end, and nothing after the last.
            flate2::read::MultiGzDecoder::new(&page.body[..]).read_to_end(&mut bytes).unwrap();
        }
        "zstd" => {
            zstd::stream::read::Decoder::new(&page.body[..]).unwrap().read_to_end(&mut bytes).unwrap();
        }
        other => panic!("nobody asked for {other}"),
    }
    bytes
}

/// Asks for both pages in all forms, with these lines about codings, for as long as `check` is content with the coding.
/// The page must be the same as without.
#[track_caller]
fn each(depot: &Index, lines: &[&str], check: impl Fn(&str, &str)) {
    for path in BOTH {
        for accept in FORMS {
            let plain = ask(depot, "GET", path, accept, &[]);
            let page = ask(depot, "GET", path, accept, lines);
            assert_eq!((page.status, page.complete), (200, true), "{path} {accept} {lines:?}");
            assert_eq!(page.header("content-type"), plain.header("content-type"), "{lines:?}");
            check(path, coding(&page));
            assert!(decoded(&page) == plain.body, "{path} {accept} {lines:?}: other bytes");
        }
    }
}

#[track_caller]
fn assert_coded(depot: &Index, accepted: &str, codings: &[&str]) {
    each(depot, &[&format!("Accept-Encoding: {accepted}")], |path, coding| {
        assert!(codings.contains(&coding), "{path} for `{accepted}`: {coding}");
    });
}

const ITEMS: &[Item<Index>] = &[
    ("who says nothing of codings gets the bytes as they are", |depot| {
        each(depot, &[], |_, coding| assert_eq!(coding, "identity"));
    }),
    ("pip gets gzip", |depot| assert_coded(depot, "gzip, deflate", &["gzip"])),
    ("uv gets zstd or gzip", |depot| assert_coded(depot, "gzip, deflate, zstd", &["zstd", "gzip"])),
    ("browsers get zstd or gzip", |depot| assert_coded(depot, "gzip, deflate, br, zstd", &["zstd", "gzip"])),
    ("who reads only one coding gets that or none", |depot| {
        assert_coded(depot, "gzip", &["gzip", "identity"]);
        assert_coded(depot, "zstd", &["zstd", "identity"]);
    }),
    ("a coding of quality nought is never sent", |depot| {
        assert_coded(depot, "gzip;q=0", &["identity"]);
        assert_coded(depot, "zstd, gzip;q=0", &["zstd", "identity"]);
        assert_coded(depot, "gzip;q=0.000, zstd;q=0.0", &["identity"]);
        assert_coded(depot, "gzip;q=0, *", &["zstd", "identity"]);
    }),
    ("the better quality wins", |depot| {
        assert_coded(depot, "zstd;q=0.5, gzip;q=1.0", &["gzip"]);
        assert_coded(depot, "identity, gzip;q=0.5", &["identity"]);
        assert_coded(depot, "identity;q=1.0, *;q=0.1", &["identity"]);
    }),
    ("who refuses the bytes as they are gets them in a coding", |depot| {
        assert_coded(depot, "identity;q=0, gzip", &["gzip"]);
        assert_coded(depot, "gzip;q=0.001, identity;q=0", &["gzip"]);
        assert_coded(depot, "*, identity;q=0", &["gzip", "zstd"]);
    }),
    ("who refuses everything gets the page all the same", |depot| {
        assert_coded(depot, "identity;q=0", &["identity", "gzip"]);
        assert_coded(depot, "*;q=0", &["identity"]);
    }),
    ("who takes anything gets a coding that is known", |depot| {
        assert_coded(depot, "*", &["identity", "gzip", "zstd"]);
    }),
    ("codings that are not known count for nothing", |depot| {
        for accepted in ["br", "deflate, br", "compress", "gzipx", "aes128gcm, exi", "", ",;,", "\u{fc}"] {
            assert_coded(depot, accepted, &["identity"]);
        }
        assert_coded(depot, "br;q=1.0, gzip;q=0.1", &["gzip"]);
    }),
    ("names are read in any case, and several lines are one list", |depot| {
        assert_coded(depot, "GZip", &["gzip"]);
        each(depot, &["Accept-Encoding: br", "Accept-Encoding: gzip"], |_, coding| {
            assert_eq!(coding, "gzip");
        });
    }),
    ("each coding of each form has a strong validator of its own", |depot| {
        for path in BOTH {
            let mut bodies = BTreeSet::new();
            let mut etags = BTreeSet::new();
            for accept in FORMS {
                for accepted in ["identity", "gzip", "zstd"] {
                    let page = ask(depot, "GET", path, accept, &[&format!("Accept-Encoding: {accepted}")]);
                    let etag = page.header("etag").unwrap().to_owned();
                    assert!(etag.starts_with('"'), "{etag}");
                    let of = (page.header("content-type").unwrap().to_owned(), coding(&page).to_owned());
                    bodies.insert(of);
                    etags.insert(etag);
                }
            }
            assert_eq!(etags.len(), bodies.len(), "{path}: {bodies:?}");
        }
    }),
    ("who has a coding is told so for that coding alone", |depot| {
        for path in BOTH {
            let lines = ["identity", "gzip", "zstd"].map(|it| format!("Accept-Encoding: {it}"));
            let pages = lines.each_ref().map(|line| ask(depot, "GET", path, FORMS[0], &[line]));
            for (line, page) in lines.iter().zip(&pages) {
                for other in &pages {
                    let known = format!("If-None-Match: {}", other.header("etag").unwrap());
                    let answer = ask(depot, "GET", path, FORMS[0], &[line, &known]);
                    let same = coding(other) == coding(page);
                    assert_eq!(answer.status, if same { 304 } else { 200 }, "{path} {line} {known}");
                    if same {
                        assert_eq!(answer.header("etag"), page.header("etag"));
                        assert_eq!((answer.body.len(), answer.header("vary")), (0, page.header("vary")));
                    }
                }
            }
        }
    }),
    ("every page varies by Accept and by Accept-Encoding, in a coding or not", |depot| {
        for path in BOTH {
            for accepted in ["identity", "gzip", "zstd", "br"] {
                let page = ask(depot, "GET", path, FORMS[0], &[&format!("Accept-Encoding: {accepted}")]);
                assert!(
                    varies_by(&page, "accept") && varies_by(&page, "accept-encoding"),
                    "{:?}",
                    page.headers
                );
            }
        }
    }),
    ("a HEAD has the length and the headers of the coding", |depot| {
        for path in BOTH {
            for accepted in ["identity", "gzip", "zstd"] {
                let line = format!("Accept-Encoding: {accepted}");
                let get = ask(depot, "GET", path, FORMS[0], &[&line]);
                let head = ask(depot, "HEAD", path, FORMS[0], &[&line]);
                assert_eq!((head.status, head.body.len()), (200, 0));
                assert_eq!(lasting_headers(&head), lasting_headers(&get), "{path} {accepted}");
                assert_eq!(get.header("content-length"), Some(&*get.body.len().to_string()));
            }
        }
    }),
    ("a change is seen at once in every coding", |depot| {
        let lines = ["gzip", "zstd"].map(|it| format!("Accept-Encoding: {it}"));
        depot.publish(&depot_tests::WheelBuilder::new("lid", "1.0"));
        for line in &lines {
            let root = decoded(&ask(depot, "GET", BOTH[0], FORMS[0], &[line]));
            assert!(String::from_utf8(root).unwrap().contains("\"lid\""), "{line}");
        }
        depot.publish(&depot_tests::WheelBuilder::new("tea-pot", "7.0"));
        for line in &lines {
            let page = decoded(&ask(depot, "GET", BOTH[1], FORMS[0], &[line]));
            assert!(String::from_utf8(page).unwrap().contains("tea_pot-7.0-py3"), "{line}");
        }
    }),
];

#[test]
fn pages_come_in_the_codings_that_clients_read() {
    let (depot, _) = stocked();
    assert_each_holds("codings of pages", &depot, ITEMS);
}
