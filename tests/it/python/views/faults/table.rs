//! The table: every variant against every thing that is asked for, by many clients at once.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use std::{fmt::Write as _, fs, path::Path};

use depot_tests::{RawConnection, RawResponse, counted};

use super::upstream::{Good, PROJECTS, Upstream};
use super::variants::{self, Variant};
use crate::python::depot::{Depot, body, uploads_under_way};

/// How many ask for each thing at the same time.
const CLIENTS: usize = 8;

/// How many variants strike at the same time.
const AT_ONCE: usize = 64;

/// What is asked for under a fault: a page that was not seen before; of a page that was, a file, the metadata that lies
/// beside a wheel, and the metadata within one; and a file whose page was not seen before.
pub(super) const WANTED: [&str; 5] = ["page", "file", "metadata beside", "metadata within", "page and file"];

/// A client waits longer than the server does for its index.
const PATIENCE: Duration = Duration::from_secs(25);

struct Table {
    depot: Depot,
    upstream: Upstream,
    keeps: bool,
    asked: AtomicUsize,
    /// What was not as it should be.
    wrong: Mutex<BTreeSet<String>>,
}

impl Table {
    fn start(files: &str, variants: Vec<Variant>) -> Self {
        let mut config = String::new();
        let upstream = Upstream::start(variants);
        for (number, variant) in upstream.variants().iter().enumerate() {
            let (url, roams) = (upstream.url(number), variant.may_roam);
            // Only where nothing comes it is of use to be impatient.
            let timeout = if variant.is_silent { "1s" } else { "30s" };
            let _ = write!(
                config,
                "[repositories.v{number}]\nkind = \"proxy\"\nupstream = \"{url}\"\nfiles = \"{files}\"\n\
                 page_ttl = \"0s\"\nmissing_ttl = \"0s\"\ntimeout = \"{timeout}\"\nallow_private = {roams}\n"
            );
        }
        let around = tempfile::tempdir().unwrap();
        let path = around.path().join("depot.toml");
        fs::write(&path, config).unwrap();
        let depot = Depot::start_with(&["--config", path.to_str().unwrap()]);
        Self { depot, upstream, keeps: files == "cache", asked: AtomicUsize::new(0), wrong: Mutex::default() }
    }

