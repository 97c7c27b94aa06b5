//! Lists of requirements, as pip reads them. What an option of a list would change is said: what is warmed is what the
//! repository shows.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use depot_proto::{Requirement, RequirementError, redact::masked};

use super::{locks, variable};
use crate::python::warm::{Line, elsewhere};

/// How deep lists may name others.
const DEEPEST: usize = 16;

/// What was read of all files.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) lines: Vec<Line>,
    pub(super) constraints: Vec<String>,
    /// What in them has no effect here.
    pub(super) said: Vec<String>,
    pub(super) pre: bool,
    /// The files that are being read, the outermost first.
    open: Vec<PathBuf>,
}

impl Read {
    /// Nothing yet; whether pre-releases do.
    pub(super) fn new(pre: bool) -> Self {
        Self { pre, ..Self::default() }
    }

    /// Reads a list, or by its name a lock or a project.
    pub(super) fn file(&mut self, path: &Path) -> anyhow::Result<()> {
        if let Some(read) = locks::kind_of(path) {
            let text = text_of(path)?;
            let table = text.parse::<toml::Table>();
            let table = table.with_context(|| format!("`{}` is not what its name says", path.display()))?;
            return read(self, path, &table);
        }
        self.list(path, false)
    }

    /// Takes a requirement of the command line.
    pub(super) fn name(&mut self, text: &str) -> anyhow::Result<()> {
        self.requirement(text.trim(), Vec::new(), "")
    }

    /// Reads a list of constraints.
    pub(super) fn constraints(&mut self, path: &Path) -> anyhow::Result<()> {
        if locks::kind_of(path).is_some() {
            anyhow::bail!("`{}` is no list of constraints: give it to `-r`", path.display());
        }
        self.list(path, true)
    }

    fn list(&mut self, path: &Path, is_constraint: bool) -> anyhow::Result<()> {
        if self.open.len() >= DEEPEST || self.open.iter().any(|open| open == path) {
            anyhow::bail!("`{}` names itself, or lists too deep", path.display());
        }
        let text = text_of(path)?;
        self.open.push(path.to_owned());
        for (number, line) in logical(&text) {
            let place = format!("{}:{number}", path.display());
            self.line(&line, &place, path, is_constraint).with_context(|| place.clone())?;
        }
        self.open.pop();
        Ok(())
    }

    fn line(&mut self, line: &str, place: &str, path: &Path, is_constraint: bool) -> anyhow::Result<()> {
        if line.starts_with('-') {
            return self.option(line, place, path, is_constraint);
        }
        // Its options begin at the first word with a dash.
        let options_at = line.find(" -").unwrap_or(line.len());
        let (requirement, options) = line.split_at(options_at);
        let requirement = requirement.trim();
        let hashes = hashes_of(options)?;
        if !is_constraint {
            return self.requirement(requirement, hashes, place);
        }
        let is_address = elsewhere(requirement).is_some() || read(requirement)?.url.is_some();
        if is_address {
            let shown = masked(requirement);
            self.said.push(format!("{place}: `{shown}` bounds no versions, and has no effect"));
        } else {
            self.constraints.push(requirement.to_owned());
        }
        if !hashes.is_empty() {
            self.said.push(format!("{place}: `--hash` of a constraint has no effect"));
        }
        Ok(())
    }

    /// Takes a requirement, or what can be told of as no requirement that an index answers.
    pub(super) fn requirement(&mut self, text: &str, hashes: Vec<String>, place: &str) -> anyhow::Result<()> {
        if elsewhere(text).is_none() {
            read(text)?;
        }
        let (requirement, place) = (text.to_owned(), place.to_owned());
        self.lines.push(Line { requirement, hashes, place, locked: false });
        Ok(())
    }

