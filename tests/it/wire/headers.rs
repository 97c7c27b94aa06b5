//! What every answer of every route wears (attack 22), so that no browser takes it for more than it is.
//!
//! A route that is added and not walked here fails a test.

use std::collections::{BTreeMap, BTreeSet};

use depot_tests::{RawResponse, WheelBuilder, counted, sha256_hex};

use crate::python::depot::Depot;

/// What an answer carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A page of the Simple API.
    Page,
    /// What somebody uploaded: a file, or what was read out of one.
    File,
    /// Words of the server's own.
    Words,
    /// Nothing.
    Nothing,
}

/// One request of the walk, and what it must be answered with.
struct Step {
    method: &'static str,
    path: String,
    who: Who,
    lines: String,
    body: Vec<u8>,
    status: u16,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Nobody,
    Admin,
    Stranger,
    Reader,
}

const WHEEL: &str = "teapot-1.0-py3-none-any.whl";
const PROJECT: &str = "/python/simple/teapot/";

fn step(method: &'static str, path: &str, status: u16, kind: Kind) -> Step {
    Step {
        method,
        path: path.to_owned(),
        who: Who::Admin,
        lines: String::new(),
        body: Vec::new(),
        status,
        kind,
    }
}

impl Step {
    fn by(self, who: Who) -> Self {
        Self { who, ..self }
    }

    fn saying(self, body: Vec<u8>) -> Self {
        Self { body, ..self }
    }

    fn with(self, line: &str) -> Self {
        Self { lines: format!("{}{line}\r\n", self.lines), ..self }
    }
}

/// The walk of a route that answers a page.
fn page(path: &str) -> Vec<Step> {
    let html = "Accept: text/html";
    vec![
        step("GET", path, 200, Kind::Page),
        step("GET", path, 200, Kind::Page).with(html),
        step("HEAD", path, 200, Kind::Page),
        step("GET", path, 304, Kind::Nothing).with("If-None-Match: *"),
        step("GET", &format!("{path}?format=xml"), 406, Kind::Words),
        step("GET", &format!("{path}?format=xml"), 406, Kind::Words).with(html),
        step("GET", path, 401, Kind::Words).by(Who::Nobody),
        step("GET", path, 401, Kind::Words).by(Who::Nobody).with(html),
        step("GET", path, 401, Kind::Words).by(Who::Stranger),
        step("GET", path, 403, Kind::Words).by(Who::Reader),
        step("GET", &format!("{path}?format=json&format=html"), 400, Kind::Words),
        step("DELETE", path, 405, Kind::Words),
        step("OPTIONS", path, 405, Kind::Words),
    ]
}

/// The walk of a route that answers a file.
fn file(path: &str) -> Vec<Step> {
    let bad = path.replace(WHEEL, "teapot-%ff.whl");
    let mut steps = vec![
        step("GET", &path.replace("1.0", "9.0"), 404, Kind::Words),
        step("GET", &path.replace("1.0", "9.0"), 404, Kind::Words).with("Accept: text/html"),
        step("GET", &path.replace(WHEEL, "nonsense"), 404, Kind::Words),
        step("GET", &bad, 400, Kind::Words),
        step("POST", path, 405, Kind::Words),
    ];
    for path in [path.to_owned(), format!("{path}.metadata")] {
        steps.extend([
            step("GET", &path, 200, Kind::File),
            step("HEAD", &path, 200, Kind::File),
            step("GET", &path, 206, Kind::File).with("Range: bytes=0-9"),
            step("GET", &path, 416, Kind::Words).with("Range: bytes=99999999-"),
            step("GET", &path, 304, Kind::Nothing).with("If-None-Match: *"),
            step("GET", &path, 401, Kind::Words).by(Who::Nobody),
            step("GET", &path, 401, Kind::Words).by(Who::Stranger),
            step("GET", &path, 403, Kind::Words).by(Who::Reader),
        ]);
    }
    steps
}

