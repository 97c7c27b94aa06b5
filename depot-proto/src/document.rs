//! A TOML file whose every value knows its line, so that what is wrong in it can be said by its place.

use std::{borrow::Cow, collections::BTreeMap, ops::Range};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::Timestamp;

/// What is wrong with a file, and in which line, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {words}")]
pub struct Wrong {
    /// The line.
    pub line: usize,
    /// One sentence without a full stop.
    pub words: String,
}

impl Wrong {
    /// What is wrong in a line.
    pub fn new(line: usize, words: impl Into<String>) -> Self {
        Self { line, words: words.into() }
    }
}

/// The known key that a wrong one was probably meant to be, if there is one. Of keys in tables (`inputs.files`) the last
/// parts are compared: what stands in another table is near too. A third of the name may be wrong.
pub fn nearest<K: AsRef<str>>(wrong: &str, known: impl IntoIterator<Item = K>) -> Option<K> {
    let plain = |key: &str| {
        let last = key.rsplit('.').next().unwrap_or_default();
        last.to_ascii_lowercase().replace('_', "-")
    };
    let wrong = plain(wrong);
    let far = |key: K| (strsim::osa_distance(&wrong, &plain(key.as_ref())), key);
    let near = known.into_iter().map(far).min_by_key(|(distance, _)| *distance);
    near.filter(|(distance, _)| *distance <= (wrong.len() / 3).max(1)).map(|(_, key)| key)
}

/// A file that was read.
#[derive(Debug)]
pub struct Document<'t> {
    root: Spanned<DeTable<'t>>,
    lines: Lines,
}

/// Where each line begins.
#[derive(Debug)]
struct Lines(Vec<usize>);

impl Lines {
    fn of(&self, span: &Range<usize>) -> usize {
        self.0.partition_point(|start| *start <= span.start)
    }
}

impl<'t> Document<'t> {
    /// Reads the text of a file. The words of an error do not quote it.
    pub fn parse(text: &'t str) -> Result<Self, Wrong> {
        let starts = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        let lines = Lines(std::iter::once(0).chain(starts).collect());
        match DeTable::parse(text) {
            Ok(root) => Ok(Self { root, lines }),
            Err(error) => {
                let line = lines.of(&error.span().unwrap_or_default());
                let words = error.message().lines().next().unwrap_or_default();
                Err(Wrong::new(line, format!("this is no TOML: {words}")))
            }
        }
    }

    /// The whole file as a table.
    pub fn root(&self) -> Table<'_> {
        Table { entries: self.root.get_ref(), lines: &self.lines, line: 1 }
    }
}

/// A table of a file.
#[derive(Clone, Copy, Debug)]
pub struct Table<'d> {
    entries: &'d DeTable<'d>,
    lines: &'d Lines,
    /// Where it begins.
    pub line: usize,
}

/// A value of a file.
#[derive(Clone, Copy, Debug)]
pub struct Item<'d> {
    value: &'d DeValue<'d>,
    lines: &'d Lines,
    /// Where it begins.
    pub line: usize,
    /// The key that it stands under, for messages.
    key: &'d str,
}

impl<'d> Table<'d> {
    /// The value under a key.
    pub fn get(&self, key: &'d str) -> Option<Item<'d>> {
        let value = self.entries.get(key)?;
        Some(Item { value: value.get_ref(), lines: self.lines, line: self.lines.of(&value.span()), key })
    }

    /// Every key with its value, in the order of the keys.
    pub fn items(&self) -> impl Iterator<Item = (&'d str, Item<'d>)> + use<'d> {
        let lines = self.lines;
        self.entries.iter().map(move |(key, value)| {
            let (line, key) = (lines.of(&key.span()), key.get_ref().as_ref());
            (key, Item { value: value.get_ref(), lines, line, key })
        })
    }

