//! `depot python bundle`: a tree that is carried where no network goes.

mod chain;
mod damage;
pub(super) mod forge;
mod interrupted;
mod keys;
mod remote;
mod volumes;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use depot_tests::{
    FakeFile, FakeIndex, Output, SdistBuilder, Style, WheelBuilder, depot_command, run, sha256_hex, skipped,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::command::schema::assert_valid;
use super::saved::{Saved, result};

/// A folder with the tree that bundles are made of, the tree that they are imported into, and room for them.
struct Carried {
    source: Saved,
    target: Saved,
    room: TempDir,
}

impl Carried {
    /// With a tree that holds these projects of the index.
    fn of(index: &FakeIndex, projects: &[&str]) -> Self {
        let carried = Self { source: Saved::new(), target: Saved::new(), room: TempDir::new().unwrap() };
        carried.source.save(index, projects).assert_success();
        carried
    }

    fn path(&self, name: &str) -> PathBuf {
        self.room.path().join(name)
    }

    /// `depot python bundle` with these arguments, run in the room.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = depot_command(["python", "bundle"]);
        command.args(args).current_dir(self.room.path());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        run(&mut self.command(args))
    }

    /// `bundle create` of the source tree.
    fn create(&self, args: &[&str]) -> Output {
        run(self.command(&["create"]).arg("--dir").arg(self.source.root()).args(args))
    }

    /// `bundle import` into the target tree.
    fn import(&self, args: &[&str]) -> Output {
        run(self.command(&["import"]).arg("--dir").arg(self.target.root()).args(args))
    }

    /// A bundle of all of the source.
    fn whole(&self) -> Vec<u8> {
        self.create(&["-o", "whole.tar.zst"]).assert_success();
        fs::read(self.path("whole.tar.zst")).unwrap()
    }

    /// Fails unless the target holds no file.
    #[track_caller]
    fn assert_nothing_imported(&self) {
        assert_eq!(stored(&self.target.root()), Vec::<String>::new());
    }

    /// Fails unless the target holds the files of the source, to the byte, and nothing is under way in it.
    #[track_caller]
    fn assert_carried(&self) {
        let (from, to) = (self.source.root(), self.target.root());
        let names = stored(&from);
        assert_eq!(names, stored(&to));
        for name in names {
            let (a, b) = (fs::read(from.join(&name)).unwrap(), fs::read(to.join(&name)).unwrap());
            if is_record(&name) {
                assert_eq!(without_moments(&a), without_moments(&b), "{name}");
            } else {
                assert_eq!(sha256_hex(&a), sha256_hex(&b), "{name}");
            }
        }
        assert_tmp_is_tidy(&to);
    }
}

/// A record without what only one tree knows: when it came there, and what it was told last.
fn without_moments(record: &[u8]) -> Value {
    let mut record: Value = serde_json::from_slice(record).unwrap();
    if let Some(depot) = record["depot"].as_object_mut() {
        depot.retain(|key, _| key != "first-seen" && key != "facts-digest");
    }
    record
}

/// The paths of what is stored below `files/` and `projects/`, sorted.
fn stored(root: &Path) -> Vec<String> {
    let mut paths = Vec::new();
    let mut folders = vec![root.join("files"), root.join("projects")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                paths.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    paths.sort_unstable();
    paths
}

fn is_record(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "json")
}

#[track_caller]
fn assert_tmp_is_tidy(root: &Path) {
    let names = fs::read_dir(root.join("tmp")).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = names.filter(|name| name != "linking.lock" && name != "verified.json").collect();
    assert!(left.is_empty(), "left in tmp/: {left:?}");
}

fn pot() -> WheelBuilder {
    WheelBuilder::new("tea.pot", "1.0").requires_python(">=3.8").random_file("tea_pot/data.bin", 300_000, 1)
}

fn lid() -> WheelBuilder {
    WheelBuilder::new("lid", "3")
}

fn index() -> FakeIndex {
    FakeIndex::builder(Style::Json)
        .wheel(&pot())
        .sdist(&SdistBuilder::new("tea.pot", "1.0"))
        .wheel(&lid())
        .start()
}

/// The index, and the trees with all of it on one side.
fn carried() -> (FakeIndex, Carried) {
    let index = index();
    let carried = Carried::of(&index, &["tea-pot", "lid"]);
    (index, carried)
}

