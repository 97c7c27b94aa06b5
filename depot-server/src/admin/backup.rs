//! `backup`: a copy of everything that is needed to serve it elsewhere, made while uploads go on.
//!
//! Why the copy is right although nothing stands still:
//!
//! 1. The journal is copied first, up to where it was synced when the backup began. Every change that was acknowledged
//!    before is in it, and what lies before that place never changes.
//! 2. The tree comes after. A file is linked to its name before its line is written, so each file that the copied lines
//!    speak of is in the tree by then, and nothing leaves a tree but what was deleted, which leaves its tombstone (bytes
//!    that a scrub takes out leave their record). What the tree holds beyond the copied lines was uploaded meanwhile, and
//!    is whole by itself. The records of projects are copied when the files are: the tombstone of a file that is not in the
//!    copy because it was deleted meanwhile is in it, and one whose file is in it has its way at the next start.
//! 3. A file is taken by its record: where a record is listed, its bytes have their name already, and were synced before
//!    they got it. Bytes without a record are passed over. Bytes never change in place, so a link is a copy.
//! 4. A record changes by a rename, so what is read is whole: the record as the copied lines left it, or a later one.
//!    The restored server has no store, and builds it from the tree: it never asks the journal what a record said.
//! 5. The twin of a token or an account is written before the line of its change, and replaced by a rename: each twin that
//!    is copied is at least as new as the copied lines. A token made meanwhile is in it or not, and if not is worthless.
//!
//! 6. What is counted of downloads is in no line and no tree. It is read from its store and written into one of the copy: what
//!    is counted meanwhile is in it or not.
//!
//! The copy is marked as unfinished until all of it is synced, and where it can, has another name until then.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use depot_proto::{
    ProjectName,
    layout::{self, Part},
};
use depot_tree::Tree;

use place::Place;

use super::{AdminAnswer, BackedUp, Said, Tell};
use crate::{
    app::{
        Depot,
        format::{self, UNFINISHED, Unfinished},
    },
    config::Config,
    private,
    store::{self, StoreError, counts, journal},
};

mod place;

const WHAT: &str = "a backup";

/// Two backups into one folder would each take the other's for one that was cut off.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

const TELL_EVERY: Duration = Duration::from_secs(1);

pub(super) fn backup(depot: &Depot, to: &Path, copy: bool, tell: Tell<'_>) -> Result<AdminAnswer, String> {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let place = Place::of(depot, to)?;
    let room = place.room();
    let failed = |error: io::Error| format!("cannot write the backup `{}`: {error}", room.display());
    place.make().map_err(failed)?;
    let unfinished = Unfinished::begin(room, WHAT).map_err(failed)?;
    let unfinished =
        unfinished.ok_or_else(|| format!("another backup to `{}` is under way", to.display()))?;
    // What one that was cut off left.
    private::empty_folder(room, &[UNFINISHED]).map_err(failed)?;
    let mut backup = Backup {
        from: &depot.config,
        to: Config::new(room),
        copy,
        tell,
        told: Instant::now(),
        done: BackedUp::default(),
    };
    let done = backup
        .run(depot)
        .and_then(|()| format::write(room).and_then(|()| private::sync_all(room)).map_err(failed));
    let backup = backup.done;
    let done = match done {
        Ok(()) => unfinished.end().map_err(failed).and_then(|()| place.name()),
        // The mark goes last: what cannot be removed is still no backup.
        Err(reason) => {
            let _ = private::empty_folder(room, &[UNFINISHED]).and_then(|()| unfinished.end());
            Err(reason)
        }
    };
    if done.is_err() {
        place.clear();
    }
    done.map(|()| AdminAnswer::BackedUp { backup })
}

/// A backup under way.
struct Backup<'a> {
    from: &'a Config,
    to: Config,
    copy: bool,
    tell: Tell<'a>,
    told: Instant,
    done: BackedUp,
}

