//! `export`: all that is known, in lines that any backend can take.

use std::io;

use depot_proto::layout;
use serde_json::Value;

use super::{AdminAnswer, Said, Tell};
use crate::{
    app::{Depot, format::WRITER},
    store::{
        export::{self, Source},
        records::TokenRecord,
    },
};

pub(super) fn export(depot: &Depot, tell: Tell<'_>) -> Result<AdminAnswer, String> {
    if let Some(statistics) = &depot.hosted.statistics {
        statistics.settle();
    }
    let repository = &depot.hosted.repository;
    let tokens: Vec<TokenRecord> = depot.tokens.list().iter().map(|token| (**token).clone()).collect();
    let users = depot.users.all().iter().map(|user| (**user).clone()).collect();
    let documents = documents(&repository.tree.root().join(layout::PROJECTS))?;
    let source = Source {
        written_by: WRITER,
        instance: &depot.instance,
        repository: &repository.name,
        projects: repository.names.list(&repository.name),
        documents,
        packages: &*repository.packages,
        tokens,
        users,
        counters: &*depot.known.counters,
        // After all that it covers: what is exported is never newer than it.
        serial: &|| depot.committer.position().serial,
    };
    let mut out = |line: &[u8]| {
        let heard = tell(Said::Line(line.to_vec()));
        if heard { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    };
    let (counts, serial) = export::write(source, &mut out).map_err(|error| error.to_string())?;
    Ok(AdminAnswer::Exported { counts, serial })
}

/// What belongs to projects, by their names.
fn documents(folder: &std::path::Path) -> Result<Vec<(String, Value)>, String> {
    let failed = |error: io::Error| format!("cannot read `{}`: {error}", folder.display());
    let mut documents = Vec::new();
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(documents),
        entries => entries.map_err(failed)?,
    };
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let Some(name) = path.file_stem().and_then(|name| name.to_str()) else { continue };
        if path.extension().is_some_and(|extension| extension == "json") {
            let document = std::fs::read(&path).map_err(failed)?;
            let document = serde_json::from_slice(&document)
                .map_err(|error| format!("`{}` is damaged: {error}", path.display()))?;
            documents.push((name.to_owned(), document));
        }
    }
    documents.sort_by(|(one, _), (two, _)| one.cmp(two));
    Ok(documents)
}