    /// Strikes with every variant.
    fn strike(&self) {
        let next = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(|| {
                    while let Some(variant) =
                        self.upstream.variants().get(next.fetch_add(1, Ordering::Relaxed)).copied()
                    {
                        let number = self.upstream.variants().iter().position(|it| it.name == variant.name);
                        self.befall(number.unwrap(), &variant);
                    }
                });
            }
        });
    }

    fn get(&self, path: &str) -> std::io::Result<RawResponse> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mut connection = RawConnection::open(self.depot.url(), PATIENCE)?;
        connection.send(format!(
            "GET {path} HTTP/1.1\r\nHost: depot\r\nConnection: close\r\nAccept: application/vnd.pypi.simple.v1+json\r\n\r\n"
        ))?;
        connection.receive(false)
    }

    fn check(&self, is_right: bool, variant: &Variant, what: impl Fn() -> String) {
        if !is_right {
            self.wrong.lock().unwrap().insert(format!("{}: {}", variant.name, what()));
        }
    }

    fn befall(&self, number: usize, variant: &Variant) {
        let at = |what: &str| format!("/v{number}/{what}");
        let file = |project: &str, place: usize| &self.upstream.files(project)[place];
        for part in 0..3 {
            let kept = file("kept", part);
            self.right_in_the_end(variant, &at(&format!("files/kept/{}", kept.filename)), &kept.bytes);
            self.metadata_in_the_end(variant, number, kept);
        }
        let listed = self.get(&at("simple/listed/")).unwrap();
        assert!(self.is_page(&listed, "listed"), "{}: {}", variant.name, listed.text());
        self.upstream.misbehave(number, true);

        let [sdist, beside, within] = [0, 1, 2].map(|place| file("listed", place));
        let cold = file("cold", 0);
        let paths = [
            "simple/cold/".to_owned(),
            format!("files/listed/{}", sdist.filename),
            format!("files/listed/{}.metadata", beside.filename),
            format!("files/listed/{}.metadata", within.filename),
            format!("files/cold/{}", cold.filename),
        ];
        let right: [&[u8]; 5] = [
            b"",
            &sdist.bytes,
            beside.metadata.as_ref().unwrap(),
            within.metadata.as_ref().unwrap(),
            &cold.bytes,
        ];
        thread::scope(|scope| {
            for (place, path) in paths.iter().enumerate() {
                for _ in 0..CLIENTS {
                    let (path, right) = (at(path), right[place]);
                    scope.spawn(move || {
                        let answer = self.get(&path);
                        let seen = self.seen(place, answer.as_ref(), right);
                        let expected = variant.expected.as_bytes()[place];
                        let is_expected = match expected {
                            b'?' => seen == b'x' || seen == b'o',
                            b'~' => b"xon".contains(&seen),
                            b'*' => seen == b'o' || seen == b'!',
                            other => seen == other,
                        };
                        let answer = answer.map(|answer| (answer.status_line.clone(), answer.text()));
                        let (seen, wanted) = (seen as char, WANTED[place]);
                        self.check(is_expected, variant, || format!("{wanted} is {seen}: {answer:.200?}"));
                    });
                }
            }
            // What is kept is there meanwhile, if it is kept.
            for place in 0..3 {
                let kept = file("kept", place);
                scope.spawn(move || self.is_kept_served(variant, number, kept));
            }
        });
        // It was not spared.
        let is_lie = variant.expected.starts_with('*');
        for path in paths[..2].iter().filter(|path| !is_lie || path.ends_with('/')) {
            let is_struck = self.upstream.struck(number, path) > 0;
            self.check(is_struck, variant, || format!("{path} was not asked for"));
        }
        self.assert_nothing_bad_is_kept(variant, number);

        self.upstream.misbehave(number, false);
        for project in PROJECTS {
            self.page_in_the_end(variant, number, project);
            for file in self.upstream.files(project) {
                let path = at(&format!("files/{project}/{}", file.filename));
                self.right_in_the_end(variant, &path, &file.bytes);
                self.metadata_in_the_end(variant, number, file);
            }
        }
    }

    /// What a client saw: an error, what is right, or something else.
    fn seen(&self, place: usize, answer: Result<&RawResponse, &std::io::Error>, right: &[u8]) -> u8 {
        match answer {
            // A connection that is broken off before anything was sent is as good as one in the middle.
            Err(error) if error.kind() != std::io::ErrorKind::TimedOut => b'x',
            Err(_) => b't',
            // It would be a lie that there is none: who hears it looks elsewhere.
            Ok(answer) if answer.status == 404 => b'n',
            Ok(answer) if answer.status >= 400 || !answer.complete => b'x',
            Ok(answer) if answer.status != 200 => b'r',
            Ok(answer) if place == 0 && self.is_page(answer, "cold") => b'o',
            Ok(answer) if place > 0 && answer.body == right => b'o',
            Ok(_) => b'!',
        }
    }

    fn is_page(&self, answer: &RawResponse, project: &str) -> bool {
        if answer.status != 200 {
            return false;
        }
        let page = body(answer);
        let listed = page["files"].as_array().unwrap().iter().map(|file| {
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            (text(&file["filename"]), text(&file["hashes"]["sha256"]))
        });
        let good = self.upstream.files(project).iter();
        listed.eq(good.map(|file| (file.filename.clone(), file.sha256.clone())))
    }

    fn is_kept_served(&self, variant: &Variant, number: usize, kept: &Good) {
        let page = self.get(&format!("/v{number}/simple/kept/")).unwrap();
        // A page that lies of what was not seen before may lie here too.
        if !variant.expected.starts_with('*') {
            self.check(self.is_page(&page, "kept"), variant, || format!("the kept page is {}", page.text()));
        }
        let path = format!("/v{number}/files/kept/{}", kept.filename);
        if let Some(metadata) = &kept.metadata {
            let answer = self.get(&format!("{path}.metadata")).unwrap();
            let is_right = answer.complete && answer.body == *metadata;
            self.check(is_right, variant, || format!("kept metadata: {}", answer.status_line));
        }
        if self.keeps {
            let answer = self.get(&path).unwrap();
            let is_right = answer.complete && answer.body == kept.bytes;
            self.check(is_right, variant, || format!("a kept file: {}", answer.status_line));
        }
    }

    /// Whatever is kept as a file is one.
    fn assert_nothing_bad_is_kept(&self, variant: &Variant, number: usize) {
        let tree = self.depot.data_dir().join(format!("repositories/v{number}"));
        let deadline = Instant::now() + Duration::from_secs(10);
        while !uploads_under_way(&tree).is_empty() {
            assert!(Instant::now() < deadline, "{}: {:?}", variant.name, uploads_under_way(&tree));
            thread::sleep(Duration::from_millis(20));
        }
        for project in PROJECTS {
            let folder = tree.join("files").join(project);
            for file in self.upstream.files(project) {
                let is_right = |path: &Path, bytes: &[u8]| fs::read(path).map_or(true, |kept| kept == bytes);
                assert!(is_right(&folder.join(&file.filename), &file.bytes), "{}", variant.name);
                let metadata = file.metadata.as_deref().unwrap_or_default();
                let path = folder.join(format!("{}.metadata", file.filename));
                assert!(is_right(&path, metadata), "{}", variant.name);
                assert!(self.keeps || !folder.join(&file.filename).exists(), "{}", variant.name);
            }
        }
    }

    fn right_in_the_end(&self, variant: &Variant, path: &str, bytes: &[u8]) {
        self.in_the_end(variant, path, || {
            let answer = self.get(path);
            answer.is_ok_and(|answer| answer.status == 200 && answer.complete && answer.body == bytes)
        });
    }

    fn metadata_in_the_end(&self, variant: &Variant, number: usize, file: &Good) {
        let Some(metadata) = &file.metadata else { return };
        let project = file.filename.split('-').next().unwrap();
        let path = format!("/v{number}/files/{project}/{}.metadata", file.filename);
        self.right_in_the_end(variant, &path, metadata);
    }

    /// Waits until the server asks its index again after that failed.
    fn in_the_end(&self, variant: &Variant, path: &str, mut is_right: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !is_right() {
            if Instant::now() > deadline {
                return self.check(false, variant, || format!("{path} does not come right"));
            }
            thread::sleep(Duration::from_millis(200));
        }
    }

    fn page_in_the_end(&self, variant: &Variant, number: usize, project: &str) {
        let path = format!("/v{number}/simple/{project}/");
        self.in_the_end(variant, &path, || {
            self.get(&path).is_ok_and(|answer| self.is_page(&answer, project))
        });
    }
}

