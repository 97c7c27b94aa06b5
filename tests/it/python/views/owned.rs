//! Private names: who owns one answers alone, and nobody else ever hears of it.

use depot_tests::{Clients, FakeFile, FakeIndex, SdistBuilder, Style, WheelBuilder, sha256_hex};

use super::{
    super::depot::{Depot, body, mirrored},
    files, in_front_of, index_of, wheel_name,
};

/// Fails if the index was asked for anything of these projects.
#[track_caller]
fn assert_unheard_of(index: &FakeIndex, projects: &[&str]) {
    for request in index.requests() {
        let hit = projects.iter().find(|project| request.path.split('/').any(|part| part == **project));
        assert_eq!(hit, None, "{request:?}");
    }
}

#[test]
fn a_name_under_which_something_was_published_is_nobody_elses() {
    let index = index_of(&["acme-core", "six"]);
    let depot = in_front_of(&index);
    depot.publish(&WheelBuilder::new("acme-core", "0.5"));
    assert_eq!(files(&depot.get("/simple/acme-core/")), [wheel_name("acme-core", "0.5")]);
    assert_eq!(depot.get("/simple/acme-core/").header("x-depot-cache"), None);
    // Nor are files that only the other index has, by any address of the group.
    let elsewhere = wheel_name("acme-core", "2");
    for path in ["files/acme-core", "simple/acme-core", "packages/files/acme-core"] {
        for suffix in ["", ".metadata"] {
            let answer = depot.get(&format!("/{path}/{elsewhere}{suffix}"));
            assert_eq!(answer.status, 404, "{path}: {}", answer.text());
        }
    }
    assert_unheard_of(&index, &["acme-core", &elsewhere]);
    assert_eq!(files(&depot.get("/simple/six/")).len(), 2);
}

#[test]
fn real_installers_never_get_a_private_name_from_elsewhere() {
    let Some(clients) = Clients::find() else { return };
    let evil = WheelBuilder::new("acme-core", "99.0").file("acme_core.py", "raise SystemExit(1)");
    let index = FakeIndex::builder(Style::Json).wheel(&evil).wheel(&WheelBuilder::new("six", "1")).start();
    let depot = in_front_of(&index);
    depot.publish(&WheelBuilder::new("acme-core", "0.5").requires_dist("six"));
    let url = format!("{}/simple/", depot.url());
    let room = clients.room();
    room.pip_install(&url, ["acme-core"]).assert_success();
    assert_eq!(room.installed_version("acme_core"), "0.5");
    let room = clients.room();
    room.uv_install(&url, ["acme-core"]).assert_success();
    assert_eq!(room.installed_version("acme_core"), "0.5");
    // What nobody published yet is not looked for elsewhere either, once it is reserved.
    assert_unheard_of(&index, &["acme-core", &evil.filename()]);
    assert!(index.count(&FakeIndex::page_path("six")) >= 1);
}

#[test]
fn reserved_names_are_owned_before_anything_is_published() {
    let index = index_of(&["acme-new", "inner", "team-tool", "six"]);
    let around = tempfile::tempdir().unwrap();
    let config = around.path().join("depot.toml");
    std::fs::write(&config, "[repositories.python]\nreserved = [\"acme-*\", \"Inner\"]\n").unwrap();
    let depot = Depot::start_with(&["--config", config.to_str().unwrap(), "--upstream", &index.url()]);
    for project in ["acme-new", "inner"] {
        assert_eq!(depot.get(&format!("/simple/{project}/")).status, 404, "{project}");
    }
    // A token that may publish under some names alone reserves them, until it is revoked.
    let token = depot.new_token("ci", &["push+push-new:python:team-*"]);
    assert_eq!(depot.get("/simple/team-tool/").status, 404);
    assert_unheard_of(&index, &["acme-new", "inner", "team-tool"]);
    let listed = depot.admin(&["token", "list", "--format", "json"]).assert_success().stdout;
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let tokens = listed["tokens"].as_array().unwrap();
    let of_ci = tokens.iter().find(|token| token.to_string().contains("team-*"));
    depot.admin(&["token", "revoke", of_ci.unwrap()["id"].as_str().unwrap()]).assert_success();
    assert_eq!(files(&depot.get("/simple/team-tool/")).len(), 2, "{token}");
    // One that may publish everything, or only copy, reserves nothing.
    depot.new_token("all", &["push:python:*"]);
    depot.new_token("copier", &["mirror:python:six"]);
    assert_eq!(files(&depot.get("/simple/six/")).len(), 2);
}

