//! What is saved of a lock, wherever the files are by now, and what is refused.

use std::fs;

use depot_tests::{FakeFile, FakeIndex, FakeIndexBuilder, Fault, Style, WheelBuilder, depot_command, run};
use serde_json::json;

use super::{Pylock, lid, pot, sha256, upstream};
use crate::python::saved::{Saved, downloads, result};

/// `url = "..."` of a wheel at the first origin, under the index's own path.
fn url_of(index: &FakeIndex, wheel: &WheelBuilder) -> String {
    let path = FakeIndex::file_path(&wheel.project(), &wheel.filename()).replace('+', "%2B");
    format!("url = \"{}{path}\",", index.origin())
}

#[test]
fn the_files_of_a_lock_are_saved_and_no_others_and_not_twice() {
    let (index, saved) = (upstream(), Saved::new());
    index.put("tea-pot", FakeFile::from(&pot()).yanked("too hot"));
    let lock =
        Pylock::new().wheel(&pot(), &url_of(&index, &pot()), &sha256(&pot())).write(&saved, "pylock.toml");
    let lock = lock.to_str().unwrap();
    let said = saved.save(&index, &["-r", lock, "--format", "json"]).assert_success();
    assert_eq!(result(&said)["counts"]["saved"], 1, "{}", said.stdout);
    assert_eq!(saved.filenames("tea-pot"), [pot().filename()]);
    assert_eq!(
        saved.record("tea-pot", &pot().filename())["yanked"],
        "too hot",
        "the page tells more than the lock"
    );
    assert_eq!(saved.filenames("lid").len(), 0, "nothing is resolved");
    index.clear_log();
    saved.save(&index, &["-r", lock]).assert_success();
    assert_eq!(downloads(&index), 0);
}

#[test]
fn a_file_is_found_at_the_index_or_at_the_address_of_the_lock() {
    let (index, saved) = (upstream(), Saved::new());
    let gone = WheelBuilder::new("gone", "1");
    let moved = "url = \"http://127.0.0.1:9/somewhere/x.whl\",";
    // On the page under another address, on the page by its name alone, on no page but where the lock says, nowhere.
    index.put("gone", FakeFile::from(&gone));
    let elsewhere = WheelBuilder::new("elsewhere", "1");
    let other = FakeIndex::builder(Style::HtmlOnly).wheel(&elsewhere).start();
    let lock = Pylock::new()
        .wheel(&pot(), moved, &sha256(&pot()))
        .wheel(&lid(), "path = \"./wheels/lid.whl\",", &sha256(&lid()))
        .wheel(&elsewhere, &url_of(&other, &elsewhere), &sha256(&elsewhere))
        .wheel(&WheelBuilder::new("nowhere", "1"), "", &"0".repeat(64))
        .wheel(&gone, &url_of(&index, &gone), &sha256(&gone))
        .write(&saved, "pylock.some.toml");
    index.remove("gone", &gone.filename());
    let said = saved.save(&index, &["-r", lock.to_str().unwrap()]).assert_code(3);
    for project in ["tea-pot", "lid", "elsewhere"] {
        assert_eq!(saved.filenames(project).len(), 1, "{project}: {}", said.stderr);
    }
    assert!(
        said.stderr.contains("nowhere-1-py3-none-any.whl (")
            && said.stderr.contains("pylock.some.toml, line 22")
            && said.stderr.contains("the lock has no address for it"),
        "{}",
        said.stderr
    );
    assert!(
        said.stderr.contains("gone-1-py3-none-any.whl") && said.stderr.contains("2 failed"),
        "{}",
        said.stderr
    );
}

#[test]
fn a_wrong_digest_is_refused_with_its_place_and_the_rest_is_saved() {
    let (index, saved) = (upstream(), Saved::new());
    let wrong = "0".repeat(64);
    for (address, words) in [
        (url_of(&index, &pot()), "the lock pins it to sha256:000"),
        // There it is another file, which the lock must have meant, and it is not that either.
        (url_of(&index, &pot()).replace("127.0.0.1", "localhost"), "its bytes have none of the digests"),
    ] {
        let lock = Pylock::new()
            .wheel(&pot(), &address, &wrong)
            .wheel(&lid(), "", &sha256(&lid()))
            .write(&saved, "pylock.toml");
        let said = saved.save(&index, &["-r", lock.to_str().unwrap()]).assert_code(3);
        assert!(said.stderr.contains(&pot().filename()) && said.stderr.contains(words), "{}", said.stderr);
        assert_eq!((saved.filenames("tea-pot").len(), saved.filenames("lid").len()), (0, 1));
    }
    let lock = Pylock::new().wheel(&pot(), &url_of(&index, &pot()), &wrong).write(&saved, "pylock.toml");
    let said = saved.save(&index, &["-r", lock.to_str().unwrap()]).assert_code(3);
    let (place, actual) = ("pylock.toml, line 7", sha256(&pot()));
    assert!(said.stderr.contains(place) && said.stderr.contains(&actual), "{}", said.stderr);
}