fn uploads() -> Vec<Step> {
    let path = &format!("{PROJECT}{WHEEL}");
    vec![
        step("PUT", path, 409, Kind::Words)
            .saying(WheelBuilder::new("teapot", "1.0").file("other.txt", "x").build()),
        step("PUT", &path.replace(WHEEL, "other-1.0-py3-none-any.whl"), 400, Kind::Words),
        step("PUT", &path.replace("1.0", "2.0"), 400, Kind::Words),
        step("PUT", path, 401, Kind::Words).by(Who::Nobody),
        step("PUT", path, 401, Kind::Words).by(Who::Stranger),
        step("PUT", path, 403, Kind::Words).by(Who::Reader),
        step("PUT", path, 413, Kind::Words).with("Content-Length: 99999999999"),
        step("PUT", path, 415, Kind::Words).with("Content-Encoding: gzip"),
        step("PUT", path, 412, Kind::Words).with(&format!("x-depot-facts: {}", sha256_hex(b"other"))),
        step("PUT", &format!("{path}.json"), 400, Kind::Words),
        step("PUT", &format!("{path}.metadata"), 400, Kind::Words),
    ]
}

/// Every route, without the mount of the repository, and the walk along it.
fn walks() -> Vec<(&'static str, Vec<Step>)> {
    let words = |path: &str| {
        vec![
            step("GET", path, 200, Kind::Words),
            step("HEAD", path, 200, Kind::Words),
            step("GET", path, 200, Kind::Words).by(Who::Nobody),
            step("POST", path, 405, Kind::Words),
        ]
    };
    let slash = |path: &str| vec![step("GET", path, 301, Kind::Nothing), step("PUT", path, 405, Kind::Words)];
    let project = [
        page(PROJECT),
        vec![
            step("GET", "/python/simple/Tea.Pot/", 301, Kind::Nothing),
            step("GET", "/python/simple/nothing/", 404, Kind::Words),
            step("GET", "/python/simple/nothing/", 404, Kind::Words).with("Accept: text/html"),
            step("GET", "/python/simple/%ff/", 400, Kind::Words),
        ],
    ];
    let plan = vec![
        step("POST", "/python/_/plan", 400, Kind::Words),
        step("POST", "/python/_/plan", 401, Kind::Words).by(Who::Nobody),
        step("POST", "/python/_/plan", 403, Kind::Words).by(Who::Reader),
        step("POST", "/python/_/plan", 415, Kind::Words).with("Content-Encoding: gzip"),
        step("GET", "/python/_/plan", 405, Kind::Words),
    ];
    let together = "/python/_/publish";
    let publish = vec![
        step("POST", together, 400, Kind::Words),
        step("POST", together, 400, Kind::Words).saying(b"{}\n".to_vec()),
        step("POST", together, 401, Kind::Words).by(Who::Nobody),
        step("POST", together, 401, Kind::Words).by(Who::Stranger),
        step("POST", together, 403, Kind::Words).by(Who::Reader),
        step("POST", together, 415, Kind::Words).with("Content-Encoding: gzip"),
        step("GET", together, 405, Kind::Words),
    ];
    let declared = "/python/_/projects/teapot";
    let declare = vec![
        step("PUT", declared, 400, Kind::Words),
        step("PUT", declared, 401, Kind::Words).by(Who::Nobody),
        step("PUT", declared, 403, Kind::Words).by(Who::Reader),
        step("PUT", declared, 415, Kind::Words).with("Content-Encoding: gzip"),
        step("PUT", "/python/_/projects/-", 400, Kind::Words),
        step("GET", declared, 405, Kind::Words),
    ];
    let release = |path: &str| {
        vec![
            step("POST", path, 400, Kind::Words),
            step("POST", path, 401, Kind::Words).by(Who::Nobody),
            step("POST", path, 403, Kind::Words).by(Who::Reader),
            step("POST", path, 415, Kind::Words).with("Content-Encoding: gzip"),
            step("GET", path, 405, Kind::Words),
        ]
    };
    // What was mirrored is served here as by `files/`; this file was not.
    let upstream = &format!("/python/packages/ab/cd/{WHEEL}");
    let packages = vec![
        step("GET", upstream, 404, Kind::Words),
        step("GET", upstream, 404, Kind::Words).with("Accept: text/html"),
        step("HEAD", upstream, 404, Kind::Words),
        step("GET", &upstream.replace(WHEEL, "nonsense"), 404, Kind::Words),
        step("GET", &upstream.replace(WHEEL, "teapot-%ff.whl"), 400, Kind::Words),
        step("GET", upstream, 401, Kind::Words).by(Who::Nobody),
        step("GET", upstream, 401, Kind::Words).by(Who::Stranger),
        step("GET", upstream, 403, Kind::Words).by(Who::Reader),
        step("POST", upstream, 405, Kind::Words),
    ];
    vec![
        ("/simple", slash("/python/simple")),
        ("/simple/", page("/python/simple/")),
        ("/simple/{project}", slash("/python/simple/teapot")),
        ("/simple/{project}/", project.into_iter().flatten().collect()),
        ("/simple/{project}/{filename}", [file(&format!("{PROJECT}{WHEEL}")), uploads()].concat_steps()),
        ("/files/{project}/{filename}", file(&format!("/python/files/teapot/{WHEEL}"))),
        ("/packages/{*path}", packages),
        ("/_/plan", plan),
        ("/_/projects/{project}", declare),
        ("/_/publish", publish),
        ("/_/yank", release("/python/_/yank")),
        ("/_/unyank", release("/python/_/unyank")),
        ("/_/delete", release("/python/_/delete")),
        ("/_/status", release("/python/_/status")),
        ("/_/roles", release("/python/_/roles")),
        ("/metrics", numbers()),
        ("/healthz", words("/healthz")),
        ("/readyz", words("/readyz")),
        (
            "no route",
            vec![
                step("GET", "/nowhere", 404, Kind::Words),
                step("GET", "/", 404, Kind::Words).with("Accept: text/html"),
            ],
        ),
    ]
    .into_iter()
    .chain(doors())
    .chain(views())
    .collect()
}

