//! Bills of materials: CycloneDX 1.6, of what a tree has or a save brought.

use std::fs;

use depot_tests::{
    Client, Clients, FakeIndex, Output, SdistBuilder, Style, WheelBuilder, depot_command, run, sha256_hex,
};
use serde_json::{Value, json};

use super::command::schema::assert_valid;
use super::saved::{Saved, result};

const TARGETS: &[&str] = &["--python", "3.12", "--platform", "linux", "--platform", "windows"];

fn pot() -> WheelBuilder {
    WheelBuilder::new("Tea.Pot", "1.0+local")
        .requires_dist("lid>=2")
        .requires_dist("hob ; sys_platform == 'win32'")
        .metadata_line("Summary: holds tea")
        .metadata_line("License: MIT")
}

fn lid() -> WheelBuilder {
    WheelBuilder::new("lid", "3").metadata_line("Classifier: License :: OSI Approved :: BSD License")
}

fn index() -> FakeIndex {
    FakeIndex::builder(Style::Json)
        .wheel(&pot())
        .wheel(&lid())
        .wheel(&WheelBuilder::new("hob", "1"))
        .sdist(&SdistBuilder::new("spoon", "1").build_requires("bowl"))
        .wheel(&WheelBuilder::new("bowl", "1"))
        .start()
}

fn saved(index: &FakeIndex) -> Saved {
    let saved = Saved::new();
    saved.solve(index, &[&["tea-pot", "spoon"], TARGETS].concat()).assert_success();
    saved
}

fn sbom(saved: &Saved, args: &[&str]) -> Output {
    let mut command = depot_command(["python", "sbom"]);
    run(command.arg("--dir").arg(saved.root()).args(args).args(TARGETS))
}

fn component<'a>(bill: &'a Value, name: &str) -> &'a Value {
    let components = bill["components"].as_array().unwrap();
    components.iter().find(|component| component["name"] == name).unwrap_or_else(|| panic!("{name}: {bill}"))
}

/// What a component depends on, by name.
fn depends(bill: &Value, reference: &str) -> Vec<String> {
    let dependencies = bill["dependencies"].as_array().unwrap();
    let found = dependencies.iter().find(|one| one["ref"] == reference).unwrap();
    let name =
        |purl: &Value| purl.as_str().unwrap()["pkg:pypi/".len()..].split('@').next().unwrap().to_owned();
    found["dependsOn"].as_array().unwrap().iter().map(name).collect()
}

#[test]
fn a_bill_names_releases_their_digests_licences_and_who_needs_them() {
    let index = index();
    let saved = saved(&index);
    let bill = result(&sbom(&saved, &["tea-pot", "spoon"]).assert_success());
    assert_eq!((&bill["bomFormat"], &bill["specVersion"]), (&json!("CycloneDX"), &json!("1.6")));
    let seen = |project: &str, filename: &str| {
        saved.record(project, filename)["depot"]["first-seen"].as_str().unwrap().to_owned()
    };
    let said = bill["metadata"]["timestamp"].as_str().unwrap().to_owned();
    let files = [("tea-pot", pot().filename()), ("lid", lid().filename())];
    assert!(files.iter().all(|(project, filename)| seen(project, filename) <= said), "{said}");
    let pot_of = component(&bill, "tea-pot");
    let purl = pot_of["purl"].as_str().unwrap();
    assert!(purl.starts_with("pkg:pypi/tea-pot@1.0%2Blocal?repository_url=http%3A%2F%2F"), "{purl}");
    assert_eq!(pot_of["hashes"], json!([{ "alg": "SHA-256", "content": sha256_hex(&pot().build()) }]));
    assert_eq!(
        (&pot_of["licenses"], &pot_of["description"]),
        (&json!([{ "license": { "name": "MIT", "acknowledgement": "declared" } }]), &json!("holds tea"))
    );
    assert_eq!(component(&bill, "lid")["licenses"][0]["license"]["name"], "BSD License");
    assert_eq!(pot_of["externalReferences"][0]["comment"], pot().filename());
    assert_eq!(pot_of["properties"].as_array().unwrap().len(), 2, "{pot_of}");
    assert_eq!(component(&bill, "hob")["properties"].as_array().unwrap().len(), 1, "it is for windows alone");
    assert_eq!(depends(&bill, purl), ["hob", "lid"]);
    assert_eq!(depends(&bill, "depot-set"), ["spoon", "tea-pot"]);
    assert_eq!(depends(&bill, component(&bill, "spoon")["bom-ref"].as_str().unwrap()), ["bowl"]);
    assert_eq!(
        (&component(&bill, "bowl")["scope"], &component(&bill, "spoon")["scope"]),
        (&json!("excluded"), &json!("required"))
    );
    assert_eq!(bill["compositions"][0]["aggregate"], "complete");
}

