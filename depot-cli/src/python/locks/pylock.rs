//! `pylock.toml` (PEP 751).

use depot_proto::Version;

use super::{
    super::{
        document::{Table, Wrong},
        requirements::{Hashes, masked},
    },
    Known, Lock, LockedFile, Package,
    file::{self, Around},
    marker,
    marker::Marker,
    project,
};

/// Where the sources are that are no files of an index.
const ELSEWHERE: [(&str, &str); 2] = [
    ("vcs", "it is a checkout of a repository, and packages are saved from an index"),
    ("directory", "it is a folder, and packages are saved from an index"),
];

pub(super) fn read(root: &Table<'_>, lock: &mut Lock) -> Result<(), Wrong> {
    let version = root.wanted_text("lock-version")?;
    let line = root.get("lock-version").map_or(1, |item| item.line);
    match version.split_once('.') {
        Some(("1", "0")) => {}
        Some(("1", _)) => {
            let words = format!("`{}` is newer than what is known: 1.0", version.escape_debug());
            lock.warn(line, &words);
        }
        _ => return Err(Wrong::new(line, "`lock-version` is not 1.0: a newer depot may read it")),
    }
    if root.get("packages").is_none() {
        return Err(Wrong::new(1, "`packages` is missing"));
    }
    let names = |key| Ok(root.texts(key)?.into_iter().map(|(name, _)| name.to_owned()).collect());
    lock.known = Known { extras: names("extras")?, groups: names("dependency-groups")? };
    for package in root.tables("packages")? {
        read_package(&package, lock)?;
    }
    Ok(())
}

fn read_package(table: &Table<'_>, lock: &mut Lock) -> Result<(), Wrong> {
    let project = project(table)?;
    for (key, why) in ELSEWHERE {
        if table.get(key).is_some() {
            lock.skip(project.as_str(), table.line, why);
            return Ok(());
        }
    }
    let mut wanted = match table.get("marker") {
        Some(item) => marker(item.text()?, item.line)?,
        None => Marker::default(),
    };
    if let Some(item) = table.get("requires-python") {
        let python = Marker::of_python(item.text()?).map_err(|why| Wrong::new(item.line, why))?;
        wanted = wanted.and(python);
    }
    let index = file::index(table.text("index")?);
    let around = Around { project: &project, index: index.as_ref() };
    let mut files: Vec<LockedFile> = Vec::new();
    let entries = [table.table("archive")?, table.table("sdist")?].into_iter().flatten();
    for entry in entries.chain(table.tables("wheels")?) {
        let name = entry.text("name")?;
        files.extend(file::read(&entry, name, hashes(&entry)?, around, lock)?);
    }
    let has_source = ["archive", "sdist", "wheels"].iter().any(|key| table.get(key).is_some());
    if !has_source {
        let words = format!("`{project}` has no files: one of `wheels`, `sdist` and `archive` is wanted");
        return Err(Wrong::new(table.line, words));
    }
    let version = table.text("version")?.map(Version::read);
    for file in &files {
        if version.as_ref().is_some_and(|version| version != file.filename.version()) {
            let words =
                format!("`{}` is not of the version that its package has", masked(file.filename.as_str()));
            return Err(Wrong::new(table.line, words));
        }
    }
    if !files.is_empty() {
        lock.packages.push(Package { marker: wanted, files });
    }
    Ok(())
}

/// The digests of a file: those that are known here, at least one of which there must be.
fn hashes(entry: &Table<'_>) -> Result<Hashes, Wrong> {
    let mut hashes = Hashes::default();
    let listed = entry.named_texts("hashes")?;
    let mut refused = None;
    for (algorithm, digest) in &listed {
        let algorithm = algorithm.to_ascii_lowercase();
        // Where there is a good one, others do not matter.
        if let Err(why) = hashes.add(&format!("{algorithm}:{digest}")) {
            let is_known = ["sha256", "sha384", "sha512"].contains(&algorithm.as_str());
            refused = refused.or(is_known.then_some(why));
        }
    }
    match refused {
        Some(why) => Err(Wrong::new(entry.line, why)),
        None if hashes.is_empty() => Err(Wrong::new(
            entry.line,
            "`hashes` has none of sha256, sha384 and sha512: nothing could be enforced",
        )),
        None => Ok(hashes),
    }
}
