//! A fault of the disk at every step of an upload, one step at a time and from that step on, on one server that goes on.

use depot_tests::ServerProcess;
use tempfile::{TempDir, tempdir};

use super::shim::{Plan, Shim, op, wait_until};
use super::world::{Upload, Way, World, is_ready, open};

/// What was seen of a fault at every step.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// How often it happened.
    pub(super) steps: u64,
    /// How many uploads were refused for it.
    pub(super) refused: u64,
    /// After how many steps the server had to be started again.
    pub(super) restarts: u64,
    /// The statuses of refusals, in order.
    pub(super) statuses: Vec<u16>,
}

/// A server under the shim, and what it was told.
pub(super) struct Bench {
    pub(super) shim: Shim,
    folder: TempDir,
    pub(super) world: World,
    pub(super) server: Option<ServerProcess>,
    kept: Upload,
    uploads: u64,
}

impl Bench {
    /// A server that has one file; none where there is no shim.
    pub(super) fn new(what: &str) -> Option<Self> {
        let shim = Shim::new(what)?;
        let folder = tempdir().unwrap();
        let mut world = World::new(folder.path());
        let server = shim.start(folder.path());
        let kept = Upload::wheel(Way::Bytes, "kept", "1.0", 100);
        world.upload(&server, &kept, what);
        Some(Self { shim, folder, world, server: Some(server), kept, uploads: 0 })
    }

    pub(super) fn server(&self) -> &ServerProcess {
        self.server.as_ref().unwrap()
    }

    /// An upload that was not tried yet.
    pub(super) fn next(&mut self, way: Way, size: usize) -> Upload {
        self.uploads += 1;
        match way {
            Way::Facts => self.kept.change(&format!("for the reason {}", self.uploads)),
            _ => Upload::wheel(way, &format!("of-{}", self.uploads), "1.0", size),
        }
    }

    /// Stops the server and starts it again.
    pub(super) fn restart(&mut self, what: &str) {
        let server = self.server.take().unwrap();
        assert_eq!(server.terminate().code(), Some(0), "{what}");
        self.server = Some(self.shim.start(self.folder.path()));
    }

    /// Lets the fault happen at step 1, 2, ... of an upload until there is no such step, and sees each time that
    /// it was refused or is whole, that what is there is readable meanwhile, and that the next try succeeds: at once if
    /// the server says that it is ready, otherwise after a new start.
    pub(super) fn at_every_step(
        &mut self,
        plan: Plan,
        for_good: bool,
        way: Way,
        size: usize,
        seen: &mut Seen,
    ) {
        for step in 1.. {
            let what = format!("{way:?} {plan:?} at step {step}, for good: {for_good}");
            let upload = self.next(way, size);
            self.shim.arm(if for_good { plan.from(step) } else { plan.at(step) });
            let answer = upload.perform(&mut open(self.server()));
            let hits = self.shim.hits();
            let acknowledged = self.world.take(&upload, &answer, &what);
            let answer = answer.unwrap_or_else(|error| panic!("{what}: {error}"));
            if hits == 0 {
                assert!(acknowledged, "{what}: {}", answer.text());
                self.shim.disarm();
                return;
            }
            seen.steps += 1;
            seen.refused += u64::from(!acknowledged);
            if !acknowledged {
                seen.statuses.push(answer.status);
            }
            // Reads go on while the fault lasts, if it is none of reading.
            if for_good && plan.ops & (op::READ | op::OPEN) == 0 {
                self.world.check_project(self.server.as_ref().unwrap(), "kept", &what);
            }
            assert_eq!(self.shim.synced_again(), 0, "{what}: a file was synced after a sync of it failed");
            self.shim.disarm();
            self.mend(&upload, &what, seen);
        }
    }

    /// Lets the fault happen to the store's files alone, which are written behind the uploads' backs: at the first such
    /// write, the second, and so on. Uploads go on until it happened.
    pub(super) fn behind_their_backs(&mut self, plan: Plan, steps: u64, for_good: bool, seen: &mut Seen) {
        for step in 1..=steps {
            let what = format!("{plan:?} at step {step}, for good: {for_good}");
            self.shim.arm(if for_good { plan.from(step) } else { plan.at(step) });
            let mut last = None;
            wait_until(&what, || {
                let upload = self.next(Way::Bytes, 10);
                let answer = upload.perform(&mut open(self.server()));
                let acknowledged = self.world.take(&upload, &answer, &what);
                seen.refused += u64::from(!acknowledged);
                last = Some(upload);
                self.shim.hits() > 0 || !acknowledged
            });
            seen.steps += 1;
            // Pages that were not rendered yet may be refused while the store is unwell; files and pages that were are
            // not.
            self.shim.disarm();
            if let Some(last) = last {
                self.mend(&last, &what, seen);
            }
        }
    }

    /// The fault is over: whatever was tried succeeds.
    fn mend(&mut self, upload: &Upload, what: &str, seen: &mut Seen) {
        let ready = is_ready(self.server(), what);
        self.world.check_project(self.server.as_ref().unwrap(), "kept", what);
        if ready {
            let answer = upload.perform(&mut open(self.server()));
            assert_eq!(self.shim.synced_again(), 0, "{what}: a file was synced after a sync of it failed");
            if self.world.take(upload, &answer, what) {
                self.world.check_project(self.server.as_ref().unwrap(), &upload.project, what);
                return;
            }
            assert!(!is_ready(self.server(), what), "{what}: it says it is ready, and answers {answer:?}");
        }
        seen.restarts += 1;
        self.restart(what);
        self.world.check_started(self.server.as_ref().unwrap(), what);
        self.world.retry(self.server.as_ref().unwrap(), upload, what);
    }

    /// The end of a suite.
    pub(super) fn finish(mut self, what: &str) {
        self.restart(what);
        self.world.check_started(self.server.as_ref().unwrap(), what);
        self.world.assert_installs(self.server.as_ref().unwrap(), what);
        assert_eq!(self.server.take().unwrap().terminate().code(), Some(0));
    }
}