#[test]
fn the_same_tree_gives_the_same_bill_to_the_byte_and_another_set_another_one() {
    let index = index();
    let saved = saved(&index);
    let first = sbom(&saved, &["tea-pot", "spoon"]).assert_success().stdout;
    assert_eq!(first, sbom(&saved, &["spoon", "tea-pot"]).assert_success().stdout);
    // Named in a set, it is the same.
    let set = saved.around().join("depot-set.toml");
    fs::write(&set, "[inputs]\nrequirements = ['tea-pot', 'spoon']\n").unwrap();
    assert_eq!(first, sbom(&saved, &["--set", set.to_str().unwrap()]).assert_success().stdout);
    let other = sbom(&saved, &["tea-pot"]).assert_success().stdout;
    let serial = |bill: &str| serde_json::from_str::<Value>(bill).unwrap()["serialNumber"].clone();
    assert_ne!(serial(&first), serial(&other));
}

#[test]
fn a_save_writes_the_bill_of_what_it_saved() {
    let (index, saved) = (index(), Saved::new());
    let path = saved.around().join("bom.json");
    let args = [&["tea-pot", "absent", "--sbom", path.to_str().unwrap()], TARGETS].concat();
    saved.solve(&index, &args).assert_code(3);
    let bill: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(bill["compositions"][0]["aggregate"], "incomplete");
    saved.solve(&index, &[&["tea-pot", "--sbom", path.to_str().unwrap()], TARGETS].concat()).assert_success();
    let bill: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(bill["compositions"][0]["aggregate"], "complete");
    let names: Vec<&str> =
        bill["components"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["hob", "lid", "tea-pot"]);
    // Files that stand for themselves are in it too.
    let plain = ["bowl", "--sbom", path.to_str().unwrap()];
    saved.save(&index, &plain).assert_success();
    let bill: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(depends(&bill, "depot-set"), ["bowl"]);
    saved.save(&index, &["tea-pot", "--dry-run", "--sbom", "x"]).assert_code(2);
}

#[test]
fn no_bill_is_made_of_what_the_tree_lacks() {
    let index = index();
    let saved = saved(&index);
    let path = saved.around().join("bom.json");
    let said = sbom(&saved, &["tea-pot", "absent", "-o", path.to_str().unwrap()]).assert_code(1);
    assert!(said.stderr.contains("absent") && !path.exists(), "{}", said.stderr);
    let said = sbom(&saved, &["tea-pot", "-o", path.to_str().unwrap(), "--format", "json"]).assert_success();
    assert_valid(&result(&said));
    assert!(path.exists());
}

#[test]
fn a_bill_that_lacks_what_no_index_has_says_that_it_is_not_complete() {
    let index = index();
    let saved = saved(&index);
    let lock = saved.around().join("uv.lock");
    let text = "version = 1\nrevision = 3\nrequires-python = \">=3.8\"\n[[package]]\nname = \"elsewhere\"\nversion = \"1\"\n\
                source = { git = \"https://git.example/elsewhere?rev=1#0123456789012345678901234567890123456789\" }\n";
    fs::write(&lock, text).unwrap();
    let said = sbom(&saved, &["tea-pot", "-r", lock.to_str().unwrap()]).assert_success();
    assert!(said.stderr.contains("skipped elsewhere"), "{}", said.stderr);
    let bill: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(bill["compositions"][0]["aggregate"], "incomplete");
}

#[test]
fn the_official_schema_takes_a_bill() {
    let Some(clients) = Clients::find_with(Client::CycloneDx) else { return };
    let index = index();
    let saved = saved(&index);
    let room = clients.room();
    let path = room.path().join("bom.json");
    sbom(&saved, &["tea-pot", "spoon", "-o", path.to_str().unwrap()]).assert_success();
    let script = "import sys\n\
                  from cyclonedx.schema import SchemaVersion\n\
                  from cyclonedx.validation.json import JsonStrictValidator\n\
                  error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1]).read())\n\
                  sys.exit(str(error) if error else 0)\n";
    let judge = |path: &str| run(room.command_of(Client::CycloneDx).args(["-c", script, path]));
    judge("bom.json").assert_success();
    // The judge can say no.
    let mut bill: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    bill["components"][0]["scope"] = "sometimes".into();
    fs::write(room.path().join("bad.json"), bill.to_string()).unwrap();
    judge("bad.json").assert_code(1);
}
