//! Every route that changes something, met by every kind of credentials. The routes are those that the server is made of,
//! each with what it needs: one that is added and not met here fails a test.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use depot_server::{Needs, Route};
use depot_tests::{SdistBuilder, WheelBuilder, counted, sha256_hex, workspace_root};
use serde_json::{Value, json};

use crate::accounts::basic;
use crate::python::depot::{Depot, body, mirrored};
use crate::python::tokens::forged::Forger;
use crate::trusted::{Trusting, github_job};

/// All rights but that of administrators, which holds all of them.
const RIGHTS: [&str; 6] = ["read", "push-new", "push", "mirror", "yank", "delete"];

/// A request, and by whom it may be made.
struct Meeting {
    /// Which of the rights it takes, where the route knows several.
    right: &'static str,
    path: String,
    lines: &'static str,
    body: Vec<u8>,
    /// What comes with exactly what is needed, and with all that is not; each a header line.
    with: String,
    without: Vec<String>,
    /// The answer to the first.
    status: u16,
}

struct World {
    server: Trusting,
    /// Of each set of rights.
    tokens: RefCell<BTreeMap<String, String>>,
    /// A token of ann's with all rights.
    anns_token: String,
    /// Ids of other tokens of hers.
    victims: [String; 2],
}

const JSON: &str = "Content-Type: application/json\r\n";

fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\n")
}

impl World {
    fn new() -> Self {
        let server = Trusting::start("");
        let depot = &server.depot;
        for name in ["ann", "pat", "gone"] {
            depot.new_user(name, "correct horse", &[]);
        }
        let all = RIGHTS.join("+");
        let anns_token = depot.new_token("ann", &[&all]);
        let victims =
            [(); 2].map(|()| Forger::of(depot, &depot.new_token("ann", &["read"])).claims["jti"].clone());
        depot.publish(&pot("1.0"));
        depot.publish(&WheelBuilder::new("old-pot", "1.0"));
        let other = WheelBuilder::new("their-pot", "1.0");
        assert_eq!(depot.announce("their-pot", &mirrored(&other.filename(), &other.build())).status, 202);
        assert_eq!(depot.put("their-pot", &other.filename(), &other.build()).status, 201);
        Self {
            tokens: RefCell::default(),
            anns_token,
            victims: victims.map(|id| id.as_str().unwrap().to_owned()),
            server,
        }
    }

    fn depot(&self) -> &Depot {
        &self.server.depot
    }

    /// A token of nobody's account with these rights.
    fn token(&self, rights: &[&str]) -> String {
        let scope = rights.join("+");
        let mut tokens = self.tokens.borrow_mut();
        tokens.entry(scope.clone()).or_insert_with(|| self.depot().new_token("robot", &[&scope])).clone()
    }

    /// All rights but these.
    fn all_but(&self, rights: &[&str]) -> String {
        let others: Vec<_> = RIGHTS.into_iter().filter(|right| !rights.contains(right)).collect();
        bearer(&self.token(&others))
    }

    /// Tokens that are worth nothing, and why.
    fn worthless(&self) -> Vec<(&'static str, String)> {
        let depot = self.depot();
        let of = |name: &str| depot.new_token(name, &["admin"]);
        let (forged, revoked, disabled) = (of("robot"), of("robot"), of("gone"));
        let own = Forger::of(depot, &forged);
        let id = Forger::of(depot, &revoked).claims["jti"].clone();
        depot.admin(&["token", "revoke", id.as_str().unwrap()]).assert_success();
        depot.admin(&["user", "disable", "--username", "gone"]).assert_success();
        let (rest, signature) = forged.rsplit_once('.').unwrap();
        let reversed: String = signature.chars().rev().collect();
        let expired = own.claims["iat"].as_i64().unwrap() - 60;
        vec![
            ("forged", format!("{rest}.{reversed}")),
            ("expired", own.with("exp", expired)),
            ("revoked", revoked),
            ("of a disabled account", disabled),
            ("nonsense", "nonsense".to_owned()),
        ]
    }

