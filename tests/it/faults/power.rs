//! The power goes while the server works: every state that its disk may be in afterwards is opened, and what was
//! acknowledged before is there.

mod disk;
mod lives;
mod log;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use depot_tests::{Output, ServerProcess, binary, counted, run};
use tempfile::{TempDir, tempdir};

use self::disk::{Choice, Cut, Disk};
use self::lives::{
    a_life, a_life_with_a_death, a_life_with_a_death_of_a_release, a_life_with_a_failed_sync,
    a_life_with_deletions, a_life_with_releases,
};
use self::log::{Event, Recorded};
use super::say;
use super::shim::{Action, Plan, Shim, op};
use super::world::{Upload, Way, World, open};
use crate::chance::Chance;
use crate::wire::Wire;

/// States tried in the short form.
const SHORT: usize = 360;
/// And in the long form, if there are so many.
const LONG: usize = 20_000;

/// Something that was asked of the server, and between which events.
struct Asked {
    what: What,
    /// How long the log was when it was asked, and when the answer was there.
    from: u64,
    answered: Option<u64>,
    /// The serial of the project's page after that.
    serial: u64,
}

enum What {
    Upload(Upload),
    Delete(Upload),
    Issue(String),
    Revoke(String),
}

/// A run that is being recorded.
struct Run {
    shim: Shim,
    folder: TempDir,
    server: Option<ServerProcess>,
    asked: Vec<Asked>,
}

impl Run {
    fn new() -> Option<Self> {
        let shim = Shim::recording("the states of a disk after a power cut")?;
        let folder = tempdir().unwrap();
        let server = Some(shim.start(folder.path()));
        Some(Self { shim, folder, server, asked: Vec::new() })
    }

    fn log_length(&self) -> u64 {
        fs::metadata(self.shim.log()).unwrap().len()
    }

    fn upload(&mut self, upload: Upload) -> Upload {
        let from = self.log_length();
        let mut wire = open(self.server.as_ref().unwrap());
        let answer = upload.perform(&mut wire).unwrap();
        let good = matches!(answer.status, 200 | 201);
        let answered = good.then(|| self.log_length());
        let serial = if good { wire.page(&upload.project).unwrap().serial } else { 0 };
        self.asked.push(Asked { what: What::Upload(upload.clone()), from, answered, serial });
        upload
    }

    fn delete(&mut self, upload: &Upload) {
        let from = self.log_length();
        let mut wire = open(self.server.as_ref().unwrap());
        let answer = upload.delete(&mut wire).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let answered = Some(self.log_length());
        let serial = wire.page(&upload.project).unwrap().serial;
        self.asked.push(Asked { what: What::Delete(upload.clone()), from, answered, serial });
    }

    fn admin(&self, args: &[&str]) -> Output {
        let mut command = std::process::Command::new(binary("depot-server"));
        command.env_clear().args(args).arg("--data-dir").arg(self.folder.path());
        run(&mut command).assert_success()
    }

    /// The token and its id.
    fn issue(&mut self, user: &str) -> (String, String) {
        let from = self.log_length();
        let output = self.admin(&["token", "create", "--user", user]);
        let id = output.stderr.strip_prefix("token ").unwrap().split(' ').next().unwrap().to_owned();
        let token = output.stdout.trim().to_owned();
        let answered = Some(self.log_length());
        self.asked.push(Asked { what: What::Issue(token.clone()), from, answered, serial: 0 });
        (token, id)
    }

    fn revoke(&mut self, (token, id): &(String, String)) {
        let from = self.log_length();
        self.admin(&["token", "revoke", id]);
        let answered = Some(self.log_length());
        self.asked.push(Asked { what: What::Revoke(token.clone()), from, answered, serial: 0 });
    }

    fn wheel(&mut self, way: Way, project: &str, version: &str, size: usize) -> Upload {
        self.upload(Upload::wheel(way, project, version, size))
    }

    /// Kills the server and starts it again on what is there.
    fn kill(&mut self) {
        self.server.take().unwrap().kill9();
        self.server = Some(self.shim.start(self.folder.path()));
    }

