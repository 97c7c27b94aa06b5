//! Bringing here what is wished for.

use std::sync::{Arc, mpsc};

use depot_proto::RepositoryName;
use tokio::runtime::{Builder, Handle};

use super::{AdminAnswer, Said, Tell};
use crate::{
    app::Depot,
    python::{
        view::View,
        warm::{self, Wish},
    },
};

/// Does it, in this thread's runtime or, where no server runs, in one of its own. Blocks.
pub(super) fn warm(
    depot: &Depot,
    repository: Option<&RepositoryName>,
    wish: Wish,
    tell: Tell<'_>,
) -> Result<AdminAnswer, String> {
    let view = Arc::clone(view(depot, repository)?);
    let repository = view.name.clone();
    let own = match Handle::try_current() {
        Ok(_) => None,
        Err(_) => Some(Builder::new_multi_thread().enable_all().build().map_err(|error| error.to_string())?),
    };
    let handle = own.as_ref().map_or_else(Handle::current, |runtime| runtime.handle().clone());
    // Who listens may be slow, and the work does not wait for them.
    let (send, said) = mpsc::channel();
    let say = Box::new(move |words: String| {
        // Whether somebody listens is seen by who hands it on.
        let _ = send.send(words);
    });
    let work = handle.spawn(warm::warm(view, wish, say));
    for words in said {
        if !tell(Said::Progress(words)) {
            work.abort();
            return Err("who asked went away".to_owned());
        }
    }
    let warmed = handle.block_on(work).map_err(|error| error.to_string())?;
    Ok(AdminAnswer::Warmed { repository, warmed })
}

/// The repository that was named, or else the group at the root, or what is pulled through by itself.
fn view<'a>(depot: &'a Depot, repository: Option<&RepositoryName>) -> Result<&'a Arc<View>, String> {
    let by_name = |name: &str| depot.views.iter().find(|view| view.name.as_str() == name);
    let known: Vec<_> = depot.views.iter().map(|view| format!("`{}`", view.name)).collect();
    match repository {
        Some(name) => by_name(name.as_str())
            .ok_or_else(|| format!("`{name}` cannot be warmed: there are {}", known.join(", "))),
        None => depot
            .views
            .iter()
            .find(|view| view.mount.is_empty())
            .or_else(|| by_name("pypi"))
            .ok_or_else(|| "there is nothing to warm: no other index is pulled through here".to_owned()),
    }
}
