//! From what was written, in four layers, to values: a flag wins over the environment, that over the file, that over the
//! default.

use std::{collections::BTreeMap, path::PathBuf};

use super::{
    error::{ConfigError, Origin},
    expand::{Lookup, expand},
    file::ConfigFile,
    repositories::Declared,
    setting::Setting,
    value::{Raw, Value},
};

/// What was written in one layer, by the key of the setting.
pub(crate) type Layer = BTreeMap<&'static str, (Raw, Origin)>;

/// All layers.
pub(crate) struct Sources<'a> {
    /// The command line.
    pub(crate) flags: Layer,
    /// The environment.
    pub(crate) environment: Layer,
    /// The file, if there is one.
    pub(crate) file: Option<ConfigFile>,
    /// Where the variables of the file are looked up.
    pub(crate) lookup: Lookup<'a>,
}

/// A value and where it comes from, as `config` shows it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Which setting.
    pub(crate) setting: &'static Setting,
    /// As it is written in the file; `None` where nothing is set.
    pub(crate) toml: Option<String>,
    /// As programs read it.
    pub(crate) json: serde_json::Value,
    /// Where it was written.
    pub(crate) origin: Origin,
}

/// Reads settings, and remembers what it read. A secret must have a type that hides itself in [`Value::toml`] and
/// [`Value::json`].
pub(crate) struct Reader<'a> {
    sources: &'a Sources<'a>,
    entries: Vec<Entry>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(sources: &'a Sources<'a>) -> Self {
        Self { sources, entries: Vec::new() }
    }

    /// The repositories that the file declares.
    pub(super) fn declared(&self) -> Vec<Declared> {
        self.sources.file.as_ref().map(|file| file.declared().to_vec()).unwrap_or_default()
    }

    /// Everything that was read.
    pub(super) fn finish(self) -> Vec<Entry> {
        self.entries
    }

    /// The value of a setting that always has one.
    pub(super) fn value<T: Value>(
        &mut self,
        setting: &'static Setting,
        default: T,
    ) -> Result<T, ConfigError> {
        let (value, origin) = match self.written(setting)? {
            Some((value, origin)) => (value, origin),
            None => (default, Origin::Default),
        };
        self.note(setting, Some(&value), origin);
        Ok(value)
    }

    /// The same within bounds.
    pub(super) fn bounded<T: Value + PartialOrd>(
        &mut self,
        setting: &'static Setting,
        default: T,
        bounds: &(T, T),
    ) -> Result<T, ConfigError> {
        let value = self.value(setting, default)?;
        self.check(setting, &value, bounds)?;
        Ok(value)
    }

    /// The value, within bounds, of a setting that need not have one.
    pub(super) fn optional_bounded<T: Value + PartialOrd>(
        &mut self,
        setting: &'static Setting,
        bounds: &(T, T),
    ) -> Result<Option<T>, ConfigError> {
        let value = self.optional(setting)?;
        value.iter().try_for_each(|value| self.check(setting, value, bounds))?;
        Ok(value)
    }

    fn check<T: Value + PartialOrd>(
        &self,
        setting: &'static Setting,
        value: &T,
        (least, most): &(T, T),
    ) -> Result<(), ConfigError> {
        if least <= value && value <= most {
            return Ok(());
        }
        let words = format!("`{}` must be from {} to {}", setting.key, least.toml(), most.toml());
        Err(ConfigError::invalid(&self.origin(setting), words))
    }

    /// The value of a setting that need not have one.
    pub(super) fn optional<T: Value>(&mut self, setting: &'static Setting) -> Result<Option<T>, ConfigError> {
        let (value, origin) = self.written(setting)?.unzip();
        self.note(setting, value.as_ref(), origin.unwrap_or(Origin::Default));
        Ok(value)
    }

    /// A path. One that stands in the file is meant from where the file lies.
    pub(super) fn path(&mut self, setting: &'static Setting) -> Result<Option<PathBuf>, ConfigError> {
        let (path, origin) = self.written::<PathBuf>(setting)?.unzip();
        let path = match (path, &origin, &self.sources.file) {
            (Some(path), Some(Origin::File { .. }), Some(file)) => Some(file.beside(path)),
            (path, ..) => path,
        };
        self.note(setting, path.as_ref(), origin.unwrap_or(Origin::Default));
        Ok(path)
    }

    /// Remembers what a setting is, in place of what was remembered of it.
    pub(super) fn note<T: Value>(&mut self, setting: &'static Setting, value: Option<&T>, origin: Origin) {
        self.entries.retain(|entry| entry.setting.key != setting.key);
        let json = value.map_or(serde_json::Value::Null, Value::json);
        self.entries.push(Entry { setting, toml: value.map(Value::toml), json, origin });
    }

    /// Where a setting that was read comes from.
    pub(super) fn origin(&self, setting: &Setting) -> Origin {
        let entry = self.entries.iter().find(|entry| entry.setting.key == setting.key);
        entry.map_or(Origin::Default, |entry| entry.origin.clone())
    }

    /// What the first layer says that says something.
    fn written<T: Value>(&self, setting: &Setting) -> Result<Option<(T, Origin)>, ConfigError> {
        let outside = [&self.sources.flags, &self.sources.environment];
        let outside = outside.into_iter().find_map(|layer| layer.get(setting.key));
        let (raw, origin) = match (outside, &self.sources.file) {
            (Some((raw, origin)), _) => (raw, origin.clone()),
            (None, Some(file)) => match file.get(setting) {
                Some((raw, origin)) => (raw, origin),
                None => return Ok(None),
            },
            (None, None) => return Ok(None),
        };
        let expanded = match origin {
            Origin::File { .. } => {
                let expanded = expanded(raw, self.sources.lookup);
                expanded
                    .map_err(|error| ConfigError::invalid(&origin, format!("`{}`: {error}", setting.key)))?
            }
            _ => raw.clone(),
        };
        match T::read(&expanded) {
            Ok(value) => Ok(Some((value, origin))),
            Err(instead) => {
                // What was written, not what a variable holds: it may be secret.
                let value = raw.quoted().unwrap_or_else(|| "what it is".to_owned());
                let words = format!("`{}` cannot be {value}: {instead}", setting.key);
                Err(ConfigError::invalid(&origin, words))
            }
        }
    }
}

fn expanded(raw: &Raw, lookup: Lookup<'_>) -> Result<Raw, super::expand::ExpandError> {
    Ok(match raw {
        // A string of a file is Unicode.
        Raw::Text(text) => Raw::Text(expand(&text.to_string_lossy(), lookup)?.into()),
        Raw::List(list) => Raw::List(list.iter().map(|raw| expanded(raw, lookup)).collect::<Result<_, _>>()?),
        Raw::Table(table) => {
            let entry = |(name, raw): &(String, Raw)| Ok((name.clone(), expanded(raw, lookup)?));
            Raw::Table(table.iter().map(entry).collect::<Result<_, _>>()?)
        }
        other => other.clone(),
    })
}
