//! The configuration file: found, read, and every key in it known.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use toml::de::{DeTable, DeValue};

use super::{
    error::{ConfigError, Origin},
    repositories::{self, Declared},
    setting::{self, Setting, sections},
    value::Raw,
};

/// The file that is read, and written by `init`, where no other is named.
pub(crate) const DEFAULT_NAME: &str = "depot-server.toml";

/// A file whose keys are all known; its values are not looked at yet.
#[derive(Debug)]
pub(crate) struct ConfigFile {
    /// As it was named.
    pub(crate) path: PathBuf,
    values: BTreeMap<&'static str, (Raw, usize)>,
    declared: Vec<Declared>,
}

impl ConfigFile {
    /// The file that was named, which must be there, or the one of the default name, if there is one.
    pub(crate) fn find(named: Option<&Path>) -> Result<Option<Self>, ConfigError> {
        let path = named.unwrap_or(Path::new(DEFAULT_NAME));
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(path, &text).map(Some),
            Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(ConfigError::Unreadable { path: path.to_owned(), source }),
        }
    }

    /// Reads the text of a file. The errors quote keys, and never values: a value may be secret.
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let line_of = |offset: usize| 1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count();
        let invalid =
            |line, words| ConfigError::invalid(&Origin::File { path: path.to_owned(), line }, words);
        let table = DeTable::parse(text).map_err(|error| {
            let line = line_of(error.span().map_or(0, |span| span.start));
            let words = error.message().lines().next().unwrap_or_default();
            invalid(line, format!("this is no TOML: {words}"))
        })?;
        let mut walk =
            Walk { values: BTreeMap::new(), declared: Vec::new(), wrong: Vec::new(), line_of: &line_of };
        walk.table("", table.get_ref());
        match walk.wrong.into_iter().min() {
            Some((line, words)) => Err(invalid(line, words)),
            None => Ok(Self { path: path.to_owned(), values: walk.values, declared: walk.declared }),
        }
    }

    /// The repositories that it declares beside those that every server has.
    pub(super) fn declared(&self) -> &[Declared] {
        &self.declared
    }

    /// What stands there for a setting, and where.
    pub(super) fn get(&self, setting: &Setting) -> Option<(&Raw, Origin)> {
        let (raw, line) = self.values.get(setting.key)?;
        Some((raw, Origin::File { path: self.path.clone(), line: *line }))
    }

    /// A path of the file is meant from where the file lies.
    pub(super) fn beside(&self, path: PathBuf) -> PathBuf {
        self.path.parent().map_or(path.clone(), |folder| folder.join(path))
    }
}

/// The way through the tables.
struct Walk<'a> {
    values: BTreeMap<&'static str, (Raw, usize)>,
    declared: Vec<Declared>,
    wrong: Vec<(usize, String)>,
    line_of: &'a dyn Fn(usize) -> usize,
}

