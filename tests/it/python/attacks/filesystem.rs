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
