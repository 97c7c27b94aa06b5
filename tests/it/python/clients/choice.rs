//! Which file of several an installer takes: by yank, `Requires-Python`, kind, build tag and upload time.

use depot_tests::{Clients, Output, Room, SdistBuilder, WheelBuilder};
use serde_json::json;

use crate::python::index::{Built, Index};

/// Installs with either installer.
fn install(uv: bool, room: &Room, depot: &Index, args: &[&str]) -> Output {
    let url = depot.url();
    if uv { room.uv_install(&url, args) } else { room.pip_install(&url, args) }
}

#[test]
fn a_yanked_version_is_chosen_only_by_who_names_it() {
    let Some(clients) = Clients::find() else { return };
    let depot = Index::start();
    depot.publish(&WheelBuilder::new("lid", "1.0"));
    depot.publish_with(&WheelBuilder::new("lid", "2.0"), &json!({ "yanked": "too <hot> & \"loud\"" }));
    depot.publish_with(&WheelBuilder::new("lid", "3.0"), &json!({ "yanked": true }));
    for uv in [false, true] {
        let room = clients.room();
        install(uv, &room, &depot, &["lid"]).assert_success();
        assert_eq!(room.installed_version("lid"), "1.0", "uv: {uv}");
        let output = install(uv, &room, &depot, &["lid==2.0"]).assert_success();
        assert_eq!(room.installed_version("lid"), "2.0", "uv: {uv}");
        assert!(output.stderr.contains("too <hot> & \"loud\""), "the reason is shown: {}", output.stderr);
        install(uv, &room, &depot, &["lid==3.0"]).assert_success();
        assert!(!install(uv, &clients.room(), &depot, &["lid>1"]).success(), "uv: {uv}");
    }
}

#[test]
fn a_file_that_is_yanked_later_is_passed_over_at_once() {
    let Some(clients) = Clients::find() else { return };
    let depot = Index::start();
    depot.publish(&WheelBuilder::new("lid", "1.0"));
    let later = depot.publish(&WheelBuilder::new("lid", "2.0"));
    for (yanked, version) in [(json!(false), "2.0"), (json!("hot"), "1.0"), (json!(false), "2.0")] {
        assert_eq!(depot.announce(&later, &json!({ "yanked": yanked })).status, 200);
        for uv in [false, true] {
            let room = clients.room();
            install(uv, &room, &depot, &["lid"]).assert_success();
            assert_eq!(room.installed_version("lid"), version, "uv: {uv}");
        }
    }
}

#[test]
fn a_version_for_another_python_is_passed_over() {
    let Some(clients) = Clients::find() else { return };
    let depot = Index::start();
    depot.publish(&WheelBuilder::new("lid", "1.0").requires_python(">=3.8"));
    depot.publish(&WheelBuilder::new("lid", "2.0").requires_python(">=98,<100"));
    // One says it in its metadata; of the other, whose archive is not read, only its record does.
    let copied = Built {
        project: "lid".to_owned(),
        filename: "lid-3.0.tar.bz2".to_owned(),
        bytes: b"not read".to_vec(),
        metadata: Vec::new(),
    };
    depot.publish_copy(copied, &json!({ "requires-python": ">=98" }));
    for uv in [false, true] {
        let room = clients.room();
        install(uv, &room, &depot, &["lid"]).assert_success();
        assert_eq!(room.installed_version("lid"), "1.0", "uv: {uv}");
    }
}

#[test]
fn a_fitting_wheel_is_preferred_and_the_sdist_is_what_is_left() {
    let Some(clients) = Clients::find() else { return };
    let depot = Index::start();
    depot.publish(&SdistBuilder::new("lid", "1.0").file("lid/kind.py", "KIND = 'sdist'\n"));
    let wheel = |tag: &str, kind: &str| {
        WheelBuilder::new("lid", "1.0").tag(tag).file("lid/kind.py", format!("KIND = '{kind}'\n"))
    };
    depot.publish(&wheel("cp27-cp27m-win32", "foreign"));
    let kind = |uv| {
        let room = clients.room();
        install(uv, &room, &depot, &["lid"]).assert_success();
        room.python(["-c", "import lid.kind; print(lid.kind.KIND)"]).assert_success().stdout.trim().to_owned()
    };
    assert_eq!([kind(false), kind(true)], ["sdist", "sdist"]);
    depot.publish(&wheel("py3-none-any", "wheel"));
    assert_eq!([kind(false), kind(true)], ["wheel", "wheel"]);
    depot.publish(&wheel("py3-none-any", "build").build_tag("7"));
    assert_eq!([kind(false), kind(true)], ["build", "build"]);
}

#[test]
fn upload_times_let_clients_go_back_in_time() {
    let Some(clients) = Clients::find() else { return };
    let depot = Index::start();
    for (version, time) in
        [("1.0", "2020-01-01T00:00:00Z"), ("1.1", "2021-06-01T12:30:45.5Z"), ("1.2", "2023-01-01T00:00:00Z")]
    {
        depot.publish_copy(&WheelBuilder::new("lid", version), &json!({ "upload-time": time }));
    }
    // What is published here is dated by the upload itself.
    depot.publish(&WheelBuilder::new("lid", "2.0"));
    for (uv, option) in [(true, "--exclude-newer"), (false, "--uploaded-prior-to")] {
        for (date, version) in [
            ("2020-02-01T00:00:00Z", "1.0"),
            ("2022-01-01T00:00:00Z", "1.1"),
            ("2024-01-01T00:00:00Z", "1.2"),
        ] {
            let room = clients.room();
            let output = install(uv, &room, &depot, &[option, date, "lid"]).assert_success();
            assert_eq!(room.installed_version("lid"), version, "{date}: {}", output.stderr);
        }
    }
}

#[test]
fn pip_lists_the_versions_in_order() {
    let Some(clients) = Clients::find() else { return };
    let depot = Index::start();
    for version in ["1.10", "1.9", "1.0+lab.2", "1!0.1", "2.0rc1"] {
        depot.publish(&WheelBuilder::new("lid", version));
    }
    let room = clients.room();
    let output = room.pip(["index", "versions", "--index-url", &depot.url(), "lid"]).assert_success();
    assert!(output.stdout.contains("Available versions: 1!0.1, 1.10, 1.9, 1.0+lab.2\n"), "{}", output.stdout);
}
