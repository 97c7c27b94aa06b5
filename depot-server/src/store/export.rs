//! The neutral file: all that a server knows, in lines of JSON that any backend can write and take.
//!
//! ```text
//! {"schema":"depot.export/1", "written_by", "instance"}
//! {"kind":"repository", "name"}
//! {"kind":"project", "repository", "project", "document"}     where a project has one
//! {"kind":"file", "repository", "project", "version", "serial", "record"}
//! {"kind":"token", "record"}
//! {"kind":"user", "record"}                                   deleted ones too: their names stay taken
//! {"kind":"downloads", "repository", "project", "filename", "day" or "until", "clients"}
//! {"kind":"end", "serial", the counts, "sha256"}               of everything before it, which is always last
//! ```
//!
//! Projects come sorted, the files of a release in their order. The same stores make the same lines. The bytes of files
//! are not in it, and no secret is: a token's record does not bear it, and that of an account comes without its password.

mod downloads;

use std::{
    collections::HashSet,
    io::{self, BufRead, Read as _},
};

use depot_proto::{
    DistributionFilename, FileRecord, ProjectName, RepositoryName, Sha256Digest, Sha256Hasher, Version,
};
use downloads::Numbers;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Accounts, Counters, Packages, Put, StoreError,
    counts::Counted,
    records::{FileChange, Serial, TokenRecord, UserRecord},
};

const SCHEMA: &str = "depot.export/1";

/// The longest line taken, in bytes.
const MAX_LINE: u64 = 8 << 20;

/// Files put into the store at once.
const BATCH: usize = 500;

/// How many of what an export holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    pub(crate) repositories: u64,
    pub(crate) projects: u64,
    pub(crate) files: u64,
    pub(crate) tokens: u64,
    #[serde(default)]
    pub(crate) users: u64,
    /// Lines of numbers.
    #[serde(default)]
    pub(crate) downloads: u64,
}

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    schema: String,
    written_by: String,
    instance: String,
}

/// Any other line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Line {
    Repository {
        name: RepositoryName,
    },
    Project {
        repository: RepositoryName,
        project: ProjectName,
        document: Value,
    },
    File {
        repository: RepositoryName,
        project: ProjectName,
        version: String,
        serial: Serial,
        record: Box<FileRecord>,
    },
    Token {
        record: TokenRecord,
    },
    User {
        record: UserRecord,
    },
    Downloads(Numbers),
    End {
        serial: Serial,
        #[serde(flatten)]
        counts: Counts,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<Sha256Digest>,
    },
}

/// The length of `,"sha256":"`, 64 digits, `"}` and a line feed.
const TAIL: usize = 11 + 64 + 3;

/// Why an export cannot be written or taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    /// It was written by a newer depot.
    #[error("the export has the schema `{0}`, and this depot-server knows `{SCHEMA}`: use a newer one")]
    TooNew(String),
    /// It is not what was written.
    #[error("line {line} of the export is damaged ({reason}): nothing was imported; export again")]
    Damaged {
        /// Which line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// It ends too early.
    #[error("the export is cut short after line {0}: nothing was imported; export again")]
    Cut(u64),
    /// It cannot be read or written.
    #[error("the export cannot be read or written: {0}")]
    Io(#[from] io::Error),
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is beside the stores failed.
    #[error("{0}")]
    Beside(String),
}

/// What is exported.
pub(crate) struct Source<'a> {
    /// Which program writes.
    pub(crate) written_by: &'a str,
    /// The server's id, which is in its tokens.
    pub(crate) instance: &'a str,
    /// The repository.
    pub(crate) repository: &'a RepositoryName,
    /// Its projects, sorted.
    pub(crate) projects: Vec<ProjectName>,
    /// What belongs to projects, sorted by their names.
    pub(crate) documents: Vec<(String, Value)>,
    /// Their releases.
    pub(crate) packages: &'a dyn Packages,
    /// The tokens.
    pub(crate) tokens: Vec<TokenRecord>,
    /// The accounts, sorted by their names.
    pub(crate) users: Vec<UserRecord>,
    /// How often files were downloaded.
    pub(crate) counters: &'a dyn Counters,
    /// The serial of the last change, asked for when all else is written: nothing in the export is newer.
    pub(crate) serial: &'a dyn Fn() -> Serial,
}