#[test]
fn what_jobs_may_publish_is_reserved_from_when_they_are_trusted() {
    let index = index_of(&["acme-core", "team-tool", "six"]);
    let around = tempfile::tempdir().unwrap();
    let config = around.path().join("depot.toml");
    std::fs::write(&config, "[oidc]\npublishers = \"publishers.toml\"\n").unwrap();
    let publishers = |scopes: &str| {
        let text = format!(
            "[[publisher]]\nname = \"release\"\nkind = \"generic\"\nissuer = \"http://127.0.0.1:9\"\n\
             subject = \"build:acme\"\nscopes = [{scopes}]\n"
        );
        std::fs::write(around.path().join("publishers.toml"), text).unwrap();
    };
    let all = "\"read\", \"push:python:*\", \"mirror:python:six\"";
    publishers(&format!("{all}, \"push+push-new:python:acme-*\""));
    let depot = Depot::start_with(&["--config", config.to_str().unwrap(), "--upstream", &index.url()]);
    assert_eq!(depot.get("/simple/acme-core/").status, 404);
    assert_unheard_of(&index, &["acme-core"]);
    // What everything may be published by, or only copied, is nobody's.
    assert_eq!(files(&depot.get("/simple/six/")).len(), 2);
    let comes_to = |status: u16, project: &str| {
        let is_so = |_| {
            std::thread::sleep(std::time::Duration::from_millis(50));
            depot.get(&format!("/simple/{project}/")).status == status
        };
        assert!((0..400).any(is_so), "{project}: {}", depot.server().stderr());
    };
    assert_eq!(depot.get("/simple/team-tool/").status, 200);
    publishers(&format!("{all}, \"push:python:acme-*\", \"push:python:team-*\""));
    comes_to(404, "team-tool");
    // A file that cannot be read frees nothing.
    std::fs::write(around.path().join("publishers.toml"), "[[publisher]]\n").unwrap();
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!(depot.get("/simple/team-tool/").status, 404);
    assert_unheard_of(&index, &["acme-core"]);
    publishers(all);
    comes_to(200, "team-tool");
}

#[test]
fn a_name_of_which_everything_was_deleted_stays_owned() {
    let index = index_of(&["acme-core"]);
    let depot = in_front_of(&index);
    depot.publish(&WheelBuilder::new("acme-core", "1"));
    let body = format!("{{\"project\":\"acme-core\",\"filename\":\"{}\"}}", wheel_name("acme-core", "1"));
    let answer = depot.request(
        "POST",
        "/python/_/delete",
        Some(&depot.token()),
        "Content-Type: application/json\r\n",
        body.as_bytes(),
    );
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(files(&depot.get("/simple/acme-core/")), Vec::<String>::new());
    assert_unheard_of(&index, &["acme-core"]);
}

#[test]
fn copies_that_were_pushed_own_nothing() {
    let index = index_of(&["six"]);
    let depot = in_front_of(&index);
    let (old, kept) = (WheelBuilder::new("six", "0.9"), WheelBuilder::new("six", "1"));
    for wheel in [&old, &kept] {
        let record = mirrored(&wheel.filename(), &wheel.build());
        assert_eq!(depot.announce("six", &record).status, 202);
        assert_eq!(depot.put("six", &wheel.filename(), &wheel.build()).status, 201);
    }
    let names = ["0.9", "1", "2"].map(|version| wheel_name("six", version));
    let mut listed = files(&depot.get("/simple/six/"));
    listed.sort();
    assert_eq!(listed, names);
    // What is here is not fetched.
    for name in &names[..2] {
        assert_eq!(depot.get(&format!("/files/six/{name}")).status, 200);
        assert_eq!(index.count(&FakeIndex::file_path("six", name)), 0);
    }
    assert_eq!(depot.get(&format!("/files/six/{}", names[2])).body, WheelBuilder::new("six", "2").build());
}

#[test]
fn of_two_files_of_one_name_the_first_ones_bytes_are_served() {
    let depot_wheel = WheelBuilder::new("six", "1");
    let other = WheelBuilder::new("six", "1").file("other.py", "other = True");
    assert_ne!(depot_wheel.build(), other.build());
    let index = FakeIndex::builder(Style::Json).file("six", FakeFile::from(&other)).start();
    let depot = in_front_of(&index);
    let record = mirrored(&depot_wheel.filename(), &depot_wheel.build());
    depot.announce("six", &record);
    assert_eq!(depot.put("six", &depot_wheel.filename(), &depot_wheel.build()).status, 201);
    let page = body(&depot.get("/simple/six/"));
    assert_eq!(page["files"].as_array().unwrap().len(), 1);
    assert_eq!(page["files"][0]["hashes"]["sha256"], sha256_hex(&depot_wheel.build()));
    let served = depot.get(&format!("/files/six/{}", depot_wheel.filename()));
    assert_eq!(sha256_hex(&served.body), sha256_hex(&depot_wheel.build()));
    let log = depot.server().stderr();
    assert!(log.contains("different bytes under one name"), "{log}");
}

