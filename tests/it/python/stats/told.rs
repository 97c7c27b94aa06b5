//! How the numbers are told.

use depot_tests::{SdistBuilder, WheelBuilder};
use serde_json::{Value, json};

use super::{asked, path_of, pot, row, rows, stats};
use crate::python::depot::{Depot, body};

/// Three versions of a project and two others, downloaded a different number of times.
fn shop() -> Depot {
    let depot = Depot::start();
    let get = |path: &str, agent: &str, times: usize| {
        for _ in 0..times {
            let lines = format!("User-Agent: {agent}\r\n");
            assert_eq!(depot.request("GET", path, None, &lines, b"").status, 200, "{path}");
        }
    };
    for (version, times) in [("1.0", 3), ("2.0", 5), ("3.0", 0)] {
        depot.publish(&pot(version));
        get(&path_of(&pot(version)), "uv/0.13", times);
    }
    let sdist = SdistBuilder::new("tea-pot", "1.0");
    assert_eq!(depot.put("tea-pot", &sdist.filename(), &sdist.build()).status, 201);
    get(&format!("/python/files/tea-pot/{}", sdist.filename()), "pip/26.3", 4);
    for (project, times) in [("lid", 2), ("spoon", 1)] {
        let wheel = WheelBuilder::new(project, "1");
        depot.publish(&wheel);
        get(&path_of(&wheel), "Mozilla/5.0", times);
    }
    depot
}

fn today() -> String {
    let now = std::process::Command::new("date").args(["-u", "+%F"]).output().unwrap();
    String::from_utf8(now.stdout).unwrap().trim().to_owned()
}

#[test]
fn the_numbers_are_told_by_project_version_file_day_and_client() {
    let depot = shop();
    let said = stats(&depot, &[]);
    assert_eq!(rows(&said, "project"), [row("tea-pot", 12), row("lid", 2), row("spoon", 1)]);
    assert_eq!(said["total"], 15);
    let of_pot = |by: &str, about: &str| rows(&stats(&depot, &["--project", "Tea.Pot", "--by", by]), about);
    // The wheel and the sdist of a version are one.
    assert_eq!(of_pot("version", "version"), [row("1.0", 7), row("2.0", 5)]);
    let file = |wheel: &WheelBuilder, times| row(&wheel.filename(), times);
    let sdist = SdistBuilder::new("tea-pot", "1.0").filename();
    assert_eq!(of_pot("file", "filename"), [file(&pot("2.0"), 5), row(&sdist, 4), file(&pot("1.0"), 3)]);
    assert_eq!(of_pot("client", "client"), [row("uv", 8), row("pip", 4)]);
    let days = of_pot("day", "day");
    assert!(days.len() <= 2 && days.iter().map(|(_, times)| times).sum::<u64>() == 12, "{days:?}");
    let one = stats(&depot, &["--project", "tea-pot", "--filename", &sdist, "--by", "client"]);
    assert_eq!((rows(&one, "client"), &one["total"]), (vec![row("pip", 4)], &json!(4)));
    // What the command says, the server says.
    for (args, query) in [
        (&[][..], "?limit=20"),
        (&["--project", "tea-pot", "--by", "version"], "?limit=20&project=tea-pot&by=version"),
        (&["--days", "2", "--top", "1"], "?days=2&limit=1"),
        (&["--repository", "all", "--by", "client"], "?repository=all&by=client&limit=20"),
        (&["--repository", "pypi"], "?repository=pypi&limit=20"),
    ] {
        assert_eq!(asked(&depot, query, None), stats(&depot, args), "{query}");
    }
    assert_eq!(asked(&depot, "?repository=pypi", None)["total"], 0);
    assert_eq!(asked(&depot, "?repository=all", None)["total"], 15);
}

#[test]
fn answers_are_bounded_and_go_on() {
    let depot = shop();
    stats(&depot, &[]);
    let mut seen = Vec::new();
    let mut query = "?limit=1".to_owned();
    loop {
        let said = asked(&depot, &query, None);
        assert_eq!(said["total"], 15);
        seen.extend(rows(&said, "project"));
        let Some(next) = said["next"].as_u64() else { break };
        query = format!("?limit=1&offset={next}");
    }
    assert_eq!(seen, [row("tea-pot", 12), row("lid", 2), row("spoon", 1)]);
    assert_eq!(asked(&depot, "?offset=99", None)["rows"], json!([]));
    let more = depot.admin(&["stats", "--top", "2"]).assert_success();
    assert!(more.stderr.contains("--offset 2"), "{}", more.stderr);
}