/// Writes an export, line by line; the counts and the serial in its last line. What changes meanwhile is in it or not,
/// whole; what was there before is.
pub(crate) fn write(
    source: Source<'_>,
    out: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<(Counts, Serial), ExportError> {
    let mut hasher = Sha256Hasher::new();
    let mut counts = Counts::default();
    let (schema, written_by) = (SCHEMA.to_owned(), source.written_by.to_owned());
    let header = text(&Header { schema, written_by, instance: source.instance.to_owned() })?;
    hasher.update(&header);
    out(&header)?;
    let mut put = |line: &Line| -> io::Result<()> {
        let text = text(line)?;
        hasher.update(&text);
        out(&text)
    };
    put(&Line::Repository { name: source.repository.clone() })?;
    counts.repositories += 1;
    for (name, document) in source.documents {
        let Ok(project) = name.parse() else { continue };
        put(&Line::Project { repository: source.repository.clone(), project, document })?;
        counts.projects += 1;
    }
    for project in source.projects {
        let mut releases = source.packages.releases(source.repository, &project)?;
        releases.sort_by_cached_key(|release| Version::read(&release.version).key().to_string());
        for release in releases {
            for record in release.files {
                put(&Line::File {
                    repository: source.repository.clone(),
                    project: project.clone(),
                    version: release.version.clone(),
                    serial: release.serial,
                    record: Box::new(record),
                })?;
                counts.files += 1;
            }
        }
    }
    let mut tokens = source.tokens;
    tokens.sort_by(|one, two| one.id.cmp(&two.id));
    for record in tokens {
        put(&Line::Token { record })?;
        counts.tokens += 1;
    }
    for user in source.users {
        put(&Line::User { record: user.without_secret() })?;
        counts.users += 1;
    }
    downloads::numbers(source.counters, &mut |numbers| {
        counts.downloads += 1;
        put(&Line::Downloads(numbers))
    })?;
    let serial = (source.serial)();
    let mut end = text(&Line::End { serial, counts, sha256: None })?;
    end.truncate(end.len() - 2);
    hasher.update(&end);
    end.extend(format!(",\"sha256\":\"{}\"}}\n", hasher.finish()).into_bytes());
    out(&end)?;
    Ok((counts, serial))
}

fn text(line: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    Ok(text)
}

/// Where an import goes: empty stores, and what lies beside them.
pub(crate) struct Target<'a> {
    /// The releases.
    pub(crate) packages: &'a dyn Packages,
    /// The tokens and accounts.
    pub(crate) accounts: &'a dyn Accounts,
    /// How often files were downloaded.
    pub(crate) counters: &'a dyn Counters,
    /// Takes each file's record.
    pub(crate) record: &'a mut dyn FnMut(&RepositoryName, &ProjectName, &FileRecord) -> Result<(), String>,
    /// Takes each project's document.
    pub(crate) document: &'a mut dyn FnMut(&RepositoryName, &ProjectName, &Value) -> Result<(), String>,
}

/// What was imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Imported {
    pub(crate) counts: Counts,
    /// The serial of the last change.
    pub(crate) serial: Serial,
    /// The id of the server that exported.
    pub(crate) instance: String,
}

/// Takes an export. Only on success is it known to be whole: whoever imports throws away what was put on any error.
pub(crate) fn read(input: &mut dyn BufRead, target: Target<'_>) -> Result<Imported, ExportError> {
    let mut lines = Lines { input, hasher: Sha256Hasher::new(), number: 0 };
    let header = lines.next()?.ok_or(ExportError::Cut(0))?;
    let header: Header = serde_json::from_slice(&header).map_err(|error| lines.damaged(&error))?;
    if header.schema != SCHEMA {
        return Err(if header.schema.starts_with("depot.export/") {
            ExportError::TooNew(header.schema)
        } else {
            lines.damaged(&"it is no export of depot")
        });
    }
    let mut taking = Taking {
        target,
        counts: Counts::default(),
        batch: Vec::new(),
        counted: Vec::new(),
        repositories: HashSet::new(),
    };
    loop {
        let mut so_far = lines.hasher.clone();
        let text = lines.next()?.ok_or(ExportError::Cut(lines.number))?;
        let line: Line = serde_json::from_slice(&text).map_err(|error| lines.damaged(&error))?;
        if let Line::End { serial, counts, sha256 } = line {
            taking.flush().map_err(|error| error.at(&lines))?;
            so_far.update(&text[..text.len().saturating_sub(TAIL)]);
            if Some(so_far.finish()) != sha256 {
                return Err(lines.damaged(&"the lines up to it are not those that were written"));
            }
            if counts != taking.counts {
                return Err(lines.damaged(&"lines before it are missing, or too many"));
            }
            if lines.next()?.is_some() {
                return Err(lines.damaged(&"nothing may follow the last line"));
            }
            let applied = taking.target.packages.applied()?;
            if applied > serial {
                return Err(lines.damaged(&"a file is newer than the last change"));
            }
            taking.target.packages.set_applied(serial)?;
            return Ok(Imported { counts, serial, instance: header.instance });
        }
        taking.take(line).map_err(|error| error.at(&lines))?;
    }
}

/// The lines of an export as they come.
struct Lines<'a> {
    input: &'a mut dyn BufRead,
    hasher: Sha256Hasher,
    number: u64,
}

