//! A command that is asked to stop ends soon, says what to do, and leaves a tree that the next run goes on with.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use depot_tests::{FakeIndex, Fault, Style, WheelBuilder, counted, run};
use rustix::process::{Pid, Signal, kill_process};

use super::depot::{Depot, assert_tmp_is_empty};
use super::saved::{Saved, result};

/// It should take no second; a machine that does ten other things takes longer.
const SOON: Duration = Duration::from_secs(5);

const ENDS: [(Signal, i32); 2] = [(Signal::INT, 130), (Signal::TERM, 143)];

/// Sends a signal and waits for the end; fails unless it comes soon, with this code and words that help.
#[track_caller]
fn stop(mut child: Child, signal: Signal, code: i32) {
    kill_process(Pid::from_child(&child), signal).unwrap();
    let asked = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if asked.elapsed() > SOON {
            let _ = child.kill();
            let _ = child.wait();
            panic!("it did not end within {SOON:?}");
        }
        thread::sleep(Duration::from_millis(5));
    };
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(status.code(), Some(code), "{said}");
    assert!(said.contains("run the same command again"), "{said}");
}

fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits until something holds, for a long time.
#[track_caller]
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "never came: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_save_that_is_stopped_goes_on_where_it_was() {
    let wheel = |number: u64| {
        WheelBuilder::new(&format!("pot-{number}"), "1").random_file("data.bin", 2_000_000, number)
    };
    let names: Vec<String> = (0..4).map(|number| wheel(number).project()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for (signal, code) in ENDS {
        let index = (0..4).fold(FakeIndex::builder(Style::Json), |index, number| index.wheel(&wheel(number)));
        let (index, saved) = (index.start(), Saved::new());
        let slow = |number: u64| FakeIndex::file_path(names[number as usize], &wheel(number).filename());
        let drip = Fault::SlowDrip { bytes: 100_000, every: Duration::from_millis(150) };
        index.fault(&slow(2), drip.clone());
        index.fault(&slow(3), drip);
        let child = start(&mut saved.save_command(&index.url(), &names));
        let part_size = || {
            let entries = fs::read_dir(saved.root().join("tmp").join("resumable")).ok()?;
            let sizes = entries.flatten().filter_map(|entry| Some(entry.metadata().ok()?.len()));
            sizes.filter(|size| *size > 400_000).min()
        };
        wait_until("two files saved and another begun", || {
            [0, 1].iter().all(|number| saved.filenames(names[*number]).len() == 1) && part_size().is_some()
        });
        stop(child, signal, code);
        index.heal();
        index.clear_log();
        let said = run(&mut saved.save_command(&index.url(), &[&names[..], &["--format", "json"]].concat()));
        let result = result(&said.assert_success());
        assert_eq!((&result["counts"]["saved"], &result["counts"]["present"]), (&2.into(), &2.into()));
        let resumed = result["resumed-bytes"].as_u64().unwrap();
        assert!(resumed > 400_000, "{result}");
        let missing = (wheel(2).build().len() + wheel(3).build().len()) as u64;
        assert_eq!(index.bytes_sent(), missing - resumed);
        for number in 0..4 {
            let wheel = wheel(number);
            assert_eq!(saved.stored(names[number as usize], &wheel.filename()).unwrap(), wheel.build());
        }
        assert_tmp_is_empty(&saved.root());
        counted("fault 25", "bytes of stopped saves that the next run did not ask for again", resumed);
    }
}

#[test]
fn a_save_that_waits_for_standard_input_or_an_index_stops_too() {
    for (signal, code) in ENDS {
        let saved = Saved::new();
        let index = FakeIndex::builder(Style::Json).project("pot").start();
        index.fault(&FakeIndex::page_path("pot"), Fault::Hang);
        let mut command = saved.save_command(&index.url(), &["pot"]);
        let child = start(&mut command);
        wait_until("the question", || index.count(&FakeIndex::page_path("pot")) > 0);
        stop(child, signal, code);

        let mut command = saved.save_command(&index.url(), &["pot", "--stdin", "-v"]);
        let child = start(command.stdin(Stdio::piped()));
        // Until its handlers are set the signals end it as they always do.
        thread::sleep(Duration::from_millis(500));
        stop(child, signal, code);
    }
}

#[test]
fn a_push_that_is_stopped_goes_on_where_it_was() {
    const FILES: u64 = 60;
    let wheel = |number: u64| {
        WheelBuilder::new("pot", &format!("1.{number}")).random_file("data.bin", 400_000, number)
    };
    let index = (0..FILES).fold(FakeIndex::builder(Style::Json), |index, number| index.wheel(&wheel(number)));
    let (index, saved) = (index.start(), Saved::new());
    saved.save(&index, &["pot", "--all-versions"]).assert_success();
    for (signal, code) in ENDS {
        let depot = Depot::start();
        let mut command = saved.push_command(depot.url(), &["--jobs", "1"]);
        let mut child = start(command.env("DEPOT_AUTH_TOKEN", depot.token()));
        let mut talk = BufReader::new(child.stderr.take().unwrap());
        let mut sent = 0;
        let mut line = String::new();
        while sent < 5 && talk.read_line(&mut line).unwrap() > 0 {
            sent += u64::from(line.starts_with("sent pot"));
            line.clear();
        }
        child.stderr = Some(talk.into_inner());
        stop(child, signal, code);
        let again = saved.push(&depot, &["--format", "json"]).assert_success();
        let counts = &result(&again)["counts"];
        let count = |what: &str| counts[what].as_u64().unwrap();
        assert_eq!((count("sent") + count("present"), count("failed")), (FILES, 0), "{counts}");
        assert!(count("present") >= sent && count("sent") > 0, "{counts}");
        assert_eq!(depot.listed("pot").len() as u64, FILES);
        assert_tmp_is_empty(&depot.tree());
        counted("fault 25", "files of stopped pushes that the next run did not send again", count("present"));
    }
}
