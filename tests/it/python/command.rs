//! The command as programs and shells see it: its results by their schemas, its completions, its documentation.

pub(crate) mod schema;

use std::fs;
use std::io::ErrorKind;
use std::process::Command;

use depot_tests::{
    FakeFile, FakeIndex, Fault, SdistBuilder, Style, WheelBuilder, depot, run, skipped, workspace_root,
};
use serde_json::Value;

use self::schema::{assert_valid, complaints};
use super::depot::Depot;
use super::saved::{Saved, result};

fn wheel(name: &str) -> WheelBuilder {
    WheelBuilder::new(name, "1.0")
}

#[test]
fn what_save_and_push_print_for_programs_is_what_their_schemas_say() {
    let needy = SdistBuilder::new("needy", "1.0").build_requires("lid").requires_dist("pot ; extra == 'x'");
    let index = FakeIndex::builder(Style::Json).wheel(&wheel("pot")).wheel(&wheel("lid")).sdist(&needy).file(
        "plain",
        FakeFile::new("plain-1.0.zip", b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec())
            .without_hash()
            .size(22),
    );
    let (index, saved, depot) = (index.start(), Saved::new(), Depot::start());
    let never = "six ; python_version < '3' and python_version > '3'";
    let mut checked = 0;
    let mut check = |output: &depot_tests::Output, code: i32| {
        let output = output.clone().assert_code(code);
        assert_valid(&result(&output));
        checked += 1;
    };
    let json = ["--format", "json"];
    let save = |more: &[&str]| saved.save(&index, &[more, &json].concat());
    let solve = |more: &[&str]| saved.solve(&index, &[more, &json].concat());
    check(&solve(&["needy[x,nope]", "absent", "--dry-run"]), 3);
    check(&save(&["pot", "plain", "--dry-run"]), 0);
    check(&save(&["pot", never, "lid==", "absent"]), 3);
    check(&save(&["pot", "lid", "plain", "--extra-index-url", &index.url()]), 0);
    index.put("pot", FakeFile::from(&wheel("pot")).yanked("broken"));
    check(&save(&["pot==1.0"]), 0);
    index.fault(&FakeIndex::page_path("lid"), Fault::Status { code: 403, retry_after: None });
    check(&save(&["lid"]), 3);
    let push = |more: &[&str]| saved.push(&depot, &[more, &json].concat());
    check(&push(&["--dry-run"]), 0);
    check(&push(&[]), 0);
    check(&push(&[]), 0);
    let record = saved.path("lid", &format!("{}.json", wheel("lid").filename()));
    fs::write(record, "no record").unwrap();
    check(&push(&[]), 3);
    assert_eq!(checked, 10);
}

#[test]
fn a_result_that_is_not_as_its_schema_says_is_noticed() {
    let (index, saved) = (FakeIndex::builder(Style::Json).wheel(&wheel("pot")).start(), Saved::new());
    let good = result(&saved.save(&index, &["pot", "--format", "json"]).assert_success());
    assert_valid(&good);
    let breaks: [fn(&mut Value); 7] = [
        |result| drop(result.as_object_mut().unwrap().remove("bytes")),
        |result| result["more"] = 1.into(),
        |result| result["seconds"] = "1".into(),
        |result| result["counts"]["saved"] = (-1).into(),
        |result| result["files"][0]["outcome"] = "lost".into(),
        |result| result["files"][0]["size"] = 1.5.into(),
        |result| result["failed"] = serde_json::json!([{ "item": "x" }]),
    ];
    for (number, spoil) in breaks.into_iter().enumerate() {
        let mut result = good.clone();
        spoil(&mut result);
        assert_eq!(complaints(&result).len(), 1, "{number}: {:?}", complaints(&result));
    }
}

