//! `pyproject.toml` as an input.

use std::fs;

use depot_tests::{FakeIndex, Output, Style, WheelBuilder};

use crate::python::saved::Saved;

const PROJECT: &str = "[build-system]\nrequires = [\"kiln\"]\n[project]\nname = \"breakfast\"\nrequires-python = \">=3.11\"\n\
    dependencies = [\"pot>=1\", \"ours\"]\n[project.optional-dependencies]\nhot = [\"kettle\"]\n\
    [dependency-groups]\ntest = [\"tester\", { include-group = \"lint\" }]\nlint = [\"linter\"]\n\
    [tool.uv.sources]\nours = { workspace = true }\n";

fn index() -> FakeIndex {
    let names = ["pot", "kettle", "tester", "linter", "kiln", "ours", "lid"];
    let index = names.iter().fold(FakeIndex::builder(Style::Json), |index, name| {
        let wheel = WheelBuilder::new(name, "1.0");
        index.wheel(&if *name == "pot" { wheel.requires_dist("lid") } else { wheel })
    });
    // What builds the project may clash with what it runs with.
    index
        .wheel(&WheelBuilder::new("kiln", "2.0").requires_dist("lid<1"))
        .wheel(&WheelBuilder::new("lid", "0.9"))
        .start()
}

fn save(index: &FakeIndex, saved: &Saved, text: &str, args: &[&str]) -> Output {
    let path = saved.around().join("pyproject.toml");
    fs::write(&path, text).unwrap();
    saved.solve(
        index,
        &[&["-r", path.to_str().unwrap(), "--python", "3.12", "--platform", "linux"], args].concat(),
    )
}

fn saved_of(saved: &Saved) -> Vec<&'static str> {
    let names = ["kettle", "kiln", "lid", "linter", "ours", "pot", "tester"];
    names.into_iter().filter(|name| !saved.filenames(name).is_empty()).collect()
}

#[test]
fn a_project_is_saved_with_its_extras_and_groups_and_what_builds_it() {
    for (args, expected) in [
        (&[][..], &["kiln", "lid", "pot"][..]),
        (&["--no-build-requires"], &["lid", "pot"]),
        (&["--extra", "hot", "--group", "test"], &["kettle", "kiln", "lid", "linter", "pot", "tester"]),
        (&["--all-extras", "--all-groups"], &["kettle", "kiln", "lid", "linter", "pot", "tester"]),
        (&["--group", "lint"], &["kiln", "lid", "linter", "pot"]),
    ] {
        let (index, saved) = (index(), Saved::new());
        let said = save(&index, &saved, PROJECT, args).assert_success();
        assert_eq!(saved_of(&saved), expected, "{args:?}");
        assert!(said.stderr.contains("skipped ours (") && said.stderr.contains("line 6"), "{}", said.stderr);
        assert_eq!(index.count(&FakeIndex::page_path("ours")), 0, "nobody is asked for a name of our own");
        let lids = if args.contains(&"--no-build-requires") { 1 } else { 2 };
        assert_eq!(saved.filenames("lid").len(), lids, "{args:?}: what builds is chosen apart");
    }
}

#[test]
fn what_is_wrong_with_a_project_is_said_by_its_line() {
    let (index, saved) = (index(), Saved::new());
    let said = save(&index, &saved, PROJECT, &["--extra", "cold"]).assert_code(2);
    assert!(said.stderr.contains("`cold`: there are `hot`"), "{}", said.stderr);
    let said = save(&index, &saved, "[project]\ndependencies = 'pot'\n", &[]).assert_code(1);
    assert!(said.stderr.contains("pyproject.toml, line 2: `dependencies` must be a list"), "{}", said.stderr);
    assert!(index.requests().is_empty());
    let said = save(&index, &saved, &PROJECT.replace("pot>=1", "pot=="), &[]).assert_code(3);
    assert!(
        said.stderr.contains("pyproject.toml, line 6") && said.stderr.contains("1 failed"),
        "{}",
        said.stderr
    );
    let said = save(&index, &saved, &PROJECT.replace(">=3.11", ">=3.13"), &[]).assert_success();
    assert!(
        said.stderr.contains("pyproject.toml, line 5: the project is for Python >=3.13, and not for cp312-"),
        "{}",
        said.stderr
    );
}
