//! What the keys of a repository's table may be.

use depot_index::IndexUrl;
use depot_proto::scope::ProjectPattern;
use serde_json::json;

use super::super::value::{Raw, Value, quote};

/// The root of an index. Its password is never shown.
#[derive(Clone, Debug)]
pub(super) struct Upstream(pub(super) IndexUrl);

impl Value for Upstream {
    fn read(raw: &Raw) -> Result<Self, String> {
        let url = raw.text().map(str::parse::<IndexUrl>);
        match url {
            Some(Ok(url)) => Ok(Self(url)),
            Some(Err(error)) => Err(error.to_string()),
            None => Err("write a URL, such as \"https://index.example/simple/\"".to_owned()),
        }
    }

    fn toml(&self) -> String {
        quote(&self.0.to_string())
    }

    fn json(&self) -> serde_json::Value {
        json!(self.0.to_string())
    }
}

const TOO_WIDE: &str = "`*` would reserve every name: leave the other repository out of the group";

/// A name of a project or the beginning of names, to be reserved, or why it cannot be.
pub(crate) fn reservation(text: &str) -> Result<ProjectPattern, &'static str> {
    match text.trim().parse::<ProjectPattern>() {
        Ok(ProjectPattern::All) => Err(TOO_WIDE),
        Ok(pattern) => Ok(pattern),
        Err(_) => Err("write a name, or the beginning of names and a `*`, such as acme-*"),
    }
}

/// How patterns stand in the file.
pub(crate) fn reservations(patterns: &[ProjectPattern]) -> String {
    Patterns(patterns.to_vec()).toml()
}

/// Names of projects, or beginnings of them.
#[derive(Clone, Debug)]
pub(super) struct Patterns(pub(super) Vec<ProjectPattern>);

impl Value for Patterns {
    fn read(raw: &Raw) -> Result<Self, String> {
        let example = "write a list of names or beginnings of names, such as [\"acme\", \"acme-*\"]";
        let list = if let Raw::List(list) = raw { list.as_slice() } else { std::slice::from_ref(raw) };
        let pattern = |item: &Raw| -> Result<_, &str> {
            // What was written may come from a variable, so it is not repeated.
            item.text().and_then(|text| text.parse::<ProjectPattern>().ok()).ok_or(example)
        };
        let patterns = list.iter().map(pattern).collect::<Result<Vec<_>, _>>()?;
        if patterns.contains(&ProjectPattern::All) {
            return Err(TOO_WIDE.to_owned());
        }
        Ok(Self(patterns))
    }

    fn toml(&self) -> String {
        let patterns: Vec<_> = self.0.iter().map(|pattern| quote(&pattern.to_string())).collect();
        format!("[{}]", patterns.join(", "))
    }

    fn json(&self) -> serde_json::Value {
        json!(self.0.iter().map(ToString::to_string).collect::<Vec<_>>())
    }
}

/// Members of a group with their priorities, the lowest first.
#[derive(Clone, Debug)]
pub(super) struct Members(pub(super) Vec<(String, i64)>);

impl Members {
    /// These, in this order.
    pub(super) fn of(names: &[&str]) -> Self {
        Self(names.iter().zip(1..).map(|(name, place)| ((*name).to_owned(), place * 10)).collect())
    }
}

impl Value for Members {
    fn read(raw: &Raw) -> Result<Self, String> {
        let example = "write repositories with their priorities, such as { python = 10, pypi = 20 }";
        let members = match raw {
            Raw::Table(table) => table
                .iter()
                .map(|(name, priority)| match priority {
                    Raw::Integer(priority) => Ok((name.clone(), *priority)),
                    _ => Err(example),
                })
                .collect::<Result<Vec<_>, _>>()?,
            Raw::List(list) => {
                let names: Option<Vec<&str>> = list.iter().map(Raw::text).collect();
                Self::of(&names.ok_or(example)?).0
            }
            Raw::Text(_) => {
                Self::of(&raw.text().ok_or(example)?.split(',').map(str::trim).collect::<Vec<_>>()).0
            }
            _ => return Err(example.to_owned()),
        };
        if members.is_empty() {
            return Err(example.to_owned());
        }
        let mut names: Vec<_> = members.iter().map(|(name, _)| name).collect();
        names.sort();
        names.dedup();
        if names.len() < members.len() {
            return Err("name each repository once".to_owned());
        }
        let mut members = Self(members);
        // A table has no order of its own.
        members.0.sort_by(|(one, first), (two, second)| (first, one).cmp(&(second, two)));
        Ok(members)
    }

    fn toml(&self) -> String {
        let members: Vec<_> = self.0.iter().map(|(name, priority)| format!("{name} = {priority}")).collect();
        format!("{{ {} }}", members.join(", "))
    }

    fn json(&self) -> serde_json::Value {
        self.0.iter().map(|(name, priority)| (name.clone(), json!(priority))).collect()
    }
}
