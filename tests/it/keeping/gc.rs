//! `depot-server gc`: `tmp/`, and nothing else.

use std::fs;

use super::{admin, assert_tree_is_right, everything_in, serve, upload_some};

#[test]
fn left_overs_go_by_their_age_while_the_server_runs_and_when_it_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path();
    let tmp = data_dir.join("repositories/python/tmp");
    let (server, mut wire) = serve(data_dir);
    upload_some(&mut wire, 4);
    let leave = || {
        for name in ["00000000000000aa-0.foo.part", "00000000000000aa-0.foo.json"] {
            fs::write(tmp.join(name), "12345").unwrap();
        }
    };
    leave();
    let before = everything_in(&data_dir.join("repositories"));
    // A day old they are not.
    let young = admin(data_dir, ["gc"]).assert_success();
    assert_eq!(
        (young.stdout.as_str(), young.stderr.contains("2 are younger")),
        ("", true),
        "{}",
        young.stderr
    );
    let dry = admin(data_dir, ["gc", "--older-than", "0", "--dry-run"]).assert_success();
    assert_eq!(dry.stdout.lines().count(), 2, "{}", dry.stdout);
    assert_eq!(everything_in(&data_dir.join("repositories")), before);
    let output = admin(data_dir, ["gc", "--older-than", "0", "--format", "json"]).assert_success();
    let answer: serde_json::Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!((&answer["schema"], &answer["bytes"]), (&"depot.gc/1".into(), &10.into()), "{answer}");
    assert_eq!(answer["dry-run"], false);
    assert_eq!(everything_in(&data_dir.join("repositories")).len(), before.len() - 2);
    drop(wire);
    assert_eq!(server.terminate().code(), Some(0));

    leave();
    admin(data_dir, ["gc"]).assert_success();
    assert_eq!(fs::read_dir(&tmp).unwrap().count(), 3, "two left-overs and the lock");
    admin(data_dir, ["gc", "--older-than", "0"]).assert_success();
    assert_eq!(fs::read_dir(&tmp).unwrap().count(), 1);
    assert_eq!(assert_tree_is_right(data_dir), 4);
    let absent = admin(&data_dir.join("absent"), ["gc"]).assert_code(1);
    assert!(absent.stderr.contains("there is no data directory"), "{}", absent.stderr);
}
