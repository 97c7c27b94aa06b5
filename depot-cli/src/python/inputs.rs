//! What was asked for: requirements from the command line, standard input and files.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use depot_proto::Requirement;

use crate::exit::UsageError;

/// The most that is read of one list, in bytes; a list of a million requirements is smaller.
const MAX_LIST: u64 = 64 << 20;

/// One thing asked for.
#[derive(Clone, Debug)]
pub(super) struct Input {
    /// As it was written.
    pub(super) text: String,
    /// Where it was written.
    pub(super) place: Place,
    /// What it means, or why it means nothing.
    pub(super) requirement: Result<Requirement, String>,
}

/// Where something was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    CommandLine,
    Stdin(usize),
    File(PathBuf, usize),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::CommandLine => f.write_str("command line"),
            Self::Stdin(line) => write!(f, "standard input, line {line}"),
            Self::File(path, line) => write!(f, "{}, line {line}", path.display()),
        }
    }
}

impl Input {
    /// The thing and its place, for a message.
    pub(super) fn label(&self) -> String {
        match self.place {
            Place::CommandLine => self.text.clone(),
            Place::Stdin(_) | Place::File(..) => format!("{} ({})", self.text, self.place),
        }
    }
}

/// Reads everything that was asked for. A file that cannot be read ends the run; a line that cannot be read does not.
pub(super) fn read(specs: &[String], stdin: bool, files: &[PathBuf]) -> anyhow::Result<Vec<Input>> {
    let mut inputs: Vec<Input> = specs.iter().map(|spec| input(spec, Place::CommandLine)).collect();
    if stdin {
        let mut text = String::new();
        std::io::stdin().take(MAX_LIST).read_to_string(&mut text).context("cannot read standard input")?;
        inputs.extend(lines(&text).map(|(number, line)| input(line, Place::Stdin(number))));
    }
    for path in files {
        let text = read_file(path)?;
        inputs.extend(lines(&text).map(|(number, line)| input(line, Place::File(path.clone(), number))));
    }
    if inputs.is_empty() {
        let words = "nothing to save: name packages, or use --stdin or -r FILE";
        return Err(UsageError(words.to_owned()).into());
    }
    Ok(inputs)
}

fn read_file(path: &Path) -> anyhow::Result<String> {
    let shown = path.display();
    let file = fs::File::open(path).with_context(|| format!("cannot read `{shown}`"))?;
    let mut text = String::new();
    file.take(MAX_LIST).read_to_string(&mut text).with_context(|| format!("cannot read `{shown}`"))?;
    Ok(text)
}

/// The lines that say something, with their numbers; comments begin with `#` at the start or after a space.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.lines().enumerate().filter_map(|(index, line)| {
        let comment = line
            .match_indices('#')
            .map(|(at, _)| at)
            .find(|at| line[..*at].chars().next_back().is_none_or(char::is_whitespace));
        let line = line[..comment.unwrap_or(line.len())].trim();
        (!line.is_empty()).then_some((index + 1, line))
    })
}

fn input(text: &str, place: Place) -> Input {
    Input { text: text.to_owned(), place, requirement: requirement(text) }
}

fn requirement(text: &str) -> Result<Requirement, String> {
    if text.starts_with('-') {
        return Err("options in a list are not supported: give plain requirements".to_owned());
    }
    let requirement: Requirement =
        text.parse().map_err(|error: depot_proto::RequirementError| error.to_string())?;
    match &requirement.url {
        Some(_) => Err("it names an address, and packages are saved from an index".to_owned()),
        None => Ok(requirement),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_lose_comments_and_keep_their_numbers() {
        let text = "\u{feff}six\n\n# all of it\n  requests>=2 # why\nfoo#bar\r\n";
        let read: Vec<_> = lines(text).collect();
        assert_eq!(read, [(1, "six"), (4, "requests>=2"), (5, "foo#bar")]);
    }

    #[test]
    fn what_cannot_be_saved_says_why() {
        for (text, words) in [
            ("-e .", "options in a list"),
            ("six @ https://files.example/six.zip", "names an address"),
            ("six==", "is not a requirement"),
        ] {
            assert!(requirement(text).unwrap_err().contains(words), "{text}");
        }
        assert!(requirement("six==1.17.0 ; python_version > '3'").is_ok());
    }
}
