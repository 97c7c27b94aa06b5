//! What a setting may be: from what was written to a type, and back.

use std::{
    ffi::{OsStr, OsString},
    net::IpAddr,
    path::PathBuf,
    time::Duration,
};

use serde_json::json;

use super::{Network, units};

/// A value as it was written, before anybody knows what it should be.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Raw {
    /// A string of the file, a variable or an argument.
    Text(OsString),
    /// A number of the file.
    Integer(i64),
    /// `true` or `false` in the file.
    Boolean(bool),
    /// A list of the file, or an argument given several times.
    List(Vec<Self>),
    /// A table of the file where a setting may be one.
    Table(Vec<(String, Self)>),
    /// Something of the file that no setting is, in words such as `a date`.
    Other(&'static str),
}

impl Raw {
    /// How it was written, for a message; not if it is long or of several lines, because it may be something secret that
    /// was put into the wrong place.
    pub(super) fn quoted(&self) -> Option<String> {
        let text = match self {
            Self::Text(text) => text.to_str()?.to_owned(),
            Self::Integer(number) => number.to_string(),
            Self::Boolean(yes) => yes.to_string(),
            Self::List(_) => "a list".to_owned(),
            Self::Table(_) => return Some("a table".to_owned()),
            Self::Other(kind) => return Some((*kind).to_owned()),
        };
        (text.len() <= 60 && !text.contains(char::is_control)).then(|| format!("`{text}`"))
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => text.to_str(),
            _ => None,
        }
    }

    /// A number, also one in a string: variables are always strings.
    fn number(&self) -> Option<u64> {
        match self {
            Self::Integer(number) => u64::try_from(*number).ok(),
            _ => self.text()?.trim().parse().ok(),
        }
    }
}

impl From<&OsStr> for Raw {
    fn from(text: &OsStr) -> Self {
        Self::Text(text.to_owned())
    }
}

/// A type that a setting can have.
pub(crate) trait Value: Sized {
    /// Reads it, or says what to write in its place.
    fn read(raw: &Raw) -> Result<Self, String>;

    /// As it is written in the file.
    fn toml(&self) -> String;

    /// As programs read it: sizes in bytes, durations in seconds.
    fn json(&self) -> serde_json::Value;
}

/// A string of the file, quoted, so that it is read as this very text.
pub(super) fn quote(text: &str) -> String {
    // A JSON string is a TOML one, but for the control character that JSON leaves as it is.
    json!(text.replace('$', "$$")).to_string().replace('\u{7f}', "\\u007f")
}

impl Value for PathBuf {
    fn read(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::Text(text) if text.to_string_lossy().contains("-----BEGIN") => {
                Err("write the path of a file, not what is in it".to_owned())
            }
            // A shell would read it; here it would be a folder of this name.
            Raw::Text(text) if text.to_string_lossy().starts_with('~') => {
                Err("write the whole path, or ${HOME} in place of `~`".to_owned())
            }
            Raw::Text(text) if !text.is_empty() => Ok(text.into()),
            _ => Err("write a path".to_owned()),
        }
    }

    fn toml(&self) -> String {
        quote(&self.to_string_lossy())
    }

    fn json(&self) -> serde_json::Value {
        json!(self.to_string_lossy())
    }
}

impl Value for IpAddr {
    fn read(raw: &Raw) -> Result<Self, String> {
        let address = raw.text().and_then(|text| text.trim().parse().ok());
        address.ok_or_else(|| "write an IP address, such as 127.0.0.1 or ::1".to_owned())
    }

    fn toml(&self) -> String {
        quote(&self.to_string())
    }

    fn json(&self) -> serde_json::Value {
        json!(self)
    }
}

impl Value for u16 {
    fn read(raw: &Raw) -> Result<Self, String> {
        let number = raw.number().and_then(|number| number.try_into().ok());
        number.ok_or_else(|| "write a number from 0 to 65535".to_owned())
    }

    fn toml(&self) -> String {
        self.to_string()
    }

    fn json(&self) -> serde_json::Value {
        json!(self)
    }
}

impl Value for usize {
    fn read(raw: &Raw) -> Result<Self, String> {
        let number = raw.number().and_then(|number| number.try_into().ok());
        number.ok_or_else(|| "write a whole number".to_owned())
    }

