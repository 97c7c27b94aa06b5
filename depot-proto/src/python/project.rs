//! What is known of a project beside its files: the document `projects/<project>.json` of a tree.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{name::ProjectName, yank::Yanked};
use crate::{Sha256Digest, Subject, Timestamp, simple::ProjectStatus};

/// The version of depot's own part that this depot writes, and the newest it reads.
const VERSION: u64 = 1;

/// The key of a page, and of this document, that holds the state that the index of the project declares.
const STATUS: &str = "project-status";

/// What is known of a project beside its files: its state of life, whose it is, and which of its files were deleted.
///
/// The document `projects/{project}.json` in a tree is exactly this: the keys of a PEP 691 page, and depot's own under
/// `depot`. Most projects need none: no document means that nothing of this is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectRecord {
    /// The project.
    pub name: ProjectName,
    /// Its state of life as its index declares it (PEP 792), if that is worth a word.
    pub declared: Option<StatusRecord>,
    /// The state that was set here; it goes before the one that is declared.
    pub status: Option<StatusRecord>,
    /// Who may do everything to it, and grant others the right to push.
    pub owners: BTreeSet<Subject>,
    /// Who may push to it and yank.
    pub pushers: BTreeSet<Subject>,
    /// The files that were deleted, whose names never get other bytes, in the order of their deletion.
    pub tombstones: Vec<Tombstone>,
    /// Keys that this version does not know, kept as they came.
    pub other: Map<String, Value>,
    /// Such keys under `depot`.
    pub depot_other: Map<String, Value>,
}

/// What stands under `depot`.
#[derive(Default, Serialize, Deserialize)]
struct Own {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    v: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<StatusRecord>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    owners: BTreeSet<Subject>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pushers: BTreeSet<Subject>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tombstones: Vec<Tombstone>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

/// What an account may be to a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// May do everything to it, and grant roles.
    Owner,
    /// May push to it and yank.
    Pusher,
}

/// The state of life of a project (PEP 792), and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusRecord {
    /// The state.
    pub state: ProjectStatus,
    /// Why, in a few words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What is left of a file that was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// Its name, which stays taken.
    pub filename: String,
    /// The SHA-256 of the bytes that it had.
    pub sha256: Sha256Digest,
    /// When it was deleted.
    pub when: Timestamp,
    /// By whom, as the journal calls them.
    pub by: String,
    /// Whether it was a copy of another index's file. Such a tombstone owns nothing: it only keeps other bytes from the
    /// name. Of those that were written before this was noted it is not known, and they count as first-party files.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub mirrored: bool,
}

/// Why a document is not a project record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProjectRecordError {
    /// It is not JSON, or not what it should be.
    #[error("the project record cannot be read: {0}")]
    Malformed(String),
    /// It is another project's.
    #[error("the project record is that of `{0}`")]
    OfAnother(ProjectName),
    /// It was written by a newer depot.
    #[error("the project record is of version {0}, which this depot does not know: use a newer one")]
    TooNew(u64),
}

impl StatusRecord {
    /// A state, with its reason if that says anything. Reasons stand on pages, so they are kept as short and as plain as
    /// those of yanks ([`Yanked::because`]).
    pub fn new(state: ProjectStatus, reason: Option<&str>) -> Self {
        let reason = reason.map(Yanked::because).and_then(|reason| reason.reason().map(str::to_owned));
        Self { state, reason }
    }

    /// Whether it says more than that all is as usual.
    pub fn says_something(&self) -> bool {
        self.state != ProjectStatus::Active || self.reason.is_some()
    }
}

impl ProjectRecord {
    /// The record of a project of which nothing is known.
    pub fn new(name: ProjectName) -> Self {
        Self {
            name,
            declared: None,
            status: None,
            owners: BTreeSet::new(),
            pushers: BTreeSet::new(),
            tombstones: Vec::new(),
            other: Map::new(),
            depot_other: Map::new(),
        }
    }

