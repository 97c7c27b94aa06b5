//! Folders that are served in place.

use std::fs;

use depot_tests::{Clients, SdistBuilder, WheelBuilder, depot, sha256_hex};

use super::{
    super::depot::{Depot, body, listing},
    files, index_of, wheel_name,
};

#[test]
fn a_folder_is_served_in_place_and_what_changes_is_noticed() {
    let around = tempfile::tempdir().unwrap();
    let wheels = around.path().join("wheels");
    fs::create_dir_all(wheels.join("tea")).unwrap();
    let six = WheelBuilder::new("six", "1").requires_python(">=3.8");
    fs::write(wheels.join(six.filename()), six.build()).unwrap();
    let tea = SdistBuilder::new("tea", "1");
    fs::write(wheels.join("tea").join(tea.filename()), tea.build()).unwrap();
    let before = listing(&wheels);
    let config = around.path().join("depot.toml");
    fs::write(
        &config,
        "[repositories.wheels]\nkind = \"directory\"\npath = \"wheels\"\n\
         [repositories.all]\nmembers = [\"wheels\", \"python\"]\n",
    )
    .unwrap();
    let depot = Depot::start_with(&["--config", config.to_str().unwrap()]);
    for mount in ["", "/wheels"] {
        let page = body(&depot.get(&format!("{mount}/simple/six/")));
        let file = &page["files"][0];
        assert_eq!(file["hashes"]["sha256"], sha256_hex(&six.build()));
        assert_eq!(file["requires-python"], ">=3.8");
        assert!(file.get("upload-time").is_none(), "{file}");
        assert_eq!(page["versions"], serde_json::json!(["1"]));
        let path = format!("{mount}/files/six/{}", six.filename());
        assert_eq!(depot.get(&path).body, six.build());
        let metadata = depot.get(&format!("{path}.metadata")).body;
        assert_eq!(metadata, six.metadata());
        assert_eq!(file["core-metadata"]["sha256"], sha256_hex(&metadata));
        assert_eq!(files(&depot.get(&format!("{mount}/simple/tea/"))), [tea.filename()]);
        let root = depot.get(&format!("{mount}/simple/"));
        assert!(root.text().contains("\"six\"") && root.text().contains("\"tea\""), "{}", root.text());
    }
    assert_eq!(listing(&wheels), before);
    let two = WheelBuilder::new("six", "2");
    fs::write(wheels.join(two.filename()), two.build()).unwrap();
    assert_eq!(files(&depot.get("/simple/six/")), [six.filename(), two.filename()]);
    fs::remove_file(wheels.join(six.filename())).unwrap();
    assert_eq!(files(&depot.get("/simple/six/")), [two.filename()]);
    assert_eq!(depot.get(&format!("/files/six/{}", six.filename())).status, 404);
}

#[test]
fn a_saved_tree_is_served_in_place_and_pip_installs_from_it() {
    let Some(clients) = Clients::find() else { return };
    let index = index_of(&["six"]);
    let around = tempfile::tempdir().unwrap();
    let tree = around.path().join("tree");
    let saved =
        depot(["python", "save", "six", "--index-url", &index.url(), "--dir", tree.to_str().unwrap()]);
    saved.assert_success();
    drop(index);
    let before = listing(&tree);
    let config = around.path().join("depot.toml");
    let text = "[repositories.saved]\nkind = \"directory\"\npath = \"tree\"\n[repositories.all]\nmembers = [\"saved\"]\n";
    fs::write(&config, text).unwrap();
    let depot = Depot::start_with(&["--config", config.to_str().unwrap()]);
    let room = clients.room();
    room.pip_install(&format!("{}/simple/", depot.url()), ["six"]).assert_success();
    assert_eq!(room.installed_version("six"), "2");
    let page = body(&depot.get("/simple/six/"));
    // What the index said of the file is in its record.
    assert_eq!(page["files"][0]["upload-time"], "2024-05-06T07:08:09.000000Z");
    assert_eq!(listing(&tree), before);
    // A file without a record was never saved to its end.
    fs::write(tree.join("files/six").join(wheel_name("six", "3")), WheelBuilder::new("six", "3").build())
        .unwrap();
    assert_eq!(files(&depot.get("/simple/six/")), [wheel_name("six", "2")]);
}

