//! `depot python publish` against a server.

use std::fs;
use std::path::Path;
use std::process::Command;

use depot_tests::{Client, Clients, Output, WheelBuilder, depot_command, run};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::release;
use crate::python::command::schema::assert_valid;
use crate::python::depot::{Depot, body};
use crate::python::index::Built;
use crate::python::saved::result;

/// A folder with these files in `dist/`.
fn dist(files: &[Built]) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("dist")).unwrap();
    put(&folder, files);
    folder
}

fn put(folder: &TempDir, files: &[Built]) {
    for file in files {
        fs::write(folder.path().join("dist").join(&file.filename), &file.bytes).unwrap();
    }
}

/// The command in this folder, with nothing of this machine's.
fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = depot_command([&["python", "publish"], args].concat());
    command.current_dir(folder).env("HOME", folder).env("DEPOT_CONFIG_DIR", folder.join("depot"));
    command
}

/// Publishes as the administrator, to the server that is named last.
fn publish(depot: &Depot, folder: &TempDir, args: &[&str]) -> Output {
    let args = [args, &[depot.url()]].concat();
    run(command(folder.path(), &args).env("DEPOT_AUTH_TOKEN", depot.token()))
}

/// The same, and what it says to programs.
#[track_caller]
fn told(depot: &Depot, folder: &TempDir, args: &[&str], code: i32) -> Value {
    let told = result(&publish(depot, folder, &[args, &["--format", "json"]].concat()).assert_code(code));
    assert_valid(&told);
    told
}

#[track_caller]
fn outcomes(told: &Value) -> Vec<&str> {
    told["files"].as_array().unwrap().iter().map(|file| file["outcome"].as_str().unwrap()).collect()
}

#[test]
fn what_was_built_is_published_and_installs_and_again_is_no_news() {
    let Some(clients) = Clients::find_with(Client::Flit) else { return };
    let (depot, room) = (Depot::start(), clients.room());
    let project = "[build-system]\nrequires = [\"flit_core >=3.11\"]\nbuild-backend = \"flit_core.buildapi\"\n\
                   [project]\nname = \"Tea.Pot\"\nversion = \"1.0\"\ndescription = \"A pot\"\n\
                   requires-python = \">=3.8\"\n\
                   [tool.flit.module]\nname = \"tea_pot\"\n";
    fs::write(room.path().join("pyproject.toml"), project).unwrap();
    fs::create_dir(room.path().join("tea_pot")).unwrap();
    fs::write(room.path().join("tea_pot/__init__.py"), "__version__ = \"1.0\"\n").unwrap();
    run(room.command_of(Client::Flit).args(["build"])).assert_success();
    let publish = || {
        let mut command =
            command(&room.path(), &["dist/tea_pot-1.0-py3-none-any.whl", "dist/tea_pot-1.0.tar.gz"]);
        command.arg(depot.url()).env("DEPOT_AUTH_TOKEN", depot.token());
        run(&mut command).assert_success()
    };
    let said = publish();
    assert_eq!(said.stdout, "tea_pot-1.0-py3-none-any.whl  published\ntea_pot-1.0.tar.gz  published\n");
    assert!(said.stderr.contains("published 2 files"), "{}", said.stderr);
    let again = publish();
    assert_eq!(again.stdout.matches("  there already").count(), 2, "{}", again.stdout);
    assert_eq!(depot.listed("tea-pot").len(), 2);
    let index = format!("{}/python/simple/", depot.url());
    let (pip, uv) = (clients.room(), clients.room());
    pip.pip_install(&index, ["Tea.Pot"]).assert_success();
    uv.uv_install(&index, ["Tea.Pot"]).assert_success();
    for room in [&pip, &uv] {
        assert_eq!(room.installed_version("tea_pot"), "1.0");
    }
}

