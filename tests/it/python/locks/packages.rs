//! Files under the path that they have upstream: `packages/...` of a repository.

use depot_tests::{SdistBuilder, WheelBuilder, sha256_hex};
use serde_json::json;

use crate::python::depot::{Depot, assert_refused, mirrored};

/// Publishes bytes as a copy of what lies at this path of an index.
fn publish_from(depot: &Depot, project: &str, filename: &str, bytes: &[u8], path: &str) {
    let mut record = mirrored(filename, bytes);
    record["depot"]["origin"]["url"] = json!(format!("https://files.example{path}"));
    assert_eq!(depot.announce(project, &record).status, 202);
    assert_eq!(depot.put(project, filename, bytes).status, 201);
}

#[test]
fn a_mirrored_file_is_served_under_its_upstream_path_as_under_its_own() {
    let depot = Depot::start();
    let lid = WheelBuilder::new("lid", "1.0+lab.2");
    let (name, bytes) = (lid.filename(), lid.build());
    publish_from(&depot, "lid", &name, &bytes, "/packages/ab/cd/lid-1.0%2Blab.2-py3-none-any.whl");
    let own = depot.get(&format!("/python/files/lid/{name}"));
    for path in [
        "/python/packages/ab/cd/lid-1.0%2Blab.2-py3-none-any.whl",
        "/python/packages/ab/cd/lid-1.0+lab.2-py3-none-any.whl",
        "/python/packages/packages/ab/cd/lid-1.0+lab.2-py3-none-any.whl",
        // The same file elsewhere at a mirror of the index.
        "/python/packages/lid/lid-1.0+lab.2-py3-none-any.whl",
    ] {
        let answer = depot.get(path);
        assert_eq!((answer.status, answer.body == bytes), (200, true), "{path}: {}", answer.text());
        for header in [
            "etag",
            "cache-control",
            "content-type",
            "content-length",
            "accept-ranges",
            "content-disposition",
        ] {
            assert_eq!(answer.header(header), own.header(header), "{path}: {header}");
        }
    }
    let path = "/python/packages/ab/cd/lid-1.0+lab.2-py3-none-any.whl";
    let head = depot.request("HEAD", path, None, "", b"");
    assert_eq!((head.status, head.header("content-length")), (200, own.header("content-length")));
    let part = depot.request("GET", path, None, "Range: bytes=2-5\r\n", b"");
    assert_eq!((part.status, part.body.as_slice()), (206, &bytes[2..6]));
    let fresh = format!("If-None-Match: {}\r\n", own.header("etag").unwrap());
    assert_eq!(depot.request("GET", path, None, &fresh, b"").status, 304);
    let metadata = depot.get(&format!("{path}.metadata"));
    assert_eq!((metadata.status, metadata.body), (200, lid.metadata()));
}

#[test]
fn what_is_not_there_or_was_not_mirrored_is_not_found() {
    let depot = Depot::start();
    depot.publish(&WheelBuilder::new("ours", "1"));
    for path in [
        "ours/ours-1-py3-none-any.whl",
        "ab/absent-1-py3-none-any.whl",
        "ab/absent-1.tar.gz",
        "ab/",
        "x",
        "ab/-.tar.gz",
        "ours-1-py3-none-any.whl.json",
    ] {
        assert_refused(&depot.get(&format!("/python/packages/{path}")), 404, "not-found");
    }
    assert_eq!(depot.get(&format!("/python/packages/{}.tar.gz", "a-1".repeat(80))).status, 404);
    let answer = depot.request("PUT", "/python/packages/ab/x-1.tar.gz", Some(&depot.token()), "", b"x");
    assert_eq!(answer.status, 405, "{}", answer.text());
}

#[test]
fn a_name_that_is_of_two_projects_is_told_by_its_path() {
    let depot = Depot::start();
    let one = SdistBuilder::new("foo", "1.post1").build();
    let two = SdistBuilder::new("foo-1", "1").build();
    publish_from(&depot, "foo", "foo-1-1.tar.gz", &one, "/packages/aa/foo-1-1.tar.gz");
    publish_from(&depot, "foo-1", "foo-1-1.tar.gz", &two, "/packages/bb/foo-1-1.tar.gz");
    let served = |path: &str| sha256_hex(&depot.get(&format!("/python/packages/{path}/foo-1-1.tar.gz")).body);
    assert_eq!(served("aa"), sha256_hex(&one));
    assert_eq!(served("bb"), sha256_hex(&two));
    assert_eq!(depot.get("/python/packages/cc/foo-1-1.tar.gz").status, 404);
}

#[test]
fn who_may_not_read_a_project_learns_nothing_by_its_paths() {
    let depot = Depot::start_with(&["--private"]);
    let lid = WheelBuilder::new("lid", "1");
    publish_from(&depot, "lid", &lid.filename(), &lid.build(), "/packages/aa/lid-1-py3-none-any.whl");
    let path = "/python/packages/aa/lid-1-py3-none-any.whl";
    assert_eq!(depot.get(path).status, 401);
    assert_eq!(depot.get("/python/packages/aa/absent-1-py3-none-any.whl").status, 401);
    let reader = depot.new_token("reader", &["read:python:lid"]);
    let other = depot.new_token("other", &["read:python:pot"]);
    let status = |token: &str, path: &str| depot.request("GET", path, Some(token), "", b"").status;
    assert_eq!(status(&reader, path), 200);
    assert_eq!(status(&other, path), 403);
    assert_eq!(status(&other, "/python/packages/aa/absent-1-py3-none-any.whl"), 403);
    assert_eq!(status(&other, "/python/packages/aa/pot-1-py3-none-any.whl"), 404);
    let answer = depot.request("GET", path, Some(&reader), "", b"");
    assert!(answer.header("cache-control").unwrap().starts_with("private"));
}
