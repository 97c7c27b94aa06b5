//! What of a request comes back in the head of its answer (attack 21): nothing that could end a line or begin one.

use depot_tests::{RawResponse, SdistBuilder, WheelBuilder, counted};

use super::exchange::Kept;
use crate::python::depot::{Depot, mirrored};

/// Every header that an answer of the server may have.
const KNOWN: &[&str] = &[
    "accept-ranges",
    "allow",
    "cache-control",
    "connection",
    "content-disposition",
    "content-encoding",
    "content-length",
    "content-range",
    "content-security-policy",
    "content-type",
    "cross-origin-resource-policy",
    "date",
    "etag",
    "cross-origin-opener-policy",
    "location",
    "permissions-policy",
    "referrer-policy",
    "retry-after",
    "strict-transport-security",
    "transfer-encoding",
    "vary",
    "www-authenticate",
    "x-content-type-options",
    "x-frame-options",
    "x-pypi-last-serial",
    "x-request-id",
];

/// What could end a line, a quoted text or a parameter, in the spellings that a path or a query may hold.
const SPELLED: &[&str] = &[
    "%0d%0aX-Evil:%20yes",
    "%0aX-Evil:%20yes",
    "%0dX-Evil:%20yes",
    "%00X-Evil:%20yes",
    "%0d%0a%0d%0aX-Evil:%20yes",
    "%250d%250aX-Evil:%20yes",
    "%c4%8d%c4%8aX-Evil:%20yes",
    "%e5%98%8a%e5%98%8dX-Evil:%20yes",
    "%22;X-Evil:%20yes",
    "%22%0d%0aX-Evil:%20yes",
    ";X-Evil=yes",
    "%3bX-Evil=yes",
    "%5c%22X-Evil",
    "%c2%85X-Evil:%20yes",
    "%e2%80%a8X-Evil:%20yes",
    "%0bX-Evil:%20yes",
    "%0cX-Evil:%20yes",
    "%1b[2JX-Evil",
    "%7fX-Evil",
    "%ffX-Evil",
    "'X-Evil",
    "X-Evil:yes",
    "X-Evil,yes",
    "$(X-Evil)",
    "%0d%0aSet-Cookie:%20X-Evil=yes",
    "%0d%0aContent-Length:%200%0d%0a%0d%0aHTTP/1.1%20200%20X-Evil",
];

/// The same as bytes, for the values of headers and for targets that no client would send.
const RAW: &[&[u8]] = &[
    b"\rX-Evil: yes",
    b"\0X-Evil: yes",
    b"\"X-Evil: yes",
    b";X-Evil=yes",
    b"\x0bX-Evil: yes",
    b"\x0cX-Evil: yes",
    b"\x1bX-Evil: yes",
    b"\x7fX-Evil: yes",
    b"\xffX-Evil: yes",
    "\u{10d}\u{10a}X-Evil: yes".as_bytes(),
    "\u{560a}\u{560d}X-Evil: yes".as_bytes(),
    b"\\X-Evil",
    b"'X-Evil",
];

/// Headers that are read, and could be answered with.
const READ: &[&str] = &[
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Authorization",
    "If-None-Match",
    "If-Match",
    "If-Range",
    "Range",
    "If-Modified-Since",
    "Origin",
    "Referer",
    "Host",
    "X-Request-Id",
    "X-Forwarded-Host",
    "Traceparent",
    "Content-Type",
    "Access-Control-Request-Method",
    "Access-Control-Request-Headers",
    "Cookie",
    "User-Agent",
    "Via",
];

/// What is wrong with the head of an answer, if anything.
fn fault(answer: &RawResponse) -> Option<String> {
    if !(100..500).contains(&answer.status) || !answer.complete {
        return Some(answer.status_line.clone());
    }
    let mut seen = Vec::new();
    for (name, value) in &answer.headers {
        let name = name.to_ascii_lowercase();
        // Without a line end a value is printable ASCII: nothing is left that could be read as one.
        if !KNOWN.contains(&name.as_str()) || !value.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            return Some(format!("{name}: {value:?}"));
        }
        if name != "location" && value.to_ascii_lowercase().contains("x-evil") {
            return Some(format!("{name}: {value:?}"));
        }
        if seen.contains(&name) && !["vary", "www-authenticate"].contains(&name.as_str()) {
            return Some(format!("{name} twice"));
        }
        seen.push(name);
    }
    (!answer.status_line.is_ascii() || answer.status_line.contains("Evil"))
        .then(|| answer.status_line.clone())
}