#[test]
fn a_folder_is_published_with_what_attests_of_its_files() {
    let depot = Depot::start();
    let files = release("1.0");
    let folder = dist(&files);
    let statement = json!({ "subject": [{ "digest": { "sha256": files[0].sha256() } }] }).to_string();
    let attestation = json!({
        "version": 1,
        "verification_material": { "certificate": "MIIC" },
        "envelope": {
            "statement": base64::Engine::encode(&base64::engine::general_purpose::STANDARD, statement),
            "signature": "MEUC",
        },
    });
    let beside = format!("{}.publish.attestation", files[0].filename);
    fs::write(folder.path().join("dist").join(&beside), attestation.to_string()).unwrap();
    let planned = told(&depot, &folder, &["dist", "--dry-run"], 0);
    assert_eq!((outcomes(&planned), &planned["dry-run"]), (vec!["planned"; 3], &json!(true)));
    assert!(depot.listed("tea-pot").is_empty());
    // As a shell fills in `dist/*`.
    let named: Vec<String> =
        files.iter().map(|file| &file.filename).chain([&beside]).map(|name| format!("dist/{name}")).collect();
    let named: Vec<&str> = named.iter().map(String::as_str).collect();
    let done = told(&depot, &folder, &named, 0);
    assert_eq!(outcomes(&done), ["created"; 3]);
    assert_eq!(done["counts"]["created"], 3);
    assert_eq!(done["bytes"], files.iter().map(|file| file.bytes.len()).sum::<usize>());
    let served = depot.get(&format!("{}.provenance", files[0].path()));
    assert_eq!(body(&served)["attestation_bundles"][0]["attestations"], json!([attestation]));
    // One that is none keeps everything here.
    let more = release("1.1");
    put(&folder, &more);
    let broken = folder.path().join("dist").join(format!("{}.publish.attestation", more[1].filename));
    fs::write(broken, "no attestation").unwrap();
    let said = publish(&depot, &folder, &["dist/*"]).assert_code(1);
    assert!(said.stderr.contains("is no attestation"), "{}", said.stderr);
    assert_eq!(depot.listed("tea-pot").len(), 3);
}

#[test]
fn a_file_that_is_refused_here_keeps_everything_here() {
    let depot = Depot::start();
    let mut files = release("1.0");
    files[1].bytes = WheelBuilder::new("Tea.Pot", "2.0").build();
    let folder = dist(&files);
    let said = publish(&depot, &folder, &["dist/*"]).assert_code(1);
    assert!(
        said.stderr.contains(&files[1].filename) && said.stderr.contains("nothing was sent"),
        "{}",
        said.stderr
    );
    assert!(depot.listed("tea-pot").is_empty());
    let refused = told(&depot, &folder, &["dist", "missing-1.0.tar.gz"], 1);
    assert!(outcomes(&refused).is_empty());
    let failed = refused["failed"].as_array().unwrap();
    assert!(failed.iter().any(|failed| failed["item"] == "missing-1.0.tar.gz"), "{refused}");
    assert!(failed.iter().any(|failed| failed["item"] == format!("dist/{}", files[1].filename)), "{refused}");
}

#[test]
fn other_bytes_on_the_server_keep_the_whole_release_here_and_other_releases_go() {
    let depot = Depot::start();
    let (old, new) = (release("1.0"), release("1.1"));
    let other = WheelBuilder::new("Tea.Pot", "1.0").build_tag("2").file("tea_pot/more.py", "x = 1\n");
    depot.publish(&other);
    let folder = dist(&old);
    let refused = told(&depot, &folder, &["dist"], 1);
    assert_eq!(outcomes(&refused), ["failed"; 3]);
    assert!(refused["failed"][0]["reason"].as_str().unwrap().contains("new version"), "{refused}");
    put(&folder, &new);
    let partly = told(&depot, &folder, &["dist"], 3);
    assert_eq!(partly["counts"]["created"], 3);
    assert_eq!((&partly["counts"]["releases"], &partly["counts"]["failed-releases"]), (&json!(2), &json!(1)));
    assert_eq!(depot.listed("tea-pot").len(), 4);
    // Without the one in the way the rest of it goes.
    fs::remove_file(folder.path().join("dist").join(&old[1].filename)).unwrap();
    let done = told(&depot, &folder, &["dist"], 0);
    assert_eq!((&done["counts"]["created"], &done["counts"]["present"]), (&json!(2), &json!(3)));
    assert_eq!(depot.listed("tea-pot").len(), 6);
}