#[test]
fn sources_of_the_command_line_are_served_at_the_root_in_their_order() {
    let index = index_of(&["six", "tea"]);
    let around = tempfile::tempdir().unwrap();
    let wheels = around.path().join("wheels");
    fs::create_dir(&wheels).unwrap();
    let own = WheelBuilder::new("six", "2").file("own.py", "own = True");
    fs::write(wheels.join(own.filename()), own.build()).unwrap();
    let depot = Depot::start_with(&[wheels.to_str().unwrap(), &index.url()]);
    let page = body(&depot.get("/simple/six/"));
    let names: Vec<_> = page["files"].as_array().unwrap().iter().map(|file| &file["filename"]).collect();
    assert_eq!(names.len(), 2, "{page}");
    // The first one's bytes, where both have a file of one name.
    let served = depot.get(&format!("/files/six/{}", own.filename()));
    assert_eq!(sha256_hex(&served.body), sha256_hex(&own.build()));
    assert_eq!(files(&depot.get("/simple/tea/")).len(), 2);
    assert_eq!(files(&depot.get("/wheels/simple/six/")), [own.filename()]);
    let said = depot.server().stderr();
    assert!(said.contains(&format!("pip install --index-url {}/simple/ ...", depot.url())), "{said}");
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_not_served_and_keeps_nobody_waiting() {
    let around = tempfile::tempdir().unwrap();
    let wheels = around.path().join("wheels");
    fs::create_dir(&wheels).unwrap();
    let six = WheelBuilder::new("six", "1");
    fs::write(wheels.join(six.filename()), six.build()).unwrap();
    fs::write(around.path().join("secret.txt"), "secret").unwrap();
    std::os::unix::fs::symlink("../secret.txt", wheels.join(format!("{}.metadata", six.filename()))).unwrap();
    let pipe = wheels.join(wheel_name("six", "2"));
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
        .unwrap();
    let depot = Depot::start_with(&[wheels.to_str().unwrap()]);
    assert_eq!(files(&depot.get("/simple/six/")), [six.filename()]);
    assert_eq!(depot.get(&format!("/files/six/{}", wheel_name("six", "2"))).status, 404);
    assert_eq!(depot.get(&format!("/files/six/{}.metadata", six.filename())).body, six.metadata());
}

#[test]
fn a_folder_that_is_lost_takes_nothing_else_away() {
    let index = index_of(&["six"]);
    let around = tempfile::tempdir().unwrap();
    let wheels = around.path().join("wheels");
    fs::create_dir(&wheels).unwrap();
    let depot = Depot::start_with(&[wheels.to_str().unwrap(), &index.url()]);
    fs::remove_dir(&wheels).unwrap();
    assert_eq!(files(&depot.get("/simple/six/")).len(), 2);
    assert_eq!(depot.get(&format!("/files/six/{}", wheel_name("six", "2"))).status, 200);
}

#[test]
fn a_list_names_what_its_reader_may_read() {
    let around = tempfile::tempdir().unwrap();
    for (folder, wheel) in [("open", "six"), ("secret", "six"), ("secret", "hidden-thing")] {
        fs::create_dir_all(around.path().join(folder)).unwrap();
        let wheel = WheelBuilder::new(wheel, "1");
        fs::write(around.path().join(folder).join(wheel.filename()), wheel.build()).unwrap();
    }
    let config = around.path().join("depot.toml");
    let text = "[repositories.open]\nkind = \"directory\"\npath = \"open\"\n\
                [repositories.secret]\nkind = \"directory\"\npath = \"secret\"\n\
                [repositories.all]\nmembers = [\"open\", \"secret\", \"python\"]\n";
    fs::write(&config, text).unwrap();
    let depot = Depot::start_with(&["--config", config.to_str().unwrap(), "--private"]);
    let token = depot.new_token("reader", &["read:open:*", "read:secret:six"]);
    let list = depot.request("GET", "/simple/", Some(&token), "", b"");
    assert!(list.text().contains("six") && !list.text().contains("hidden"), "{}", list.text());
    // Nor is it told who owns a name in a repository that is not theirs to read.
    let why = depot.request("GET", "/api/why?at=/&project=six", Some(&token), "", b"");
    assert_eq!((why.status, body(&why)["owner"].is_null()), (200, true), "{}", why.text());
    let all = depot.request("GET", "/simple/", Some(&depot.token()), "", b"");
    assert!(all.text().contains("hidden-thing"), "{}", all.text());
}