    fn toml(&self) -> String {
        self.to_string()
    }

    fn json(&self) -> serde_json::Value {
        json!(self)
    }
}

impl Value for bool {
    fn read(raw: &Raw) -> Result<Self, String> {
        if let Raw::Boolean(yes) = raw {
            return Ok(*yes);
        }
        match raw.text().map(|text| text.trim().to_ascii_lowercase()).as_deref() {
            Some("true" | "yes" | "on" | "1") => Ok(true),
            Some("false" | "no" | "off" | "0") => Ok(false),
            _ => Err("write true or false".to_owned()),
        }
    }

    fn toml(&self) -> String {
        self.to_string()
    }

    fn json(&self) -> serde_json::Value {
        json!(self)
    }
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(crate) struct Size(pub(crate) u64);

impl Value for Size {
    fn read(raw: &Raw) -> Result<Self, String> {
        let size = raw.number().or_else(|| units::parse_size(raw.text()?));
        size.map(Self).ok_or_else(|| "write a size, such as \"2 GiB\", or a number of bytes".to_owned())
    }

    fn toml(&self) -> String {
        let text = units::write_size(self.0);
        if text.contains(' ') { quote(&text) } else { text }
    }

    fn json(&self) -> serde_json::Value {
        json!(self.0)
    }
}

/// A duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(crate) struct Period(pub(crate) Duration);

impl Value for Period {
    fn read(raw: &Raw) -> Result<Self, String> {
        let period = raw.number().map(Duration::from_secs).or_else(|| units::parse_period(raw.text()?));
        period.map(Self).ok_or_else(|| "write a duration, such as \"30s\", or a number of seconds".to_owned())
    }

    fn toml(&self) -> String {
        quote(&units::write_period(self.0))
    }

    fn json(&self) -> serde_json::Value {
        // Whole seconds as whole numbers.
        if self.0.subsec_nanos() == 0 { json!(self.0.as_secs()) } else { json!(self.0.as_secs_f64()) }
    }
}

impl Value for Vec<Network> {
    /// A list of ranges, or a string with commas between them.
    fn read(raw: &Raw) -> Result<Self, String> {
        let list = match raw {
            Raw::List(list) => list.as_slice(),
            one => std::slice::from_ref(one),
        };
        let mut networks = Self::new();
        for item in list {
            let text = item.text().ok_or("write a list of ranges of addresses, such as [\"10.0.0.0/8\"]")?;
            for range in text.split(',') {
                let network = range.trim().parse();
                networks.push(network.map_err(|_| {
                    "write ranges of addresses, such as 10.0.0.0/8, fd00::/8 or 192.0.2.7".to_owned()
                })?);
            }
        }
        if networks.is_empty() {
            Err("name at least one range of addresses".to_owned())
        } else {
            Ok(networks)
        }
    }

    fn toml(&self) -> String {
        let ranges: Vec<_> = self.iter().map(|network| quote(&network.to_string())).collect();
        format!("[{}]", ranges.join(", "))
    }

    fn json(&self) -> serde_json::Value {
        json!(self)
    }
}

/// A type of a few values, each of which is a word.
pub(super) trait Words: Copy + PartialEq + 'static {
    /// The words and what they mean.
    const WORDS: &'static [(&'static str, Self)];

    /// How this one is written.
    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, other)| *other == self).map_or("", |(name, _)| name)
    }
}

impl<T: Words> Value for T {
    fn read(raw: &Raw) -> Result<Self, String> {
        let word = raw.text().map(str::trim);
        let found = Self::WORDS.iter().find(|(name, _)| Some(*name) == word);
        found.map(|(_, value)| *value).ok_or_else(|| {
            let (last, others) =
                Self::WORDS.split_last().map_or(("", &[][..]), |(last, others)| (last.0, others));
            let others: Vec<_> = others.iter().map(|(name, _)| *name).collect();
            format!("write {} or {last}", others.join(", "))
        })
    }

    fn toml(&self) -> String {
        quote(self.word())
    }

    fn json(&self) -> serde_json::Value {
        json!(self.word())
    }
}
