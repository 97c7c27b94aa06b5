//! Files that say exactly what is installed, or what a project requires: by their names.

use std::path::Path;

use anyhow::Context as _;
use depot_proto::Requirement;
use toml::{Table, Value};

use super::requirements::Read;
use crate::python::warm::Line;

/// How such a file is read.
type Reader = fn(&mut Read, &Path, &Table) -> anyhow::Result<()>;

/// How a file of this name is read, if not as a list of requirements.
pub(super) fn kind_of(path: &Path) -> Option<Reader> {
    match path.file_name()?.to_str()? {
        "pyproject.toml" => Some(project),
        "uv.lock" | "poetry.lock" => Some(lock),
        name => (name.starts_with("pylock.") && path.extension()? == "toml").then_some(lock as Reader),
    }
}

/// What a project requires (PEP 621).
fn project(read: &mut Read, path: &Path, table: &Table) -> anyhow::Result<()> {
    let project = table.get("project").and_then(Value::as_table);
    let Some(project) = project else { anyhow::bail!("`{}` has no table `project`", path.display()) };
    let required = project.get("dependencies").and_then(Value::as_array);
    for requirement in required.into_iter().flatten().filter_map(Value::as_str) {
        let place = path.display().to_string();
        read.requirement(requirement, Vec::new(), &place).with_context(|| place.clone())?;
    }
    Ok(())
}

/// The packages of a lock of uv, Poetry or PEP 751, each with its version and the digests of its files.
fn lock(read: &mut Read, path: &Path, table: &Table) -> anyhow::Result<()> {
    let packages = ["package", "packages"].iter().find_map(|key| table.get(*key)?.as_array());
    let Some(packages) = packages else { anyhow::bail!("`{}` locks nothing", path.display()) };
    for package in packages.iter().filter_map(Value::as_table) {
        let text = |key: &str| package.get(key).and_then(Value::as_str);
        let Some(name) = text("name") else { continue };
        match (source_of(package), text("version")) {
            (Source::Index, Some(version)) => {
                let mut requirement = format!("{name}=={version}");
                if let Some(marker) = marker_of(package) {
                    requirement = format!("{requirement} ; {marker}");
                    if requirement.parse::<Requirement>().is_err() {
                        requirement = format!("{name}=={version}");
                        read.said.push(format!(
                            "{}: the marker of `{name}` cannot be read, and it is warmed for every target",
                            path.display()
                        ));
                    }
                }
                let (hashes, place) = (hashes_of(package), path.display().to_string());
                read.lines.push(Line { requirement, hashes, place, locked: true });
            }
            (Source::Itself, _) => {}
            (Source::Index | Source::Elsewhere, _) => {
                read.said
                    .push(format!("{}: `{name}` comes from no index, and is not warmed", path.display()));
            }
        }
    }
    Ok(())
}

/// Where a package is installed, as each kind of lock says it: with whatever extras and groups. None if it may be anywhere.
fn marker_of(package: &Table) -> Option<String> {
    let any = |markers: Vec<&str>| -> Option<String> {
        let markers: Vec<_> =
            markers.into_iter().map(|marker| format!("({})", with_all_extras(marker))).collect();
        (!markers.is_empty()).then(|| markers.join(" or "))
    };
    if let Some(forks) = package.get("resolution-markers").and_then(Value::as_array) {
        return any(forks.iter().map(Value::as_str).collect::<Option<_>>()?);
    }
    match package.get("marker").or_else(|| package.get("markers"))? {
        Value::String(marker) => any(vec![marker]),
        // Poetry: by group, of which those without one are everywhere.
        Value::Table(by_group) => {
            let mut groups = package.get("groups").and_then(Value::as_array).into_iter().flatten();
            let has_one = |group: &Value| group.as_str().is_some_and(|group| by_group.contains_key(group));
            let markers = by_group.values().map(Value::as_str).collect::<Option<_>>()?;
            groups.all(has_one).then(|| any(markers))?
        }
        _ => None,
    }
}

