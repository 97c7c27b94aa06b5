//! Members of a group that cannot say what they have: another index is left out, and what is here is not.

use std::{
    fs,
    time::{Duration, Instant},
};

use depot_tests::{FakeFile, FakeIndex, Fault, RawResponse, Style, WheelBuilder};

use super::{super::depot::Depot, files, index_of, wheel_name};

/// After this long an installer gives up.
const INSTALLERS_WAIT: Duration = Duration::from_secs(15);

#[test]
fn an_index_that_says_nothing_keeps_nobody_waiting_for_what_another_one_has() {
    let (silent, index) = (index_of(&["six"]), index_of(&["six", "tea"]));
    for project in ["six", "tea"] {
        silent.fault(&FakeIndex::page_path(project), Fault::Hang);
    }
    let around = tempfile::tempdir().unwrap();
    let config = around.path().join("depot.toml");
    let text = format!(
        "[repositories.silent]\nkind = \"proxy\"\nupstream = \"{}\"\n\
         [repositories.all.members]\npython = 1\nsilent = 2\npypi = 3\n",
        silent.url()
    );
    fs::write(&config, text).unwrap();
    let depot = Depot::start_with(&["--config", config.to_str().unwrap(), "--upstream", &index.url()]);
    for project in ["six", "tea", "six"] {
        let begun = Instant::now();
        let names = ["1", "2"].map(|version| wheel_name(project, version));
        assert_eq!(files(&depot.get(&format!("/simple/{project}/"))), names);
        assert!(begun.elapsed() < INSTALLERS_WAIT, "{project}: {:?}", begun.elapsed());
    }
    assert_eq!(silent.count(&FakeIndex::page_path("six")), 1, "its question goes on");
}

#[test]
fn what_a_folder_has_is_asked_for_nowhere_else_while_the_folder_is_gone() {
    let index = index_of(&["six", "tea"]);
    let around = tempfile::tempdir().unwrap();
    let wheels = around.path().join("wheels");
    fs::create_dir(&wheels).unwrap();
    let six = WheelBuilder::new("six", "1").file("private.py", "");
    fs::write(wheels.join(six.filename()), six.build()).unwrap();
    let config = around.path().join("depot.toml");
    let text = "[repositories.wheels]\nkind = \"directory\"\npath = \"wheels\"\n\
                [repositories.all]\nmembers = [\"wheels\", \"python\", \"pypi\"]\n";
    fs::write(&config, text).unwrap();
    let depot = Depot::start_with(&["--config", config.to_str().unwrap(), "--upstream", &index.url()]);
    let file = format!("/files/six/{}", six.filename());
    let is_private = |answer: &RawResponse| answer.body == six.build();
    assert!(is_private(&depot.get(&file)));
    fs::rename(&wheels, around.path().join("elsewhere")).unwrap();
    for path in [&file, "/simple/six/"] {
        let answer = depot.get(path);
        assert_eq!(answer.status, 500, "{path}: {}", answer.text());
    }
    assert_eq!(files(&depot.get("/simple/tea/")).len(), 2, "which it never had");
    fs::rename(around.path().join("elsewhere"), &wheels).unwrap();
    assert!(is_private(&depot.get(&file)));
}

#[test]
fn a_head_says_what_a_get_would_and_no_length_that_nobody_knows() {
    let sdist = FakeFile::new("tea-1.tar.gz", b"some bytes".to_vec());
    for mode in ["cache", "stream", "redirect"] {
        let index = FakeIndex::builder(Style::HtmlOnly).file("tea", sdist.clone()).start();
        let around = tempfile::tempdir().unwrap();
        let config = around.path().join("depot.toml");
        fs::write(&config, format!("[repositories.pypi]\nfiles = \"{mode}\"\n")).unwrap();
        let depot = Depot::start_with(&["--config", config.to_str().unwrap(), "--upstream", &index.url()]);
        let [head, get] =
            ["HEAD", "GET"].map(|method| depot.request(method, "/files/tea/tea-1.tar.gz", None, "", b""));
        assert_eq!(head.status, get.status, "{mode}");
        assert_eq!(head.header("content-length").filter(|_| mode != "redirect"), None, "{mode}");
        for name in ["cache-control", "location", "etag", "accept-ranges", "content-type"] {
            assert_eq!(head.header(name), get.header(name), "{mode}: {name}");
        }
    }
}
