//! `poetry.lock`: files by name and digest. Where they are is asked of the index.

use std::collections::BTreeMap;

use super::{
    super::document::{Table, Wrong},
    Lock, Package,
    file::{self, Around},
    marker,
    marker::Marker,
    project,
};

/// Whether the file is one.
pub(super) fn is_one(root: &Table<'_>) -> bool {
    let metadata = root.table("metadata").ok().flatten();
    metadata.is_some_and(|metadata| {
        metadata.get("content-hash").is_some() || metadata.get("lock-version").is_some()
    })
}

pub(super) fn read(root: &Table<'_>, lock: &mut Lock) -> Result<(), Wrong> {
    let mut old_files = BTreeMap::new();
    if let Some(metadata) = root.table("metadata")? {
        if let Some(item) = metadata.get("lock-version")
            && !["1.", "2."].iter().any(|known| item.text().is_ok_and(|version| version.starts_with(known)))
        {
            return Err(Wrong::new(
                item.line,
                "`lock-version` of this poetry.lock is not 1 or 2: a newer depot may read it",
            ));
        }
        // Until version 1.2 of the form the files stood apart from the packages.
        if let Some(files) = metadata.table("files")? {
            for (name, _) in files.items() {
                old_files.insert(super::normalized(name), files.tables(name)?);
            }
        }
    }
    if let Some(extras) = root.table("extras")? {
        lock.known.extras.extend(extras.items().map(|(name, _)| name.to_owned()));
    }
    for package in root.tables("package")? {
        lock.known.groups.extend(package.texts("groups")?.into_iter().map(|(name, _)| name.to_owned()));
        read_package(&package, &old_files, lock)?;
    }
    Ok(())
}

fn read_package<'d>(
    table: &Table<'d>,
    old_files: &BTreeMap<String, Vec<Table<'d>>>,
    lock: &mut Lock,
) -> Result<(), Wrong> {
    let project = project(table)?;
    let mut index = None;
    if let Some(source) = table.table("source")? {
        match source.text("type")?.unwrap_or("pypi") {
            "pypi" | "url" => {}
            "legacy" => index = file::index(source.text("url")?),
            "git" | "hg" | "svn" => {
                let why = "it is a checkout of a repository, and packages are saved from an index";
                lock.skip(project.as_str(), table.line, why);
                return Ok(());
            }
            _ => {
                let why = "it is a file or folder of this machine, and packages are saved from an index";
                lock.skip(project.as_str(), table.line, why);
                return Ok(());
            }
        }
    }
    let around = Around { project: &project, index: index.as_ref() };
    let entries = match table.get("files") {
        Some(_) => table.tables("files")?,
        None => old_files.get(project.as_str()).cloned().unwrap_or_default(),
    };
    let mut files = Vec::new();
    for entry in entries {
        let name = entry.wanted_text("file")?;
        files.extend(file::read(&entry, Some(name), file::hash(&entry)?, around, lock)?);
    }
    if files.is_empty() {
        lock.skip(project.as_str(), table.line, "the lock names no files of it that could be saved");
        return Ok(());
    }
    let marker = where_wanted(table)?;
    lock.packages.push(Package { marker, files });
    Ok(())
}

/// Where a package is wanted: by its groups, each of which may have a marker of its own, and by the Pythons that it is
/// for. Locks before version 2.1 of the form say neither.
fn where_wanted(table: &Table<'_>) -> Result<Marker, Wrong> {
    let groups = table.texts("groups")?;
    let of_group = |name: &str| match name {
        "main" => Marker::default(),
        name => Marker::Group { name: name.to_owned(), within: true },
    };
    let wanted = match table.get("markers") {
        Some(item) if item.is_table() => {
            let markers = table.named_texts("markers")?;
            let with_marker = |(group, _): (&str, usize)| {
                let marker =
                    markers.get(group).map_or_else(|| Ok(Marker::default()), |text| marker(text, item.line));
                Ok(of_group(group).and(marker?))
            };
            Marker::Any(groups.into_iter().map(with_marker).collect::<Result<_, Wrong>>()?)
        }
        found => {
            let everywhere =
                found.map_or_else(|| Ok(Marker::default()), |item| marker(item.text()?, item.line))?;
            let any = groups.iter().map(|(group, _)| of_group(group)).collect::<Vec<_>>();
            if any.is_empty() { everywhere } else { everywhere.and(Marker::Any(any)) }
        }
    };
    // Poetry writes its own kind of ranges too, `^3.8`, and `*` for every one.
    let python = table.text("python-versions")?.and_then(|python| Marker::of_python(python).ok());
    Ok(wanted.and(python.unwrap_or_default()))
}
