//! The states of projects (PEP 792): a save picks them up, the tree tells them, and bundles carry them without any bytes.

use std::fs;

use depot_tests::{FakeIndex, Output, Style, WheelBuilder, depot_command, run};
use serde_json::{Value, json};

use super::bundle::forge::open;
use super::command::schema::assert_valid;
use super::saved::{Saved, result};

fn wheel(name: &str) -> WheelBuilder {
    WheelBuilder::new(name, "1")
}

fn index() -> FakeIndex {
    FakeIndex::builder(Style::Json).wheel(&wheel("pot").requires_dist("lid")).wheel(&wheel("lid")).start()
}

fn look(saved: &Saved, args: &[&str]) -> Output {
    run(depot_command(["python"]).args(args).arg("--dir").arg(saved.root()).current_dir(saved.around()))
}

#[track_caller]
fn look_json(saved: &Saved, args: &[&str]) -> Value {
    let result = result(&look(saved, &[args, &["--format", "json"]].concat()));
    assert_valid(&result);
    result
}

#[test]
fn a_save_picks_up_what_became_of_projects_and_tells_it_once() {
    let (index, saved) = (index(), Saved::new());
    let save = || saved.solve(&index, &["pot", "--format", "json"]).assert_success();
    assert_eq!(result(&save())["statuses"], json!([]));
    assert!(!saved.root().join("projects").exists(), "there is nothing to say");
    index.set_status("lid", "archived", Some("nobody has the time"));
    let said = save();
    assert_valid(&result(&said));
    let news = json!([{ "project": "lid", "status": "archived", "reason": "nobody has the time" }]);
    assert_eq!(result(&said)["statuses"], news);
    assert!(said.stderr.contains("warning: lid is archived: nobody has the time"), "{}", said.stderr);
    assert_eq!(result(&save())["statuses"], json!([]), "it is no news any more");
    let shown = look_json(&saved, &["show", "lid"]);
    assert_eq!(
        (&shown["status"], &shown["status-reason"]),
        (&json!("archived"), &json!("nobody has the time"))
    );
    let listed = look(&saved, &["list"]).assert_success().stdout;
    assert!(listed.contains("lid 1  1 file, ") && listed.contains(", archived"), "{listed}");
    let rows = look_json(&saved, &["list"]);
    assert_eq!(
        (&rows["releases"][0]["status"], &rows["releases"][1]["status"]),
        (&json!("archived"), &json!("active"))
    );
    index.set_status("lid", "active", None);
    assert!(save().stderr.contains("lid is active again"));
    assert_eq!(look_json(&saved, &["show", "lid"])["status"], "active");
}