impl Backup<'_> {
    fn run(&mut self, depot: &Depot) -> Result<(), String> {
        self.journal(depot).map_err(|error| format!("cannot copy the journal: {error}"))?;
        self.secrets().map_err(|error| format!("cannot copy the tokens and keys: {error}"))?;
        let repository = &depot.hosted.repository;
        self.tree(&repository.tree, &self.to.repository(repository.name.as_str()))?;
        self.counters(depot).map_err(|error| format!("cannot copy the numbers of downloads: {error}"))
    }

    fn counters(&self, depot: &Depot) -> Result<(), StoreError> {
        if let Some(statistics) = &depot.hosted.statistics {
            statistics.settle();
        }
        if depot.known.counters.repositories()?.is_empty() {
            return Ok(());
        }
        let to = self.to.counters();
        private::create_folder(&to).map_err(|error| StoreError::io("backup", error))?;
        counts::copy(&*depot.known.counters, &*store::open_counters(&to)?)
    }

    fn journal(&mut self, depot: &Depot) -> io::Result<()> {
        let position = depot.committer.position();
        self.done.serial = position.serial;
        let folder = self.to.journal();
        private::create_folder(&folder)?;
        let from = File::open(self.from.journal().join(journal::FILE))?;
        let mut to = private::create_file(&folder.join(journal::FILE))?;
        if io::copy(&mut from.take(position.len), &mut to)? != position.len {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it is shorter than it was"));
        }
        Ok(())
    }

    /// The server's id, its keys, and the twins of its tokens and accounts.
    fn secrets(&mut self) -> io::Result<()> {
        let state = self.to.state();
        for folder in [&state, &state.join("tokens"), &state.join("users"), &self.to.keys()] {
            private::create_folder(folder)?;
        }
        copy_private(&self.from.instance(), &self.to.instance())?;
        // The server makes another one where there is none.
        match copy_private(&self.from.admin_token(), &self.to.admin_token()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        copy_all(&self.from.keys(), &self.to.keys(), "pem")?;
        let copy = |name| {
            let (from, to) = (self.from.state().join(name), self.to.state().join(name));
            copy_all(&from, &to, "json")
        };
        let tokens = copy("tokens")?;
        copy("users")?;
        self.done.tokens = tokens;
        Ok(())
    }

    fn tree(&mut self, from: &Tree, root: &Path) -> Result<(), String> {
        let to = Tree::open_read_only(root);
        let failed = |error: io::Error| format!("cannot copy the tree: {error}");
        for folder in [layout::FILES, layout::TMP] {
            fs::create_dir_all(root.join(folder)).map_err(failed)?;
        }
        for project in from.projects().map_err(|error| error.to_string())? {
            let filenames = from.filenames(&project).map_err(|error| error.to_string())?;
            if !filenames.is_empty() {
                fs::create_dir_all(root.join(layout::FILES).join(project.as_str())).map_err(failed)?;
            }
            for filename in filenames {
                self.file((from, &to), &project, &filename)
                    .map_err(|error| format!("cannot copy `{filename}` of {project}: {error}"))?;
                self.go_on()?;
            }
        }
        let documents = from.root().join(layout::PROJECTS);
        if documents.is_dir() {
            fs::create_dir_all(root.join(layout::PROJECTS)).map_err(failed)?;
            copy_all(&documents, &root.join(layout::PROJECTS), "json").map_err(failed)?;
        }
        Ok(())
    }

    fn file(&mut self, (from, to): (&Tree, &Tree), project: &ProjectName, filename: &str) -> io::Result<()> {
        let path = |tree: &Tree, part| tree.path(project, filename, part);
        let before = self.done.clone();
        self.bytes(&path(from, Part::Bytes), &path(to, Part::Bytes))?;
        for part in [Part::Metadata, Part::Provenance] {
            match fs::copy(path(from, part), path(to, part)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        // Whole or damaged, it is copied as it is: it keeps the name.
        match fs::copy(path(from, Part::Record), path(to, Part::Record)) {
            // It was deleted meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                for part in [Part::Bytes, Part::Metadata, Part::Provenance] {
                    let _ = fs::remove_file(path(to, part));
                }
                self.done = before;
                return Ok(());
            }
            copied => copied?,
        };
        self.done.files += 1;
        Ok(())
    }

    /// A link where there can be one: bytes never change in place.
    fn bytes(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let linked = if self.copy { Err(io::ErrorKind::Unsupported.into()) } else { fs::hard_link(from, to) };
        let bytes = match linked {
            Ok(()) => {
                self.done.linked += 1;
                fs::metadata(to).map(|bytes| bytes.len())
            }
            // Another file system, one without links, or one that has no room for another name of this file.
            Err(error) if error.kind() != io::ErrorKind::NotFound => fs::copy(from, to),
            Err(error) => Err(error),
        };
        match bytes {
            Ok(bytes) => self.done.bytes += bytes,
            // Lost here too.
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.done.missing += 1,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn go_on(&mut self) -> Result<(), String> {
        if self.told.elapsed() < TELL_EVERY {
            return Ok(());
        }
        self.told = Instant::now();
        let words = format!("{} files, {} MiB", self.done.files, self.done.bytes >> 20);
        if (self.tell)(Said::Progress(words)) { Ok(()) } else { Err("it was told to stop".to_owned()) }
    }
}

/// Copies the files of a folder that end so; their number. One on its way into the place of another ends differently.
fn copy_all(from: &Path, to: &Path, extension: &str) -> io::Result<u64> {
    let mut copied = 0;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new(extension))
            && let Some(name) = path.file_name()
        {
            copy_private(&path, &to.join(name))?;
            copied += 1;
        }
    }
    Ok(copied)
}

fn copy_private(from: &Path, to: &Path) -> io::Result<()> {
    let mut from = File::open(from)?;
    io::copy(&mut from, &mut private::create_file(to)?)?;
    Ok(())
}
