//! `depot-server init`.

use std::io::{self, BufRead, IsTerminal as _};

use anyhow::Context as _;
use depot_proto::scope::ProjectPattern;

use super::{args::InitArgs, print, say};
use crate::{config, private};

pub(super) fn init(args: &InitArgs) -> anyhow::Result<()> {
    let path = &args.config;
    let shown = path.display();
    let there =
        || anyhow::anyhow!("`{shown}` is there already, and was left as it is: `--force` replaces it");
    // Nobody should answer questions for nothing.
    if !args.force && path.symlink_metadata().is_ok() {
        return Err(there());
    }
    let reserved = if args.reserve.is_empty() && is_someone_there() {
        asked(io::stdin().lock()).context("cannot read the answer")?
    } else {
        args.reserve.clone()
    };
    let reserved = once_each(reserved);
    let text = config::template(&reserved);
    let written = if args.force {
        private::replace(path, text.as_bytes())
    } else {
        private::write_new(path, text.as_bytes())
    };
    match written {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(there()),
        written => written.with_context(|| format!("cannot write `{shown}`"))?,
    }
    print(&shown.to_string());
    let named = match path.to_str() {
        Some(config::DEFAULT_NAME) => String::new(),
        _ => format!(" --config {shown}"),
    };
    say(&format!(
        "depot-server: every setting stands in it, commented out; change what you want, see what that means with\n\
         `depot-server config{named}`, and start with `depot-server serve{named}`"
    ));
    match reserved.as_slice() {
        [] => say(
            "depot-server: no name is reserved yet: set `reserved` in it before anybody asks for a private name that \
             was not published here",
        ),
        patterns => {
            let patterns: Vec<_> = patterns.iter().map(|pattern| format!("`{pattern}`")).collect();
            say(&format!("depot-server: no other index is ever asked for {}", patterns.join(", ")));
        }
    }
    Ok(())
}

fn is_someone_there() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks which names are private, until what is answered can be reserved.
///
/// # Errors
/// The answer cannot be read, or it ends after one that was refused.
fn asked(answers: impl BufRead) -> io::Result<Vec<ProjectPattern>> {
    say(
        "Which names of projects are your own, so that no other index is ever asked for them? Names, or beginnings of \
         names and a `*`, such as `acme-*`, with spaces between; nothing for none.",
    );
    let mut was_refused = false;
    for line in answers.lines() {
        match read(&line?) {
            Ok(patterns) => return Ok(patterns),
            Err((word, why)) => say(&format!("`{word}` cannot be reserved: {why}. Once more:")),
        }
        was_refused = true;
    }
    if was_refused {
        return Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "it ended before names that can be reserved",
        ));
    }
    Ok(Vec::new())
}

/// Each pattern once, in the order in which they were named.
fn once_each(patterns: Vec<ProjectPattern>) -> Vec<ProjectPattern> {
    let mut once = Vec::new();
    for pattern in patterns {
        if !once.contains(&pattern) {
            once.push(pattern);
        }
    }
    once
}

/// The patterns of an answer, or the word that is none and why.
fn read(line: &str) -> Result<Vec<ProjectPattern>, (String, &'static str)> {
    // Whoever copies a list out of a file leaves its commas and quotes in.
    let words = line.split([' ', '\t', ',', '"', '\'', '[', ']', '`']).filter(|word| !word.is_empty());
    words.map(|word| config::reservation(word).map_err(|why| (word.to_owned(), why))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_list_of_patterns_in_any_dress() {
        let shown = |line: &str| {
            read(line).map(|patterns| patterns.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        };
        for (line, patterns) in [
            ("", ""),
            ("acme-*", "acme-*"),
            (" Acme_Core  acme-* ", "acme-core acme-*"),
            ("[\"acme\", 'acme-*'],", "acme acme-*"),
        ] {
            assert_eq!(shown(line).unwrap(), patterns, "{line:?}");
        }
        for (line, word) in [("acme *", "*"), ("acme -", "-"), ("*-acme", "*-acme")] {
            assert_eq!(shown(line).unwrap_err().0, word, "{line:?}");
        }
    }

    #[test]
    fn an_answer_that_ends_after_a_refusal_is_none() {
        let shown = |answers: &str| -> io::Result<String> {
            let patterns = once_each(asked(answers.as_bytes())?);
            Ok(patterns.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        };
        for (answers, patterns) in
            [("", ""), ("\n", ""), ("*\nacme-*\n", "acme-*"), ("acme Acme pot\n", "acme pot")]
        {
            assert_eq!(shown(answers).unwrap(), patterns, "{answers:?}");
        }
        for answers in ["*", "*\n", "acme *\n-\n"] {
            let error = shown(answers).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{answers:?}");
        }
    }
}