    /// Lets the server die at this step of an upload, and starts it again.
    fn die_at(&mut self, step: u64, upload: Upload) {
        self.shim.arm(Plan { except: "/store/", ..Plan::new(Action::KillBefore, op::CHANGES) }.at(step));
        let from = self.log_length();
        let answer = upload.perform(&mut open(self.server.as_ref().unwrap()));
        let answered = answer.is_ok().then(|| self.log_length());
        self.asked.push(Asked { what: What::Upload(upload), from, answered, serial: 0 });
        self.kill();
    }

    fn end(mut self) -> Story {
        self.server.take().unwrap().kill9();
        let log = fs::read(self.shim.log()).unwrap();
        Story { recorded: Recorded::read(&log, self.folder.path()), asked: self.asked }
    }
}

/// What happened in a run.
struct Story {
    recorded: Recorded,
    asked: Vec<Asked>,
}

/// A disk that a power cut may leave.
struct State<'a> {
    cut: Cut<'a>,
    choice: Choice,
    /// Whether the names of each folder came to the disk in order.
    in_order: bool,
}

impl State<'_> {
    fn disk(&self) -> Disk {
        self.cut.disk(&self.choice)
    }

    /// How many events had happened.
    fn after(&self) -> usize {
        self.cut.events.len()
    }
}

impl Story {
    /// So many states, each another one, by chance where there are more: of cuts before each sync, where most is
    /// uncertain, and of one at the end. Also how many there were to choose from.
    fn states(&self, chance: &mut Chance, most: usize, by_chance: usize) -> (Vec<State<'_>>, usize) {
        let events = &self.recorded.events;
        let is_sync = |event: &Event| matches!(event, Event::SyncFile(_) | Event::SyncFolder(_));
        let mut cuts: Vec<usize> = (0..events.len()).filter(|index| is_sync(&events[*index])).collect();
        cuts.push(events.len());
        let cuts: Vec<Cut<'_>> = cuts.into_iter().map(|after| Cut::after(&events[..after])).collect();
        let mut candidates = Vec::new();
        for cut in &cuts {
            for choice in cut.choices(chance, by_chance) {
                let in_order = cut.in_order(&choice);
                if in_order != choice {
                    candidates.push((cut, false, choice));
                }
                candidates.push((cut, true, in_order));
            }
        }
        let all = candidates.len();
        let (mut known, mut states) = (HashSet::new(), Vec::new());
        while states.len() < most && !candidates.is_empty() {
            let next = chance.within(0..candidates.len() as u64) as usize;
            let (cut, in_order, choice) = candidates.swap_remove(next);
            let state = State { cut: cut.clone(), choice, in_order };
            // The same disk asks for more where more was acknowledged.
            if known.insert((state.disk().fingerprint(), self.answered(state.after()), in_order)) {
                states.push(state);
            }
        }
        (states, all)
    }

    fn answered(&self, after: usize) -> usize {
        self.asked.iter().filter(|asked| self.is_answered(asked, after)).count()
    }

    fn is_answered(&self, asked: &Asked, after: usize) -> bool {
        asked.answered.is_some_and(|length| self.recorded.before(length) <= after)
    }

