//! Attack 4: two spellings of a name that are taken for two projects, or two names taken for one.

use depot_tests::{WheelBuilder, counted};

use crate::python::depot::{Depot, assert_accepted, record};

/// What may stand between two letters and means the same everywhere.
const SEPARATORS: [&str; 10] = ["-", "_", ".", "--", "__", "..", "-_", "_.", ".-_", "-._-._"];

/// All spellings of `a-b-c`.
fn spellings() -> Vec<String> {
    let mut spellings = Vec::new();
    for first in SEPARATORS {
        for second in SEPARATORS {
            for [a, b, c] in [["a", "b", "c"], ["A", "b", "C"], ["A", "B", "C"]] {
                spellings.push(format!("{a}{first}{b}{second}{c}"));
            }
        }
    }
    spellings.retain(|spelling| spelling != "a-b-c");
    spellings
}

#[test]
fn every_spelling_of_a_name_leads_to_the_one_project() {
    let depot = Depot::start();
    let wheel = WheelBuilder::new("a-b-c", "1.0");
    depot.publish(&wheel);
    let spellings = spellings();
    for spelling in &spellings {
        for (path, target) in [
            (format!("/python/simple/{spelling}/"), "../a-b-c/"),
            (format!("/python/simple/{spelling}"), "a-b-c/"),
            (format!("/python/simple/{spelling}/?x=%2F%2Fevil.example"), "../a-b-c/?x=%2F%2Fevil.example"),
        ] {
            let answer = depot.get(&path);
            assert_eq!((answer.status, answer.header("location")), (301, Some(target)), "{path}");
        }
        // What is announced under any of them is of the project that is there: no second one comes to be.
        let facts = record(&wheel.filename(), &wheel.build());
        assert_accepted(&depot.announce(spelling, &facts), 200, "same");
        let other = WheelBuilder::new("a-b-c", "1.0").file("a_b_c/more.py", "");
        assert_eq!(depot.put(spelling, &wheel.filename(), &other.build()).status, 409, "{spelling}");
    }
    assert_eq!(depot.listed("a-b-c").len(), 1);
    let folders = std::fs::read_dir(depot.tree().join("files")).unwrap();
    assert_eq!(folders.count(), 1, "one folder for one project");
    assert!(depot.get("/python/simple/").text().contains(r#""projects":[{"name":"a-b-c"}]"#));
    counted("attack 4", "spellings of one name, each read and written", spellings.len() as u64);
}

#[test]
fn a_file_spelled_in_any_way_is_of_the_one_project() {
    let depot = Depot::start();
    // File names as old tools wrote them; the archive says the name in a spelling of its own.
    for (number, spelling) in ["a_b_c", "A.b.C", "a-b-c", "a.b_c", "A_B_C"].into_iter().enumerate() {
        let version = format!("1.{number}");
        let sdist = depot_tests::SdistBuilder::new("a-b-c", &version).raw_pkg_info(format!(
            "Metadata-Version: 2.1\nName: {}\nVersion: {version}\n",
            spelling.replace('_', "-")
        ));
        let answer = depot.put("A__B..C", &format!("{spelling}-{version}.tar.gz"), &sdist.build());
        assert_eq!(answer.status, 201, "{spelling}: {}", answer.text());
    }
    assert_eq!(depot.listed("a-b-c").len(), 5);
}

#[test]
fn names_that_differ_by_more_than_spelling_are_different_projects() {
    let depot = Depot::start();
    depot.publish(&WheelBuilder::new("a-b-c", "1.0"));
    let others = [
        "abc",
        "ab-c",
        "a-bc",
        "a-b-c-",
        "-a-b-c",
        "a-b",
        "a-b-cc",
        "a-b-c-1",
        "a~b~c",
        "a%E2%80%90b-c",
        "%D0%B0-b-c",
    ];
    for other in others {
        let answer = depot.get(&format!("/python/simple/{other}/"));
        assert_eq!(answer.status, 404, "{other}: {:?}", answer.header("location"));
    }
    counted("attack 4", "names that are nearly another's", others.len() as u64);
}