#[test]
fn what_is_known_of_a_project_besides_stays_and_nothing_is_written_of_projects_without_files() {
    let (index, saved) = (index(), Saved::new());
    saved.solve(&index, &["pot"]).assert_success();
    let projects = saved.root().join("projects");
    fs::create_dir(&projects).unwrap();
    fs::write(projects.join("lid.json"), r#"{"owner": "us"}"#).unwrap();
    fs::write(projects.join("pot.json"), "no document").unwrap();
    for project in ["lid", "pot", "cup"] {
        index.set_status(project, "deprecated", None);
    }
    index.put("cup", &wheel("cup"));
    saved.solve(&index, &["pot", "cup", "--dry-run"]).assert_success();
    let read = |name: &str| fs::read_to_string(projects.join(name)).unwrap();
    assert_eq!(read("lid.json"), r#"{"owner": "us"}"#, "a dry run wrote it");
    saved.solve(&index, &["pot", "cup>=9"]).assert_code(3);
    let lid: Value = serde_json::from_str(&read("lid.json")).unwrap();
    assert_eq!(lid, json!({ "owner": "us", "project-status": { "status": "deprecated" } }));
    assert_eq!(read("pot.json"), "no document");
    assert!(!projects.join("cup.json").exists(), "nothing of it was saved");
}

#[test]
fn a_quarantine_reaches_the_other_side_of_a_gap_without_bytes() {
    let (index, saved, far) = (index(), Saved::new(), Saved::new());
    saved.solve(&index, &["pot"]).assert_success();
    let bundle = |args: &[&str]| look(&saved, &[&["bundle", "create"], args].concat());
    bundle(&["-o", "one.tar.zst"]).assert_success();
    let import = |name: &str| {
        let mut command = depot_command(["python", "bundle", "import", name, "--format", "json", "--dir"]);
        let said = run(command.arg(far.root()).current_dir(saved.around())).assert_success();
        assert_valid(&result(&said));
        (result(&said)["counts"].clone(), said.stderr)
    };
    import("one.tar.zst");
    let diff = |code: i32| {
        let root = far.root();
        let args = ["diff", root.to_str().unwrap()];
        (look_json(&saved, &args), look(&saved, &args).assert_code(code).stdout)
    };
    assert_eq!(diff(0).0["same"], true);

    index.set_status("lid", "quarantined", Some("malware"));
    // It cannot be saved any more, which is said; what is known of what was saved changes all the same.
    let said = saved.solve(&index, &["lid"]).assert_code(3);
    assert!(said.stderr.contains("lid is quarantined: malware"), "{}", said.stderr);
    let (told, text) = diff(1);
    assert_eq!(told["projects"], json!([{ "project": "lid", "change": "added" }]));
    assert_eq!((&told["same"], text.as_str()), (&json!(false), "+ projects/lid.json\n"));
    let made = bundle(&["-o", "two.tar.zst", "--base", "one.tar.zst", "--format", "json"]).assert_success();
    assert_valid(&result(&made));
    let counts = json!({ "new": 0, "changed": 0, "projects": 1, "removed": 0, "unchanged": 2 });
    assert_eq!(result(&made)["counts"], counts);
    assert!(
        !made.stderr.contains("nothing is new") && made.stderr.contains("news of 1 project"),
        "{}",
        made.stderr
    );
    let (counts, talk) = import("two.tar.zst");
    assert_eq!((&counts["projects"], &counts["updated"]), (&json!(1), &json!(0)));
    assert!(talk.contains("news of 1 project"), "{talk}");
    assert_eq!(import("two.tar.zst").0["projects"], 0, "twice is once");
    assert_eq!(diff(0).0["same"], true);
    let shown = look(&far, &["show", "lid"]).assert_success().stdout;
    assert!(shown.starts_with("lid is quarantined: malware\n"), "{shown}");
}

#[test]
fn a_bundle_tells_of_a_project_nothing_but_its_state_and_takes_nothing_else() {
    let (index, saved, far) = (index(), Saved::new(), Saved::new());
    saved.solve(&index, &["pot"]).assert_success();
    let projects = |tree: &Saved| {
        let folder = tree.root().join("projects");
        fs::create_dir_all(&folder).unwrap();
        folder
    };
    // As on a server whose tree this is: whose it is, what was set there.
    let own = json!({
        "project-status": { "status": "archived" },
        "depot": { "v": 1, "owners": ["ann"], "status": { "state": "deprecated", "reason": "use pan" } },
    });
    fs::write(projects(&saved).join("lid.json"), own.to_string()).unwrap();
    let nobody = json!({ "depot": { "v": 1, "owners": ["ann"] } });
    fs::write(projects(&saved).join("pot.json"), nobody.to_string()).unwrap();
    let here = json!({ "owner-here": 1, "depot": { "v": 1, "pushers": ["bob"] } });
    fs::write(projects(&far).join("lid.json"), here.to_string()).unwrap();
    let bundle = |args: &[&str]| look(&saved, &[&["bundle", "create"], args].concat()).assert_success();
    let import = |name: &str| {
        let mut command = depot_command(["python", "bundle", "import", name, "--dir"]);
        run(command.arg(far.root()).current_dir(saved.around()))
    };
    let known = || -> Value {
        serde_json::from_slice(&fs::read(far.root().join("projects/lid.json")).unwrap()).unwrap()
    };
    bundle(&["-o", "one.tar.zst"]);
    import("one.tar.zst").assert_success();
    let declared = json!({ "status": "deprecated", "reason": "use pan" });
    assert_eq!(
        (&known()["project-status"], &known()["depot"], &known()["owner-here"]),
        (&declared, &here["depot"], &json!(1))
    );
    assert!(!far.root().join("projects/pot.json").exists(), "there was nothing to tell of it");
    let packed = open(&fs::read(saved.around().join("one.tar.zst")).unwrap());
    let told = packed.iter().find(|member| member.name == "projects/lid.json").unwrap();
    assert!(!String::from_utf8_lossy(&told.content).contains("ann"));
    let root = far.root();
    look(&saved, &["diff", root.to_str().unwrap()]).assert_success();
    // That there is nothing to say any more is said, once.
    fs::write(projects(&saved).join("lid.json"), nobody.to_string()).unwrap();
    look(&saved, &["diff", "one.tar.zst"]).assert_code(1);
    bundle(&["-o", "two.tar.zst", "--base", "one.tar.zst"]);
    import("two.tar.zst").assert_success();
    assert_eq!((known().get("project-status"), &known()["depot"]), (None, &here["depot"]));
    look(&saved, &["diff", "two.tar.zst"]).assert_success();
    let said = bundle(&["-o", "three.tar.zst", "--base", "two.tar.zst"]);
    assert!(said.stderr.contains("nothing is new"), "{}", said.stderr);
}