impl Walk<'_> {
    /// Takes the values of a table and those below it; `prefix` ends with a dot unless this is the whole file.
    fn table(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let key = format!("{prefix}{}", name.get_ref());
            let line = (self.line_of)(name.span().start);
            if prefix == "repositories."
                && let DeValue::Table(table) = value.get_ref()
            {
                self.declare(name.get_ref(), table, line);
            }
            let setting = self.settings().find(|setting| setting.key == key);
            let below = format!("{key}.");
            let is_table = self.settings().any(|setting| setting.key.starts_with(&below));
            match (setting, value.get_ref()) {
                (Some(setting), value) => {
                    self.values.insert(setting.key, (raw(value), line));
                }
                (None, DeValue::Table(table)) if is_table => self.table(&below, table),
                (None, _) if is_table => {
                    self.wrong.push((line, format!("`{key}` is a table: write [{key}] above its keys")));
                }
                // It was said what is wrong with the repository as such.
                (None, DeValue::Table(_)) if prefix == "repositories." => {}
                (None, _) => self.wrong.push((line, unknown(&key, self.settings()))),
            }
        }
    }

    /// Every setting that the file may have: those of every server, and those of the repositories that it declares.
    fn settings(&self) -> impl Iterator<Item = &'static Setting> {
        let declared: Vec<_> = self.declared.iter().flat_map(|declared| declared.section.settings).collect();
        setting::all().chain(declared.into_iter().copied())
    }

    /// Takes the table of a repository that is none of every server's.
    fn declare(&mut self, name: &str, table: &DeTable<'_>, line: usize) {
        if repositories::built_in().iter().any(|built_in| built_in.name == name) {
            return;
        }
        let kind = table.get("kind").map(toml::Spanned::get_ref);
        let kind = match kind {
            Some(DeValue::String(kind)) => Some(kind.as_ref()),
            _ => None,
        };
        match repositories::declared(name, kind) {
            Ok(declared) => self.declared.push(declared),
            Err(words) => self.wrong.push((line, words)),
        }
    }
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.as_ref().into()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Raw::Other("a number that is too large"), Raw::Integer),
        DeValue::Boolean(yes) => Raw::Boolean(*yes),
        DeValue::Array(values) => Raw::List(values.iter().map(|value| raw(value.get_ref())).collect()),
        DeValue::Float(_) => Raw::Other("a fraction"),
        DeValue::Datetime(_) => Raw::Other("a date"),
        DeValue::Table(table) => {
            let entries = table.iter();
            Raw::Table(
                entries
                    .map(|(name, value)| (name.get_ref().as_ref().to_owned(), raw(value.get_ref())))
                    .collect(),
            )
        }
    }
}

/// What to say of a key that nobody knows.
fn unknown(key: &str, settings: impl Iterator<Item = &'static Setting>) -> String {
    let name = key.rsplit_once('.').map_or(key, |(_, name)| name);
    let settings: Vec<_> = settings.collect();
    match nearest(key, name, &settings) {
        Some(known) => format!("`{key}` is not a known key: is `{known}` meant?"),
        None => {
            let tables: Vec<_> = sections().iter().map(|section| format!("[{}]", section.name)).collect();
            format!("`{key}` is not a known key: `depot-server init` writes all of {}", tables.join(", "))
        }
    }
}

