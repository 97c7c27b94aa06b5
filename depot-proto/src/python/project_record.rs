//! What is known of a project beside its files: the document `projects/<project>.json` of a tree.

use serde_json::{Map, Value, json};

use super::simple::ProjectStatus;

/// The key of a page, and of this document, that holds the status.
const STATUS: &str = "project-status";

/// What is known of a project beside its files. The document has the keys of a PEP 691 page; those that are not known here
/// are kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProjectRecord {
    /// Its state of life, as its index says (PEP 792).
    pub status: ProjectStatus,
    /// Why it is in that state.
    pub status_reason: Option<String>,
    /// Keys that this version does not know.
    pub other: Map<String, Value>,
}

/// That a document is none of a project: it is not a JSON object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what is known of the project is not a JSON object")]
pub struct ProjectRecordError;

impl ProjectRecord {
    /// Reads the document. A status of a later specification is read as `active`, as on a page.
    pub fn read(bytes: &[u8]) -> Result<Self, ProjectRecordError> {
        let Ok(Value::Object(mut other)) = serde_json::from_slice(bytes) else {
            return Err(ProjectRecordError);
        };
        let said = other.remove(STATUS).unwrap_or_default();
        let word = said.get("status").and_then(Value::as_str).unwrap_or_default();
        let Ok(status) = word.parse();
        let status_reason = said.get("reason").and_then(Value::as_str).map(str::to_owned);
        Ok(Self { status, status_reason, other })
    }

    /// The document, indented, ending in a line feed.
    pub fn to_document(&self) -> Vec<u8> {
        let mut keys = self.other.clone();
        if self.status != ProjectStatus::Active || self.status_reason.is_some() {
            let mut said = json!({ "status": self.status.as_str() });
            if let Some(reason) = &self.status_reason {
                said["reason"] = json!(reason);
            }
            keys.insert(STATUS.to_owned(), said);
        }
        let mut text = format!("{:#}", Value::Object(keys));
        text.push('\n');
        text.into_bytes()
    }

    /// Takes a status; true if it was news.
    pub fn take_status(&mut self, status: ProjectStatus, reason: Option<&str>) -> bool {
        let is_news = (self.status, self.status_reason.as_deref()) != (status, reason);
        self.status = status;
        self.status_reason = reason.map(str::to_owned);
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_not_known_is_kept() {
        let text = r#"{"project-status": {"status": "Archived", "reason": "done"}, "later": [1]}"#;
        let record = ProjectRecord::read(text.as_bytes()).unwrap();
        assert_eq!((record.status, record.status_reason.as_deref()), (ProjectStatus::Archived, Some("done")));
        assert_eq!(ProjectRecord::read(&record.to_document()).unwrap(), record);
        assert!(String::from_utf8(record.to_document()).unwrap().contains("\"later\""));
        // Where there is nothing to say, nothing is said.
        assert_eq!(ProjectRecord::default().to_document(), b"{}\n");
        for text in ["", "[]", "\"archived\"", "{"] {
            assert_eq!(ProjectRecord::read(text.as_bytes()), Err(ProjectRecordError), "{text}");
        }
        for text in [r#"{"project-status": "archived"}"#, r#"{"project-status": {"status": 7}}"#, "{}"] {
            assert_eq!(ProjectRecord::read(text.as_bytes()).unwrap().status, ProjectStatus::Active, "{text}");
        }
    }

    #[test]
    fn a_status_is_news_once() {
        let mut record = ProjectRecord::default();
        assert!(!record.take_status(ProjectStatus::Active, None));
        assert!(record.take_status(ProjectStatus::Deprecated, Some("use pan")));
        assert!(!record.take_status(ProjectStatus::Deprecated, Some("use pan")));
        assert!(record.take_status(ProjectStatus::Deprecated, None));
        assert!(record.take_status(ProjectStatus::Active, None));
    }
}
