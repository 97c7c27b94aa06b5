//! Several repositories at one address: the hosted one, another index, and folders.

mod absent;
mod agreement;
mod closures;
mod confused;
mod crowds;
mod deleted;
mod explained;
mod faults;
mod folders;
mod freshness;
mod owned;
mod policies;
mod pulled;
mod told;
mod unlisted;
mod warm;
mod watched;

use depot_tests::{FakeIndex, RawResponse, Style, WheelBuilder};

use super::depot::{Depot, body};

/// A server in front of an index.
fn in_front_of(index: &FakeIndex) -> Depot {
    Depot::start_with(&["--upstream", &index.url_with_credentials()])
}

/// An index with these projects, each in versions 1 and 2.
fn index_of(projects: &[&str]) -> FakeIndex {
    let wheels =
        projects.iter().flat_map(|project| ["1", "2"].map(|version| WheelBuilder::new(project, version)));
    wheels.fold(FakeIndex::builder(Style::Json), |index, wheel| index.wheel(&wheel)).start()
}

/// The names of the files on a page; none if there is no page.
#[track_caller]
fn files(answer: &RawResponse) -> Vec<String> {
    match answer.status {
        200 => {
            let page = body(answer);
            let files = page["files"].as_array().unwrap().iter();
            files.map(|file| file["filename"].as_str().unwrap().to_owned()).collect()
        }
        404 => Vec::new(),
        _ => panic!("{}: {}", answer.status_line, answer.text()),
    }
}

fn wheel_name(project: &str, version: &str) -> String {
    WheelBuilder::new(project, version).filename()
}
