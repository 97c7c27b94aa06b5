//! Uploads, as far as they go by PUT.
//!
//! Of the checklist's line on the multipart API nothing stands here that needs it: the field orders of twine, uv, Poetry,
//! PDM, hatch and flit, an absent Content-Type of the part, an absent `pyversion`, addresses without a slash,
//! `attestations` that are ignored, `:action` in the query, and `:action=submit` that is 410.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use depot_tests::WheelBuilder;
use serde_json::json;

use super::{Item, assert_each_holds};
use crate::python::depot::{Depot, listing, record};

/// What an upload with these header lines beside a right body comes to.
fn put_with(depot: &Depot, version: &str, header: &str) -> u16 {
    let wheel = WheelBuilder::new("kettle", version);
    let path = format!("/python/simple/kettle/{}", wheel.filename());
    depot.request("PUT", &path, None, header, &wheel.build()).status
}

fn basic(user: &str, password: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{user}:{password}")))
}

const ITEMS: &[Item<Depot>] = &[
    ("a file is created, and listed when that is said", |depot| {
        let wheel = WheelBuilder::new("teapot", "1.0");
        assert_eq!(depot.put("teapot", &wheel.filename(), &wheel.build()).status, 201);
        assert_eq!(depot.listed("teapot").len(), 1);
    }),
    ("bytes of another digest than was announced are refused", |depot| {
        let (wheel, other) = (WheelBuilder::new("lid", "1.0"), WheelBuilder::new("lid", "2.0"));
        let mut facts = record(&wheel.filename(), &wheel.build());
        facts["hashes"] = json!({ "sha256": record(&other.filename(), &other.build())["hashes"]["sha256"] });
        assert_eq!(depot.announce("lid", &facts).status, 202);
        let refused = depot.put("lid", &wheel.filename(), &wheel.build());
        assert_eq!(refused.status, 400, "{}", refused.text());
        assert!(depot.listed("lid").is_empty());
    }),
    ("the identical file again is 200", |depot| {
        let wheel = WheelBuilder::new("spout", "1.0");
        depot.publish(&wheel);
        for _ in 0..2 {
            assert_eq!(depot.put("spout", &wheel.filename(), &wheel.build()).status, 200);
        }
    }),
    ("another file under its name is 409, whose text clients know", |depot| {
        let wheel = WheelBuilder::new("handle", "1.0");
        depot.publish(&wheel);
        let refused = depot.put("handle", &wheel.filename(), &wheel.clone().file("handle/x.py", "").build());
        assert_eq!(refused.status, 409);
        assert!(refused.text().contains("File already exists"), "{}", refused.text());
        assert_eq!(depot.get(&format!("/python/files/handle/{}", wheel.filename())).body, wheel.build());
    }),
    ("names that lead out of a folder are refused", |depot| {
        let before = listing(&depot.tree().join("files"));
        let bytes = WheelBuilder::new("teapot", "1.1").build();
        for name in [
            "..%2Fteapot-1.1-py3-none-any.whl",
            "%2E%2E/teapot-1.1-py3-none-any.whl",
            "..%5Cteapot-1.1-py3-none-any.whl",
            "%2Ftmp%2Fteapot-1.1-py3-none-any.whl",
            "teapot-1.1-py3-none-any.whl%00",
            "teapot-1.1-py3-none-any.whl%0A",
        ] {
            let refused = depot.put("teapot", name, &bytes);
            assert!((400..500).contains(&refused.status), "{name}: {}", refused.status_line);
        }
        assert_eq!(listing(&depot.tree().join("files")), before);
    }),
    ("a file of another project is refused", |depot| {
        let wheel = WheelBuilder::new("teapot", "1.2");
        for project in ["kettle", "tea", "teapots"] {
            let refused = depot.put(project, &wheel.filename(), &wheel.build());
            assert_eq!(refused.status, 400, "{project}: {}", refused.text());
        }
    }),
    ("a body of more than two megabytes is taken", |depot| {
        let wheel = WheelBuilder::new("cauldron", "1.0").random_file("cauldron/data.bin", 5_000_000, 2);
        depot.publish(&wheel);
        assert!(depot.stored("cauldron", &wheel.filename()).unwrap() == wheel.build());
    }),
    ("without credentials 401 with a Basic challenge", |depot| {
        let refused = depot.request("PUT", "/python/simple/kettle/kettle-1.0.zip", None, "", b"x");
        assert_eq!(refused.status, 401);
        assert!(refused.header("www-authenticate").is_some_and(|it| it.starts_with("Basic realm=\"")));
    }),
    ("a token goes as the password of any user", |depot| {
        assert_eq!(put_with(depot, "1.0", &basic("__token__", &depot.token())), 201);
        assert_eq!(put_with(depot, "1.1", &basic("ann", &depot.token())), 201);
    }),
    ("a token goes as the user without a password", |depot| {
        assert_eq!(put_with(depot, "1.2", &basic(&depot.token(), "")), 201);
    }),
    ("a token goes as Bearer", |depot| {
        let header = format!("Authorization: Bearer {}\r\n", depot.token());
        assert_eq!(put_with(depot, "1.3", &header), 201);
    }),
    ("a token that fails is 401, and one that lacks the right 403", |depot| {
        assert_eq!(put_with(depot, "1.4", &basic("__token__", "depot_wrong")), 401);
        let reader = depot.new_token("reader", &["read"]);
        assert_eq!(put_with(depot, "1.4", &basic("__token__", &reader)), 403);
    }),
];

#[test]
fn uploads_do_what_clients_rely_on() {
    assert_each_holds("uploads by PUT", &Depot::start(), ITEMS);
}