    /// Opens a state, sees that all is there that must be, and that the server goes on.
    fn check(&self, state: &State<'_>, what: &str) {
        let folder = TempDir::new_in(memory()).unwrap();
        state.disk().write(folder.path());
        let server = ServerProcess::start(folder.path(), [""; 0]);
        let mut world = World::new(folder.path());
        world.refused_is_possible = !state.in_order;
        let (mut live, mut dead) = (Vec::new(), Vec::new());
        for asked in &self.asked {
            let answered = self.is_answered(asked, state.after());
            match &asked.what {
                _ if !answered && self.recorded.before(asked.from) > state.after() => {}
                What::Upload(upload) if answered => {
                    world.note_acknowledged(upload);
                    world.saw_serial(&upload.project, asked.serial, what);
                }
                What::Upload(upload) => world.note_sent(upload),
                What::Delete(upload) if answered => {
                    world.note_deleted(upload);
                    world.saw_serial(&upload.project, asked.serial, what);
                }
                What::Delete(upload) => world.note_deletion_sent(upload),
                What::Issue(token) if answered => live.push(token),
                What::Revoke(token) => {
                    live.retain(|known| *known != token);
                    if answered {
                        dead.push(token);
                    }
                }
                What::Issue(_) => {}
            }
        }
        world.check_started(&server, what);
        for (tokens, status) in [(live, 400), (dead, 401)] {
            for token in tokens {
                let mut wire = Wire::open(server.url(), token).unwrap();
                let answer = wire.put_bytes("other", "other-1-py3-none-any.whl", b"no wheel").unwrap();
                assert_eq!(answer.status, status, "{what}: {}", answer.text());
            }
        }
        for asked in &self.asked {
            if self.is_answered(asked, state.after()) || self.recorded.before(asked.from) > state.after() {
                continue;
            }
            match &asked.what {
                What::Upload(upload) => world.retry(&server, upload, what),
                What::Delete(upload) => {
                    let mut wire = open(&server);
                    let expected = if world.is_there_or_gone(&mut wire, upload, what) { 200 } else { 404 };
                    assert_eq!(upload.delete(&mut wire).unwrap().status, expected, "{what}");
                    world.note_deleted(upload);
                }
                What::Issue(_) | What::Revoke(_) => {}
            }
        }
        // All that was sent is there now, and nothing may be refused any more.
        world.refused_is_possible = false;
        world.check(&server, what);
        world.upload(&server, &Upload::wheel(Way::Bytes, "after", "1.0", 10), what);
    }

    /// Tries so many of the states, chosen by chance if there are more.
    fn check_all(&self, chance: &mut Chance, most: usize, by_chance: usize) -> u64 {
        let (states, all) = self.states(chance, most, by_chance);
        say(format!("{} events, {all} states, {} are tried", self.recorded.events.len(), states.len()));
        let tried = states.len() as u64;
        let states = Mutex::new(states.into_iter().enumerate());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while let Some((number, state)) = { states.lock().unwrap().next() } {
                        let what = format!("state {number}, cut after event {}", state.after());
                        let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                            self.check(&state, &what);
                        }));
                        if checked.is_err() {
                            self.keep(&state, &what);
                        }
                        assert!(checked.is_ok(), "{what}");
                    }
                });
            }
        });
        tried
    }

    /// Leaves a state that failed for someone to look at.
    fn keep(&self, state: &State<'_>, what: &str) {
        let folder = tempdir().unwrap().keep();
        state.disk().write(&folder);
        let from = state.after().saturating_sub(12);
        let events: String = self.recorded.events[from..state.after()]
            .iter()
            .map(|event| format!("{event:?}").chars().take(160).collect::<String>() + "\n")
            .collect();
        say(format!("{what} is kept in {}; the last events before it:\n{events}", folder.display()));
    }
}

/// Where nothing is slowed down by syncing, if there is such a place.
fn memory() -> PathBuf {
    let shared = Path::new("/dev/shm");
    if shared.is_dir() { shared.to_owned() } else { std::env::temp_dir() }
}

/// Whether the worst that a power cut may leave of a life is found wanting, when these syncs only say that they were
/// made.
fn is_noticed(only: &'static str, except: &'static str) -> Option<bool> {
    let mut run = Run::new()?;
    run.shim.arm(Plan { only, except, ..Plan::new(Action::Lie, op::SYNC) });
    run.wheel(Way::Announced, "one", "1.0", 10);
    run.wheel(Way::Bytes, "one", "1.1", 10);
    let story = run.end();
    let cut = Cut::after(&story.recorded.events);
    let state = State { choice: cut.nothing(), cut, in_order: true };
    let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| story.check(&state, only)));
    Some(checked.is_err())
}

const STATES: &str = "disk states after a power cut";

