//! Files that say exactly what is installed, or what a project requires: by their names.

use std::path::Path;

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
        read.lines.push(Line { requirement: requirement.to_owned(), place, ..Line::default() });
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
            (Source::Index, Some(version)) => read.lines.push(Line {
                requirement: format!("{name}=={version}"),
                hashes: hashes_of(package),
                place: path.display().to_string(),
                locked: true,
            }),
            (Source::Itself, _) => {}
            (Source::Index | Source::Elsewhere, _) => {
                read.said
                    .push(format!("{}: `{name}` comes from no index, and is not warmed", path.display()));
            }
        }
    }
    Ok(())
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
}