#[test]
fn a_file_that_comes_with_other_bytes_is_refused() {
    let (index, saved) = (upstream(), Saved::new());
    index.fault(&FakeIndex::file_path("tea-pot", &pot().filename()), Fault::WrongBytes);
    let lock =
        Pylock::new().wheel(&pot(), &url_of(&index, &pot()), &sha256(&pot())).write(&saved, "pylock.toml");
    let said = saved.save(&index, &["-r", lock.to_str().unwrap(), "--retries", "0"]).assert_code(3);
    assert!(said.stderr.contains("sha256") && saved.filenames("tea-pot").is_empty(), "{}", said.stderr);
}

#[test]
fn the_index_of_the_lock_is_asked_where_none_was_chosen() {
    let (index, chosen, saved) = (upstream(), upstream(), Saved::new());
    let lock = format!(
        "version = 1\nrequires-python = \">=3.8\"\n[[package]]\nname = \"tea-pot\"\nversion = \"1.0\"\n\
         source = {{ registry = \"{}\" }}\nwheels = [{{ filename = \"{}\", hash = \"sha256:{}\" }}]\n",
        index.url().trim_end_matches('/'),
        pot().filename(),
        sha256(&pot()),
    );
    let path = saved.around().join("uv.lock");
    fs::write(&path, lock).unwrap();
    let mut command = depot_command(["python", "save", "-r"]);
    command.arg(&path).arg("--dir").arg(saved.root()).env("HTTPS_PROXY", "http://127.0.0.1:9");
    run(&mut command).assert_success();
    let page = FakeIndex::page_path("tea-pot");
    assert_eq!((index.count(&page), chosen.count(&page)), (1, 0));
    run(command.env("UV_DEFAULT_INDEX", chosen.url())).assert_success();
    assert_eq!((index.count(&page), chosen.count(&page)), (1, 1));
}

#[test]
fn nobody_is_asked_for_a_name_whose_address_is_known_and_its_yank_stays() {
    let (index, saved) = (upstream(), Saved::new());
    index.put("tea-pot", FakeFile::from(&pot()).yanked("too hot"));
    let lock =
        Pylock::new().wheel(&pot(), &url_of(&index, &pot()), &sha256(&pot())).write(&saved, "pylock.toml");
    let mut command = depot_command(["python", "save", "-r"]);
    command.arg(&lock).arg("--dir").arg(saved.root()).env("HTTPS_PROXY", "http://127.0.0.1:9");
    run(&mut command).assert_success();
    assert_eq!((saved.filenames("tea-pot").len(), index.count(&FakeIndex::page_path("tea-pot"))), (1, 0));
    // What an index said is not taken back by a lock, which does not know.
    saved.save(&index, &["-r", lock.to_str().unwrap()]).assert_success();
    assert_eq!(saved.record("tea-pot", &pot().filename())["yanked"], "too hot");
    run(&mut command).assert_success();
    assert_eq!(saved.record("tea-pot", &pot().filename())["yanked"], "too hot");
}

#[test]
fn a_file_that_is_no_lock_says_why_by_its_line() {
    let (index, saved) = (upstream(), Saved::new());
    for (name, text, args, words) in [
        (
            "pylock.toml",
            "lock-version = \"1.0\"\n[[packages]]\nname = 3\n",
            &["-r"][..],
            "pylock.toml, line 3: `name` must be a text",
        ),
        ("locked.toml", "[project]\nname = \"x\"\n", &["--lock"], "locked.toml, line 1: this is no lock"),
        ("locked.txt", "six==1.17.0 --hash=sha256:00\n", &["--lock"], "locked.txt, line 1: this is no TOML"),
    ] {
        let path = saved.around().join(name);
        fs::write(&path, text).unwrap();
        let said = saved.save(&index, &[args, &[path.to_str().unwrap()]].concat()).assert_code(1);
        assert!(said.stderr.contains(words), "{}", said.stderr);
    }
    assert!(index.requests().is_empty(), "nobody is asked anything");
    let list = saved.around().join("list.txt");
    fs::write(&list, "-r pylock.toml\n").unwrap();
    let said = saved.save(&index, &["-r", list.to_str().unwrap()]).assert_code(1);
    assert!(said.stderr.contains("which a list cannot include"), "{}", said.stderr);
}