/// The walks of the doors that are no repository's, and of forms.
fn doors() -> Vec<(&'static str, Vec<Step>)> {
    let own = |path: &str| {
        vec![
            step("GET", path, 200, Kind::Words),
            step("GET", path, 401, Kind::Words).by(Who::Nobody),
            step("GET", path, 401, Kind::Words).by(Who::Stranger),
            step("PUT", path, 405, Kind::Words),
        ]
    };
    // Without publishers there are no such doors.
    let oidc = |path: &str| vec![step("GET", path, 404, Kind::Words), step("POST", path, 404, Kind::Words)];
    // What is sent is no form.
    let form = |path: &str, other_method: u16| {
        vec![
            step("POST", path, 415, Kind::Words),
            step("POST", path, 401, Kind::Words).by(Who::Nobody),
            step("POST", path, 415, Kind::Words).with("Content-Encoding: gzip"),
            step("GET", path, other_method, Kind::Words),
        ]
    };
    let one = |path: &str| {
        vec![
            step("DELETE", path, 404, Kind::Words),
            step("DELETE", path, 401, Kind::Words).by(Who::Nobody),
            step("DELETE", path, 401, Kind::Words).by(Who::Stranger),
            step("PUT", path, 405, Kind::Words),
        ]
    };
    vec![
        ("", form("/python", 404)),
        ("/", form("/python/", 404)),
        ("/legacy", [form("/python/legacy", 405), form("/legacy", 405)].concat_steps()),
        ("/legacy/", [form("/python/legacy/", 405), form("/legacy/", 405)].concat_steps()),
        ("/upload", [form("/python/upload", 405), form("/upload", 405)].concat_steps()),
        ("/upload/", [form("/python/upload/", 405), form("/upload/", 405)].concat_steps()),
        ("/api/whoami", own("/api/whoami")),
        ("/api/tokens", own("/api/tokens")),
        ("/api/tokens/{id}", one("/api/tokens/0123")),
        ("/api/users", own("/api/users")),
        ("/api/why", asking_why()),
        ("/api/stats", asking_for_numbers()),
        ("/api/users/{name}", one("/api/users/nobody")),
        ("/_/oidc/audience", oidc("/_/oidc/audience")),
        ("/_/oidc/mint-token", oidc("/_/oidc/mint-token")),
        ("/_/oidc/burn-token", oidc("/_/oidc/burn-token")),
        ("/_/oidc/github/mint-token", oidc("/_/oidc/github/mint-token")),
    ]
}

