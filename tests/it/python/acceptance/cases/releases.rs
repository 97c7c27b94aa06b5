//! Extras that are not there, and releases that were yanked.

use depot_tests::{Clients, FakeFile, FakeIndex};

use super::{Depot, index, save, wheel};

#[test]
fn an_extra_that_is_not_there_is_a_warning_that_names_who_wants_it_and_which_are() {
    let index = index(&[
        wheel("app", "1", &["lib"]),
        wheel("lib", "2", &["tool[fast,slow]"]),
        wheel("tool", "1", &["leaf ; extra == 'slow'"])
            .metadata_line("Provides-Extra: slow")
            .metadata_line("Provides-Extra: Other_One"),
    ])
    .start();
    let came = save(&index, &["app", "leaf[Nope]"], 0);
    came.says(
        "warning: tool 1 has no extra `fast`",
        &["which lib 2, that by app 1 requires as `tool[fast,slow]`: it has `other-one`, `slow`"],
    );
    came.says("warning: leaf 2 has no extra `nope`: it has none", &[]);
    came.failed(0);
    came.has(&[("tool", &["tool-1-py3-none-any.whl"]), ("leaf", &["leaf-2-py3-none-any.whl"])]);
    came.installs(&["app"]);
}

fn with_a_yanked_release() -> FakeIndex {
    let spoilt = FakeFile::from(&wheel("spoilt", "2", &["leaf"])).yanked("leaks");
    index(&[
        wheel("pins", "1", &["spoilt==2"]),
        wheel("app", "1", &["pins"]),
        wheel("ranges", "1", &["spoilt>=2"]),
        wheel("spoilt", "1", &[]),
    ])
    .file("spoilt", spoilt)
    .start()
}

#[test]
fn a_yanked_release_is_saved_where_it_is_pinned_with_a_warning_and_stays_yanked() {
    let index = with_a_yanked_release();
    let directly = "warning: spoilt 2 is yanked (\"leaks\"), and is taken because it is pinned";
    let by_others = "warning: spoilt 2 (needed by pins 1, that by app 1) is yanked (\"leaks\"), and is taken because it is \
                     pinned; uv installs it only where you pin `spoilt==2` yourself";
    for (root, words) in [("spoilt==2", directly), ("app", by_others)] {
        let came = save(&index, &[root], 0);
        came.says("warning: ", &[]);
        came.says(words, &[]);
        came.failed(0);
        came.has(&[("spoilt", &["spoilt-2-py3-none-any.whl"])]);
        assert_eq!(came.saved.record("spoilt", "spoilt-2-py3-none-any.whl")["yanked"], "leaks");
        let Some(room) = came.installs(&[root, "spoilt==2"]) else { return };
        assert_eq!(room.installed_version("spoilt"), "2");
        // pip takes it for `app` alone too.
        let (depot, room) = (Depot::start(), Clients::find().unwrap().room());
        came.saved.push(&depot, &[]).assert_success();
        room.pip_install(&format!("{}/python/simple/", depot.url()), [root]).assert_success();
        assert_eq!(room.installed_version("spoilt"), "2");
    }
}

#[test]
fn a_range_takes_no_yanked_release_and_says_how_to_have_it() {
    let index = with_a_yanked_release();
    let came = save(&index, &["spoilt"], 0);
    came.has(&[("spoilt", &["spoilt-1-py3-none-any.whl"])]);
    assert!(!came.said.stderr.contains("warning"), "{}", came.said.stderr);

    let came = save(&index, &["spoilt>=2"], 3);
    came.says(
        "error: spoilt>=2: ",
        &["no version of `spoilt` fits `spoilt>=2`", "2 is yanked (\"leaks\"): pin it with `==` to have it"],
    );
    came.failed(1);
    came.has(&[("spoilt", &[])]);

    let came = save(&index, &["ranges"], 3);
    came.says(
        "error: ranges: ",
        &["`ranges==1` requires `spoilt>=2`", "2 is yanked (\"leaks\"): pin it with `==` to have it"],
    );
    came.failed(1);
    came.has(&[("ranges", &[]), ("spoilt", &[])]);
    came.installs(&[]);
}
