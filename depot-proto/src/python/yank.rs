//! Yanks (PEP 592).

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Whether a file is yanked, and why (PEP 592).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Yanked {
    /// It is not.
    #[default]
    No,
    /// It is, without a reason.
    Yes,
    /// It is, and this is why; never empty.
    Because(String),
}

impl Yanked {
    /// Whether installers should pass the file over.
    pub fn is_yanked(&self) -> bool {
        *self != Self::No
    }

    /// The reason, if one was given.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Because(reason) => Some(reason),
            Self::No | Self::Yes => None,
        }
    }

    /// Yanked for this reason, or for none if it says nothing. Reasons stand on pages, so they are kept short and are text:
    /// the first two thousand characters, with spaces for controls.
    pub fn because(reason: &str) -> Self {
        let text: String = reason.chars().map(|c| if c.is_control() { ' ' } else { c }).take(2000).collect();
        let text = text.trim();
        if text.is_empty() { Self::Yes } else { Self::Because(text.to_owned()) }
    }

    /// The JSON form: `false`, `true`, or the reason.
    pub fn to_json(&self) -> Value {
        match self {
            Self::No => Value::Bool(false),
            Self::Yes => Value::Bool(true),
            Self::Because(reason) => Value::String(reason.clone()),
        }
    }

    /// Reads the JSON form; `null` is not yanked, and an empty reason is none.
    pub fn from_json(value: &Value) -> Option<Self> {
        match value {
            Value::Null | Value::Bool(false) => Some(Self::No),
            Value::Bool(true) => Some(Self::Yes),
            Value::String(reason) => Some(Self::because(reason)),
            _ => None,
        }
    }
}
