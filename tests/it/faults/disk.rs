//! A disk that is full, fails, or lies.

use depot_tests::counted;

use super::say;
use super::shim::{Action, Plan, errno, op};
use super::steps::{Bench, Seen};
use super::world::Way;

/// What needs room on a disk.
const ROOM: u64 = op::CREATE | op::WRITE | op::LINK | op::RENAME | op::MKDIR;

const WAYS: [(Way, usize); 4] =
    [(Way::Announced, 300_000), (Way::Bytes, 10), (Way::Facts, 0), (Way::Together, 10)];

/// Every way of uploading, with this plan for one step at a time and for all from a step on. sled's own files are
/// another matter: they are left out, or taken alone.
fn every_way(what: &str, plan: Plan) -> Option<Seen> {
    let mut bench = Bench::new(what)?;
    let mut seen = Seen::default();
    for (way, size) in WAYS {
        for for_good in [false, true] {
            bench.at_every_step(plan, for_good, way, size, &mut seen);
        }
    }
    bench.finish(what);
    say(format!("{what}: {seen:?}"));
    Some(seen)
}

fn outside_the_store(action: Action, ops: u64) -> Plan {
    Plan { except: "/store/", ..Plan::new(action, ops) }
}

#[test]
fn a_full_disk_refuses_uploads_until_there_is_room() {
    for error in [errno::ENOSPC, errno::EDQUOT] {
        let Some(seen) = every_way("a full disk", outside_the_store(Action::Fail(error), ROOM)) else {
            return;
        };
        assert!(seen.refused > 10, "{seen:?}");
        assert!(seen.statuses.iter().all(|status| *status == 507), "{:?}", seen.statuses);
        assert_eq!(seen.restarts, 0, "room on the disk is enough");
        counted("fault 5", "steps of an upload that found the disk full", seen.steps);
    }
}

/// The same for the files of the store, which may stay unwell until the next start.
fn in_the_store(what: &str, action: Action, ops: u64) -> Option<Seen> {
    let mut bench = Bench::new(what)?;
    let mut seen = Seen::default();
    let plan = Plan { only: "/store/", ..Plan::new(action, ops) };
    for for_good in [false, true] {
        bench.behind_their_backs(plan, 4, for_good, &mut seen);
    }
    bench.finish(what);
    say(format!("{what}: {seen:?}"));
    Some(seen)
}

#[test]
fn a_disk_that_is_full_for_the_store_alone_loses_nothing() {
    let Some(seen) = in_the_store("a store whose disk is full", Action::Fail(errno::ENOSPC), ROOM) else {
        return;
    };
    counted("fault 5", "writes of the store that found the disk full", seen.steps);
}

#[test]
fn a_disk_that_fails_refuses_uploads_and_is_not_believed_afterwards() {
    let ops = ROOM | op::SYNC | op::OPEN | op::READ;
    let plan = outside_the_store(Action::Fail(errno::EIO), ops);
    let Some(seen) = every_way("a disk that fails", plan) else { return };
    assert!(seen.refused > 10, "{seen:?}");
    counted("fault 6", "steps of an upload at which the disk failed", seen.steps);
}

#[test]
fn a_disk_that_fails_the_store_alone_loses_nothing() {
    for ops in [op::WRITE, op::SYNC] {
        let Some(seen) = in_the_store("a store whose disk fails", Action::Fail(errno::EIO), ops) else {
            return;
        };
        counted("fault 6", "steps of the store at which the disk failed", seen.steps);
    }
}

#[test]
fn a_write_that_takes_only_a_part_is_continued() {
    let plan = Plan::new(Action::Short, op::WRITE);
    let Some(seen) = every_way("short writes", plan) else { return };
    assert_eq!(seen.refused, 0, "{seen:?}");
    counted("fault 7", "writes that took only a part", seen.steps);
}

#[test]
fn a_write_that_says_it_took_all_and_did_not_is_caught() {
    let plan = outside_the_store(Action::Lie, op::WRITE);
    let Some(seen) = every_way("lying writes", plan) else { return };
    counted("fault 7", "writes that said they took all and did not", seen.steps);
}

#[test]
fn a_disk_that_may_not_be_written_to_any_more_refuses_uploads_until_it_may() {
    let ops = ROOM | op::UNLINK | op::TRUNCATE;
    let Some(seen) = every_way("a read-only disk", outside_the_store(Action::Fail(errno::EROFS), ops)) else {
        return;
    };
    assert!(seen.statuses.iter().all(|status| *status == 503), "{:?}", seen.statuses);
    counted("fault 8", "steps of an upload that found the disk read-only", seen.steps);
}
