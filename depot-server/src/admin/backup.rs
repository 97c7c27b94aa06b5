//! `backup`: a copy of everything that is needed to serve it elsewhere, made while uploads go on.
//!
//! Why the copy is right although nothing stands still:
//!
//! 1. The journal is copied first, up to where it was synced when the backup began. Every change that was acknowledged
//!    before is in it, and what lies before that place never changes.
//! 2. The tree comes after. A file is linked to its name before its line is written, so each file that the copied lines
//!    speak of is in the tree by then, and nothing ever leaves a tree (bytes that a scrub takes out leave their record).
//!    What the tree holds beyond the copied lines was uploaded meanwhile, and is whole by itself.
//! 3. A file is taken by its record: where a record is listed, its bytes have their name already, and were synced before
//!    they got it. Bytes without a record are passed over. Bytes never change in place, so a link is a copy.
//! 4. A record changes by a rename, so what is read is whole: the record as the copied lines left it, or a later one.
//!    The restored server has no store, and builds it from the tree: it never asks the journal what a record said.
//! 5. A token's twin is written before the line of its creation or revocation, and replaced by a rename: each twin that
//!    is copied is at least as new as the copied lines. A token made meanwhile is in it or not, and if not is worthless.
//!
//! The copy is marked as unfinished, and has another name, until all of it is synced.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use depot_proto::{
    ProjectName,
    layout::{self, Part},
};
use depot_tree::Tree;

use super::{AdminAnswer, BackedUp, Said, Tell};
use crate::{
    app::{
        Depot,
        format::{self, UNFINISHED, Unfinished},
    },
    config::Config,
    private,
    store::journal,
};

const WHAT: &str = "a backup";

/// Two backups into one folder would each take the other's for one that was cut off.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

const TELL_EVERY: Duration = Duration::from_secs(1);

pub(super) fn backup(depot: &Depot, to: &Path, copy: bool, tell: Tell<'_>) -> Result<AdminAnswer, String> {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let partial = check(depot, to)?;
    let failed = |error: io::Error| format!("cannot write the backup `{}`: {error}", partial.display());
    private::create_folder(&partial).map_err(failed)?;
    let unfinished = Unfinished::begin(&partial, WHAT).map_err(failed)?;
    let unfinished =
        unfinished.ok_or_else(|| format!("another backup to `{}` is under way", to.display()))?;
    // What one that was cut off left.
    private::empty_folder(&partial, &[UNFINISHED]).map_err(failed)?;
    let mut backup = Backup {
        from: &depot.config,
        to: Config::new(&partial),
        copy,
        tell,
        told: Instant::now(),
        done: BackedUp::default(),
    };
    let done = backup.run(depot);
    let backup = backup.done;
    let done = done.and_then(|()| {
        format::write(&partial).and_then(|()| private::sync_all(&partial)).map_err(failed)?;
        unfinished.end().map_err(failed)
    });
    if let Err(reason) = done {
        // It is in nobody's way, but for its room.
        let _ = fs::remove_dir_all(&partial);
        return Err(reason);
    }
    let renamed = fs::rename(&partial, to).and_then(|()| match to.parent() {
        Some(folder) => private::sync_folder(folder),
        None => Ok(()),
    });
    renamed
        .map_err(|error| format!("cannot rename `{}` to `{}`: {error}", partial.display(), to.display()))?;
    Ok(AdminAnswer::BackedUp { backup })
}

/// Where the backup is made until it is whole, if it may be made at all.
fn check(depot: &Depot, to: &Path) -> Result<PathBuf, String> {
    let name = to.file_name().filter(|_| to.is_absolute());
    let name = name.ok_or_else(|| format!("`{}` is no path of a new folder", to.display()))?;
    let parent = to.parent().unwrap_or(Path::new("/"));
    let parent = parent.canonicalize().map_err(|error| {
        format!("the folder of the backup, `{}`, cannot be used: {error}", parent.display())
    })?;
    if depot.config.data_dir.canonicalize().is_ok_and(|data_dir| parent.starts_with(data_dir)) {
        return Err(
            "a backup inside the data directory would be lost with it: name a folder outside".to_owned()
        );
    }
    match private::entries_but(to, &[]) {
        Ok(entries) if entries.is_empty() => {}
        Ok(_) => return Err(format!("`{}` is not empty: name a folder that is not there yet", to.display())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(format!("`{}` cannot be used: {error}", to.display())),
    }
    let mut partial = name.to_owned();
    partial.push(".partial");
    let partial = parent.join(partial);
    let is_ours = partial.join(UNFINISHED).exists()
        || fs::read_dir(&partial).map_or(true, |mut entries| entries.next().is_none());
    if is_ours {
        return Ok(partial);
    }
    Err(format!(
        "`{}` is in the way, and no backup that was cut off: move it away, or rename it if it is a whole one",
        partial.display()
    ))
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
        self.tree(&repository.tree, &self.to.repository(repository.name.as_str()))
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

    /// The server's id, its keys, and the twins of its tokens.
    fn secrets(&mut self) -> io::Result<()> {
        for folder in [self.to.state(), self.to.state().join("tokens"), self.to.keys()] {
            private::create_folder(&folder)?;
        }
        copy_private(&self.from.instance(), &self.to.instance())?;
        // The server makes another one where there is none.
        match copy_private(&self.from.admin_token(), &self.to.admin_token()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        copy_all(&self.from.keys(), &self.to.keys(), "pem")?;
        self.done.tokens =
            copy_all(&self.from.state().join("tokens"), &self.to.state().join("tokens"), "json")?;
        Ok(())
    }

    fn tree(&mut self, from: &Tree, root: &Path) -> Result<(), String> {
        let to = Tree::open_read_only(root);
        let failed = |error: io::Error| format!("cannot copy the tree: {error}");
        for folder in [layout::FILES, layout::TMP] {
            fs::create_dir_all(root.join(folder)).map_err(failed)?;
        }
        let documents = from.root().join(layout::PROJECTS);
        if documents.is_dir() {
            fs::create_dir_all(root.join(layout::PROJECTS)).map_err(failed)?;
            copy_all(&documents, &root.join(layout::PROJECTS), "json").map_err(failed)?;
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
        Ok(())
    }

    fn file(&mut self, (from, to): (&Tree, &Tree), project: &ProjectName, filename: &str) -> io::Result<()> {
        let path = |tree: &Tree, part| tree.path(project, filename, part);
        self.bytes(&path(from, Part::Bytes), &path(to, Part::Bytes))?;
        for part in [Part::Metadata, Part::Provenance] {
            match fs::copy(path(from, part), path(to, part)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        // Whole or damaged, it is copied as it is: it keeps the name.
        fs::copy(path(from, Part::Record), path(to, Part::Record))?;
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
