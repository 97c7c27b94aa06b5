//! Attack 40, on disk: links that somebody planted in the data directory, so that the server reads or writes elsewhere.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use depot_tests::{WheelBuilder, counted};
use serde_json::json;

use crate::python::depot::{Depot, listing, record};

/// What lies outside, and must neither be shown nor changed.
const SECRET: &[u8] = b"the secret of somebody else, without a line feed at its end";

/// A server, stopped, with somebody else's folder beside its data directory.
struct Planted {
    depot: Depot,
    before: BTreeMap<PathBuf, Option<String>>,
}

impl Planted {
    /// Plants something while the server stands. Whether it starts again is its own choice.
    fn new(plant: impl FnOnce(&Depot, &Path)) -> Self {
        let mut depot = Depot::start();
        depot.publish(&WheelBuilder::new("kettle", "1.0"));
        depot.stop();
        let outside = depot.around().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("secret"), SECRET).unwrap();
        // As an upload that a crash cut off would be called: what is swept in tmp must be in tmp.
        fs::write(outside.join("0123456789abcdef-0.teapot.part"), SECRET).unwrap();
        let before = listing(&outside);
        plant(&depot, &outside);
        Self { depot, before }
    }

    /// Puts a link in the place of what is there, symbolic or hard.
    fn link(place: &str, target: &str, hard: bool) -> Self {
        Self::new(|depot, outside| {
            let place = depot.data_dir().join(place);
            if place.is_dir() {
                fs::remove_dir_all(&place).unwrap();
            } else if place.exists() {
                fs::remove_file(&place).unwrap();
            }
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            let target = outside.join(target);
            if hard { fs::hard_link(target, place).unwrap() } else { symlink(target, place).unwrap() }
        })
    }

    /// Starts the server, lets everything happen that writes, and stops it. It may refuse to start.
    fn work(&mut self) {
        let depot = &mut self.depot;
        if catch_unwind(AssertUnwindSafe(|| depot.resume())).is_err() {
            return;
        }
        let (filename, bytes) = (teapot().filename(), teapot().build());
        depot.put("teapot", &filename, &bytes);
        let mut facts = record(&filename, &bytes);
        facts["yanked"] = json!("hot");
        depot.announce("teapot", &facts);
        depot.admin(&["token", "create", "--user", "robot", "--scope", "read"]);
        depot.admin(&["reindex"]);
        for suffix in ["", ".metadata"] {
            let served = depot.get(&format!("/python/files/teapot/{filename}{suffix}"));
            assert_ne!(served.body, SECRET, "something outside was shown");
        }
        depot.stop();
    }

    #[track_caller]
    fn assert_untouched(&self, what: &str) {
        let outside = self.depot.around().join("outside");
        assert_eq!(listing(&outside), self.before, "{what}: something outside was changed");
        let mode = fs::metadata(outside.join("secret")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o644, "{what}: its mode was changed");
    }
}

fn teapot() -> WheelBuilder {
    WheelBuilder::new("teapot", "1.0")
}

/// The files of the data directory whose names somebody can know beforehand.
const FILES: [&str; 8] = [
    "repositories/python/tmp/linking.lock",
    "repositories/python/files/teapot/teapot-1.0-py3-none-any.whl",
    "repositories/python/files/teapot/teapot-1.0-py3-none-any.whl.json",
    "repositories/python/files/teapot/teapot-1.0-py3-none-any.whl.metadata",
    "state/instance",
    "admin.token",
    "admin.sock",
    "lock",
];

#[test]
fn a_link_in_the_place_of_a_file_is_not_written_through() {
    for place in FILES {
        for hard in [false, true] {
            let mut planted = Planted::link(place, "secret", hard);
            planted.work();
            planted.assert_untouched(place);
        }
    }
    counted("attack 40", "links in the place of a file, symbolic and hard", FILES.len() as u64 * 2);
}

/// What else the server writes into, as folders and as files.
const MORE: [(&str, &str); 9] = [
    ("repositories/python/files/teapot", ""),
    ("repositories/python/files", ""),
    ("repositories/python/tmp", ""),
    ("journal", ""),
    ("journal/changes.jsonl", "secret"),
    ("state", ""),
    ("state/tokens", ""),
    ("store/sled", ""),
    ("keys", ""),
];

#[test]
fn a_link_in_the_place_of_a_folder_or_of_the_journal_is_not_written_through() {
    let mut followed = Vec::new();
    for (place, target) in MORE {
        let mut planted = Planted::link(place, target, false);
        planted.work();
        if catch_unwind(AssertUnwindSafe(|| planted.assert_untouched(place))).is_err() {
            followed.push(place);
        }
    }
    let mut planted = Planted::link("journal/changes.jsonl", "secret", true);
    planted.work();
    if catch_unwind(AssertUnwindSafe(|| planted.assert_untouched("a hard link"))).is_err() {
        followed.push("journal/changes.jsonl, as a hard link");
    }
    assert!(followed.is_empty(), "{followed:#?}");
    counted("attack 40", "links in the place of a folder or of the journal", MORE.len() as u64 + 1);
}

#[test]
fn a_link_where_a_secret_is_being_written_does_not_get_the_secret() {
    let mut planted = Planted::link("admin.new", "secret", false);
    // The token is made again where it is lost.
    fs::remove_file(planted.depot.data_dir().join("admin.token")).unwrap();
    planted.work();
    planted.assert_untouched("admin.new");
}

#[test]
fn a_link_in_a_tree_that_was_copied_here_shows_nothing_that_is_not_of_the_tree() {
    let mut depot = Depot::start();
    depot.stop();
    let secret = fs::read(depot.data_dir().join("admin.token")).unwrap();
    let folder = depot.tree().join("files").join("evil");
    fs::create_dir_all(&folder).unwrap();
    // Where the token lies from there is known, and how long it is; what its digest is need not be.
    symlink("../../../../admin.token", folder.join("evil-1.0.tar.gz")).unwrap();
    let mut facts = record("evil-1.0.tar.gz", b"anything");
    facts["size"] = json!(secret.len());
    fs::write(folder.join("evil-1.0.tar.gz.json"), facts.to_string()).unwrap();
    depot.admin(&["reindex"]).assert_success();
    depot.resume();
    let shown = depot.get("/python/files/evil/evil-1.0.tar.gz");
    assert!(shown.body != secret, "anyone reads the administrator's token");
    assert_ne!(shown.status, 200);
}

#[test]
fn a_data_directory_that_others_may_write_to_is_refused() {
    let mut depot = Depot::start();
    depot.stop();
    fs::set_permissions(depot.data_dir(), fs::Permissions::from_mode(0o777)).unwrap();
    let started = catch_unwind(AssertUnwindSafe(|| depot.resume())).is_ok();
    let mode = fs::metadata(depot.data_dir()).unwrap().permissions().mode() & 0o777;
    assert!(!started || mode == 0o700, "it is served, and others may plant what they like: {mode:o}");
}
