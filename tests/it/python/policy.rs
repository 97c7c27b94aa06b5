//! Policies, as `depot python save` obeys them.

use std::fs;

use depot_tests::{
    FakeFile, FakeIndex, Output, SdistBuilder, Style, WheelBuilder, depot_command, run, sha256_hex,
    workspace_root,
};

use super::saved::{Saved, TARGET, result};

/// A moment that these tests do not live to see: what was uploaded then is in its cooldown.
const YOUNG: &str = "2099-01-01T00:00:00Z";

/// When such a file is shown by a policy of a week.
const SHOWN: &str = "until 2099-01-08T00:00:00Z";

const WEEK: &str = "cooldown = '7 days'\n";

fn wheel(name: &str, version: &str) -> WheelBuilder {
    WheelBuilder::new(name, version)
}

fn young(wheel: &WheelBuilder) -> FakeFile {
    FakeFile::from(wheel).upload_time(YOUNG)
}

/// `app` requires any `pot`, `kettle` the youngest.
fn upstream() -> FakeIndex {
    FakeIndex::builder(Style::Json)
        .wheel(&wheel("pot", "1.0"))
        .file("pot", young(&wheel("pot", "2.0")))
        .wheel(&wheel("app", "1.0").requires_dist("pot"))
        .wheel(&wheel("kettle", "1.0").requires_dist("pot>=2"))
        .wheel(&wheel("lid", "1.0"))
        .start()
}