    /// A request that takes one of the rights of a route.
    fn by_right(
        &self,
        route: &Route,
        right: &'static str,
        request: (String, &'static str, Vec<u8>),
        status: u16,
    ) -> Meeting {
        let (path, lines, body) = request;
        let Some(Needs::Right(_, actions)) = &route.needs else { panic!("{route:?} needs no right") };
        let rights: Vec<_> = actions.iter().map(|action| action.as_str()).collect();
        let mut without = vec![self.all_but(&rights)];
        // A plan is for who has any of them, and says itself what they may.
        if !route.path.ends_with("_/plan") {
            without.push(self.all_but(&[right]));
        }
        Meeting { right, path, lines, body, with: bearer(&self.token(&[right])), without, status }
    }

    /// The requests by which a route is met; `number` tells it from all others.
    fn meetings(&self, route: &Route, number: usize) -> Vec<Meeting> {
        let Route { method, path, needs, .. } = route;
        let right = |right, request, status| self.by_right(route, right, request, status);
        let about = |document: Value| (path.clone(), JSON, document.to_string().into_bytes());
        let of_pot = |more: Value| {
            let mut document = json!({ "project": "tea-pot" });
            document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            about(document)
        };
        match (*method, path.as_str()) {
            ("PUT", "/python/simple/{project}/{filename}") => {
                let put = |wheel: &WheelBuilder| {
                    (format!("/python/simple/{}/{}", wheel.project(), wheel.filename()), "", wheel.build())
                };
                let sdist = SdistBuilder::new("their-pot", "2.0");
                let said = mirrored(&sdist.filename(), &sdist.build()).to_string().into_bytes();
                let record = format!("/python/simple/their-pot/{}.json", sdist.filename());
                vec![
                    right("push-new", put(&WheelBuilder::new("new-pot", "1.0")), 201),
                    right("push", put(&pot("2.0")), 201),
                    right("mirror", (record, "", said), 202),
                ]
            }
            ("POST", path) if is_for_forms(path) => {
                let form = |wheel: &WheelBuilder| (path.to_owned(), FORM, form(wheel));
                vec![
                    right("push-new", form(&WheelBuilder::new(&format!("new-{number}"), "1.0")), 200),
                    right("push", form(&pot(&format!("3.{number}"))), 200),
                ]
            }
            ("POST", "/python/_/plan") => ["push", "push-new", "mirror"]
                .map(|one| right(one, about(json!({ "files": [] })), 200))
                .into(),
            ("POST", "/python/_/publish") => {
                let release = |wheel: &WheelBuilder| (path.clone(), "", release(wheel));
                vec![
                    right("push-new", release(&WheelBuilder::new("new-release", "1.0")), 201),
                    right("push", release(&pot("4.0")), 201),
                ]
            }
            ("PUT", "/python/_/projects/{project}") => {
                let path = "/python/_/projects/their-pot".to_owned();
                vec![right("mirror", (path, JSON, br#"{"state":"deprecated"}"#.to_vec()), 200)]
            }
            ("POST", "/python/_/yank" | "/python/_/unyank") => {
                vec![right("yank", of_pot(json!({ "version": "1.0" })), 200)]
            }
            ("POST", "/python/_/delete") => {
                vec![right("delete", about(json!({ "project": "old-pot", "version": "1.0" })), 200)]
            }
            ("POST", "/python/_/status") => {
                vec![right("delete", of_pot(json!({ "state": "deprecated" })), 200)]
            }
            ("POST", "/python/_/roles") => {
                let granted = json!({ "subject": "ann", "role": "pusher", "granted": true });
                vec![right("delete", of_pot(granted), 200)]
            }
            _ if *needs == Some(Needs::Nobody) => {
                let path = path.replace("{project}", "tea-pot");
                vec![meeting((path, FORM, form(&pot("9.0"))), String::new(), vec![], 405)]
            }
            _ => vec![self.meeting_of_accounts(route)],
        }
    }

    fn meeting_of_accounts(&self, route: &Route) -> Meeting {
        let path = route.path.clone();
        let all = bearer(&self.token(&RIGHTS));
        let (admin, by_token) = (bearer(&self.token(&["admin"])), bearer(&self.anns_token));
        let ann = basic("ann", "correct horse");
        let new = json!({ "name": "new", "password": "correct horse" });
        let about = |document: Value| (path.clone(), JSON, document.to_string().into_bytes());
        let at = |path: &str| (path.to_owned(), JSON, b"{}".to_vec());
        match (route.method, route.path.as_str()) {
            ("POST", "/api/tokens") => meeting(about(json!({})), ann, vec![all, by_token], 201),
            ("DELETE", "/api/tokens") => {
                meeting(about(json!({ "id": self.victims[0] })), ann, vec![by_token], 200)
            }
            ("DELETE", "/api/tokens/{id}") => {
                meeting(at(&format!("/api/tokens/{}", self.victims[1])), ann, vec![by_token], 200)
            }
            ("POST", "/api/users") => meeting(about(new), admin, vec![all, ann, by_token], 201),
            ("PATCH", "/api/users/{name}") => {
                let (path, lines, _) = at("/api/users/pat");
                let changed = (path, lines, br#"{"password":"battery staple"}"#.to_vec());
                meeting(changed, basic("pat", "correct horse"), vec![all, ann, by_token], 200)
            }
            ("DELETE", "/api/users/{name}") => {
                meeting(at("/api/users/pat"), admin, vec![all, ann, by_token], 204)
            }
            ("POST", "/_/oidc/mint-token" | "/_/oidc/github/mint-token") => {
                let job = self.server.ci.token(&github_job());
                meeting(about(json!({ "token": job })), String::new(), vec![], 200)
            }
            ("POST", "/_/oidc/burn-token") => {
                let minted = self.server.token_for(&github_job());
                meeting(about(json!({ "token": minted })), String::new(), vec![], 204)
            }
            _ => panic!("say here how {} {} is met", route.method, route.path),
        }
    }
}

fn meeting(
    (path, lines, body): (String, &'static str, Vec<u8>),
    with: String,
    without: Vec<String>,
    status: u16,
) -> Meeting {
    Meeting { right: "", path, lines, body, with, without, status }
}

fn pot(version: &str) -> WheelBuilder {
    WheelBuilder::new("tea-pot", version)
}

fn is_for_forms(path: &str) -> bool {
    let below = path.strip_prefix("/python").unwrap_or(path);
    ["", "legacy", "upload"].contains(&below.trim_matches('/'))
}

const FORM: &str = "Content-Type: multipart/form-data; boundary=x\r\n";

/// The form of a wheel.
fn form(wheel: &WheelBuilder) -> Vec<u8> {
    let mut form = Vec::new();
    for (name, value) in [(":action", "file_upload"), ("protocol_version", "1"), ("filetype", "bdist_wheel")]
    {
        let part = format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        form.extend_from_slice(part.as_bytes());
    }
    let head = format!(
        "--x\r\nContent-Disposition: form-data; name=\"content\"; filename=\"{}\"\r\n\r\n",
        wheel.filename()
    );
    [form, head.into_bytes(), wheel.build(), b"\r\n--x--\r\n".to_vec()].concat()
}

/// A release of one wheel.
fn release(wheel: &WheelBuilder) -> Vec<u8> {
    let bytes = wheel.build();
    let file = json!({ "filename": wheel.filename(), "sha256": sha256_hex(&bytes), "size": bytes.len() });
    let manifest = json!({ "project": wheel.project(), "files": [file] });
    [manifest.to_string().as_bytes(), b"\n", &bytes].concat()
}

/// The routes that change something.
fn changing() -> Vec<(Route, Needs)> {
    let routes = depot_server::routes().into_iter();
    routes.filter_map(|route| route.needs.clone().map(|needs| (route, needs))).collect()
}

#[test]
fn every_route_that_changes_something_lets_in_exactly_who_has_what_it_needs() {
    let world = World::new();
    let depot = world.depot();
    let worthless = world.worthless();
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for (number, (route, needs)) in changing().into_iter().enumerate() {
        let meetings = world.meetings(&route, number);
        if let Needs::Right(_, actions) = &needs {
            let known: BTreeSet<_> = actions.iter().map(|action| action.as_str()).collect();
            let met: BTreeSet<_> = meetings.iter().map(|meeting| meeting.right).collect();
            assert_eq!(met, known, "{} {} is met by each of its rights", route.method, route.path);
        }
        for Meeting { right, path, lines, body, with, without, status } in meetings {
            let mut ask = |who: &str, headers: &str, expected: u16| {
                let answer = depot.request(route.method, &path, None, &format!("{headers}{lines}"), &body);
                tried += 1;
                if answer.status != expected {
                    let what = format!("{} {path} {right} {who}", route.method);
                    wrong.push(format!(
                        "{what}: {} and not {expected}: {}",
                        answer.status_line,
                        answer.text()
                    ));
                }
            };
            let before = journal(depot);
            match needs {
                Needs::Right(..) | Needs::Administrator | Needs::Owner => {
                    ask("without credentials", "", 401);
                    for (what, token) in &worthless {
                        ask(what, &bearer(token), 401);
                    }
                    assert!(!without.is_empty());
                    for headers in &without {
                        ask("with all but what it needs", headers, 403);
                    }
                }
                // Whatever else is said, the proof alone counts.
                Needs::Proof => {}
                Needs::Nobody => ask("as the administrator", &bearer(&depot.token()), 405),
            }
            assert_eq!(journal(depot), before, "{} {path}: who is refused changes nothing", route.method);
            ask("with what it needs", &with, status);
        }
    }
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
    counted(
        "attack 37",
        "requests to the routes that change something, each with its right and without",
        tried,
    );
}

fn journal(depot: &Depot) -> usize {
    fs::read_to_string(depot.data_dir().join("journal/changes.jsonl")).unwrap().lines().count()
}

#[test]
fn what_proves_itself_is_refused_where_it_proves_nothing() {
    let world = World::new();
    let of_proof = changing().into_iter().filter(|(_, needs)| *needs == Needs::Proof);
    let mut met = 0;
    for (route, _) in of_proof {
        let good = bearer(&world.depot().token());
        for (headers, document) in
            [("", json!({})), (&*good, json!({})), (&*good, json!({ "token": "x.y.z" }))]
        {
            let lines = format!("{headers}{JSON}");
            let text = document.to_string();
            let refused = world.depot().request(route.method, &route.path, None, &lines, text.as_bytes());
            assert_eq!(refused.status, 422, "{}: {}", route.path, refused.text());
            assert!(body(&refused)["errors"][0]["code"].as_str().unwrap().starts_with("invalid-"));
        }
        met += 1;
    }
    assert_eq!(met, 3);
}

#[test]
fn the_rights_of_routes_stand_in_the_documentation() {
    let rows: Vec<String> = changing()
        .iter()
        .map(|(route, needs)| format!("| `{} {}` | {needs} |", route.method, route.path))
        .collect();
    let page = fs::read_to_string(workspace_root().join("docs/accounts.md")).unwrap();
    let (_, table) = page.split_once("| request | needs |\n|---|---|\n").expect("a table of requests");
    let found: Vec<&str> = table.lines().take_while(|line| line.starts_with('|')).collect();
    assert_eq!(found, rows, "the table should be:\n{}", rows.join("\n"));
}