    /// The text under a key, if it is there; something else there is wrong.
    pub fn text(&self, key: &'d str) -> Result<Option<&'d str>, Wrong> {
        self.get(key).map(|item| item.text()).transpose()
    }

    /// The text under a key that must be there.
    pub fn wanted_text(&self, key: &'d str) -> Result<&'d str, Wrong> {
        self.text(key)?.ok_or_else(|| Wrong::new(self.line, format!("`{key}` is missing")))
    }

    /// The table under a key.
    pub fn table(&self, key: &'d str) -> Result<Option<Self>, Wrong> {
        self.get(key).map(|item| item.table()).transpose()
    }

    /// The tables in the list under a key; none if it is not there.
    pub fn tables(&self, key: &'d str) -> Result<Vec<Self>, Wrong> {
        let items = self.get(key).map(|item| item.list()).transpose()?.unwrap_or_default();
        items.into_iter().map(|item| item.table()).collect()
    }

    /// The texts in the list under a key, with their lines; none if it is not there.
    pub fn texts(&self, key: &'d str) -> Result<Vec<(&'d str, usize)>, Wrong> {
        let items = self.get(key).map(|item| item.list()).transpose()?.unwrap_or_default();
        items.into_iter().map(|item| Ok((item.text()?, item.line))).collect()
    }

    /// The number under a key.
    pub fn number(&self, key: &'d str) -> Result<Option<u64>, Wrong> {
        self.get(key).map(|item| item.number()).transpose()
    }

    /// The truth value under a key; false if it is not there.
    pub fn boolean(&self, key: &'d str) -> Result<bool, Wrong> {
        Ok(self.get(key).map(|item| item.boolean()).transpose()?.unwrap_or_default())
    }

    /// The instant under a key: a TOML time, or a text of the same form. One that cannot be read is none: it is no
    /// reason to refuse a file.
    pub fn time(&self, key: &str) -> Option<Timestamp> {
        match self.entries.get(key)?.get_ref() {
            DeValue::Datetime(time) => time.to_string().parse().ok(),
            DeValue::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The texts by their keys of the table under a key.
    pub fn named_texts(&self, key: &'d str) -> Result<BTreeMap<&'d str, &'d str>, Wrong> {
        let Some(table) = self.table(key)? else { return Ok(BTreeMap::new()) };
        table.items().map(|(key, item)| Ok((key, item.text()?))).collect()
    }
}

impl<'d> Item<'d> {
    fn wrong(&self, wanted: &str) -> Wrong {
        Wrong::new(self.line, format!("`{}` must be {wanted}", self.key))
    }

    /// The text that it is.
    pub fn text(&self) -> Result<&'d str, Wrong> {
        self.value.as_str().ok_or_else(|| self.wrong("a text"))
    }

    /// The text that it is, or the TOML time, as it is written.
    pub fn text_or_time(&self) -> Result<Cow<'d, str>, Wrong> {
        match self.value {
            DeValue::Datetime(time) => Ok(time.to_string().into()),
            _ => self.text().map(Cow::Borrowed),
        }
    }

    /// The truth value that it is.
    pub fn boolean(&self) -> Result<bool, Wrong> {
        self.value.as_bool().ok_or_else(|| self.wrong("`true` or `false`"))
    }

    /// The number that it is.
    pub fn number(&self) -> Result<u64, Wrong> {
        let number = self.value.as_integer();
        let number = number.and_then(|number| u64::from_str_radix(number.as_str(), number.radix()).ok());
        number.ok_or_else(|| self.wrong("a number that is not negative"))
    }

    /// The table that it is.
    pub fn table(&self) -> Result<Table<'d>, Wrong> {
        let entries = self.value.as_table().ok_or_else(|| self.wrong("a table"))?;
        Ok(Table { entries, lines: self.lines, line: self.line })
    }

    /// Whether it is a table.
    pub fn is_table(&self) -> bool {
        self.value.is_table()
    }

    /// The values of the list that it is.
    pub fn list(&self) -> Result<Vec<Self>, Wrong> {
        let items = self.value.as_array().ok_or_else(|| self.wrong("a list"))?;
        let item = |value: &'d Spanned<DeValue<'d>>| Self {
            value: value.get_ref(),
            lines: self.lines,
            line: self.lines.of(&value.span()),
            key: self.key,
        };
        Ok(items.iter().map(item).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_knows_its_line_and_a_wrong_one_says_what_it_must_be() {
        let text = "a = 1\n\n[[b]]\nc = 'x'\n[[b]]\nc = [\n 'y',\n 3]\nd = -1\ne = 2024-05-06T07:08:09Z\n";
        let document = Document::parse(text).unwrap();
        let root = document.root();
        assert_eq!(root.number("a").unwrap(), Some(1));
        let tables = root.tables("b").unwrap();
        assert_eq!((tables[0].line, tables[0].text("c").unwrap()), (3, Some("x")));
        assert_eq!(tables[1].texts("c").unwrap_err(), Wrong::new(8, "`c` must be a text"));
        assert_eq!(
            tables[1].number("d").unwrap_err(),
            Wrong::new(9, "`d` must be a number that is not negative")
        );
        assert_eq!(tables[1].time("e").unwrap().to_string(), "2024-05-06T07:08:09.000000Z");
        assert_eq!(tables[1].wanted_text("f").unwrap_err(), Wrong::new(5, "`f` is missing"));
        assert_eq!(root.text("b").unwrap_err().words, "`b` must be a text");
    }

    #[test]
    fn what_is_no_toml_says_so_by_its_line_and_does_not_repeat_it() {
        for (text, line) in [("a = 1\nb = hunter2\n", 2), ("a = 1\na = 2\n", 2), ("[x\n", 1), ("\n\n=", 3)] {
            let wrong = Document::parse(text).unwrap_err();
            assert_eq!(wrong.line, line, "{text}: {}", wrong.words);
            assert!(wrong.words.starts_with("this is no TOML") && !wrong.words.contains("hunter2"));
        }
        // Deep nesting is refused and not followed until the stack is full.
        assert!(Document::parse(&format!("a = {}", "[".repeat(200_000))).is_err());
    }
}