#[test]
fn what_is_owned_is_asked_for_nowhere_even_where_its_owner_does_not_answer() {
    let index = index_of(&["acme-core"]);
    let around = tempfile::tempdir().unwrap();
    let config = around.path().join("depot.toml");
    let text = "[repositories.python]\nenabled = false\nreserved = [\"acme-*\"]\n\
                [repositories.other]\nkind = \"group\"\nmembers = [\"pypi\"]\n";
    std::fs::write(&config, text).unwrap();
    let depot = Depot::start_with(&["--config", config.to_str().unwrap(), "--upstream", &index.url()]);
    let wheel = wheel_name("acme-core", "2");
    for mount in ["", "/pypi", "/other"] {
        for path in ["simple/acme-core/", &format!("files/acme-core/{wheel}"), &format!("packages/a/{wheel}")]
        {
            let answer = depot.get(&format!("{mount}/{path}"));
            assert_eq!(answer.status, 404, "{mount}/{path}: {}", answer.text());
        }
    }
    assert_unheard_of(&index, &["acme-core", &wheel]);
}

#[test]
fn the_pieces_of_a_private_name_are_not_asked_for() {
    let index = index_of(&["secret", "secret-plan"]);
    let depot = in_front_of(&index);
    let sdist = SdistBuilder::new("secret-plan-x", "1.0");
    assert_eq!(depot.put("secret-plan-x", &sdist.filename(), &sdist.build()).status, 201);
    assert_eq!(depot.get("/packages/aa/bb/secret-plan-x-1.0.tar.gz").status, 404);
    assert_unheard_of(&index, &["secret", "secret-plan", "secret-plan-x"]);
}

#[test]
fn a_record_that_is_damaged_frees_no_name() {
    let index = index_of(&["acme-core"]);
    let mut depot = in_front_of(&index);
    depot.publish(&WheelBuilder::new("acme-core", "1"));
    let body = format!("{{\"project\":\"acme-core\",\"filename\":\"{}\"}}", wheel_name("acme-core", "1"));
    let lines = "Content-Type: application/json\r\n";
    let answer = depot.request("POST", "/python/_/delete", Some(&depot.token()), lines, body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    depot.stop();
    std::fs::write(depot.tree().join("projects/acme-core.json"), "{").unwrap();
    depot.resume();
    assert_eq!(depot.get("/simple/acme-core/").status, 404);
    assert_unheard_of(&index, &["acme-core"]);
}

/// The names that a list of projects names.
fn listed(depot: &Depot, path: &str) -> Vec<String> {
    let names = body(&depot.get(path))["projects"].clone();
    let names = names.as_array().unwrap().iter();
    names.map(|project| project["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn names_that_are_owned_are_not_listed_for_what_others_have_of_them() {
    let index = index_of(&["acme-core", "acme-new", "six", "tk-one"]);
    let around = tempfile::tempdir().unwrap();
    let config = around.path().join("depot.toml");
    let list = "[repositories.all]\nlist_upstream = true\n";
    std::fs::write(&config, list).unwrap();
    let mut depot = Depot::start_with(&["--config", config.to_str().unwrap(), "--upstream", &index.url()]);
    for project in ["acme-core", "six", "tk-one"] {
        assert_eq!(files(&depot.get(&format!("/simple/{project}/"))).len(), 2);
    }
    assert_eq!(listed(&depot, "/simple/"), ["acme-core", "acme-new", "six", "tk-one"]);
    assert_eq!(listed(&depot, "/pypi/simple/"), ["acme-core", "six", "tk-one"]);
    depot.stop();
    std::fs::write(&config, format!("{list}[repositories.python]\nreserved = [\"acme-*\"]\n")).unwrap();
    depot.resume();
    // Twice: the second is what is remembered of the first.
    for _ in 0..2 {
        assert_eq!(listed(&depot, "/simple/"), ["six", "tk-one"]);
        assert_eq!(listed(&depot, "/pypi/simple/"), ["six", "tk-one"]);
    }
    depot.new_token("ann", &["push:python:tk*"]);
    assert_eq!(listed(&depot, "/simple/"), ["six"]);
    assert_eq!(listed(&depot, "/pypi/simple/"), ["six"]);
    // What the owner has of them is.
    depot.publish(&WheelBuilder::new("acme-core", "0.5"));
    depot.publish(&WheelBuilder::new("six", "0.5"));
    assert_eq!(listed(&depot, "/simple/"), ["acme-core", "six"]);
    assert_eq!(listed(&depot, "/pypi/simple/"), Vec::<String>::new());
}
