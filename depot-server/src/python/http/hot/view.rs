//! What is at hand of a view: it is known by what its members and their policies say now, as far as nobody must be asked
//! for that and nothing read.

use std::sync::{Arc, Weak};

use depot_proto::{DistributionFilename, layout::Part};

use super::{Form, Found, Made, Place, exactly, in_memory, named};
use crate::{
    http::prepared::PreparedBody,
    python::{
        http::{
            file::headers as file_headers,
            simple::{page_headers, root_headers},
            view::tell,
        },
        listing::CacheState,
        root::RootPage,
        view::{Opened, Readable, Shown, View},
    },
};

/// What an answer of a view was made of.
pub(super) enum Basis {
    List(Arc<RootPage>),
    Page(Shows),
    File(Box<File>),
}

/// A page as it was shown, for as long as the view remembers it, and where that was taken from.
pub(super) struct Shows {
    shown: Weak<Shown>,
    cache: CacheState,
}

/// A part of a file, with the page that showed it.
pub(super) struct File {
    shown: Weak<Shown>,
    filename: DistributionFilename,
    part: Part,
    /// The member that has it.
    place: usize,
    opened: Opened,
}

/// What answers at a place, if that is at hand for everybody.
pub(super) fn find(view: &View, place: Place<'_>, form: Form, known: Option<&Made>) -> Option<Found> {
    let everybody = view.everybody()?;
    let known = known.and_then(|known| match &known.basis {
        super::Basis::View(basis) => Some(basis),
        super::Basis::Serial(_) => None,
    });
    match (place, known) {
        (Place::Root, known) => list(view, form, known),
        (Place::Page(project), Some(Basis::Page(known))) => page(view, everybody, project, form, Some(known)),
        (Place::Page(project), _) => page(view, everybody, project, form, None),
        (Place::File(..), Some(Basis::File(known))) => still(view, everybody, known),
        (Place::File(project, stored), _) => file(view, everybody, named(project, stored)?),
    }
}

fn list(view: &View, form: Form, known: Option<&Basis>) -> Option<Found> {
    let page = view.list_at_hand(form.format, form.coding)?;
    if matches!(known, Some(Basis::List(known)) if Arc::ptr_eq(known, &page)) {
        return Some(Found::Same);
    }
    let body = PreparedBody::Pieces(Arc::clone(&page.pieces), page.len);
    let (headers, etag) = (root_headers(view.anonymous_read, &page, None), page.etag.clone());
    Some(Found::Made(Made::new(super::Basis::View(Basis::List(page)), headers, etag, body, None)))
}

fn page(view: &View, everybody: Readable, text: &str, form: Form, known: Option<&Shows>) -> Option<Found> {
    if let Some(Shows { shown, cache }) = known
        && let Some(shown) = shown.upgrade()
        && let now = view.now(&shown.page.project, everybody)?
        && now.shows(&shown)
        && now.cache() == *cache
    {
        view.count(&now);
        return Some(Found::Same);
    }
    let project = exactly(text)?;
    let now = view.now(&project, everybody)?;
    let (shown, cache) = (view.remembered(&project, everybody, &now)?, now.cache());
    let page = view.pages.cached_of(&view.name, &shown, form.format, form.coding)?;
    let mut headers = page_headers(view.anonymous_read, &page);
    tell(&mut headers, cache);
    view.count(&now);
    let body = PreparedBody::Whole(page.body.clone());
    let basis = Basis::Page(Shows { shown: Arc::downgrade(&shown), cache });
    Some(Found::Made(Made::new(super::Basis::View(basis), headers, page.etag.clone(), body, None)))
}

/// The file that is known, if it would be the answer again.
fn still(view: &View, everybody: Readable, known: &File) -> Option<Found> {
    let File { shown, filename, part, place, opened } = known;
    let now = view.now(filename.project(), everybody)?;
    if shown.upgrade().is_some_and(|shown| now.shows(&shown))
        && view.is_still_at_hand(*place, filename, *part, opened)
    {
        view.count_file(*place);
        return Some(Found::Same);
    }
    file(view, everybody, (filename.clone(), *part))
}

fn file(view: &View, everybody: Readable, (filename, part): (DistributionFilename, Part)) -> Option<Found> {
    let now = view.now(filename.project(), everybody)?;
    let shown = view.remembered(filename.project(), everybody, &now)?;
    let place = shown.first_holder(filename.as_str())?;
    let opened = view.file_at_hand(place, &filename, part)?;
    let served = opened.served();
    let body = in_memory(served)?;
    let etag = served.etag.clone();
    let mut headers = file_headers(view.anonymous_read, Some(&etag), served.content_type);
    tell(&mut headers, opened.cache());
    view.count_file(place);
    let statistics = view.statistics.as_ref().filter(|_| part == Part::Bytes);
    let tally = statistics.map(|statistics| {
        let (of, project) = (&view.members[place].name, filename.project());
        statistics.tally(of, project, filename.as_str())
    });
    let file = File { shown: Arc::downgrade(&shown), filename, part, place, opened };
    let basis = super::Basis::View(Basis::File(Box::new(file)));
    Some(Found::Made(Made::new(basis, headers, etag, body, tally)))
}