/// The walk of who asks for the numbers of the server: from this machine, and through a proxy on it.
fn numbers() -> Vec<Step> {
    let through = |status: u16| step("GET", "/metrics", status, Kind::Words).with("Via: 1.1 proxy");
    vec![
        step("GET", "/metrics", 200, Kind::Words),
        step("HEAD", "/metrics", 200, Kind::Words),
        step("GET", "/metrics", 200, Kind::Words).by(Who::Nobody),
        step("GET", "/metrics", 401, Kind::Words).by(Who::Stranger),
        step("POST", "/metrics", 405, Kind::Words),
        through(200),
        through(401).by(Who::Nobody),
        through(403).by(Who::Reader),
    ]
}

/// The walk of who asks why something is shown.
fn asking_why() -> Vec<Step> {
    let why = "/api/why?at=/python/&project=teapot";
    vec![
        step("GET", why, 200, Kind::Words),
        step("GET", why, 401, Kind::Words).by(Who::Nobody),
        step("GET", why, 401, Kind::Words).by(Who::Stranger),
        step("GET", why, 403, Kind::Words).by(Who::Reader),
        step("GET", "/api/why", 400, Kind::Words),
        step("GET", "/api/why?at=/nowhere/&project=teapot", 404, Kind::Words),
        step("GET", "/api/why?project=%20", 404, Kind::Words).with("Accept: text/html"),
        step("POST", why, 405, Kind::Words),
    ]
}

/// The walk of who asks how often something was downloaded.
fn asking_for_numbers() -> Vec<Step> {
    let stats = "/api/stats?project=teapot";
    vec![
        step("GET", stats, 200, Kind::Words),
        step("GET", "/api/stats", 200, Kind::Words),
        step("GET", stats, 401, Kind::Words).by(Who::Nobody),
        step("GET", stats, 401, Kind::Words).by(Who::Stranger),
        step("GET", stats, 403, Kind::Words).by(Who::Reader),
        step("GET", "/api/stats?by=nothing", 400, Kind::Words),
        step("GET", "/api/stats?limit=x", 400, Kind::Words),
        step("POST", stats, 405, Kind::Words),
    ]
}

