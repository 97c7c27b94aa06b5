//! Lives of servers: what is asked of them while every word to the disk is written down.

use super::super::shim::{Action, Plan, errno, op};
use super::super::world::{Upload, Way};
use super::{Run, Story};

/// Uploads of two projects, a change of facts, tokens made and revoked; killed in between and started again.
pub(super) fn a_life(size: usize) -> Option<Story> {
    let mut run = Run::new()?;
    let first = run.wheel(Way::Announced, "one", "1.0", size);
    let token = run.issue("robot");
    run.wheel(Way::Bytes, "one", "1.1", 10);
    run.wheel(Way::Bytes, "two", "1.0", 10);
    run.upload(first.change("it was too hot"));
    let thief = run.issue("thief");
    run.revoke(&thief);
    run.kill();
    run.wheel(Way::Announced, "two", "1.1", 10);
    run.upload(first.change("it is too hot still"));
    run.revoke(&token);
    run.wheel(Way::Bytes, "three", "1.0", 10);
    // What the store writes, it writes a second later.
    std::thread::sleep(std::time::Duration::from_millis(1500));
    Some(run.end())
}

/// Files that come and go, with a start in between.
pub(super) fn a_life_with_deletions() -> Option<Story> {
    let mut run = Run::new()?;
    let first = run.wheel(Way::Announced, "one", "1.0", 20_000);
    let second = run.wheel(Way::Bytes, "one", "1.1", 10);
    run.wheel(Way::Bytes, "one", "1.2", 10);
    run.delete(&first);
    run.kill();
    run.wheel(Way::Bytes, "two", "1.0", 10);
    run.delete(&second);
    std::thread::sleep(std::time::Duration::from_millis(1500));
    Some(run.end())
}

/// Releases that are published together, with a file that comes alone between them, and a start.
pub(super) fn a_life_with_releases() -> Option<Story> {
    let mut run = Run::new()?;
    run.wheel(Way::Together, "one", "1.0", 20_000);
    run.wheel(Way::Bytes, "one", "1.1", 10);
    run.kill();
    run.wheel(Way::Together, "one", "1.2", 10);
    Some(run.end())
}

/// A life in which the server dies at this step of a release, and another is served by the next one.
pub(super) fn a_life_with_a_death_of_a_release(step: u64) -> Option<Story> {
    let mut run = Run::new()?;
    run.die_at(step, Upload::wheel(Way::Together, "two", "1.0", 10));
    run.wheel(Way::Bytes, "two", "1.1", 10);
    Some(run.end())
}

/// A life in which the server dies at this step of an upload, and another is served by the next one.
pub(super) fn a_life_with_a_death(step: u64) -> Option<Story> {
    let mut run = Run::new()?;
    run.wheel(Way::Bytes, "one", "1.0", 10);
    run.die_at(step, Upload::wheel(Way::Announced, "two", "1.0", 10));
    run.wheel(Way::Bytes, "two", "1.1", 10);
    Some(run.end())
}

/// A life in which this sync of an upload fails, and whatever was acknowledged afterwards must be there all the same.
pub(super) fn a_life_with_a_failed_sync(sync: u64) -> Option<Story> {
    let mut run = Run::new()?;
    run.wheel(Way::Bytes, "one", "1.0", 10);
    let plan = Plan { except: "/store/", ..Plan::new(Action::Fail(errno::EIO), op::SYNC) };
    run.shim.arm(plan.at(sync));
    run.wheel(Way::Announced, "two", "1.0", 10);
    run.shim.disarm();
    run.wheel(Way::Announced, "two", "1.0", 10);
    run.kill();
    run.wheel(Way::Announced, "two", "1.0", 10);
    run.wheel(Way::Bytes, "two", "1.1", 10);
    Some(run.end())
}