#[test]
fn what_is_no_file_of_an_index_is_skipped_and_said() {
    let (index, saved) = (upstream(), Saved::new());
    let mut lock = Pylock::new().wheel(&lid(), "", &sha256(&lid()));
    lock.0.push_str("\n[[packages]]\nname = \"far\"\nvcs = { type = \"git\", url = \"https://x.example/far\", commit-id = \"0\" }\n");
    let path = lock.write(&saved, "any.toml");
    let said = saved.save(&index, &["--lock", path.to_str().unwrap(), "--format", "json"]).assert_success();
    let skipped = &result(&said)["skipped"];
    assert!(skipped[0]["item"].as_str().unwrap().starts_with("far ("), "{skipped}");
    assert!(said.stderr.contains("it is a checkout of a repository"), "{}", said.stderr);
}

#[test]
fn extras_and_groups_of_a_lock_are_chosen_by_their_names() {
    let (index, saved) = (upstream(), Saved::new());
    let mut lock = Pylock::new().wheel(&lid(), "", &sha256(&lid())).wheel(&pot(), "", &sha256(&pot()));
    lock.0 =
        lock.0.replace("name = \"tea-pot\"\n", "name = \"tea-pot\"\nmarker = \"'hot_water' in extras\"\n");
    lock.0.insert_str(0, "extras = [\"hot-water\", \"ice\"]\n");
    let path = lock.write(&saved, "pylock.toml");
    let path = path.to_str().unwrap();
    let said = saved.save(&index, &["-r", path, "--extra", "milk"]).assert_code(2);
    assert!(said.stderr.contains("`milk`: there are `hot-water`, `ice`"), "{}", said.stderr);
    saved.save(&index, &["-r", path, "--extra", "Ice"]).assert_success();
    assert_eq!((saved.filenames("lid").len(), saved.filenames("tea-pot").len()), (1, 0));
    saved.save(&index, &["-r", path]).assert_success();
    assert_eq!(saved.filenames("tea-pot").len(), 1, "all, where nothing is said of extras");
}

#[test]
fn digests_that_are_required_must_be_in_the_lock() {
    let (index, saved) = (upstream(), Saved::new());
    let text = format!(
        "version = 1\nrequires-python = \">=3.8\"\n[[package]]\nname = \"lid\"\nversion = \"1\"\n\
         source = {{ registry = \"{}\" }}\nwheels = [{{ filename = \"{}\" }}]\n",
        index.url(),
        lid().filename()
    );
    let path = saved.around().join("uv.lock");
    fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap();
    let said = saved.save(&index, &["-r", path, "--require-hashes", "--format", "json"]).assert_code(3);
    assert_eq!(result(&said)["counts"]["failed"], json!(1));
    assert!(said.stderr.contains("the lock has none for it"), "{}", said.stderr);
    saved.save(&index, &["-r", path]).assert_success();
}

#[test]
fn a_target_takes_of_a_lock_what_it_would_install() {
    let tags = ["cp312-cp312-manylinux_2_17_x86_64", "cp312-cp312-win_amd64", "cp39-cp39-win_amd64"];
    let wheels: Vec<_> = tags.iter().map(|tag| WheelBuilder::new("pan", "1").tag(tag)).collect();
    let index = wheels.iter().fold(FakeIndex::builder(Style::Json), FakeIndexBuilder::wheel);
    let index = index.wheel(&lid()).start();
    let saved = Saved::new();
    let list: Vec<_> = wheels
        .iter()
        .map(|wheel| {
            format!("{{ name = \"{}\", hashes = {{ sha256 = \"{}\" }} }}", wheel.filename(), sha256(wheel))
        })
        .collect();
    let mut lock = Pylock::new().wheel(&lid(), "", &sha256(&lid()));
    lock.0 = lock.0.replace("name = \"lid\"\n", "name = \"lid\"\nmarker = \"sys_platform == 'win32'\"\n");
    let package =
        format!("\n[[packages]]\nname = \"pan\"\nversion = \"1\"\nwheels = [{}]\n", list.join(", "));
    lock.0.push_str(&package);
    let path = lock.write(&saved, "pylock.toml");
    let path = path.to_str().unwrap();
    saved.solve(&index, &["-r", path, "--target", "cp312-manylinux_2_28_x86_64"]).assert_success();
    assert_eq!((saved.filenames("pan"), saved.filenames("lid").len()), (vec![wheels[0].filename()], 0));
    let said =
        saved.solve(&index, &["-r", path, "--python", "3.9", "--platform", "linux,windows"]).assert_code(3);
    assert_eq!((saved.filenames("pan").len(), saved.filenames("lid").len()), (2, 1));
    assert!(
        said.stderr.contains("pan (")
            && said.stderr.contains("the lock has no file of it for cp39-manylinux_2_28_x86_64"),
        "{}",
        said.stderr
    );
}