/// The setting or table that was probably meant: one of the same table that is spelled almost so, one of the same name in
/// another table, or one that is spelled almost so.
fn nearest(key: &str, name: &str, settings: &[&'static Setting]) -> Option<&'static str> {
    let like = |text: &str| text.to_ascii_lowercase().replace('-', "_");
    let (key, name) = (like(key), like(name));
    if let Some(elsewhere) = settings.iter().find(|setting| setting.name() == name) {
        return Some(elsewhere.key);
    }
    let keys = settings.iter().map(|setting| setting.key);
    let known = keys.chain(sections().iter().map(|section| section.name));
    let (distance, nearest) = known
        .map(|known| (strsim::osa_distance(&key, known), known))
        .min_by_key(|(distance, _)| *distance)?;
    // A third of the name may be wrong; at the root, where the table is missing, its last part is compared.
    if distance <= (name.len() / 3).max(1) {
        return Some(nearest);
    }
    let by_name = settings.iter().map(|setting| (strsim::osa_distance(&name, setting.name()), setting.key));
    let (distance, nearest) = by_name.min_by_key(|(distance, _)| *distance)?;
    (distance <= (name.len() / 3).max(1)).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ConfigFile, String> {
        ConfigFile::parse(Path::new("etc/depot-server.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn values_are_known_by_key_and_line() {
        let file = parse(
            "# words\n[server]\nport = 0x1F_90\noffline = true\n\n[transport]\ntrusted_proxies = [\n \"::1\",\n]\n\
             [repositories]\npython.enabled = false\n",
        );
        let file = file.unwrap();
        let found = |key: &str| {
            let (raw, origin) = file.get(setting::all().find(|setting| setting.key == key).unwrap())?;
            Some((raw.clone(), origin.to_string()))
        };
        let at = |line: usize| format!("etc/depot-server.toml:{line}");
        assert_eq!(found("server.port"), Some((Raw::Integer(8080), at(3))));
        assert_eq!(found("server.offline"), Some((Raw::Boolean(true), at(4))));
        let list = Raw::List(vec![Raw::Text("::1".into())]);
        assert_eq!(found("transport.trusted_proxies"), Some((list, at(7))));
        assert_eq!(found("repositories.python.enabled"), Some((Raw::Boolean(false), at(11))));
        assert_eq!(found("server.host"), None);
        assert_eq!(file.beside("a/b".into()), Path::new("etc/a/b"));
        assert_eq!(file.beside("/a".into()), Path::new("/a"));
    }

    #[test]
    fn keys_that_nobody_knows_are_refused_with_the_one_that_is_meant() {
        for (text, line, words) in [
            ("[server]\nhots = \"x\"\n", 2, "is `server.host` meant?"),
            ("[server]\nport = 1\ndataDir = \"x\"\n", 3, "is `server.data_dir` meant?"),
            ("[server]\ndata-dir = \"x\"\n", 2, "is `server.data_dir` meant?"),
            ("[server]\nmax_file_size = 1\n", 2, "is `limits.max_file_size` meant?"),
            ("port = 1\n", 1, "is `server.port` meant?"),
            ("[sever]\nport = 1\n", 1, "is `server` meant?"),
            ("[log]\nlevel = \"info\"\n[limit]\n", 3, "is `limits` meant?"),
            ("[limits]\nconections = 1\n", 2, "is `limits.connections` meant?"),
            ("[server]\nx = 1\n", 2, "`depot-server init` writes all of [server], [access]"),
            ("[weather]\nx = 1\n", 1, "`weather` is not a known key"),
            (
                "[repositories.team]\nenabled = true\n",
                1,
                "[repositories.team] needs a `kind`, one of \"proxy\", \"directory\"",
            ),
            (
                "[repositories.team]\nkind = \"proxi\"\n",
                1,
                "the `kind` of [repositories.team] must be one of",
            ),
            (
                "[repositories.team]\nkind = \"hosted\"\n",
                1,
                "`python` is the only repository that can be hosted",
            ),
            ("[repositories.simple]\nkind = \"proxy\"\n", 1, "it is the first segment of a route"),
            (
                "[repositories.team]\nkind = \"proxy\"\nupstrem = \"x\"\n",
                3,
                "is `repositories.team.upstream` meant?",
            ),
            ("[repositories.pypi]\nupstrem = \"x\"\n", 2, "is `repositories.pypi.upstream` meant?"),
            ("[repositories.python]\nenabld = true\n", 2, "is `repositories.python.enabled` meant?"),
            // The first one in the file is named, not the first one by its name.
            ("[server]\nzzz = 1\naaa = 1\n", 2, "`server.zzz`"),
            ("\n\nserver = 3\n", 3, "`server` is a table: write [server] above its keys"),
            ("[[server]]\nport = 1\n", 1, "`server` is a table"),
        ] {
            let said = parse(text).unwrap_err();
            let place = format!("etc/depot-server.toml:{line}: ");
            assert!(said.starts_with(&place) && said.contains(words), "{text}: {said}");
        }
    }

    #[test]
    fn what_is_no_toml_is_refused_by_its_line_without_repeating_it() {
        for (text, line) in [
            ("[server]\nport = hunter2\n", 2),
            ("[server]\nport = \"hunter2\n", 2),
            ("[server\nport = \"hunter2\"\n", 1),
            ("[server]\nport = 1\nport = \"hunter2\"\n", 3),
            ("[server]\nport = 1\n[server]\nhost = \"hunter2\"\n", 3),
            ("hunter2\n", 1),
        ] {
            let said = parse(text).unwrap_err();
            assert!(said.starts_with(&format!("etc/depot-server.toml:{line}: this is no TOML: ")), "{said}");
            assert!(!said.contains("hunter2") && !said.contains('\n'), "{said}");
        }
    }
}
