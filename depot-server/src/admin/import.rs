//! `import`: an export becomes a data directory, or nothing does.
//!
//! The directory is marked as unfinished until everything is in it and synced, and no server starts on it before. What
//! fails is removed again; what a kill cuts off is removed by the next import, for the directory was empty before.

use std::{fs, io::BufRead, path::PathBuf, sync::Arc};

use depot_proto::{FileRecord, ProjectName, RepositoryName, layout};
use depot_tree::Tree;
use serde_json::Value;

use crate::{
    app::{
        OpenError, SERVER, boot,
        format::{self, FormatError, JUST_BEGUN, UNFINISHED, Unfinished},
    },
    clock,
    config::Config,
    private,
    service::{
        tokens::{Tokens, TokensError},
        users::Users,
    },
    store::{
        self, StoreError, Stores,
        export::{self, ExportError, Imported, Target},
        journal::Journal,
        records::{Change, Entry},
    },
};

/// What the mark says.
const WHAT: &str = "an import";

/// What an empty data directory may hold: its lock, and what a file system puts into its root.
const MAY_BE_THERE: [&str; 2] = ["lock", "lost+found"];

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    /// The data directory cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Something is in it.
    #[error("`{}` is not empty: import into a data directory that is not there yet, and name it with --data-dir", .0.display())]
    NotEmpty(PathBuf),
    /// The export is not one, or the stores could not take it.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// The stores could not be made.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The tokens could not be written.
    #[error(transparent)]
    Tokens(#[from] TokensError),
    /// A file could not be written.
    #[error("cannot write into `{}`: {source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Makes a data directory of an export.
pub(crate) fn import(config: &Config, input: &mut dyn BufRead) -> Result<Imported, ImportError> {
    let dir = &config.data_dir;
    let io = |source| ImportError::Io { path: dir.clone(), source };
    match format::check(dir) {
        // It is ours, and goes.
        Err(FormatError::Unfinished { what, .. }) if what == WHAT || what == JUST_BEGUN => {}
        checked => checked.map_err(OpenError::from)?,
    }
    private::create_folder(dir).map_err(io)?;
    let _lock = boot::lock(config)?;
    if dir.join(UNFINISHED).exists() {
        let but = [MAY_BE_THERE.as_slice(), &[UNFINISHED]].concat();
        private::empty_folder(dir, &but).map_err(io)?;
    } else if !private::entries_but(dir, &MAY_BE_THERE).map_err(io)?.is_empty() {
        return Err(ImportError::NotEmpty(dir.clone()));
    }
    let unfinished = Unfinished::begin(dir, WHAT).map_err(io)?;
    let unfinished = unfinished.ok_or_else(|| OpenError::InUse(dir.clone()))?;
    let finished = fill(config, input).and_then(|imported| {
        format::write(dir).and_then(|()| private::sync_all(dir)).map_err(io)?;
        Ok(imported)
    });
    match finished {
        Ok(imported) => {
            unfinished.end().map_err(io)?;
            Ok(imported)
        }
        Err(error) => {
            // The mark goes last: what could not be removed is still no data directory.
            private::empty_folder(dir, &[MAY_BE_THERE.as_slice(), &[UNFINISHED]].concat()).map_err(io)?;
            unfinished.end().map_err(io)?;
            Err(error)
        }
    }
}

fn fill(config: &Config, input: &mut dyn BufRead) -> Result<Imported, ImportError> {
    let root = config.repository(RepositoryName::default_hosted().as_str());
    let (tree, _) = Tree::open(&root).map_err(OpenError::from)?;
    let Stores { packages, accounts } = store::open(&config.store(), &mut |_| ())?;
    let counters = store::open_counters(&config.counters())?;
    let imported = export::read(
        input,
        Target {
            packages: &*packages,
            accounts: &*accounts,
            counters: &*counters,
            // The tree is the truth: with the records in it, their names are taken, and their bytes are missed.
            record: &mut |_: &RepositoryName, project: &ProjectName, record: &FileRecord| {
                tree.write_first_record(project, record).map_err(|error| error.to_string())
            },
            document: &mut |_: &RepositoryName, project: &ProjectName, document: &Value| {
                let folder = root.join(layout::PROJECTS);
                let path = folder.join(format!("{project}.json"));
                fs::create_dir_all(&folder)
                    .and_then(|()| fs::write(&path, format!("{document:#}\n")))
                    .map_err(|error| format!("cannot write `{}`: {error}", path.display()))
            },
        },
    )?;
    let mut journal = Journal::open(&config.journal())?.journal;
    if imported.serial > 0 {
        // The one line takes the number of the last change, so that the next change is the next number.
        journal.continue_after(imported.serial - 1);
        journal.append(&[Entry { time: clock::now(), who: SERVER.to_owned(), change: Change::Import {} }])?;
    }
    let instance = config.instance();
    private::create_folder(&config.state())
        .and_then(|()| private::write(&instance, imported.instance.as_bytes()))
        .map_err(|source| ImportError::Io { path: instance, source })?;
    // Writes the twins.
    Users::open(&config.state(), Arc::clone(&accounts)).map_err(OpenError::from)?;
    Tokens::open(&config.state(), accounts)?;
    packages.flush()?;
    counters.flush()?;
    Ok(imported)
}
