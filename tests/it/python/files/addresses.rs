//! The spellings of a file's address that are the same, and those that are not.

use depot_tests::WheelBuilder;

use super::depot_with_a_wheel;
use crate::python::depot::assert_refused;

#[test]
fn a_plus_and_its_escape_are_the_same_file() {
    let (depot, wheel) = depot_with_a_wheel();
    assert!(wheel.path().contains('+'));
    for plus in ["+", "%2B", "%2b"] {
        for suffix in ["", ".metadata"] {
            let path = format!("{}{suffix}", wheel.path().replace('+', plus));
            let file = depot.get(&path, &[]);
            let expected = if suffix.is_empty() { &wheel.bytes } else { &wheel.metadata };
            assert_eq!((file.status, &file.body == expected), (200, true), "{path}");
        }
    }
    for other in ["%20", "%252B", "", "_", "%2B%2B"] {
        let path = wheel.path().replace('+', other);
        let refused = depot.get(&path, &["Accept: application/json"]);
        assert_refused(&refused, 404, "not-found");
    }
}

#[test]
fn any_escaped_character_is_the_character() {
    let (depot, _) = depot_with_a_wheel();
    let sdist = depot.publish(&super::sdist());
    assert!(sdist.path().contains('!'));
    for path in [
        sdist.path(),
        sdist.path().replace('!', "%21"),
        sdist.path().replace("tea_pot", "tea%5Fpot"),
        sdist.path().replace(".tar.gz", "%2Etar%2Egz"),
        sdist.path().replace("/tea-pot/", "/te%61%2Dpot/"),
    ] {
        let file = depot.get(&path, &[]);
        assert_eq!((file.status, file.body == sdist.bytes), (200, true), "{path}");
    }
}

#[test]
fn a_file_is_under_its_upload_address_too() {
    let (depot, wheel) = depot_with_a_wheel();
    for suffix in ["", ".metadata"] {
        let (one, other) = (format!("{}{suffix}", wheel.path()), format!("{}{suffix}", wheel.upload_path()));
        let (one, other) = (depot.get(&one, &[]), depot.get(&other, &[]));
        assert_eq!((other.status, other.body == one.body), (200, true));
        assert_eq!(other.header("etag"), one.header("etag"));
        assert_eq!(other.header("cache-control"), one.header("cache-control"));
    }
    let part = depot.get(&wheel.upload_path(), &["Range: bytes=1-2"]);
    assert_eq!((part.status, part.body.as_slice()), (206, &wheel.bytes[1..3]));
}

#[test]
fn a_query_changes_nothing() {
    let (depot, wheel) = depot_with_a_wheel();
    let file = depot.get(&format!("{}?x=%FF&format=json", wheel.path()), &[]);
    assert_eq!((file.status, file.body == wheel.bytes), (200, true));
}

#[test]
fn what_is_not_here_is_not_found() {
    let (depot, wheel) = depot_with_a_wheel();
    depot.publish(&WheelBuilder::new("lid", "1.0"));
    let long = format!("/python/files/tea-pot/tea_pot-{}.tar.gz", "1".repeat(300));
    for path in [
        "/python/files/tea-pot/tea_pot-2.0-py3-none-any.whl",
        "/python/files/tea-pot/tea_pot-2.0-py3-none-any.whl.metadata",
        "/python/files/tea-pot/lid-1.0-py3-none-any.whl",
        "/python/files/lid/tea_pot-1.0+lab.2-py3-none-any.whl",
        "/python/files/unknown/unknown-1.0.tar.gz",
        "/python/files/_x_/_x_-1.0.tar.gz",
        "/python/files/tea-pot/Tea_Pot-1.0+lab.2-py3-none-any.whl",
        "/python/files/tea-pot/tea_pot-1.0+lab.2-py3-none-any.whl/",
        "/python/files/tea-pot/",
        "/python/files/tea-pot",
        "/python/files/",
        "/python/files/tea-pot/%2E%2E",
        "/python/files/tea-pot/..%2F..%2Fkeys",
        "/python/files/%2E%2E/admin.token",
        "/python/files/tea-pot/x%00.whl",
        "/python/files/tea-pot/README.md",
        &long,
    ] {
        let refused = depot.get(path, &["Accept: application/json"]);
        assert_refused(&refused, 404, "not-found");
        assert_eq!(depot.request("HEAD", path, &[]).status, 404, "{path}");
    }
    assert_eq!(depot.get(&wheel.path(), &[]).status, 200);
}