    fn option(&mut self, line: &str, place: &str, path: &Path, is_constraint: bool) -> anyhow::Result<()> {
        let (flag, value) = flag_of(line);
        match flag {
            "-r" | "--requirement" | "-c" | "--constraint" => {
                let file = path.parent().unwrap_or(Path::new("")).join(value);
                if flag.trim_start_matches('-').starts_with('c') || is_constraint {
                    self.constraints(&file)
                } else {
                    self.file(&file)
                }
            }
            "--pre" => {
                self.pre = true;
                Ok(())
            }
            "--require-hashes" => Ok(()),
            "-e" | "--editable" => {
                self.said
                    .push(format!("{place}: `-e` names a folder of its own, of which nothing is warmed"));
                Ok(())
            }
            // Its value may be a secret.
            flag => {
                self.said
                    .push(format!("{place}: `{flag}` has no effect: what the repository shows is warmed"));
                Ok(())
            }
        }
    }
}

/// A requirement, which is refused without the passwords in it.
fn read(text: &str) -> anyhow::Result<Requirement> {
    text.parse().map_err(|error: RequirementError| anyhow::anyhow!(masked(&error.to_string())))
}

/// The digests among the options of a requirement, in either way that they are written.
fn hashes_of(options: &str) -> anyhow::Result<Vec<String>> {
    let mut hashes = Vec::new();
    let mut words = options.split_whitespace();
    while let Some(word) = words.next() {
        let hash = match word.strip_prefix("--hash") {
            Some("") => words.next().unwrap_or_default(),
            Some(value) => value.trim_start_matches('='),
            None => continue,
        };
        let digits = hash.split_once(':').map(|(name, digest)| match name {
            "sha256" => (64, digest),
            "sha384" => (96, digest),
            "sha512" => (128, digest),
            _ => (0, digest),
        });
        let is_one = digits.is_some_and(|(count, digest)| {
            count > 0 && digest.len() == count && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        if !is_one {
            anyhow::bail!(
                "`--hash` wants a digest by sha256, sha384 or sha512, as in `--hash=sha256:...`, and not `{hash}`"
            );
        }
        hashes.push(hash.to_owned());
    }
    Ok(hashes)
}

fn text_of(path: &Path) -> anyhow::Result<String> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}

/// An option and its value, in any of the ways that they are written.
fn flag_of(line: &str) -> (&str, &str) {
    let end = line.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(line.len());
    let (flag, value) = line.split_at(end);
    let value = value.trim_start_matches(|c: char| c == '=' || c.is_whitespace()).trim_end();
    // The value of a short one may follow at once.
    let is_joined = !flag.starts_with("--") && flag.len() > 2 && flag.is_char_boundary(2);
    if is_joined { (&flag[..2], &line[2..]) } else { (flag, value) }
}

/// The lines that say something, each with its number: continued ones joined, comments gone, variables filled in.
fn logical(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut begun: Option<(usize, String)> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let (number, mut joined) = begun.take().unwrap_or((number, String::new()));
        let (line, goes_on) = match line.strip_suffix('\\') {
            Some(line) if !line.trim_start().starts_with('#') => (line, true),
            _ => (line, false),
        };
        joined.push_str(without_comment(line));
        if goes_on { begun = Some((number, joined)) } else { lines.push((number, joined)) }
    }
    lines.extend(begun);
    let said = lines.into_iter().map(|(number, line)| (number, expanded(line.trim())));
    said.filter(|(_, line)| !line.is_empty()).collect()
}

/// A comment begins at the start of a line, or after a space.
fn without_comment(line: &str) -> &str {
    let begins = |at: usize| at == 0 || line[..at].ends_with(char::is_whitespace);
    let comment = line.match_indices('#').find(|(at, _)| begins(*at));
    comment.map_or(line, |(at, _)| &line[..at])
}