#[test]
fn a_tree_arrives_as_it_was_and_a_second_time_nothing_happens() {
    let (_index, carried) = carried();
    carried.whole();
    let said = carried.import(&["whole.tar.zst"]).assert_success();
    assert!(said.stderr.contains("imported 3 files") && said.stdout.is_empty(), "{}", said.stderr);
    assert!(said.stderr.contains("not signed"), "{}", said.stderr);
    carried.assert_carried();
    let record = |tree: &Saved| tree.record("tea-pot", &pot().filename());
    assert!(record(&carried.target)["depot"]["first-seen"].is_string());
    let before = record(&carried.target);
    let again = result(&carried.import(&["whole.tar.zst", "--format", "json"]).assert_success());
    assert_eq!((&again["counts"]["present"], &again["counts"]["imported"]), (&json!(3), &json!(0)));
    assert_eq!((before, &again["files"]), (record(&carried.target), &json!([])));
    carried.assert_carried();
}

#[test]
fn the_same_tree_gives_the_same_bytes() {
    let (_index, carried) = carried();
    let first = carried.whole();
    carried.create(&["-o", "again.tar.zst"]).assert_success();
    assert!(first == fs::read(carried.path("again.tar.zst")).unwrap(), "the bytes differ");
    // What was carried once is carried on alike, but for the moments that a tree writes down.
    carried.import(&["whole.tar.zst"]).assert_success();
    let again = carried.create(&["-o", "third.tar.zst", "--format", "json"]);
    let onwards = run(carried
        .command(&["create", "-o", "fourth.tar.zst", "--format", "json", "--dir"])
        .arg(carried.target.root()));
    assert_eq!(result(&again)["id"], result(&onwards)["id"]);
}

#[test]
fn ordinary_tools_open_it_and_what_they_unpack_is_a_tree() {
    let (_index, carried) = carried();
    carried.whole();
    let tar = |args: &[&str]| Command::new("tar").args(args).current_dir(carried.room.path()).output();
    match tar(&["--zstd", "-tf", "whole.tar.zst"]) {
        Err(error) if error.kind() == ErrorKind::NotFound => return skipped("tar: it is not installed"),
        Ok(said) if String::from_utf8_lossy(&said.stderr).contains("zstd: Cannot exec") => {
            return skipped("tar --zstd: zstd is not installed");
        }
        said => {
            let said = said.unwrap();
            let names = String::from_utf8(said.stdout).unwrap();
            assert!(
                said.status.success() && said.stderr.is_empty(),
                "{}",
                String::from_utf8_lossy(&said.stderr)
            );
            let names: Vec<&str> = names.lines().collect();
            assert_eq!(names[..3], ["depot-bundle.json", "depot-bundle.sig", "depot-receipt.json"]);
            let place = |name: String| names.iter().position(|found| *found == name).unwrap();
            let wheel = format!("files/tea-pot/{}", pot().filename());
            assert!(place(wheel.clone()) < place(format!("{wheel}.metadata")));
            assert!(place(format!("{wheel}.metadata")) < place(format!("{wheel}.json")));
        }
    }
    fs::create_dir(carried.target.root()).unwrap();
    let target = carried.target.root();
    let unpacked = tar(&["--zstd", "-xf", "whole.tar.zst", "-C", target.to_str().unwrap()]).unwrap();
    assert!(unpacked.status.success(), "{}", String::from_utf8_lossy(&unpacked.stderr));
    let depot = super::depot::Depot::start();
    carried.target.push(&depot, &[]).assert_success();
    assert_eq!((depot.listed("tea-pot").len(), depot.listed("lid").len()), (2, 1));
}

#[test]
fn long_names_yanks_and_what_lies_beside_files_travel_too() {
    let name = format!("pot{}", "-and-cup".repeat(16));
    let long = WheelBuilder::new(&name, "1.0");
    let index = FakeIndex::builder(Style::Json)
        .wheel(&long)
        .file("lid", FakeFile::from(&lid()).yanked("leaks"))
        .start();
    let carried = Carried::of(&index, &[&name, "lid==3"]);
    assert!(long.filename().len() > 100);
    let root = carried.source.root();
    fs::write(root.join(format!("files/lid/{}.provenance", lid().filename())), "{\"version\": 1}").unwrap();
    fs::create_dir(root.join("projects")).unwrap();
    let declared = |status: &str| json!({ "project-status": { "status": status } }).to_string();
    fs::write(root.join("projects/lid.json"), declared("archived")).unwrap();
    carried.whole();
    carried.import(&["whole.tar.zst"]).assert_success();
    carried.assert_carried();
    assert_eq!(carried.target.record("lid", &lid().filename())["yanked"], "leaks");
    // One of them changes: it travels alone.
    fs::write(root.join("projects/lid.json"), declared("deprecated")).unwrap();
    let made = carried.create(&["-o", "next.tar.zst", "--base", "whole.tar.zst", "--format", "json"]);
    assert_eq!(
        result(&made)["counts"],
        json!({ "new": 0, "changed": 0, "projects": 1, "removed": 0, "unchanged": 2 })
    );
    carried.import(&["next.tar.zst"]).assert_success();
    carried.assert_carried();
}