    /// Reads the document of this project. A declared state of a later specification is read as `active`, as on a page;
    /// depot's own part is understood whole or refused.
    pub fn read(document: &[u8], project: &ProjectName) -> Result<Self, ProjectRecordError> {
        let malformed = |error: serde_json::Error| ProjectRecordError::Malformed(error.to_string());
        let mut other: Map<String, Value> = serde_json::from_slice(document).map_err(malformed)?;
        if let Some(name) = other.get("name").and_then(Value::as_str).and_then(|name| name.parse().ok())
            && name != *project
        {
            return Err(ProjectRecordError::OfAnother(name));
        }
        let declared = other.remove(STATUS).and_then(|said| {
            let Ok(state) = said.get("status").and_then(Value::as_str).unwrap_or_default().parse();
            let status = StatusRecord::new(state, said.get("reason").and_then(Value::as_str));
            status.says_something().then_some(status)
        });
        let own = other.remove("depot").unwrap_or_default();
        match own.get("v").map_or(Some(VERSION), Value::as_u64) {
            Some(newer) if newer > VERSION => return Err(ProjectRecordError::TooNew(newer)),
            _ => {}
        }
        let own: Option<Own> = serde_json::from_value(own).map_err(malformed)?;
        let own = own.unwrap_or_default();
        Ok(Self {
            name: project.clone(),
            declared,
            status: own.status,
            owners: own.owners,
            pushers: own.pushers,
            tombstones: own.tombstones,
            other,
            depot_other: own.other,
        })
    }

    /// The document, indented, ending in a line feed.
    pub fn to_document(&self) -> Vec<u8> {
        let mut keys = self.other.clone();
        if let Some(StatusRecord { state, reason }) = &self.declared {
            let mut said = json!({ "status": state });
            if let Some(reason) = reason {
                said["reason"] = json!(reason);
            }
            keys.insert(STATUS.to_owned(), said);
        }
        let own = Own {
            v: Some(VERSION),
            status: self.status.clone(),
            owners: self.owners.clone(),
            pushers: self.pushers.clone(),
            tombstones: self.tombstones.clone(),
            other: self.depot_other.clone(),
        };
        // Only a map with other keys than texts could fail here, and there is none.
        let own = serde_json::to_value(own).unwrap_or_default();
        // Where there is nothing to say, nothing is said.
        if own != json!({ "v": VERSION }) {
            keys.insert("depot".to_owned(), own);
        }
        let mut text = format!("{:#}", Value::Object(keys));
        text.push('\n');
        text.into_bytes()
    }

    /// Whether it says nothing but what an index declares, which can be asked for again.
    pub fn is_declared_alone(&self) -> bool {
        *self == Self { declared: self.declared.clone(), ..Self::new(self.name.clone()) }
    }

    /// Takes the state that the project's index declares; true if it was news.
    pub fn take_declared(&mut self, state: ProjectStatus, reason: Option<&str>) -> bool {
        let said = StatusRecord::new(state, reason);
        let said = said.says_something().then_some(said);
        let is_news = self.declared != said;
        self.declared = said;
        is_news
    }

    /// The state that pages show: the one set here, or else the declared one.
    pub fn shown(&self) -> Option<&StatusRecord> {
        self.status.as_ref().or(self.declared.as_ref())
    }

    /// The state that was set here. What an index declares of a project that it has says nothing of what is taken here.
    pub fn state_here(&self) -> ProjectStatus {
        self.status.as_ref().map_or(ProjectStatus::Active, |status| status.state)
    }

    /// Who has a role.
    pub fn role(&self, role: Role) -> &BTreeSet<Subject> {
        match role {
            Role::Owner => &self.owners,
            Role::Pusher => &self.pushers,
        }
    }

    /// Who has a role, to be changed.
    pub fn role_mut(&mut self, role: Role) -> &mut BTreeSet<Subject> {
        match role {
            Role::Owner => &mut self.owners,
            Role::Pusher => &mut self.pushers,
        }
    }