#[test]
fn what_is_meant_must_be_said() {
    let depot = Depot::start();
    let folder = dist(&release("1.0"));
    for args in
        [&["dist"][..], &[depot.url()], &[], &["-", depot.url()], &["x.publish.attestation", depot.url()]]
    {
        run(&mut command(folder.path(), args)).assert_code(2);
    }
    // A variable names the server, and what is typed goes before it.
    let mut by_variable = command(folder.path(), &["dist"]);
    by_variable.env("DEPOT_PUBLISH_URL", format!("{}/python/", depot.url()));
    run(by_variable.env("DEPOT_AUTH_TOKEN", depot.token())).assert_success();
    assert_eq!(depot.listed("tea-pot").len(), 3);
    let mut typed = command(folder.path(), &["dist", depot.url()]);
    typed.env("DEPOT_PUBLISH_URL", "http://127.0.0.1:9");
    run(typed.env("DEPOT_AUTH_TOKEN", depot.token())).assert_success();
    let said = run(&mut command(folder.path(), &["dist", depot.url()])).assert_code(1);
    assert!(said.stderr.contains("depot login"), "{}", said.stderr);
    let token = depot.new_token("ci", &["push:python:kettle"]);
    let folder = dist(&release("1.1"));
    let said =
        run(command(folder.path(), &["dist", depot.url()]).env("DEPOT_AUTH_TOKEN", token)).assert_code(1);
    assert!(said.stderr.contains("`push`"), "{}", said.stderr);
    assert_eq!(depot.listed("tea-pot").len(), 3);
}

#[test]
fn an_account_publishes_and_pushes_by_its_name_and_password() {
    let depot = Depot::start();
    depot.new_user("ann", "correct horse", &["--mirror"]);
    let host = depot.url().strip_prefix("http://").unwrap().to_owned();
    let folder = dist(&release("1.0"));
    let url = format!("http://ann:correct%20horse@{host}");
    let said = run(&mut command(folder.path(), &["dist", &url])).assert_success();
    assert!(!said.stderr.contains("horse") && !said.stdout.contains("horse"), "{}", said.stderr);
    assert_eq!(depot.listed("tea-pot").len(), 3);
    // The same by a file, which pushes use too.
    let netrc = folder.path().join("netrc");
    fs::write(&netrc, "machine 127.0.0.1 login ann password \"correct horse\"\n").unwrap();
    let more = dist(&release("1.1"));
    run(command(more.path(), &["dist", depot.url()]).env("NETRC", &netrc)).assert_success();
    assert_eq!(depot.listed("tea-pot").len(), 6);
    let wheel = WheelBuilder::new("kettle", "1.0");
    let index = depot_tests::FakeIndex::builder(depot_tests::Style::Json).wheel(&wheel).start();
    let saved = crate::python::saved::Saved::new();
    saved.save(&index, &["kettle"]).assert_success();
    run(saved.push_command(depot.url(), &[]).env("NETRC", &netrc)).assert_success();
    assert_eq!(depot.listed("kettle").len(), 1);
    run(&mut saved.push_command(&url, &[])).assert_success();
    // A wrong password is said to be one.
    let wrong = format!("http://ann:wrong@{host}");
    let said = run(&mut command(folder.path(), &["dist", &wrong])).assert_code(1);
    assert!(said.stderr.contains("name and password"), "{}", said.stderr);
}