#[test]
fn what_is_there_with_other_bytes_is_kept_and_nothing_is_imported() {
    let (_index, carried) = carried();
    carried.whole();
    let other = FakeIndex::builder(Style::Json).wheel(&lid().file("lid/more.py", "x = 1\n")).start();
    carried.target.save(&other, &["lid"]).assert_success();
    let before = stored(&carried.target.root());
    let said = carried.import(&["whole.tar.zst"]).assert_code(1);
    assert!(
        said.stderr.contains(&lid().filename()) && said.stderr.contains("other bytes"),
        "{}",
        said.stderr
    );
    assert_eq!(before, stored(&carried.target.root()));
    let wheel = carried.target.stored("lid", &lid().filename()).unwrap();
    assert_ne!(wheel, lid().build());
}

#[test]
fn what_was_lost_on_the_other_side_is_put_back() {
    let (_index, carried) = carried();
    carried.whole();
    carried.import(&["whole.tar.zst"]).assert_success();
    fs::remove_file(carried.target.path("lid", &lid().filename())).unwrap();
    fs::remove_file(carried.target.path("lid", &format!("{}.metadata", lid().filename()))).unwrap();
    fs::write(carried.target.path("tea-pot", &format!("{}.json", pot().filename())), "no record").unwrap();
    let again = result(&carried.import(&["whole.tar.zst", "--format", "json"]).assert_success());
    assert_eq!(again["counts"]["imported"], 2, "{again}");
    carried.assert_carried();
}

#[test]
fn a_damaged_tree_is_not_packed() {
    let (_index, carried) = carried();
    let wheel = carried.source.path("lid", &lid().filename());
    let mut bytes = fs::read(&wheel).unwrap();
    bytes[40] ^= 1;
    fs::write(&wheel, bytes).unwrap();
    let said = carried.create(&["-o", "x.tar.zst", "--receipt", "r.json"]).assert_code(1);
    assert!(said.stderr.contains(&lid().filename()) && said.stderr.contains("damaged"), "{}", said.stderr);
    assert_eq!(fs::read_dir(carried.room.path()).unwrap().count(), 0, "something was left behind");
}

#[test]
fn a_bundle_never_takes_the_place_of_another_file() {
    let (_index, carried) = carried();
    carried.whole();
    let said = carried.create(&["-o", "whole.tar.zst"]).assert_code(1);
    assert!(said.stderr.contains("is there already"), "{}", said.stderr);
    fs::write(carried.path("x.002.tar.zst"), "of another").unwrap();
    let said = carried.create(&["-o", "x.tar.zst", "--max-size", "1M"]).assert_code(1);
    assert!(said.stderr.contains("x.002.tar.zst"), "{}", said.stderr);
    let said = carried.create(&["-o", "absent/x.tar.zst"]).assert_code(1);
    assert!(said.stderr.contains("no folder `absent`"), "{}", said.stderr);
}

#[test]
fn results_are_as_their_schemas_say_and_a_dry_run_changes_nothing() {
    let (_index, carried) = carried();
    let json = ["--format", "json"];
    let check = |output: Output| {
        let result = result(&output.assert_success());
        assert_valid(&result);
        result
    };
    check(carried.run(&[&["keygen"][..], &json].concat()));
    let create = ["-o", "whole.tar.zst", "--sign", "depot-bundle.key", "--receipt", "r.json"];
    let created = check(carried.create(&[&create[..], &json].concat()));
    assert_valid(&serde_json::from_slice(&fs::read(carried.path("r.json")).unwrap()).unwrap());
    check(carried.run(&[&["inspect", "whole.tar.zst"][..], &json].concat()));
    let trusted = ["whole.tar.zst", "--trust", "depot-bundle.key.pub"];
    let inspected = check(carried.run(&[&["inspect", "--check"], &trusted[..], &json].concat()));
    assert_eq!((&inspected["checked"], &inspected["volumes"][0]["trusted"]), (&json!(true), &json!(true)));
    assert_eq!(inspected["volumes"][0]["id"], created["id"]);
    let dry = check(carried.import(&[&trusted[..], &["--dry-run"], &json].concat()));
    assert_eq!((&dry["counts"]["planned"], &dry["dry-run"]), (&json!(3), &json!(true)));
    assert!(!carried.target.root().exists());
    let imported = check(carried.import(&[&trusted[..], &["--receipt", "back.json"], &json].concat()));
    assert_eq!(imported["counts"]["imported"], 3);
    // What the other side says it has is what this side expected.
    assert_eq!(fs::read(carried.path("r.json")).unwrap(), fs::read(carried.path("back.json")).unwrap());
}