fn requests(depot: &Depot) -> Vec<Vec<u8>> {
    let token = depot.token();
    let places = [
        ("GET", "/python/simple/HERE"),
        ("GET", "/python/simple/HERE/"),
        ("GET", "/python/simple/Tea.Pot?HERE"),
        ("GET", "/python/simple/Tea.Pot/?format=HERE"),
        ("GET", "/python/simple?HERE"),
        ("GET", "/python/simple/?format=HERE"),
        ("GET", "/python/simple/teapot/HERE"),
        ("GET", "/python/files/HERE/teapot-1.0-py3-none-any.whl"),
        ("GET", "/python/files/teapot/teapot-1.0-py3-none-any.whl?HERE"),
        ("GET", "/python/files/teapot/HERE"),
        ("GET", "/python/files/teapot/teapot-1.0HERE.tar.gz"),
        ("PUT", "/python/simple/teapot/teapot-1.0HERE.tar.gz"),
        ("PUT", "/python/simple/HERE/teapot-1.0.tar.gz.json"),
        ("GET", "/HERE"),
        ("GET", "/healthz?HERE"),
        ("HEREGET", "/python/simple/"),
    ];
    let fill = |text: &str, with: &[u8]| {
        let mut parts = text.splitn(2, "HERE");
        let (before, after) = (parts.next().unwrap(), parts.next());
        after.map_or_else(
            || before.as_bytes().to_vec(),
            |after| [before.as_bytes(), with, after.as_bytes()].concat(),
        )
    };
    let rest =
        format!(" HTTP/1.1\r\nHost: depot\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\n\r\n");
    let mut requests = Vec::new();
    for (method, path) in places {
        for with in SPELLED.iter().map(|text| text.as_bytes()).chain(RAW.iter().copied()) {
            requests
                .push([&fill(method, with), b" ".as_slice(), &fill(path, with), rest.as_bytes()].concat());
        }
    }
    for path in [
        "/python/simple/",
        "/python/simple/Tea.Pot",
        "/python/files/teapot/teapot-1.0-py3-none-any.whl",
        "/nowhere",
    ] {
        for name in READ {
            for with in RAW.iter().copied().chain(SPELLED.iter().map(|text| text.as_bytes())) {
                let head = format!(
                    "GET {path} HTTP/1.1\r\n{}{name}: x",
                    if *name == "Host" { "" } else { "Host: depot\r\n" }
                );
                requests.push([head.as_bytes(), with, b"\r\n\r\n"].concat());
            }
        }
    }
    requests
}

#[test]
fn nothing_that_was_sent_makes_a_line_of_the_answer() {
    let depot = Depot::start();
    depot.publish(&WheelBuilder::new("teapot", "1.0"));
    let mut kept = Kept::new(depot.url());
    let requests = requests(&depot);
    let faults: Vec<String> = requests
        .iter()
        .filter_map(|request| {
            let fault = fault(&kept.ask(request))?;
            Some(format!("{:?}: {fault}", String::from_utf8_lossy(&request[..request.len().min(120)])))
        })
        .collect();
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), requests.len(), faults.join("\n"));
    counted("attack 21", "requests that try to write a header", requests.len() as u64);
}

/// The names that a file may have hold `+`, `!` and `_`, and where a name is in a header it is in quotes and whole.
#[test]
fn a_file_name_in_a_header_is_that_name() {
    let depot = Depot::start();
    depot.publish(&WheelBuilder::new("tea_pot", "1!2.0+lab.3"));
    let sdist = SdistBuilder::new("tea_pot", "1!2.0");
    assert_eq!(depot.put("tea-pot", &sdist.filename(), &sdist.build()).status, 201);
    // Old names of mirrored files are the oddest there are.
    let old = "Tea.Pot-0.1-beta_2.zip";
    assert_eq!(depot.announce("tea-pot", &mirrored(old, b"old")).status, 202);
    assert_eq!(depot.put("tea-pot", old, b"old").status, 201);
    let names: Vec<String> =
        depot.listed("tea-pot").iter().map(|file| file["filename"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names.len(), 3);
    for name in names {
        let answer = depot.get(&format!("/python/files/tea-pot/{name}"));
        assert_eq!((answer.status, fault(&answer)), (200, None), "{name}");
        let Some(disposition) = answer.header("content-disposition") else { continue };
        let rest = disposition.strip_prefix("attachment").unwrap();
        assert!(rest.is_empty() || rest == format!("; filename=\"{name}\""), "{disposition}");
    }
}
