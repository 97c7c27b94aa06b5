//! Resolving from `.metadata` alone: the wheels themselves are fetched only to be installed.

use depot_tests::Clients;

use super::Kitchen;
use crate::python::index::Index;

/// How often something whose path ends so was asked for, by `GET` or otherwise.
fn count(requests: &[(String, String)], end: &str) -> usize {
    requests.iter().filter(|(_, path)| path.ends_with(end)).count()
}

#[test]
fn uv_resolves_without_fetching_a_wheel() {
    let Some(clients) = Clients::find() else { return };
    let kitchen = Kitchen::over(Index::start_logging());
    let room = clients.room();
    let before = kitchen.depot.requests().len();
    std::fs::write(room.path().join("in.txt"), "Tea.Pot\n").unwrap();
    let python = room.venv();
    let output = room
        .uv([
            "pip",
            "compile",
            "--default-index",
            &kitchen.depot.url(),
            "--generate-hashes",
            "--python",
            python.to_str().unwrap(),
            "in.txt",
        ])
        .assert_success();
    let requests = kitchen.depot.requests().split_off(before);
    assert_eq!(count(&requests, ".whl"), 0, "{requests:?}");
    for file in [&kitchen.pot, &kitchen.lid] {
        assert_eq!(
            count(&requests, &format!("{}.metadata", file.path().replace('+', "%2B"))),
            1,
            "{requests:?}"
        );
        let hash = format!("--hash=sha256:{}", file.sha256());
        assert!(output.stdout.contains(&hash), "{}", output.stdout);
    }
    assert!(output.stdout.contains("lid==1.0+lab.2"), "{}", output.stdout);

    // What was resolved installs, and only then are wheels fetched, each once.
    std::fs::write(room.path().join("locked.txt"), output.stdout).unwrap();
    let args = ["--require-hashes", "-r", "locked.txt"];
    room.uv_install(&kitchen.depot.url(), args).assert_success();
    assert_eq!(room.installed_version("lid"), "1.0+lab.2");
    let requests = kitchen.depot.requests().split_off(before);
    assert_eq!(count(&requests, ".whl"), 2, "{requests:?}");
}

#[test]
fn pip_resolves_a_conflict_without_fetching_a_wheel() {
    let Some(clients) = Clients::find() else { return };
    let depot = Index::start_logging();
    for version in ["1.0", "2.0", "3.0"] {
        let pot = depot_tests::WheelBuilder::new("tea-pot", version);
        depot.publish(&pot.requires_dist(&format!("lid=={version}")));
        depot.publish(&depot_tests::WheelBuilder::new("lid", version));
    }
    let room = clients.room();
    let before = depot.requests().len();
    let refused = room.pip_install(&depot.url(), ["tea-pot==1.0", "lid==3.0"]).assert_code(1);
    assert!(refused.stderr.contains("conflicting dependencies"), "{}", refused.stderr);
    let requests = depot.requests().split_off(before);
    assert_eq!(count(&requests, ".whl"), 0, "{requests:?}");
    assert!(count(&requests, ".whl.metadata") >= 2, "{requests:?}");

    room.pip_install(&depot.url(), ["tea-pot", "lid<3"]).assert_success();
    assert_eq!(room.installed_version("tea_pot"), "2.0");
    let requests = depot.requests().split_off(before);
    assert_eq!(count(&requests, ".whl"), 2, "only what is installed: {requests:?}");
}