#[expect(clippy::print_stderr, reason = "the table is worth seeing")]
fn befall_all(files: &str, variants: Vec<Variant>) {
    let all = variants::troubled().len() + variants::garbled().len();
    assert!(all >= 50, "{all} variants");
    let table = Table::start(files, variants);
    table.strike();
    let wrong: Vec<String> = table.wrong.lock().unwrap().iter().cloned().collect();
    assert!(wrong.is_empty(), "{} things are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(table.upstream.led_astray(), 0, "somebody was led to where nobody may be");
    let variants = table.upstream.variants();
    eprintln!("{:<55} {}", "what befell the index", WANTED.join(", "));
    for variant in variants {
        eprintln!("{:<55} {}", variant.name, variant.expected);
    }
    let (cases, asked) = (variants.len() * WANTED.len(), table.asked.load(Ordering::Relaxed));
    counted(
        "attack 32",
        &format!("faults of an index that is pulled through, files = {files:?}"),
        cases as u64,
    );
    counted("attack 32", "answers to clients meanwhile and after", asked as u64);
}

#[test]
fn what_an_index_refuses_or_delays_poisons_nothing() {
    befall_all("cache", variants::troubled());
}

#[test]
fn what_an_index_garbles_or_makes_up_poisons_nothing() {
    befall_all("cache", variants::garbled());
}

#[test]
fn what_an_index_refuses_or_delays_passes_through_as_that() {
    befall_all("stream", variants::troubled());
}

#[test]
fn what_an_index_garbles_or_makes_up_does_not_pass_through() {
    befall_all("stream", variants::garbled());
}