impl Lines<'_> {
    /// The next line; none at the end.
    fn next(&mut self) -> Result<Option<Vec<u8>>, ExportError> {
        let mut line = Vec::new();
        let read = (&mut *self.input).take(MAX_LINE).read_until(b'\n', &mut line);
        match read {
            // A compressed file that was cut says it so.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(ExportError::Cut(self.number));
            }
            read => read?,
        };
        if line.is_empty() {
            return Ok(None);
        }
        if !line.ends_with(b"\n") {
            let is_long = line.len() as u64 == MAX_LINE;
            return Err(if is_long {
                self.damaged(&"it is too long")
            } else {
                ExportError::Cut(self.number)
            });
        }
        self.number += 1;
        self.hasher.update(&line);
        Ok(Some(line))
    }

    fn damaged(&self, reason: &impl ToString) -> ExportError {
        ExportError::Damaged { line: self.number, reason: reason.to_string() }
    }
}

/// Why a line was not taken, before it is known which it was.
enum NotTaken {
    Damaged(String),
    Failed(ExportError),
}

impl NotTaken {
    fn at(self, lines: &Lines<'_>) -> ExportError {
        match self {
            Self::Damaged(reason) => lines.damaged(&reason),
            Self::Failed(error) => error,
        }
    }
}

impl From<StoreError> for NotTaken {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// An import under way.
struct Taking<'a> {
    target: Target<'a>,
    counts: Counts,
    batch: Vec<FileChange>,
    counted: Vec<Counted>,
    repositories: HashSet<RepositoryName>,
}

impl Taking<'_> {
    fn take(&mut self, line: Line) -> Result<(), NotTaken> {
        match line {
            Line::Repository { name } => {
                self.counts.repositories += 1;
                if name != RepositoryName::default_hosted() {
                    return Err(NotTaken::Damaged(format!("this depot-server has no repository `{name}`")));
                }
                self.repositories.insert(name);
            }
            Line::Project { repository, project, document } => {
                self.check_repository(&repository)?;
                self.counts.projects += 1;
                (self.target.document)(&repository, &project, &document)
                    .map_err(|error| NotTaken::Failed(ExportError::Beside(error)))?;
            }
            Line::File { repository, project, version, serial, record } => {
                self.check_repository(&repository)?;
                self.counts.files += 1;
                self.take_file(repository, project, version, serial, *record)?;
            }
            Line::Token { record } => {
                self.counts.tokens += 1;
                // It becomes the name of a file.
                if record.id.is_empty() || !record.id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                    return Err(NotTaken::Damaged("a token's id is not one of depot's".to_owned()));
                }
                self.target.accounts.put_token(&record)?;
            }
            Line::User { record } => {
                self.counts.users += 1;
                self.target.accounts.put_user(&record)?;
            }
            Line::Downloads(numbers) => {
                self.counts.downloads += 1;
                let malformed = || NotTaken::Damaged("these are no numbers of a file's downloads".to_owned());
                self.counted.push(numbers.counted().ok_or_else(malformed)?);
                if self.counted.len() >= BATCH {
                    self.flush()?;
                }
            }
            Line::End { .. } => {}
        }
        Ok(())
    }

    fn take_file(
        &mut self,
        repository: RepositoryName,
        project: ProjectName,
        version: String,
        serial: Serial,
        record: FileRecord,
    ) -> Result<(), NotTaken> {
        let named = DistributionFilename::parse(&record.filename, &project);
        let named = named.map_err(|error| NotTaken::Damaged(error.to_string()))?;
        let key = named.version().key();
        if Version::read(&version).key() != key {
            let reason = format!("`{}` is no file of version `{version}`", record.filename);
            return Err(NotTaken::Damaged(reason));
        }
        (self.target.record)(&repository, &project, &record)
            .map_err(|error| NotTaken::Failed(ExportError::Beside(error)))?;
        self.batch.push(FileChange { serial, repository, project, version, key, file: record });
        if self.batch.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    fn check_repository(&self, repository: &RepositoryName) -> Result<(), NotTaken> {
        if self.repositories.contains(repository) {
            return Ok(());
        }
        Err(NotTaken::Damaged(format!("the repository `{repository}` was not named before")))
    }

    fn flush(&mut self) -> Result<(), NotTaken> {
        if !self.counted.is_empty() {
            self.target.counters.add(&std::mem::take(&mut self.counted))?;
        }
        if self.batch.is_empty() {
            return Ok(());
        }
        let puts = self.target.packages.put_files(&self.batch)?;
        for (put, change) in puts.iter().zip(&self.batch) {
            if *put != Put::Created {
                let filename = &change.file.filename;
                return Err(NotTaken::Damaged(format!("`{filename}` is in it twice")));
            }
        }
        self.batch.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