#[test]
fn days_are_those_of_utc() {
    let depot = shop();
    let before = today();
    let said = stats(&depot, &["--by", "day", "--days", "3"]);
    let after = today();
    let to = said["to"].as_str().unwrap();
    assert!((before.as_str()..=after.as_str()).contains(&to), "{before} {to} {after}");
    assert_eq!(said["total"], 15);
    // Nothing was counted before the first day that is known.
    let past = asked(&depot, "?from=2020-01-01&to=2020-12-31", None);
    assert_eq!((&past["total"], &past["rows"]), (&json!(0), &json!([])));
    let said = asked(&depot, "?from=2020-01-01", None);
    assert_eq!(said["total"], 15);
    assert!(said["from"].as_str().unwrap() >= "2026", "{said}");
}

#[test]
fn what_makes_no_sense_is_refused_with_words() {
    let depot = Depot::start();
    for (query, words) in [
        ("?by=nonsense", "one of project, version, file, day, client"),
        ("?by=file", "say which"),
        ("?filename=x", "say which"),
        ("?project=-", "`project`"),
        ("?repository=A", "`repository`"),
        ("?from=yesterday", "2026-11-22"),
        ("?from=2026-02-02&to=2026-02-01", "after"),
        ("?days=0", "`days`"),
        ("?days=3&to=2026-02-01", "not both"),
        ("?limit=0", "1000"),
        ("?limit=1001", "1000"),
        ("?limit=x", ""),
        ("?days=-1", ""),
    ] {
        let answer = depot.get(&format!("/api/stats{query}"));
        assert_eq!(answer.status, 400, "{query}: {}", answer.text());
        let detail = body(&answer)["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(words), "{query}: {detail}");
    }
    for args in [
        &["--by", "nonsense"][..],
        &["--filename", "x"],
        &["--days", "0"],
        &["--days", "1", "--to", "2026-01-01"],
        &["--top", "1001"],
        &["--from", "never"],
    ] {
        depot.admin(&[&["stats"], args].concat()).assert_code(2);
    }
    let refused = depot.admin(&["stats", "--by", "version"]).assert_code(1);
    assert!(refused.stderr.contains("say which"), "{}", refused.stderr);
    let refused = depot.admin(&["stats", "--repository", "pyhton"]).assert_code(1);
    assert!(
        refused.stderr.contains("of a repository `pyhton`, only of all, pypi, python"),
        "{}",
        refused.stderr
    );
    let refused = depot.admin(&["stats", "--from", "9999-12-31"]).assert_code(1);
    assert!(refused.stderr.contains("`from` is after today, which is 20"), "{}", refused.stderr);
    // A reader is not told what else there is.
    assert_eq!(depot.get("/api/stats?repository=pyhton").status, 200);
}

#[test]
fn people_read_a_table() {
    let depot = shop();
    let said = depot.admin(&["stats", "--project", "tea-pot", "--by", "version"]).assert_success().stdout;
    let lines: Vec<&str> = said.lines().collect();
    let [title, first, second, total] = lines.as_slice() else { panic!("{said}") };
    assert_eq!(*title, "downloads  last        version  repository");
    assert!(first.starts_with("        7  20") && first.ends_with("  1.0      python"), "{said}");
    assert!(second.starts_with("        5  20"), "{said}");
    assert_eq!(*total, "12 downloads in all");
    let said = depot.admin(&["stats", "--by", "client", "--days", "2"]).assert_success().stdout;
    let mut lines = said.lines();
    assert_eq!(lines.next(), Some("downloads  client"), "{said}");
    assert_eq!(lines.next(), Some("        8  uv"));
    assert_eq!(lines.next(), Some("        4  pip"));
    assert_eq!(lines.next(), Some("        3  browser"));
    assert!(lines.next().unwrap().starts_with("15 downloads "), "{said}");
    let nothing = depot.admin(&["stats", "--project", "nothing"]).assert_success().stdout;
    assert_eq!(nothing, "0 downloads in all\n");
    let said: Value = stats(&depot, &["--project", "nothing"]);
    assert_eq!(said["rows"], json!([]));
}
