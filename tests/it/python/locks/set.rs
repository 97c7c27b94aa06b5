//! Set files: the next run is one short command.

use std::fs;

use depot_tests::{FakeIndex, Style, WheelBuilder, depot_command, run};

use crate::python::saved::{Saved, result};

fn index() -> FakeIndex {
    let old = WheelBuilder::new("pot", "1.0");
    let new = WheelBuilder::new("pot", "2.0").requires_dist("lid ; sys_platform == 'win32'");
    let index = FakeIndex::builder(Style::Json).wheel(&old).wheel(&new);
    index.wheel(&WheelBuilder::new("lid", "1")).wheel(&WheelBuilder::new("cup", "1")).start()
}

#[test]
fn a_set_says_what_is_saved_from_where_and_for_which_targets() {
    let (index, saved) = (index(), Saved::new());
    let folder = saved.around().join("sets");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("more.txt"), "cup\n").unwrap();
    let set = folder.join("depot-set.toml");
    let text = format!(
        "[inputs]\nrequirements = [\"pot\"]\nfiles = [\"more.txt\"]\n[targets]\npython = \"3.12\"\nplatform = [\"linux\", \"windows\"]\n\
         [index]\nurl = \"{}\"\n",
        index.url()
    );
    fs::write(&set, &text).unwrap();
    let save = |args: &[&str]| {
        let mut command = depot_command(["python", "save", "--set"]);
        command.arg(&set).arg("--dir").arg(saved.root()).args(args).env("HTTPS_PROXY", "http://127.0.0.1:9");
        run(&mut command)
    };
    let said = save(&["--format", "json"]).assert_success();
    assert_eq!(result(&said)["counts"]["saved"], 3, "{}", said.stdout);
    assert_eq!(saved.filenames("lid").len(), 1, "Windows wants it");
    // The same again does nothing; a flag beside it adds.
    assert_eq!(result(&save(&["--format", "json"]).assert_success())["counts"]["saved"], 0);
    save(&["pot<2", "--dry-run"]).assert_success();
    fs::write(&set, text.replace("\"pot\"", "\"pot\", \"absent\"")).unwrap();
    let said = save(&[]).assert_code(3);
    assert!(
        said.stderr.contains("absent (") && said.stderr.contains("depot-set.toml, line 2"),
        "{}",
        said.stderr
    );
    fs::write(&set, text.replace("platform", "platforms")).unwrap();
    let said = save(&[]).assert_code(1);
    assert!(
        said.stderr.contains(
            "depot-set.toml, line 6: `targets.platforms` is not a known key: is `targets.platform` meant?"
        ),
        "{}",
        said.stderr
    );
}

#[test]
fn the_example_in_the_documentation_is_a_set() {
    let page = fs::read_to_string(depot_tests::workspace_root().join("docs/set-files.md")).unwrap();
    let example: String = page
        .lines()
        .skip_while(|line| !line.starts_with("    [inputs]"))
        .take_while(|line| line.is_empty() || line.starts_with("    "))
        .flat_map(|line| [line.strip_prefix("    ").unwrap_or_default(), "\n"])
        .collect();
    let saved = Saved::new();
    let set = saved.around().join("depot-set.toml");
    fs::write(&set, &example).unwrap();
    let mut command = depot_command(["python", "save", "--dry-run", "--set"]);
    let said = run(command.arg(&set).arg("--dir").arg(saved.root())).assert_code(1);
    // Everything in it is understood, down to the first file that is not here.
    assert!(said.stderr.contains("requirements.txt"), "{}", said.stderr);
}
