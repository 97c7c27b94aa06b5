//! One problem after the other, of one supply, which is asked for each thing once; what fails is traced to what is missing.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use depot_proto::Target;
use tokio::runtime::Handle;

use super::{
    Problem, Solution, StopOnDrop, Supply,
    catalog::{Catalog, View},
    provider::Scene,
    solve_each,
    trace::{Missing, explains, missing},
};
use crate::python::resolve::Failed;

/// After so many problems what the supply said is forgotten, so that memory does not grow with their number.
const REMEMBERED: usize = 512;

/// What a problem comes to in one target.
#[derive(Clone, Debug)]
pub(in crate::python) struct Answer {
    pub(in crate::python) solution: Solution,
    /// What nothing fulfils, with the way to it.
    pub(in crate::python) missing: Vec<Missing>,
    /// What failed although nothing is missing: what there is does not go together, or cannot be read.
    pub(in crate::python) unexplained: Vec<Failed>,
}

/// Solves each problem by itself for each target. `each` is told of every one, in their order: its place, and an answer
/// for each target.
pub(in crate::python) async fn solve_many(
    supply: Arc<dyn Supply>,
    problems: Vec<Problem>,
    targets: &[Target],
    jobs: usize,
    mut each: impl FnMut(usize, Vec<Answer>) + Send + 'static,
) {
    let stopped = StopOnDrop(Arc::new(AtomicBool::new(false)));
    let (flag, handle, targets) = (Arc::clone(&stopped.0), Handle::current(), targets.to_vec());
    let solving = tokio::task::spawn_blocking(move || {
        let mut catalog = Arc::new(Catalog::new(Arc::clone(&supply), targets.clone(), false));
        for (at, problem) in problems.into_iter().enumerate() {
            if flag.load(Ordering::Relaxed) {
                return;
            }
            if at > 0 && at % REMEMBERED == 0 {
                catalog = Arc::new(Catalog::new(Arc::clone(&supply), targets.clone(), false));
            }
            let view = Arc::new(View::new(Arc::clone(&catalog), Arc::new(problem)));
            let scene = Scene::new(view, handle.clone(), Arc::clone(&flag), jobs);
            each(at, answer(&scene, jobs));
        }
    });
    if let Err(error) = solving.await
        && let Ok(panic) = error.try_into_panic()
    {
        std::panic::resume_unwind(panic);
    }
}

fn answer(scene: &Scene, jobs: usize) -> Vec<Answer> {
    for (at, target) in scene.view.catalog.targets().iter().enumerate() {
        let requirements = scene.problem().requirements.iter().filter_map(|it| it.requirement.as_ref().ok());
        for requirement in requirements.filter(|one| one.applies_in(target.environment(), &[])) {
            scene.prefetch.requirement(at, requirement);
        }
    }
    let solutions = solve_each(scene, jobs).into_iter().enumerate();
    let traced = solutions.map(|(at, solution)| {
        let missing =
            if solution.failed.is_empty() { Vec::new() } else { missing(scene, at, &solution, jobs) };
        let is_unexplained = |failed: &&Failed| !explains(&missing, failed, &scene.problem().requirements);
        let unexplained = solution.failed.iter().filter(is_unexplained).cloned().collect();
        Answer { solution, missing, unexplained }
    });
    traced.collect()
}
