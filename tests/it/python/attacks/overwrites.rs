//! Attack 18: other bytes under a name that is taken, by every way in and at every moment.

use std::time::{Duration, Instant};

use depot_tests::{RawConnection, WheelBuilder, counted};
use serde_json::json;

use crate::python::depot::{Depot, mirrored, record};

fn teapot() -> WheelBuilder {
    WheelBuilder::new("teapot", "1.0")
}

/// A depot that has a file, and what else somebody would like to have under its name.
struct Taken {
    depot: Depot,
    filename: String,
    bytes: Vec<u8>,
    other: Vec<u8>,
    tried: u64,
}

impl Taken {
    fn new(copied: bool) -> Self {
        let depot = Depot::start();
        let (filename, bytes) = (teapot().filename(), teapot().build());
        if copied {
            assert_eq!(depot.announce("teapot", &mirrored(&filename, &bytes)).status, 202);
        }
        assert_eq!(depot.put("teapot", &filename, &bytes).status, 201);
        let other = teapot().file("teapot/evil.py", "import os\n").build();
        Self { depot, filename, bytes, other, tried: 0 }
    }

    /// Every way to bring the same, and every way to bring other bytes.
    fn assert_kept(&mut self, when: &str) {
        let Self { depot, filename, bytes, other, .. } = self;
        for _ in 0..2 {
            let status = depot.put("teapot", filename, bytes).status;
            assert_eq!(status, 200, "{when}: the same bytes");
            let status = depot.announce("teapot", &record(filename, bytes)).status;
            assert_eq!(status, 200, "{when}: the same facts");
        }
        let shouted = filename.to_ascii_uppercase();
        let mut wrong_size = record(filename, bytes);
        wrong_size["size"] = json!(bytes.len() + 1);
        let refusals = [
            ("other bytes", depot.put("teapot", filename, other), 409),
            ("other bytes under a spelling", depot.put("TeaPot", filename, other), 409),
            ("other bytes in other case", depot.put("teapot", &shouted, other), 409),
            ("the same bytes in other case", depot.put("teapot", &shouted, bytes), 409),
            ("facts of other bytes", depot.announce("teapot", &record(filename, other)), 409),
            ("facts of a copy of other bytes", depot.announce("teapot", &mirrored(filename, other)), 409),
        ];
        for (what, answer, status) in &refusals {
            assert_eq!(answer.status, *status, "{when}: {what}: {}", answer.text());
            assert!(answer.text().contains("already exists"), "{when}: {what}: {}", answer.text());
        }
        // The digest says which bytes are meant, and the size that is known stays.
        depot.announce("teapot", &wrong_size);
        assert_eq!(depot.stored_record("teapot", filename)["size"], bytes.len(), "{when}");
        assert_eq!(depot.listed("teapot")[0]["size"], bytes.len(), "{when}");
        let served = depot.get(&format!("/python/files/teapot/{filename}"));
        assert!(served.body == *bytes, "{when}: the first bytes are served");
        assert_eq!(depot.listed("teapot").len(), 1, "{when}");
        depot.assert_tmp_is_empty();
        self.tried += refusals.len() as u64 + 5;
    }
}

#[test]
fn no_way_leads_to_other_bytes_under_a_name_that_is_taken() {
    let mut tried = 0;
    for copied in [false, true] {
        let mut taken = Taken::new(copied);
        taken.assert_kept("at once");
        taken.depot.stop();
        taken.depot.resume();
        taken.assert_kept("after a restart");

        taken.depot.stop();
        std::fs::remove_dir_all(taken.depot.data_dir().join("store")).unwrap();
        taken.depot.resume();
        taken.assert_kept("after the index was lost");

        let yanked = json!({ "yanked": "poison", "filename": taken.filename,
            "hashes": record(&taken.filename, &taken.bytes)["hashes"], "size": taken.bytes.len() });
        assert_eq!(taken.depot.announce("teapot", &yanked).status, 200);
        let status = taken.depot.put("teapot", &taken.filename, &taken.other).status;
        assert_eq!(status, 409, "a file that is yanked keeps its name");
        tried += taken.tried + 1;
    }
    counted("attack 18", "uploads to a name that is taken", tried);
}

#[test]
fn an_upload_whose_answer_was_lost_is_known_when_it_comes_again() {
    let depot = Depot::start();
    for number in 0..20 {
        let wheel =
            WheelBuilder::new("teapot", &format!("1.{number}")).random_file("teapot/data", 30_000, number);
        let (filename, bytes) = (wheel.filename(), wheel.build());
        let mut connection = RawConnection::open(depot.url(), Duration::from_secs(10)).unwrap();
        let head = format!(
            "PUT /python/simple/teapot/{filename} HTTP/1.1\r\nHost: depot\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n",
            depot.token(),
            bytes.len()
        );
        connection.send([head.as_bytes(), &bytes].concat()).unwrap();
        // Gone before it could hear the answer: at once, or when the file is there.
        if number % 2 == 0 {
            let deadline = Instant::now() + Duration::from_secs(20);
            while depot.stored("teapot", &format!("{filename}.json")).is_none() {
                assert!(Instant::now() < deadline, "the upload never came to be");
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        drop(connection);
        let again = depot.put("teapot", &filename, &bytes);
        assert!([200, 201].contains(&again.status), "{}", again.text());
        assert!(number % 2 == 1 || again.status == 200, "it was there: {}", again.text());
        let other = wheel.file("teapot/evil.py", "").build();
        assert_eq!(depot.put("teapot", &filename, &other).status, 409);
        assert!(depot.stored("teapot", &filename).unwrap() == bytes);
    }
    depot.assert_tmp_is_empty();
    counted("attack 18", "uploads whose answer was lost", 20);
}
