use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    thread,
};

use depot_proto::statistics::{Client, Day};

use super::{
    Statistics,
    counting::{Counting, MOST, counted},
};
use crate::store::{
    Counters, StoreError,
    conformance::{files, projects},
    counts::{Counted, SeeFile, SeeProject, Span},
    memory::MemoryStore,
};

fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn fetched(statistics: &Statistics, filename: &str, client: Client) {
    statistics.count(&name("python"), &name("pot"), filename, client);
}

#[test]
fn what_is_counted_is_in_the_store_once_it_is_settled_or_stopped() {
    let store = Arc::new(MemoryStore::default());
    let statistics = Statistics::start(Arc::clone(&store) as _, 10).unwrap();
    let tally = statistics.tally(&name("python"), &name("pot"), "pot-1.tar.gz");
    for _ in 0..3 {
        tally.count(Client::Pip);
        fetched(&statistics, "pot-1.tar.gz", Client::Uv);
    }
    fetched(&statistics, "pot-2.tar.gz", Client::Uv);
    statistics.settle();
    let totals = || {
        let of = files(&*store, "python", "pot", Span::Ever);
        of.into_iter().map(|(name, _, times)| (name, times)).collect::<Vec<_>>()
    };
    assert_eq!(totals(), [("pot-1.tar.gz".to_owned(), 6), ("pot-2.tar.gz".to_owned(), 1)]);
    let today = Day::of(crate::clock::now());
    assert_eq!(projects(&*store, Span::Days(today.before(1), today))[0].3, 7);
    // A tally goes on counting after its numbers were taken.
    tally.count(Client::Pip);
    statistics.stop();
    assert_eq!(totals()[0].1, 7);
    // Nobody waits for what is over.
    statistics.settle();
}

#[test]
fn no_download_is_lost_between_those_who_count_and_the_one_who_takes() {
    let counting = Counting::default();
    let tally = counting.tally(&name("python"), &name("pot"), "pot-1.tar.gz");
    let done = std::sync::atomic::AtomicBool::new(false);
    let sum = |taken: super::Taken| taken.values().map(crate::store::counts::Downloads::total).sum::<u64>();
    let mut total = 0;
    thread::scope(|scope| {
        let counters: Vec<_> = (0..4)
            .map(|number| {
                let (tally, counting) = (&tally, &counting);
                scope.spawn(move || {
                    for _ in 0..50_000 {
                        if number % 2 == 0 {
                            tally.count(Client::Pip);
                        } else {
                            counting.count(&name("python"), &name("pot"), "pot-1.tar.gz", Client::Uv);
                        }
                    }
                })
            })
            .collect();
        let taking = scope.spawn(|| {
            let mut taken = 0;
            while !done.load(Ordering::SeqCst) {
                taken += sum(counting.take());
            }
            taken
        });
        for counter in counters {
            counter.join().unwrap();
        }
        done.store(true, Ordering::SeqCst);
        total = taking.join().unwrap();
    });
    assert_eq!(total + sum(counting.take()), 200_000);
}

#[test]
fn files_beyond_the_bound_are_not_counted_and_those_within_are() {
    let counting = Counting::default();
    let (python, pot) = (name("python"), name("pot"));
    for number in 0..MOST + 10 {
        counting.count(&python, &pot, &format!("pot-{number}.tar.gz"), Client::Pip);
    }
    let tally = counting.tally(&python, &pot, "pot-x.tar.gz");
    tally.count(Client::Pip);
    // One that is held already costs no room.
    counting.count(&python, &pot, "pot-0.tar.gz", Client::Pip);
    assert_eq!(counting.take_lost(), 10);
    let taken = counting.take();
    assert_eq!(taken.len(), MOST);
    assert_eq!(taken["python/pot/pot-0.tar.gz"].total(), 2);
    // What a tally holds was not lost.
    tally.count(Client::Pip);
    assert_eq!(counting.take()["python/pot/pot-x.tar.gz"].total(), 2);
    assert_eq!(counting.take_lost(), 0);
    assert!(counted("python/pot", Day::default(), taken["python/pot/pot-0.tar.gz"]).is_none());
    // What it holds when nobody holds it any more is.
    for number in 0..MOST {
        counting.count(&python, &pot, &format!("pot-{number}.tar.gz"), Client::Pip);
    }
    tally.count(Client::Pip);
    drop(tally);
    assert_eq!(counting.take_lost(), 1);
}

/// A store that refuses at first.
#[derive(Default)]
struct Reluctant {
    refuses: Mutex<usize>,
    behind: MemoryStore,
}

impl Counters for Reluctant {
    fn add(&self, counted: &[Counted]) -> Result<(), StoreError> {
        let mut refuses = self.refuses.lock().unwrap();
        if *refuses > 0 {
            *refuses -= 1;
            return Err(StoreError::Full("store"));
        }
        self.behind.add(counted)
    }

    fn forget_before(&self, day: Day) -> Result<(), StoreError> {
        self.behind.forget_before(day)
    }

    fn first_day(&self) -> Result<Option<Day>, StoreError> {
        self.behind.first_day()
    }

    fn repositories(&self) -> Result<Vec<depot_proto::RepositoryName>, StoreError> {
        self.behind.repositories()
    }

    fn of_projects(&self, span: Span, see: SeeProject<'_>) -> Result<(), StoreError> {
        self.behind.of_projects(span, see)
    }

    fn of_files(
        &self,
        repository: &depot_proto::RepositoryName,
        project: &depot_proto::ProjectName,
        span: Span,
        see: SeeFile<'_>,
    ) -> Result<(), StoreError> {
        self.behind.of_files(repository, project, span, see)
    }

    fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[test]
fn what_the_store_does_not_take_now_it_takes_later_and_once() {
    let store = Arc::new(Reluctant { refuses: Mutex::new(2), ..Reluctant::default() });
    let statistics = Statistics::start(Arc::clone(&store) as _, 10).unwrap();
    for number in 0..2500 {
        fetched(&statistics, &format!("pot-{number}.tar.gz"), Client::Pip);
    }
    statistics.settle();
    assert_eq!(projects(&*store, Span::Ever), []);
    fetched(&statistics, "pot-0.tar.gz", Client::Pip);
    statistics.settle();
    statistics.settle();
    assert_eq!(projects(&*store, Span::Ever)[0].3, 2501);
    assert_eq!(files(&*store, "python", "pot", Span::Ever).len(), 2500);
    statistics.stop();
    assert_eq!(projects(&*store, Span::Ever)[0].3, 2501);
}

#[test]
fn days_that_are_not_kept_are_forgotten_at_the_start() {
    let store = Arc::new(MemoryStore::default());
    let today = Day::of(crate::clock::now());
    for ago in [0, 9, 10, 500] {
        store.add(&[counted("python/pot/pot-1.tar.gz", today.before(ago), one()).unwrap()]).unwrap();
    }
    let statistics = Statistics::start(Arc::clone(&store) as _, 10).unwrap();
    statistics.settle();
    assert_eq!(files(&*store, "python", "pot", Span::Days(Day::default(), today)).len(), 2);
    assert_eq!(files(&*store, "python", "pot", Span::Ever)[0].2, 4);
}

fn one() -> crate::store::counts::Downloads {
    crate::store::counts::Downloads::by(Client::Pip, 1)
}
