//! Faults, each with the name of the one finding that it must make.

mod files;
mod lists;
mod pages;
mod rest;

use super::index::{Answer, Edit, Mode, Question};

/// A fault.
pub(super) struct Planted {
    /// The finding.
    pub(super) id: &'static str,
    pub(super) mode: Mode,
    /// What is wrong with the index, in words.
    pub(super) what: &'static str,
    pub(super) edit: Edit,
}

/// Every fault.
pub(super) fn all() -> impl Iterator<Item = &'static Planted> {
    [pages::PLANTED, lists::PLANTED, files::PLANTED, rest::PLANTED].into_iter().flatten()
}

/// Whether a page of the project is answered as JSON.
fn json(question: &Question, answer: &Answer) -> bool {
    question.is_page() && answer.status == 200 && answer.is_json()
}

/// Whether a page of the project is answered as HTML.
fn html(question: &Question, answer: &Answer) -> bool {
    question.is_page() && answer.status == 200 && answer.is_html()
}

/// Answers with JSON in place of HTML.
fn as_json(answer: &mut Answer) {
    answer.set("content-type", "application/vnd.pypi.simple.v1+json");
    answer.body = b"{}".to_vec();
}

/// Whether a project is asked for that there is not.
fn absent(question: &Question) -> bool {
    question.path.starts_with("/simple/no-such-project")
}

/// Whether a range with both its ends is asked for.
fn is_closed(question: &Question) -> bool {
    question
        .header("range")
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'))
        .is_some_and(|(from, to)| !from.is_empty() && !to.is_empty())
}