#[test]
fn a_sync_that_is_missing_is_noticed() {
    for (only, except) in [
        // The names of a project, its name, its bytes, its records, and the journal.
        ("/files/one", ""),
        ("/python/files", "/files/"),
        (".part", ""),
        (".json", "/state/"),
        ("changes.jsonl", ""),
    ] {
        let Some(noticed) = is_noticed(only, except) else { return };
        assert!(noticed, "without its sync of {only}, the server was found well");
    }
    // The store is an index: what it syncs is nobody's concern.
    assert_eq!(is_noticed("/store/", ""), Some(false));
}

#[test]
fn what_was_acknowledged_survives_a_power_cut() {
    let mut chance = Chance::printed("power cuts");
    let Some(story) = a_life(20_000) else { return };
    counted("fault 3", STATES, story.check_all(&mut chance, SHORT, 4));
}

#[test]
fn what_was_deleted_stays_so_after_a_power_cut() {
    let mut chance = Chance::printed("power cuts while files are deleted");
    let Some(story) = a_life_with_deletions() else { return };
    counted("fault 3", STATES, story.check_all(&mut chance, SHORT / 2, 4));
}

#[test]
fn of_a_release_all_is_there_or_nothing_after_a_power_cut() {
    let mut chance = Chance::printed("power cuts while releases are published");
    let Some(story) = a_life_with_releases() else { return };
    counted("fault 3", STATES, story.check_all(&mut chance, SHORT / 2, 4));
}

#[test]
fn of_a_release_all_is_there_or_nothing_after_a_crash_and_a_power_cut() {
    let mut chance = Chance::printed("power cuts after a crash while a release is published");
    // Before it is written down for good, while its files are named, and before those names are synced.
    for step in [20, 22, 24, 26] {
        let Some(story) = a_life_with_a_death_of_a_release(step) else { return };
        counted("fault 3", STATES, story.check_all(&mut chance, SHORT / 9, 2));
    }
}

#[test]
fn what_was_acknowledged_after_a_crash_survives_a_power_cut() {
    let mut chance = Chance::printed("power cuts after a crash");
    // Before the project's name is synced, before its record has its name, and before that is synced.
    for step in [5, 13, 14] {
        let Some(story) = a_life_with_a_death(step) else { return };
        counted("fault 3", STATES, story.check_all(&mut chance, SHORT / 9, 2));
    }
}

#[test]
fn what_was_acknowledged_after_a_failed_sync_survives_a_power_cut() {
    let mut chance = Chance::printed("power cuts after a failed sync");
    for sync in 1..=5 {
        let Some(story) = a_life_with_a_failed_sync(sync) else { return };
        counted(
            "fault 6",
            "disk states after a failed sync and a power cut",
            story.check_all(&mut chance, SHORT / 9, 2),
        );
    }
}

mod long {
    use super::*;

    #[test]
    #[ignore = "part of make test-faults"]
    fn what_was_acknowledged_survives_every_power_cut() {
        let mut chance = Chance::printed("power cuts");
        let Some(story) = a_life(600_000) else { return };
        counted("fault 3", STATES, story.check_all(&mut chance, LONG, 8));
    }

    #[test]
    #[ignore = "part of make test-faults"]
    fn of_a_release_all_is_there_or_nothing_after_a_crash_at_any_step_and_a_power_cut() {
        let mut chance = Chance::printed("power cuts after a crash while a release is published");
        for step in 1..=60 {
            let Some(story) = a_life_with_a_death_of_a_release(step) else { return };
            counted("fault 3", STATES, story.check_all(&mut chance, 100, 4));
        }
    }

    #[test]
    #[ignore = "part of make test-faults"]
    fn what_was_acknowledged_after_a_crash_at_any_step_survives_a_power_cut() {
        let mut chance = Chance::printed("power cuts after a crash");
        for step in 1..=24 {
            let Some(story) = a_life_with_a_death(step) else { return };
            counted("fault 3", STATES, story.check_all(&mut chance, 100, 4));
        }
    }
}