    /// What is left of a deleted file of this name. Names that differ only in case are one name, as they are for files
    /// that are there.
    pub fn tombstone(&self, filename: &str) -> Option<&Tombstone> {
        self.tombstones.iter().find(|tombstone| tombstone.filename.eq_ignore_ascii_case(filename))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Owner => "owner",
            Self::Pusher => "pusher",
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pot() -> ProjectName {
        "tea-pot".parse().unwrap()
    }

    #[test]
    fn a_record_is_read_as_it_was_written_with_what_a_newer_depot_put_there() {
        let mut record = ProjectRecord::new(pot());
        record.status = Some(StatusRecord::new(ProjectStatus::Archived, Some(" no\nmore ")));
        record.owners.insert("ann".parse().unwrap());
        record.tombstones.push(Tombstone {
            filename: "tea_pot-1.tar.gz".to_owned(),
            sha256: Sha256Digest::of(b"tea"),
            when: Timestamp::from_seconds(1).unwrap(),
            by: "ann".to_owned(),
            mirrored: false,
        });
        record.other.insert("later".to_owned(), json!([1]));
        record.depot_other.insert("later".to_owned(), json!({ "kept": [1] }));
        record.take_declared(ProjectStatus::Deprecated, None);
        let read = ProjectRecord::read(&record.to_document(), &pot()).unwrap();
        assert_eq!(read, record);
        assert_eq!(read.shown().unwrap().reason.as_deref(), Some("no more"));
        assert!(read.tombstone("Tea_Pot-1.tar.gz").is_some() && read.tombstone("tea_pot-2.tar.gz").is_none());
    }

    #[test]
    fn a_tombstone_says_whether_it_was_a_copy_and_one_of_before_says_nothing() {
        let text = |more: &str| {
            let sha256 = Sha256Digest::of(b"tea");
            format!(
                r#"{{"depot": {{"v": 1, "tombstones": [{{"filename": "tea_pot-1.tar.gz", "sha256": "{sha256}",
                    "when": "2026-01-01T00:00:00Z", "by": "ann"{more}}}]}}}}"#
            )
        };
        for (more, mirrored) in
            [("", false), (r#", "mirrored": false"#, false), (r#", "mirrored": true"#, true)]
        {
            let record = ProjectRecord::read(text(more).as_bytes(), &pot()).unwrap();
            assert_eq!(record.tombstones[0].mirrored, mirrored);
            let written = String::from_utf8(record.to_document()).unwrap();
            assert_eq!(written.contains("mirrored"), mirrored, "{written}");
            assert_eq!(ProjectRecord::read(written.as_bytes(), &pot()).unwrap(), record);
        }
    }

    #[test]
    fn what_an_index_declares_is_read_leniently_and_is_no_rule_here() {
        let read = |text: &str| ProjectRecord::read(text.as_bytes(), &pot()).unwrap();
        let record = read(
            r#"{"project-status": {"status": "Archived", "reason": "done"}, "later": [1], "name": "Tea.Pot"}"#,
        );
        assert_eq!(record.declared, Some(StatusRecord::new(ProjectStatus::Archived, Some("done"))));
        assert_eq!((record.shown(), record.state_here()), (record.declared.as_ref(), ProjectStatus::Active));
        assert_eq!(ProjectRecord::read(&record.to_document(), &pot()).unwrap(), record);
        for text in [r#"{"project-status": "archived"}"#, r#"{"project-status": {"status": 7}}"#, "{}"] {
            assert_eq!(read(text), ProjectRecord::new(pot()), "{text}");
        }
        assert_eq!(ProjectRecord::new(pot()).to_document(), b"{}\n");
    }

    #[test]
    fn a_declared_state_is_news_once() {
        let mut record = ProjectRecord::new(pot());
        assert!(!record.take_declared(ProjectStatus::Active, None));
        assert!(record.take_declared(ProjectStatus::Deprecated, Some("use pan")));
        assert!(!record.take_declared(ProjectStatus::Deprecated, Some("use pan")));
        assert!(record.take_declared(ProjectStatus::Deprecated, None));
        assert!(record.take_declared(ProjectStatus::Active, None));
    }

    #[test]
    fn what_cannot_be_understood_whole_is_refused() {
        let read = |text: &str| ProjectRecord::read(text.as_bytes(), &pot());
        assert!(matches!(read(r#"{"depot": {"v": 2}}"#), Err(ProjectRecordError::TooNew(2))));
        assert!(matches!(read(r#"{"name": "kettle"}"#), Err(ProjectRecordError::OfAnother(_))));
        for text in ["", "[]", "{", "\"archived\""] {
            assert!(matches!(read(text), Err(ProjectRecordError::Malformed(_))), "{text}");
        }
        // A state that is not known might be one that offers no files.
        for own in [
            r#""1""#,
            r#"{"v": "1"}"#,
            r#"{"tombstones": 3}"#,
            r#"{"owners": ["-"]}"#,
            r#"{"status": {"state": "sleeping"}}"#,
        ] {
            assert!(
                matches!(read(&format!(r#"{{"depot": {own}}}"#)), Err(ProjectRecordError::Malformed(_))),
                "{own}"
            );
        }
    }
}