/// Fills in `${NAME}`, where there is such a variable.
fn expanded(line: &str) -> String {
    let (mut text, mut rest) = (String::new(), line);
    while let Some((before, after)) = rest.split_once("${") {
        text.push_str(before);
        match after.split_once('}') {
            Some((name, behind)) => {
                text.push_str(&variable(name).unwrap_or_else(|| format!("${{{name}}}")));
                rest = behind;
            }
            None => {
                text.push_str("${");
                rest = after;
            }
        }
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_installers_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let list = "\u{feff}# all of it\n\
                    requests[socks]>=2,<3 ; python_version > '3.8'  # why\n\
                    --index-url https://user:secret@index.example/simple\n\
                    six==1.16 \\\n    --hash=sha256:AA \\\n    --hash sha256:BB\n\
                    -r more.txt\n-cbounds.txt\n--pre\n-e .\n\
                    tea @ https://files.example/tea-1.tar.gz#sha256=cc\n\
                    git+https://me:secret@git.example/x/y.git@v1#egg=y\n";
        let (first, second) = ("a".repeat(64), "b".repeat(64));
        let list = list.replace("AA", &first).replace("BB", &second);
        fs::write(path("list.txt"), list).unwrap();
        fs::write(path("more.txt"), "pot").unwrap();
        fs::write(path("bounds.txt"), "pot<2\n").unwrap();
        let mut read = Read::default();
        read.file(&path("list.txt")).unwrap();
        let lines: Vec<_> = read.lines.iter().map(|line| line.requirement.as_str()).collect();
        let expected = [
            "requests[socks]>=2,<3 ; python_version > '3.8'",
            "six==1.16",
            "pot",
            "tea @ https://files.example/tea-1.tar.gz#sha256=cc",
            "git+https://me:secret@git.example/x/y.git@v1#egg=y",
        ];
        assert_eq!(lines, expected);
        assert_eq!(read.lines[1].hashes, [format!("sha256:{first}"), format!("sha256:{second}")]);
        assert!(read.lines[1].place.ends_with("list.txt:4") && read.pre);
        assert_eq!(read.constraints, ["pot<2"]);
        let said = read.said.join("\n");
        assert!(
            said.contains("list.txt:3: `--index-url` has no effect") && !said.contains("secret"),
            "{said}"
        );
        assert!(said.contains("`-e` names"), "{said}");
        fs::write(path("more.txt"), "-r list.txt").unwrap();
        assert!(Read::default().file(&path("list.txt")).is_err());
        fs::write(path("wrong.txt"), "six\n=nothing\n").unwrap();
        let error = Read::default().file(&path("wrong.txt")).unwrap_err();
        assert!(error.to_string().ends_with("wrong.txt:2"), "{error}");
    }

    /// What is read of one list, or why it is refused.
    fn of(name: &str, text: &str, is_constraint: bool) -> Result<Read, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        let mut read = Read::default();
        let done = if is_constraint { read.constraints(&path) } else { read.file(&path) };
        done.map(|()| read).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn constraints_are_read_or_refused() {
        let text = "six==1.16;python_version<'3.12'\nsix @ https://me:secret@h/six.whl\n";
        let read = of("c.txt", text, true).unwrap();
        assert_eq!(read.constraints, ["six==1.16;python_version<'3.12'"]);
        let said = read.said.join("\n");
        assert!(
            said.ends_with("c.txt:2: `six @ https://***@h/six.whl` bounds no versions, and has no effect")
        );
        let error = of("c.txt", "pot\nsix=<1.17\n", true).unwrap_err();
        assert!(error.contains("c.txt:2: `six=<1.17` is not a requirement"), "{error}");
        let error = of("uv.lock", "version = 1\n", true).unwrap_err();
        assert!(error.ends_with("is no list of constraints: give it to `-r`"), "{error}");
    }

    #[test]
    fn what_is_refused_is_refused_without_its_password_wherever_it_stands() {
        let error = of("list.txt", "six six @ https://me:secret@h/six.whl\n", false).unwrap_err();
        assert!(error.contains("https://***@h/six.whl") && !error.contains("secret"), "{error}");
        assert!(Read::default().name("=six").is_err() && of("list.txt", "=six\n", false).is_err());
        assert!(Read::default().name("six<2").is_ok());
    }

    #[test]
    fn digests_that_are_none_are_refused() {
        for hash in ["--hash=nonsense", "--hash", "--hash=md5:aa", "--hash sha256:aa", "--hash=sha256:"] {
            let error = of("list.txt", &format!("six {hash}\n"), false).unwrap_err();
            assert!(error.contains("`--hash` wants a digest"), "{hash}: {error}");
        }
    }
}