/// Writes a policy beside the tree; its path.
fn policy(saved: &Saved, text: &str) -> String {
    let path = saved.around().join("policy.toml");
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn solve(saved: &Saved, index: &FakeIndex, text: &str, args: &[&str]) -> Output {
    saved.solve(index, &[args, &["--policy", &policy(saved, text)]].concat())
}

fn has(saved: &Saved, project: &str, version: &str) -> bool {
    saved.filenames(project).iter().any(|name| name.contains(&format!("-{version}-")))
}

#[test]
fn what_the_policy_hides_is_not_chosen() {
    let index = upstream();
    for (text, pot) in [
        (WEEK, "1.0"),
        ("", "2.0"),
        ("block = ['pot==2.*']", "1.0"),
        ("allow = ['app', 'pot<2']", "1.0"),
        ("freeze = 2025-01-01", "1.0"),
        ("cooldown = '7 days'\n[[exception]]\nwhat = 'pot==2.0'\nuntil = 2098-01-01", "2.0"),
        ("cooldown = '7 days'\ncooldown_exempt = ['p*']", "2.0"),
    ] {
        let saved = Saved::new();
        let said = solve(&saved, &index, text, &["app"]).assert_success();
        assert!(has(&saved, "app", "1.0"), "{text}");
        let hides = said.stderr.contains("the policy hides what is newer: pot 2.0, ");
        assert_eq!(hides, pot == "1.0", "{text}: {}", said.stderr);
        assert_eq!(saved.filenames("pot"), [wheel("pot", pot).filename()], "{text}");
    }
}

#[test]
fn what_cannot_be_had_for_the_policy_says_which_rule_and_until_when_and_the_rest_is_saved() {
    let index = upstream();
    let blocked = "[[block]]\nwhat = 'pot>1'\nreason = 'leaks'\n";
    for (text, args, words) in [
        (
            WEEK,
            &["pot==2.0", "lid"][..],
            format!("hidden by policy: `cooldown = \"7 days\"` {SHOWN} (line 1)"),
        ),
        (WEEK, &["kettle", "lid"], format!("hidden by policy: `cooldown = \"7 days\"` {SHOWN}")),
        (blocked, &["pot==2.0", "lid"], "hidden by policy: blocked by `pot>1` (line 1): leaks".to_owned()),
        (blocked, &["kettle", "lid"], "hidden by policy: blocked by `pot>1` (line 1): leaks".to_owned()),
        ("allow = ['lid']", &["pot", "lid"], "hidden by policy: no entry of `allow` names it".to_owned()),
    ] {
        for plain in [false, true] {
            // A requirement of a requirement is nothing to who wants none.
            if plain && args[0] == "kettle" {
                continue;
            }
            let saved = Saved::new();
            let more: &[&str] = if plain { &["--no-deps", "--all-files"] } else { &[] };
            let said = solve(&saved, &index, text, &[args, more].concat()).assert_code(3);
            assert!(said.stderr.contains(&words), "{text} {args:?}: {}", said.stderr);
            assert!(has(&saved, "lid", "1.0") && !has(&saved, "pot", "2.0"), "{text} {args:?}");
        }
    }
}

#[test]
fn an_index_that_tells_no_times_shows_nothing_unless_the_policy_says_so() {
    let index = FakeIndex::builder(Style::HtmlOnly).wheel(&wheel("pot", "1.0")).start();
    let saved = Saved::new();
    let said = solve(&saved, &index, WEEK, &["pot"]).assert_code(3);
    let words = "hidden by policy: nobody says when it was uploaded, and `cooldown = \"7 days\"` must know";
    assert!(said.stderr.contains(words), "{}", said.stderr);
    solve(&saved, &index, "cooldown = '7 days'\ncooldown_unknown = 'allow'", &["pot"]).assert_success();
    assert!(has(&saved, "pot", "1.0"));
}

#[test]
fn what_the_index_says_of_files_and_projects_counts_where_the_policy_says_so() {
    let index = FakeIndex::builder(Style::Json)
        .file("pot", FakeFile::from(&wheel("pot", "1.0")).yanked("cracked"))
        .wheel(&wheel("lid", "1.0"))
        .status("lid", "archived", None)
        .start();
    for (text, spec, words) in [
        ("yanked = 'hide'", "pot==1.0", "1.0 is hidden by policy: it is yanked (line 1)"),
        ("archived = 'hide'", "lid", "1.0 is hidden by policy: the project is archived (line 1)"),
    ] {
        solve(&Saved::new(), &index, "", &[spec]).assert_success();
        let said = solve(&Saved::new(), &index, text, &[spec]).assert_code(3);
        assert!(said.stderr.contains(words), "{text}: {}", said.stderr);
    }
}

#[test]
fn what_builds_an_sdist_is_held_to_the_policy_too() {
    let sdist = SdistBuilder::new("needy", "1.0").build_requires("pot");
    let index = FakeIndex::builder(Style::Json)
        .sdist(&sdist)
        .wheel(&wheel("pot", "1.0"))
        .file("pot", young(&wheel("pot", "2.0")))
        .start();
    let saved = Saved::new();
    solve(&saved, &index, WEEK, &["needy"]).assert_success();
    assert_eq!(saved.filenames("pot"), [wheel("pot", "1.0").filename()]);
    let said = solve(&Saved::new(), &index, "block = ['pot']", &["needy"]).assert_code(3);
    assert!(said.stderr.contains("hidden by policy: blocked by `pot`"), "{}", said.stderr);
}

#[test]
fn a_file_of_a_lock_that_the_policy_hides_fails_and_the_rest_is_saved() {
    let (index, saved) = (upstream(), Saved::new());
    let (pot, lid, gone) = (wheel("pot", "2.0"), wheel("lid", "1.0"), wheel("gone", "1.0"));
    let packages = [&pot, &lid, &gone].map(|one| {
        let (project, name, sha256) = (one.project(), one.filename(), sha256_hex(&one.build()));
        let url = format!("{}{}", index.origin(), FakeIndex::file_path(&project, &name));
        format!(
            "[[packages]]\nname = '{project}'\nversion = '{}'\n\
             wheels = [{{ name = '{name}', url = '{url}', hashes = {{ sha256 = '{sha256}' }} }}]\n",
            one.version()
        )
    });
    let lock = saved.around().join("pylock.toml");
    fs::write(&lock, format!("lock-version = '1.0'\ncreated-by = 'a test'\n{}", packages.concat())).unwrap();
    let said =
        solve(&saved, &index, WEEK, &["-r", lock.to_str().unwrap(), "--format", "json"]).assert_code(3);
    let failed = result(&said)["failed"].clone();
    let reason = |name: &str| {
        let failed = failed.as_array().unwrap().iter();
        let mut of = failed.filter(|one| one["item"].as_str().unwrap().starts_with(name));
        of.next().unwrap_or_else(|| panic!("{name} did not fail: {}", said.stderr))["reason"].to_string()
    };
    assert!(reason("pot-2.0").contains("hidden by policy") && reason("pot-2.0").contains(SHOWN));
    // No page says when it was uploaded, and the lock does not either.
    assert!(reason("gone-1.0").contains("nobody says when it was uploaded"), "{}", said.stderr);
    assert!(has(&saved, "lid", "1.0") && !has(&saved, "pot", "2.0") && saved.filenames("gone").is_empty());
}

#[test]
fn a_policy_is_named_by_a_flag_a_variable_or_a_set() {
    let (index, saved) = (upstream(), Saved::new());
    let path = policy(&saved, WEEK);
    let dry = ["--target", TARGET, "--dry-run", "pot"];
    let chosen = |output: Output| output.assert_success().stdout;
    let by_variable = run(saved.solve_command(&index.url(), &dry).env("DEPOT_POLICY", &path));
    assert!(chosen(by_variable).starts_with("pot-1.0-"));
    let by_none = run(saved.solve_command(&index.url(), &dry).env("DEPOT_POLICY", " "));
    assert!(chosen(by_none).starts_with("pot-2.0-"));
    let folder = saved.around().join("sets");
    fs::create_dir(&folder).unwrap();
    let set = folder.join("depot-set.toml");
    fs::write(&set, "[choice]\npolicy = '../policy.toml'\n").unwrap();
    let by_set =
        run(&mut saved.solve_command(&index.url(), &[&dry[..], &["--set", set.to_str().unwrap()]].concat()));
    assert!(chosen(by_set).starts_with("pot-1.0-"));
}

#[test]
fn a_policy_that_cannot_be_read_lets_nothing_through() {
    let (index, saved) = (upstream(), Saved::new());
    for (text, words) in [
        ("\ncooldwn = '7 days'", "line 2: `cooldwn` is not a known key: is `cooldown` meant?"),
        ("block = ['pot=1']", "line 1: `pot=1` names no versions"),
        ("block = [", "line 1: this is no TOML"),
    ] {
        let said = solve(&saved, &index, text, &["pot"]).assert_code(1);
        assert!(said.stderr.contains(words) && said.stderr.contains("policy.toml"), "{}", said.stderr);
    }
    let said = saved.solve(&index, &["pot", "--policy", "nowhere.toml"]).assert_code(1);
    assert!(said.stderr.contains("cannot read the policy `nowhere.toml`"), "{}", said.stderr);
    assert!(!saved.root().exists());
}

#[test]
fn an_exception_that_ended_is_told() {
    let (index, saved) = (upstream(), Saved::new());
    let text = format!("{WEEK}[[exception]]\nwhat = 'pot==2.0'\nuntil = 2020-01-01\n");
    let said = solve(&saved, &index, &text, &["pot"]).assert_success();
    let words = "line 2: the exception for `pot==2.0` ended, and does nothing";
    assert!(said.stderr.contains(words), "{}", said.stderr);
    assert!(has(&saved, "pot", "1.0") && !has(&saved, "pot", "2.0"));
}

#[test]
fn a_tree_is_verified_by_a_policy() {
    let (index, saved) = (upstream(), Saved::new());
    saved.solve(&index, &["pot", "lid", "kettle"]).assert_success();
    let verify = |text: &str, what: &[&str]| {
        let (dir, path) = (saved.root(), policy(&saved, text));
        let args =
            ["python", "verify", "--target", TARGET, "--policy", &path, "--dir", dir.to_str().unwrap()];
        run(&mut depot_command([&args[..], what].concat()))
    };
    for what in [&[][..], &["pot"], &["kettle"], &["pot", "--no-deps", "--all-files"]] {
        verify("", what).assert_success();
        let said = verify(WEEK, what).assert_code(1);
        let words = format!("hidden by policy: `cooldown = \"7 days\"` {SHOWN} (line 1)");
        assert!(said.stdout.contains(&words), "{what:?}: {}", said.stdout);
    }
    verify(WEEK, &["lid"]).assert_success();
    let pot = wheel("pot", "2.0");
    let lock = saved.around().join("pylock.toml");
    let text = format!(
        "lock-version = '1.0'\ncreated-by = 'a test'\n[[packages]]\nname = 'pot'\nversion = '2.0'\n\
         wheels = [{{ name = '{}', hashes = {{ sha256 = '{}' }} }}]\n",
        pot.filename(),
        sha256_hex(&pot.build())
    );
    fs::write(&lock, text).unwrap();
    verify("", &["-r", lock.to_str().unwrap()]).assert_success();
    let said = verify(WEEK, &["-r", lock.to_str().unwrap()]).assert_code(1);
    assert!(said.stdout.contains("it is hidden by policy"), "{}", said.stdout);
}

/// The blocks of a page that are policies, as far as they have a key.
fn examples(page: &str) -> Vec<String> {
    let mut blocks = vec![String::new()];
    for line in page.lines() {
        match line.strip_prefix("    ") {
            Some(code) => blocks.last_mut().unwrap().extend([code, "\n"]),
            None if line.is_empty() => blocks.last_mut().unwrap().push('\n'),
            None => blocks.push(String::new()),
        }
    }
    blocks.into_iter().filter(|block| block.contains(" = ") && !block.contains("error:")).collect()
}

#[test]
fn the_documented_policies_are_policies_and_every_key_is_documented() {
    let page = fs::read_to_string(workspace_root().join("docs/policy.md")).unwrap();
    let examples = examples(&page);
    assert!(examples.len() >= 2, "{examples:?}");
    for example in &examples {
        depot_proto::policy::Policy::parse(example).unwrap_or_else(|wrong| panic!("{wrong}\n{example}"));
    }
    // The refusal of a key names those that there are.
    let known = depot_proto::policy::Policy::parse("weather = 1").unwrap_err().words;
    let keys: Vec<_> = known.split('`').skip(3).step_by(2).collect();
    assert!(keys.len() > 10, "{known}");
    for key in keys {
        let row = format!("| `{key}` |");
        assert!(page.contains(&row) || page.contains(&format!("| `[[{key}]]` |")), "{key}");
    }
}
