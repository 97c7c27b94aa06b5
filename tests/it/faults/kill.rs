//! The server, killed at every step of an upload: before it, after it, and in the middle of what is written.

use depot_tests::counted;
use tempfile::tempdir;

use super::shim::{Action, Plan, Shim, op};
use super::world::{Upload, Way, World, open};

/// Uploads again and again, each time dying one step later, until one gets through. Returns the number of steps.
fn at_every_step(what: &str, action: Action, way: Way, size: usize, except: &'static str) -> Option<u64> {
    let shim = Shim::new("a server killed at every step of an upload")?;
    let folder = tempdir().unwrap();
    let mut world = World::new(folder.path());
    let mut server = shim.start(folder.path());
    let kept = Upload::wheel(Way::Bytes, "kept", "1.0", 100);
    world.upload(&server, &kept, what);
    let ops = if action == Action::KillHalfway { op::WRITE } else { op::CHANGES | op::SEND };
    let plan = Plan { except, ..Plan::new(action, ops) };
    let mut killed = 0;
    for step in 1.. {
        let what = format!("{what} {step}");
        let upload = match way {
            Way::Facts => kept.change(&format!("for the reason {step}")),
            _ => Upload::wheel(way, &format!("of-{step}"), "1.0", size),
        };
        shim.arm(plan.at(step));
        let answer = upload.perform(&mut open(&server));
        let acknowledged = world.take(&upload, &answer, &what);
        if shim.hits() == 0 {
            assert!(acknowledged, "{what}: {answer:?}");
            break;
        }
        killed += 1;
        server.kill9();
        server = shim.start(folder.path());
        world.check_started(&server, &what);
        world.retry(&server, &upload, &what);
    }
    assert!(killed > 0, "{what}: nothing was killed");
    shim.disarm();
    // The store, which writes when it wants, may have come to the step that the upload did not have.
    if shim.hits() == 0 {
        assert_eq!(server.terminate().code(), Some(0));
    } else {
        server.kill9();
    }
    // Once more from the disk alone, without the store's help.
    std::fs::remove_dir_all(folder.path().join("store")).unwrap();
    let server = shim.start(folder.path());
    world.check_started(&server, what);
    world.assert_installs(&server, what);
    Some(killed)
}

const STEPS: &str = "steps of an upload at which the server was killed";

#[test]
fn killed_before_every_step_of_an_announced_upload() {
    let steps = at_every_step("before step", Action::KillBefore, Way::Announced, 300_000, "");
    counted("fault 1", STEPS, steps.unwrap_or_default());
}

#[test]
fn killed_before_every_step_of_a_change_of_facts() {
    let steps = at_every_step("before step", Action::KillBefore, Way::Facts, 0, "");
    counted("fault 1", STEPS, steps.unwrap_or_default());
}

#[test]
fn killed_before_every_step_of_a_release_all_of_it_is_there_or_nothing() {
    let steps = at_every_step("before step", Action::KillBefore, Way::Together, 10, "");
    counted("fault 1", "steps of a release at which the server was killed", steps.unwrap_or_default());
}

#[test]
fn killed_halfway_through_every_write() {
    let announced = at_every_step("in write", Action::KillHalfway, Way::Announced, 300_000, "");
    let facts = at_every_step("in write", Action::KillHalfway, Way::Facts, 0, "");
    let release = at_every_step("in write", Action::KillHalfway, Way::Together, 10, "");
    let writes: u64 = announced.into_iter().chain(facts).chain(release).sum();
    counted("fault 4", "writes that tore when the server was killed", writes);
}

mod long {
    use super::*;

    #[test]
    #[ignore = "part of make test-faults"]
    fn killed_after_every_step_of_every_kind_of_upload() {
        let ways = [
            (Way::Bytes, 10),
            (Way::Bytes, 1_200_000),
            (Way::Announced, 300_000),
            (Way::Facts, 0),
            (Way::Together, 300_000),
        ];
        for (way, size) in ways {
            for except in ["", "store/"] {
                for action in [Action::KillBefore, Action::KillAfter, Action::KillHalfway] {
                    let steps = at_every_step("at step", action, way, size, except);
                    counted("fault 1", STEPS, steps.unwrap_or_default());
                }
            }
        }
    }
}
