//! One logical line: a requirement with its options, or options alone. Options are split as a shell would and read as
//! Python's `optparse` does, abbreviations of long names and clusters of short ones included.

use super::lines::Logical;

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Where it begins, counted from 1.
    pub(crate) number: usize,
    /// Its words as they are written, for messages.
    pub(crate) written: String,
    /// The requirement; none in a line of options.
    pub(crate) requirement: Option<String>,
    /// The options, as they come.
    pub(crate) options: Vec<OptionGiven>,
}

/// An option in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OptionGiven {
    pub(crate) flag: Flag,
    /// Its value; empty for one that takes none.
    pub(crate) value: String,
}

/// The options that pip knows in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flag {
    IndexUrl,
    ExtraIndexUrl,
    NoIndex,
    Constraint,
    Requirement,
    Editable,
    FindLinks,
    NoBinary,
    OnlyBinary,
    PreferBinary,
    RequireHashes,
    NoRequireHashes,
    Pre,
    AllReleases,
    OnlyFinal,
    TrustedHost,
    UseFeature,
    Hash,
    ConfigSettings,
}

/// The long names, whether a value follows, and the short name.
const FLAGS: &[(&str, Flag, bool, Option<char>)] = &[
    ("--index-url", Flag::IndexUrl, true, Some('i')),
    ("--pypi-url", Flag::IndexUrl, true, None),
    ("--extra-index-url", Flag::ExtraIndexUrl, true, None),
    ("--no-index", Flag::NoIndex, false, None),
    ("--constraint", Flag::Constraint, true, Some('c')),
    ("--requirement", Flag::Requirement, true, Some('r')),
    ("--editable", Flag::Editable, true, Some('e')),
    ("--find-links", Flag::FindLinks, true, Some('f')),
    ("--no-binary", Flag::NoBinary, true, None),
    ("--only-binary", Flag::OnlyBinary, true, None),
    ("--prefer-binary", Flag::PreferBinary, false, None),
    ("--require-hashes", Flag::RequireHashes, false, None),
    ("--no-require-hashes", Flag::NoRequireHashes, false, None),
    ("--pre", Flag::Pre, false, None),
    ("--all-releases", Flag::AllReleases, true, None),
    ("--only-final", Flag::OnlyFinal, true, None),
    ("--trusted-host", Flag::TrustedHost, true, None),
    ("--use-feature", Flag::UseFeature, true, None),
    ("--hash", Flag::Hash, true, None),
    ("--config-settings", Flag::ConfigSettings, true, Some('C')),
];

impl Flag {
    /// Its long name, as messages show it.
    pub(crate) fn name(self) -> &'static str {
        FLAGS.iter().find(|(_, flag, ..)| *flag == self).map_or("", |(name, ..)| name)
    }
}

impl Line {
    /// The first value of an option, if it is given.
    pub(crate) fn first(&self, flag: Flag) -> Option<&str> {
        self.options.iter().find(|given| given.flag == flag).map(|given| given.value.as_str())
    }
}

/// Why the options of a line cannot be read. It shows no values, which may be secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum LineError {
    #[error("a quotation in it does not end")]
    Quotation,
    #[error("there is no option `{0}` in lists of requirements")]
    Unknown(String),
    #[error("`{0}` may be short for more than one option: write it out")]
    Ambiguous(String),
    #[error("`{0}` wants a value")]
    NoValue(&'static str),
    #[error("`{0}` takes no value")]
    Value(&'static str),
    #[error("`--config-settings` wants KEY=VALUE")]
    Setting,
}

/// Reads a logical line. The requirement ends at the first word that begins with a dash.
pub(super) fn read(logical: &Logical) -> Result<Line, LineError> {
    let mut at = 0;
    let mut options_at = logical.text.len();
    for word in logical.text.split(' ') {
        if word.starts_with('-') {
            options_at = at;
            break;
        }
        at += word.len() + 1;
    }
    let (requirement, options) = logical.text.split_at(options_at);
    let requirement = requirement.trim();
    Ok(Line {
        number: logical.number,
        written: logical.written.clone(),
        requirement: (!requirement.is_empty()).then(|| requirement.to_owned()),
        options: read_options(words(options)?)?,
    })
}

fn read_options(words: Vec<String>) -> Result<Vec<OptionGiven>, LineError> {
    let mut options = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        if word == "--" {
            break;
        }
        if word.starts_with("--") {
            options.push(read_long(&word, &mut words)?);
        } else if word.len() > 1
            && let Some(cluster) = word.strip_prefix('-')
        {
            read_cluster(cluster, &mut words, &mut options)?;
        }
        // Words that are no options mean nothing to pip, and nothing here.
    }
    for given in &options {
        if given.flag == Flag::ConfigSettings && !given.value.contains('=') {
            return Err(LineError::Setting);
        }
    }
    Ok(options)
}

fn read_long(word: &str, words: &mut impl Iterator<Item = String>) -> Result<OptionGiven, LineError> {
    let (given, value) = match word.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (word, None),
    };
    let exact: Vec<_> = FLAGS.iter().filter(|(name, ..)| *name == given).collect();
    let begun = FLAGS.iter().filter(|(name, ..)| name.starts_with(given));
    let matching = if exact.is_empty() { begun.collect() } else { exact };
    let (name, flag, takes_value, _) = match matching[..] {
        [found] => *found,
        [] => return Err(LineError::Unknown(given.to_owned())),
        _ => return Err(LineError::Ambiguous(given.to_owned())),
    };
    let value = match (takes_value, value) {
        (true, Some(value)) => value,
        (true, None) => words.next().ok_or(LineError::NoValue(name))?,
        (false, Some(_)) => return Err(LineError::Value(name)),
        (false, None) => String::new(),
    };
    Ok(OptionGiven { flag, value })
}

fn read_cluster(
    cluster: &str,
    words: &mut impl Iterator<Item = String>,
    options: &mut Vec<OptionGiven>,
) -> Result<(), LineError> {
    // Every short option takes a value, so the first one has the rest of the word, or else the next word.
    let Some(letter) = cluster.chars().next() else { return Ok(()) };
    let found = FLAGS.iter().find(|(.., short)| *short == Some(letter));
    let Some((name, flag, ..)) = found else { return Err(LineError::Unknown(format!("-{letter}"))) };
    let rest = &cluster[letter.len_utf8()..];
    let value = if rest.is_empty() { words.next().ok_or(LineError::NoValue(name))? } else { rest.to_owned() };
    options.push(OptionGiven { flag: *flag, value });
    Ok(())
}

/// Splits words as Python's `shlex` does: by white space, with quotations and backslashes.
fn words(text: &str) -> Result<Vec<String>, LineError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\\' => word.get_or_insert_default().push(characters.next().ok_or(LineError::Quotation)?),
            quote @ ('\'' | '"') => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next().ok_or(LineError::Quotation)? {
                        end if end == quote => break,
                        // Inside double quotations a backslash escapes those and itself, and else stays.
                        '\\' if quote == '"' => match characters.next().ok_or(LineError::Quotation)? {
                            escaped @ ('"' | '\\') => word.push(escaped),
                            other => word.extend(['\\', other]),
                        },
                        other => word.push(other),
                    }
                }
            }
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    Ok(words)
}