#[test]
fn every_shell_gets_its_completions_and_bash_takes_them() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = depot(["completions", shell]).assert_success().stdout;
        for word in ["python", "save", "push", "completions", "extra-index-url", "cacert"] {
            assert!(script.contains(word), "{shell} does not know {word}");
        }
    }
    depot(["completions", "cmd"]).assert_code(2);
    let script = depot(["completions", "bash"]).assert_success().stdout;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("depot.bash"), script).unwrap();
    let ask = "source ./depot.bash && COMP_WORDS=(depot python save --extra-) COMP_CWORD=3 COMPREPLY=() && \
               _depot depot --extra- save && printf '%s\\n' \"${COMPREPLY[@]}\"";
    let mut command = Command::new("bash");
    match command.args(["--norc", "-c", ask]).current_dir(folder.path()).output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            skipped("completions in bash: it is not installed");
        }
        output => {
            let output = output.unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            assert_eq!(said.trim(), "--extra-index-url", "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

#[test]
fn a_variable_that_is_empty_is_not_set_and_one_that_is_wrong_is_named() {
    let (index, saved) = (FakeIndex::builder(Style::Json).wheel(&wheel("pot")).start(), Saved::new());
    let save = |variables: &[(&str, &str)], args: &[&str]| {
        let mut command = depot_tests::depot_command(["python", "save", "pot"]);
        run(command.args(args).current_dir(saved.around()).envs(variables.iter().copied()))
    };
    let names = [
        "DEPOT_EXTRA_INDEX_URL",
        "DEPOT_CACERT",
        "DEPOT_JOBS",
        "DEPOT_TIMEOUT",
        "DEPOT_RETRIES",
        "DEPOT_PYTHON_DIR",
    ];
    for empty in ["", " "] {
        let mut variables: Vec<_> = names.iter().map(|name| (*name, empty)).collect();
        save(&variables, &["--index-url", &index.url()]).assert_success();
        variables.extend([("DEPOT_INDEX_URL", empty)]);
        let list = saved.around().join("r.txt");
        fs::write(&list, format!("-i {}\n", index.url())).unwrap();
        save(&variables, &["-r", list.to_str().unwrap()]).assert_success();
    }
    let two = format!(" {0}  {0} ", index.url());
    save(&[("DEPOT_EXTRA_INDEX_URL", &two), ("DEPOT_INDEX_URL", &index.url())], &[]).assert_success();
    let cases = [
        ("DEPOT_JOBS", "many"),
        ("DEPOT_TIMEOUT", "0"),
        ("DEPOT_RETRIES", "-1"),
        ("DEPOT_INDEX_URL", "ftp://index.example/"),
        ("DEPOT_EXTRA_INDEX_URL", "ftp://index.example/"),
        ("DEPOT_CACERT", "absent.pem"),
    ];
    for (name, value) in cases {
        // Whatever becomes of it, nobody but this index is asked.
        let said = save(&[(name, value), ("UV_DEFAULT_INDEX", &index.url())], &[]);
        assert!(said.code != Some(0) && said.stderr.contains(name), "{name}: {}", said.stderr);
    }
    // What is typed is not the variable's fault.
    let said = save(&[("DEPOT_JOBS", "2")], &["--index-url", &index.url(), "--jobs", "many"]).assert_code(2);
    assert!(!said.stderr.contains("DEPOT_JOBS"), "{}", said.stderr);
}

#[test]
fn a_push_gives_up_when_it_is_told_to() {
    let (index, saved) = (FakeIndex::builder(Style::Json).wheel(&wheel("pot")).start(), Saved::new());
    saved.save(&index, &["pot"]).assert_success();
    // It takes connections and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let began = std::time::Instant::now();
    let said = run(&mut saved.push_command(&url, &["--timeout", "1", "--retries", "1"])).assert_code(1);
    assert!(said.stderr.contains("did nothing for 1 s (2 attempts)"), "{}", said.stderr);
    assert!(began.elapsed().as_secs() < 30, "{:?}", began.elapsed());
}

/// The long flags and the variables that a help page names.
fn named_in_help(args: &[&str]) -> Vec<String> {
    let help = run(&mut depot_tests::depot_command([args, &["--help"]].concat())).assert_success().stdout;
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    let words = help.split(|c: char| !is_part(c));
    let mut named: Vec<String> = words
        .filter(|word| {
            let is_flag = word.strip_prefix("--").is_some_and(|name| name.len() > 1);
            is_flag || (word.contains('_') && word.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
        })
        .map(str::to_owned)
        .collect();
    named.sort();
    named.dedup();
    named
}

#[test]
fn the_documentation_of_the_command_names_every_flag_and_variable() {
    let page = fs::read_to_string(workspace_root().join("docs/cli.md")).unwrap();
    let mut missing = Vec::new();
    let mut named = 0;
    let verbs: [&[&str]; 20] = [
        &["python", "save"],
        &["python", "publish"],
        &["python", "verify"],
        &["python", "push"],
        &["python", "yank"],
        &["python", "unyank"],
        &["python", "delete"],
        &["python", "status"],
        &["python", "bundle", "create"],
        &["python", "bundle", "keygen"],
        &["python", "bundle", "inspect"],
        &["python", "bundle", "import"],
        &["python", "list"],
        &["python", "show"],
        &["python", "diff"],
        &["python", "prune"],
        &["python", "sbom"],
        &["doctor"],
        &["completions"],
        &[],
    ];
    for args in verbs {
        for word in named_in_help(args) {
            named += 1;
            if !page.contains(&format!("`{word}")) && !page.contains(&format!(", {word}")) {
                missing.push(word);
            }
        }
    }
    assert!(named > 40 && missing.is_empty(), "of {named} docs/cli.md lacks {missing:?}");
}
