//! The server, killed at every step of a deletion: the file is there whole, or gone for good.

use depot_tests::counted;
use tempfile::tempdir;

use super::shim::{Action, Plan, Shim, op};
use super::world::{Upload, Way, World, open};

/// Deletes again and again, each time dying one step later, until one gets through.
fn at_every_step(what: &str, action: Action) {
    let Some(shim) = Shim::new("a server killed at every step of a deletion") else { return };
    let folder = tempdir().unwrap();
    let mut world = World::new(folder.path());
    let mut server = shim.start(folder.path());
    world.upload(&server, &Upload::wheel(Way::Bytes, "kept", "1.0", 100), what);
    let ops = if action == Action::KillHalfway { op::WRITE } else { op::CHANGES | op::SEND };
    let (mut killed, mut kept, mut gone) = (0, 0, 0);
    for step in 1.. {
        let what = format!("{what} {step}");
        let upload = Upload::wheel(Way::Bytes, "kept", &format!("1.{step}"), 100);
        world.upload(&server, &upload, &what);
        shim.arm(Plan { except: "/store/", ..Plan::new(action, ops) }.at(step));
        let answer = upload.delete(&mut open(&server));
        if shim.hits() == 0 {
            assert_eq!(answer.unwrap().status, 200, "{what}");
            world.note_deleted(&upload);
            break;
        }
        killed += 1;
        server.kill9();
        server = shim.start(folder.path());
        let mut wire = open(&server);
        if world.is_there_or_gone(&mut wire, &upload, &what) {
            assert!(!answer.is_ok_and(|answer| answer.status == 200), "{what}: it was acknowledged");
            assert_eq!(upload.delete(&mut wire).unwrap().status, 200, "{what}");
            kept += 1;
        } else {
            assert_eq!(upload.delete(&mut wire).unwrap().status, 404, "{what}");
            gone += 1;
        }
        world.note_deleted(&upload);
        world.check_started(&server, &what);
    }
    shim.disarm();
    assert!(kept > 0 && gone > 0, "{what}: {kept} were kept, {gone} gone");
    counted("fault 1", "steps of a deletion at which the server was killed", killed);
    assert_eq!(server.terminate().code(), Some(0));
    // Once more from the disk alone: a store that is built again does not bring back what was deleted.
    std::fs::remove_dir_all(folder.path().join("store")).unwrap();
    let server = shim.start(folder.path());
    world.check_started(&server, what);
    assert_eq!(server.terminate().code(), Some(0));
}

#[test]
fn killed_before_every_step_of_a_deletion() {
    at_every_step("before step", Action::KillBefore);
}

#[test]
fn killed_after_every_step_of_a_deletion() {
    at_every_step("after step", Action::KillAfter);
}

#[test]
fn killed_halfway_through_every_write_of_a_deletion() {
    at_every_step("in write", Action::KillHalfway);
}
