//! What is at hand of the hosted repository: it is known by the serial of its project.

use std::sync::Arc;

use super::{Basis, Form, Found, Made, Place, in_memory};
use crate::{
    http::prepared::PreparedBody,
    python::http::{
        RepositoryState, file,
        simple::{page_headers, root_headers},
    },
};

/// What answers at a place, if that is at hand for everybody. Allocates nothing for what was answered before.
pub(super) fn find(
    state: &RepositoryState,
    place: Place<'_>,
    form: Form,
    known: Option<&Made>,
) -> Option<Found> {
    if !state.anonymous_read {
        return None;
    }
    let repository = &state.repository;
    // A name that is written otherwise than it is kept is found by nobody here.
    let serial = match place {
        Place::Root => repository.last_serial(),
        Place::Page(project) | Place::File(project, _) => repository.serial_of(project)?,
    };
    if known.is_some_and(|known| matches!(known.basis, Basis::Serial(of) if of == serial)) {
        return Some(Found::Same);
    }
    let (headers, etag, body, tally) = match place {
        Place::Root => {
            let page = state.roots.cached(&repository.names, &repository.name, form.format, form.coding)?;
            let body = PreparedBody::Pieces(Arc::clone(&page.pieces), page.len);
            (root_headers(state.anonymous_read, &page, Some(serial)), page.etag.clone(), body, None)
        }
        Place::Page(project) => {
            let page = state.pages.cached(repository, project, form.format, form.coding)?;
            let body = PreparedBody::Whole(page.body.clone());
            (page_headers(state.anonymous_read, &page), page.etag.clone(), body, None)
        }
        Place::File(project, stored) => {
            let served = state.files.cached(repository, project, stored)?;
            let headers = file::headers(state.anonymous_read, Some(&served.etag), served.content_type);
            (headers, served.etag.clone(), in_memory(&served)?, state.tally(project, stored))
        }
    };
    Some(Found::Made(Made::new(Basis::Serial(serial), headers, etag, body, tally)))
}