/// The walks of what is served beside the repository, which has what the repository has at the root, and nothing elsewhere.
fn views() -> Vec<(&'static str, Vec<Step>)> {
    let view = |path: &str, status: u16, kind: Kind| {
        vec![
            step("GET", path, status, kind),
            step("GET", path, status, kind).with("Accept: text/html"),
            step("HEAD", path, status, kind),
            step("GET", path, 401, Kind::Words).by(Who::Nobody),
            step("GET", path, 401, Kind::Words).by(Who::Stranger),
            step("POST", path, 405, Kind::Words),
            step("PUT", path, 405, Kind::Words),
        ]
    };
    let slash = |path: &str| view(path, 301, Kind::Nothing);
    let (file, upstream) = (format!("/files/teapot/{WHEEL}"), format!("/packages/ab/{WHEEL}"));
    let below = |path: &str| format!("/pypi{path}");
    let stored = format!("/simple/teapot/{WHEEL}");
    vec![
        ("group /simple", slash("/simple")),
        ("group /simple/", view("/simple/", 200, Kind::Page)),
        ("group /simple/{project}", slash("/simple/teapot")),
        ("group /simple/{project}/", view("/simple/teapot/", 200, Kind::Page)),
        ("group /simple/{project}/{filename}", view(&stored, 200, Kind::File)),
        ("group /files/{project}/{filename}", view(&file, 200, Kind::File)),
        ("group /packages/{*path}", view(&upstream, 404, Kind::Words)),
        ("/pypi/simple", slash("/pypi/simple")),
        ("/pypi/simple/", view("/pypi/simple/", 200, Kind::Page)),
        ("/pypi/simple/{project}", slash("/pypi/simple/teapot")),
        ("/pypi/simple/{project}/", view("/pypi/simple/teapot/", 404, Kind::Words)),
        ("/pypi/simple/{project}/{filename}", view(&below(&stored), 404, Kind::Words)),
        ("/pypi/files/{project}/{filename}", view(&below(&file), 404, Kind::Words)),
        ("/pypi/packages/{*path}", view(&below(&upstream), 404, Kind::Words)),
    ]
}

/// What a route is called here: those of the repository without its mount, those of the group at the root as such.
fn called(path: &str) -> String {
    if let Some(below) = path.strip_prefix("/python") {
        return below.to_owned();
    }
    let is_of_group = ["/simple", "/files/", "/packages/"].iter().any(|start| path.starts_with(start));
    if is_of_group { format!("group {path}") } else { path.to_owned() }
}

trait Concat {
    fn concat_steps(self) -> Vec<Step>;
}

impl Concat for [Vec<Step>; 2] {
    fn concat_steps(self) -> Vec<Step> {
        self.into_iter().flatten().collect()
    }
}

/// What is missing from an answer.
pub(super) fn faults(kind: Kind, answer: &RawResponse) -> Vec<String> {
    let header = |name: &str| answer.header(name).unwrap_or_default().to_ascii_lowercase();
    let mut faults = Vec::new();
    let mut must = |well: bool, what: &str, is: String| {
        if !well {
            faults.push(format!("{what}: {is:?}"));
        }
    };
    let csp = header("content-security-policy");
    let directives: BTreeSet<&str> = csp.split(';').map(str::trim).collect();
    must(
        header("x-content-type-options") == "nosniff",
        "x-content-type-options",
        header("x-content-type-options"),
    );
    must(directives.contains("default-src 'none'"), "content-security-policy", csp.clone());
    let framed = header("x-frame-options") == "deny" || directives.contains("frame-ancestors 'none'");
    must(framed, "x-frame-options", header("x-frame-options"));
    let referrer = header("referrer-policy");
    must(["no-referrer", "same-origin"].contains(&referrer.as_str()), "referrer-policy", referrer);
    let corp = header("cross-origin-resource-policy");
    must(
        ["same-origin", "same-site", "cross-origin"].contains(&corp.as_str()),
        "cross-origin-resource-policy",
        corp,
    );
    must(
        header("access-control-allow-origin").is_empty(),
        "access-control-allow-origin",
        header("access-control-allow-origin"),
    );
    let media = header("content-type");
    let own = [
        "text/plain; charset=utf-8",
        "text/plain; version=0.0.4; charset=utf-8",
        "application/problem+json",
        "text/html; charset=utf-8",
        "application/json",
    ];
    match kind {
        Kind::Page => {
            let pages = [
                "application/vnd.pypi.simple.v1+json",
                "application/vnd.pypi.simple.v1+html; charset=utf-8",
                "text/html; charset=utf-8",
            ];
            must(pages.contains(&media.as_str()), "content-type of a page", media);
        }
        Kind::File => {
            // None of these is shown, run or taken apart by a browser.
            let plain = [
                "application/octet-stream",
                "application/gzip",
                "application/zip",
                "application/x-tar",
                "text/plain; charset=utf-8",
            ];
            must(plain.contains(&media.as_str()), "content-type of a file", media);
            must(
                header("content-disposition").starts_with("attachment"),
                "content-disposition",
                header("content-disposition"),
            );
            let sandbox = directives.iter().find(|directive| directive.split(' ').next() == Some("sandbox"));
            let escapes = ["allow-scripts", "allow-same-origin", "allow-popups", "allow-forms"];
            let sealed =
                sandbox.is_some_and(|sandbox| escapes.iter().all(|escape| !sandbox.contains(escape)));
            must(sealed, "content-security-policy of a file", csp);
        }
        Kind::Words => must(own.contains(&media.as_str()) || answer.body.is_empty(), "content-type", media),
        Kind::Nothing => must(answer.body.is_empty(), "a body", answer.text()),
    }
    faults
}