/// A marker in which everything is true that asks for extras and groups: any may be installed.
fn with_all_extras(marker: &str) -> String {
    const TRUE: &str = "python_version >= '0'";
    let is_extra = |word: &str| matches!(word, "extra" | "extras" | "dependency_groups");
    let is_operator =
        |word: &str| word.starts_with(['<', '>', '=', '!', '~']) || matches!(word, "in" | "not");
    let mut words = words_of(marker);
    let mut at = 0;
    while at < words.len() {
        let comparison = if words.get(at + 1) == Some(&"not") { 4 } else { 3 };
        let is_comparison = words.get(at + 1).is_some_and(|word| is_operator(word));
        let ends = [words.get(at), words.get(at + comparison - 1)];
        if is_comparison && ends.into_iter().flatten().any(|word| is_extra(word)) && ends[1].is_some() {
            words.splice(at..at + comparison, [TRUE]);
        }
        at += 1;
    }
    words.join(" ")
}

/// The words of a marker: quoted texts, parentheses, operators and names.
fn words_of(marker: &str) -> Vec<&str> {
    let is_operator = |c: char| "<>=!~".contains(c);
    let (mut words, mut rest) = (Vec::new(), marker.trim_start());
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '\'' | '"' => rest[1..].find(first).map(|end| end + 2),
            '(' | ')' => Some(1),
            _ if is_operator(first) => rest.find(|c: char| !is_operator(c)),
            _ => rest.find(|c: char| c.is_whitespace() || is_operator(c) || "()'\"".contains(c)),
        };
        let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
        words.push(word);
        rest = after.trim_start();
    }
    words
}

/// Where a lock says that a package comes from.
enum Source {
    Index,
    /// The project that the lock is of, or a folder beside it.
    Itself,
    Elsewhere,
}

/// The keys by which a lock of uv names a folder.
const FOLDERS: [&str; 4] = ["virtual", "editable", "directory", "path"];

fn source_of(package: &Table) -> Source {
    let has = |table: &Table, keys: &[&str]| keys.iter().any(|key| table.contains_key(*key));
    match package.get("source").and_then(Value::as_table) {
        Some(source) if has(source, &FOLDERS) => Source::Itself,
        Some(source) if has(source, &["registry"]) => Source::Index,
        // Poetry: a type of its own for everything but PyPI.
        Some(source) => match source.get("type").and_then(Value::as_str) {
            Some("legacy") => Source::Index,
            Some("directory" | "file") => Source::Itself,
            _ => Source::Elsewhere,
        },
        None if has(package, &["directory"]) => Source::Itself,
        None if has(package, &["vcs", "archive"]) => Source::Elsewhere,
        None => Source::Index,
    }
}

