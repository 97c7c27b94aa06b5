//! What an index must do for its clients, as one list to tick off: pages, codings, files, uploads, and the clients
//! themselves.
//!
//! Each item is stated shortly here, over bytes on the wire. Its corners are tried where the part it belongs to is
//! tested (`pages`, `files`, `uploads`, `clients` beside this file).

mod clients;
mod codings;
mod files;
mod pages;
mod uploads;

use std::panic::{AssertUnwindSafe, catch_unwind};

use depot_tests::counted;

/// What must hold, in words, and what shows that it does.
type Item<S> = (&'static str, fn(&S));

/// Tries every item, also after one that does not hold, and names those that do not.
#[track_caller]
fn assert_each_holds<S>(line: &str, subject: &S, items: &[Item<S>]) {
    let holds = |item: &&Item<S>| catch_unwind(AssertUnwindSafe(|| (item.1)(subject))).is_ok();
    let broken: Vec<_> = items.iter().filter(|item| !holds(item)).map(|item| item.0).collect();
    assert!(broken.is_empty(), "{line}: what does not hold: {broken:#?}");
    counted("conformance", &format!("items of the protocol checklist: {line}"), items.len() as u64);
}