#[test]
fn every_route_is_walked() {
    let walked: BTreeSet<&str> = walks().iter().map(|(route, _)| *route).collect();
    let routes = depot_server::routes();
    let missing: Vec<_> = routes.iter().filter(|route| !walked.contains(&*called(&route.path))).collect();
    assert!(missing.is_empty(), "routes that nobody walks here: {missing:?}");
}

#[test]
fn every_answer_of_every_route_is_dressed() {
    // Nobody may read without a token, so that each refusal can be met; and no other index is asked.
    let depot = Depot::start_with(&["--private", "--offline"]);
    depot.publish(&WheelBuilder::new("teapot", "1.0"));
    let admin = depot.token();
    // Whose token is good, and says nothing of this repository's project.
    let reader = depot.new_token("reader", &["read:python:other-project"]);
    let (mut wrong, mut statuses, mut tried) = (BTreeMap::<String, Vec<String>>::new(), BTreeSet::new(), 0);
    for (route, steps) in walks() {
        for step in steps {
            // The list of projects is shortened for who may read a few of them, and not refused.
            let shortened = step.status == 403 && route == "/simple/";
            let (status, kind) = if shortened { (200, Kind::Page) } else { (step.status, step.kind) };
            let token = match step.who {
                Who::Nobody => None,
                Who::Admin => Some(admin.as_str()),
                Who::Stranger => Some("nonsense"),
                Who::Reader => Some(reader.as_str()),
            };
            let answer = ask(&depot, &step, token);
            let what = format!("{} {} by {:?} {:?}", step.method, step.path, step.who, step.lines);
            if answer.status != status {
                wrong.entry(answer.status_line.clone()).or_default().push(format!("{status} {what}"));
                continue;
            }
            statuses.insert(status);
            tried += 1;
            for fault in faults(kind, &answer) {
                wrong.entry(fault).or_default().push(format!("{status} {what}"));
            }
        }
    }
    let shown: Vec<String> = wrong
        .iter()
        .map(|(fault, where_)| format!("{fault}: {} answers, as {}", where_.len(), where_[0]))
        .collect();
    assert!(wrong.is_empty(), "of {tried} answers:\n{}", shown.join("\n"));
    for status in [200, 206, 301, 304, 400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 416] {
        assert!(statuses.contains(&status), "no answer was {status}");
    }
    counted("attack 22", "answers of all routes that wear what they must", tried);
}

/// Sends a step, which says itself what it accepts and how long it is where that matters.
fn ask(depot: &Depot, step: &Step, token: Option<&str>) -> RawResponse {
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let length = format!("Content-Length: {}\r\n", step.body.len());
    let length = if step.lines.contains("Content-Length") { "" } else { &length };
    let request = format!(
        "{} {} HTTP/1.1\r\nHost: depot\r\nConnection: close\r\n{length}{authorization}{}\r\n",
        step.method, step.path, step.lines
    );
    depot_tests::send(depot.url(), [request.as_bytes(), &step.body].concat())
        .unwrap_or_else(|error| panic!("{} {}: {error}", step.method, step.path))
}