/// The digests of the files of a package, as each kind of lock has them.
fn hashes_of(package: &Table) -> Vec<String> {
    let lists = ["wheels", "files"].iter().filter_map(|key| package.get(*key)?.as_array()).flatten();
    let files = lists.chain(package.get("sdist")).filter_map(Value::as_table);
    let digests = files.flat_map(|file| {
        let one = file.get("hash").and_then(Value::as_str).map(str::to_owned);
        let many = file.get("hashes").and_then(Value::as_table).into_iter().flatten();
        let many = many.filter_map(|(name, digest)| Some(format!("{name}:{}", digest.as_str()?)));
        one.into_iter().chain(many).collect::<Vec<_>>()
    });
    digests.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> (Vec<String>, Vec<String>) {
        let path = Path::new(name);
        let mut read = Read::default();
        kind_of(path).unwrap()(&mut read, path, &text.parse().unwrap()).unwrap();
        let shown = |line: &Line| format!("{} {} {}", line.requirement, line.hashes.join(","), line.locked);
        (read.lines.iter().map(shown).collect(), read.said)
    }

    #[test]
    fn each_kind_of_lock_says_versions_and_digests() {
        let uv = "version = 1\n\
                  [[package]]\nname = \"own\"\nversion = \"0\"\nsource = { virtual = \".\" }\n\
                  [[package]]\nname = \"six\"\nversion = \"1.16\"\nsource = { registry = \"https://index.example/simple\" }\n\
                  sdist = { url = \"u\", hash = \"sha256:aa\" }\nwheels = [{ url = \"u\", hash = \"sha256:bb\" }]\n\
                  [[package]]\nname = \"tea\"\nversion = \"1\"\nsource = { git = \"https://g\" }\n";
        let (lines, said) = read("uv.lock", uv);
        assert_eq!(lines, ["six==1.16 sha256:bb,sha256:aa true"]);
        assert_eq!(said, ["uv.lock: `tea` comes from no index, and is not warmed"]);
        let poetry = "[[package]]\nname = \"six\"\nversion = \"1.16\"\nfiles = [{file = \"f\", hash = \"sha256:aa\"}]\n\
                      [[package]]\nname = \"own\"\nversion = \"1\"\n[package.source]\ntype = \"legacy\"\nurl = \"u\"\n";
        assert_eq!(read("poetry.lock", poetry).0, ["six==1.16 sha256:aa true", "own==1  true"]);
        let pylock = "[[packages]]\nname = \"six\"\nversion = \"1.16\"\n\
                      wheels = [{ name = \"w\", hashes = { sha256 = \"aa\" } }]\n\
                      [[packages]]\nname = \"tea\"\narchive = { url = \"u\" }\n";
        assert_eq!(read("pylock.dev.toml", pylock).0, ["six==1.16 sha256:aa true"]);
        let project = "[project]\nname = \"x\"\ndependencies = [\"six>=1\"]\n";
        assert_eq!(read("pyproject.toml", project).0, ["six>=1  false"]);
        assert!(kind_of(Path::new("requirements.toml")).is_none());
    }

    #[test]
    fn each_kind_of_lock_says_where_its_forks_are_installed() {
        let shown = |name: &str, text: &str| {
            let path = Path::new(name);
            let mut read = Read::default();
            kind_of(path).unwrap()(&mut read, path, &text.parse().unwrap()).unwrap();
            assert!(read.said.is_empty(), "{:?}", read.said);
            let applies = |line: &Line, target: &str| {
                let target: depot_proto::Target = target.parse().unwrap();
                line.requirement.parse::<Requirement>().unwrap().applies_in(target.environment(), &[])
            };
            let targets = ["cp311-manylinux_2_28_x86_64", "cp312-manylinux_2_28_x86_64", "cp312-win_amd64"];
            let of_target = |target| {
                let lines = read.lines.iter().filter(|line| applies(line, target));
                let lines = lines.map(|line| line.requirement.split(" ;").next().unwrap());
                lines.collect::<Vec<_>>().join(" ")
            };
            targets.map(of_target)
        };
        let fork = |key: &str, version: &str, marker: &str| {
            format!("[[{key}]]\nname = \"six\"\nversion = \"{version}\"\n{marker}\n")
        };
        let uv = [
            fork(
                "package",
                "1.16",
                "source = { registry = \"https://index.example/simple\" }\n\
                 resolution-markers = [\"python_full_version < '3.12'\", \"sys_platform == 'win32'\"]",
            ),
            fork("package", "1.17", "resolution-markers = [\"python_full_version >= '3.12'\"]"),
        ];
        assert_eq!(shown("uv.lock", &uv.concat()), ["six==1.16", "six==1.17", "six==1.16 six==1.17"]);
        let pylock = [
            fork(
                "packages",
                "1.16",
                "marker = \"sys_platform == 'win32' and 'dev' not in dependency_groups\"",
            ),
            fork("packages", "1.17", "marker = \"'x' in extras and (sys_platform == 'linux')\""),
        ];
        assert_eq!(shown("pylock.toml", &pylock.concat()), ["six==1.17", "six==1.17", "six==1.16"]);
        let poetry = [
            fork(
                "package",
                "1.15",
                "markers = 'python_version<\"3.12\" or extra == \"old\" and os_name == \"nt\"'",
            ),
            fork("package", "1.16", "groups = [\"main\"]\nmarkers = {main = \"python_version >= '3.12'\"}"),
            fork("package", "1.17", "groups = [\"main\", \"dev\"]\nmarkers = {dev = \"os_name == 'nt'\"}"),
        ];
        assert_eq!(
            shown("poetry.lock", &poetry.concat()),
            ["six==1.15 six==1.17", "six==1.16 six==1.17", "six==1.15 six==1.16 six==1.17"]
        );
    }
}
