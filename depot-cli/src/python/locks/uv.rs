//! `uv.lock`, read leniently: its form is uv's own affair. A package does not say where it is wanted; that follows from
//! who needs whom.

use std::collections::{BTreeMap, BTreeSet};

use depot_proto::Environment;

use super::{
    super::document::{Table, Wrong},
    Lock, Package, Selected,
    file::{self, Around},
    marker::Marker,
    project,
};

/// Who needs whom.
#[derive(Clone, Debug, Default)]
pub(in crate::python) struct Links {
    nodes: Vec<Node>,
    by_name: BTreeMap<String, Vec<usize>>,
}

/// A package of the lock, one without files too.
#[derive(Clone, Debug, Default)]
struct Node {
    version: Option<String>,
    source: Option<String>,
    /// Its place among the lock's packages, if it has files.
    package: Option<usize>,
    /// Whether it is one that the lock was made for.
    is_root: bool,
    always: Vec<Edge>,
    by_extra: Vec<(String, Vec<Edge>)>,
    by_group: Vec<(String, Vec<Edge>)>,
}

#[derive(Clone, Debug)]
struct Edge {
    name: String,
    version: Option<String>,
    source: Option<String>,
    extras: Vec<String>,
    marker: Marker,
}

/// Why what comes from there is not saved; none of a source that can be.
fn elsewhere(source: &Table<'_>) -> Option<&'static str> {
    let has = |key| source.get(key).is_some();
    if has("git") {
        Some("it is a checkout of a repository, and packages are saved from an index")
    } else if has("path") {
        Some("it is a file of this machine, and packages are saved from an index")
    } else if has("directory") || has("editable") || has("virtual") {
        Some("it is a folder of this machine, and packages are saved from an index")
    } else if has("registry") || has("url") {
        None
    } else {
        Some("its source is of a kind that is not known here")
    }
}

pub(super) fn read(root: &Table<'_>, lock: &mut Lock) -> Result<(), Wrong> {
    if root.number("version")? != Some(1) {
        let line = root.get("version").map_or(1, |item| item.line);
        return Err(Wrong::new(line, "`version` of this uv.lock is not 1: a newer depot may read it"));
    }
    let mut links = Links::default();
    let groups = members(root)?;
    for table in root.tables("package")? {
        let node = read_package(&table, lock)?;
        let name = project(&table)?.as_str().to_owned();
        links.by_name.entry(name).or_default().push(links.nodes.len());
        links.nodes.push(node);
    }
    if !links.nodes.iter().any(|node| node.is_root) && groups.is_empty() {
        // Nobody is known to want anything, so all is wanted.
        links.nodes.iter_mut().for_each(|node| node.is_root = true);
    }
    if !groups.is_empty() {
        // What the workspace itself wants, without being a package.
        links.nodes.push(Node { is_root: true, by_group: groups, ..Node::default() });
    }
    for node in links.nodes.iter().filter(|node| node.is_root) {
        lock.known.extras.extend(node.by_extra.iter().map(|(name, _)| name.clone()));
        let groups = node.by_group.iter().filter(|(name, _)| !name.is_empty());
        lock.known.groups.extend(groups.map(|(name, _)| name.clone()));
    }
    lock.links = Some(links);
    Ok(())
}

/// What a workspace without a package of its own wants.
fn members(root: &Table<'_>) -> Result<Vec<(String, Vec<Edge>)>, Wrong> {
    let Some(manifest) = root.table("manifest")? else { return Ok(Vec::new()) };
    let mut groups = by_name(&manifest, "dependency-groups")?;
    let requirements = edges(&manifest, "requirements")?;
    if !requirements.is_empty() {
        groups.push((String::new(), requirements));
    }
    Ok(groups)
}

fn read_package(table: &Table<'_>, lock: &mut Lock) -> Result<Node, Wrong> {
    let project = project(table)?;
    let version = table.text("version")?;
    let source = table.table("source")?;
    let why_not = source.as_ref().and_then(elsewhere);
    let is_root = source.is_some_and(|source| {
        ["virtual", "editable", "directory"].iter().any(|kind| source.get(kind).is_some())
    });
    let mut package = None;
    match (why_not, &source) {
        // The project itself is not missed.
        (Some(_), Some(source)) if is_root && is_here(source)? => {}
        (Some(why), _) => lock.skip(project.as_str(), table.line, why),
        (None, _) => {
            let registry = source.map(|source| source.text("registry")).transpose()?.flatten();
            let index = file::index(registry);
            let around = Around { project: &project, index: index.as_ref() };
            let mut files = Vec::new();
            for entry in table.table("sdist")?.into_iter().chain(table.tables("wheels")?) {
                let name = entry.text("filename")?;
                files.extend(file::read(&entry, name, file::hash(&entry)?, around, lock)?);
            }
            // A file at an address of its own is named by the source.
            if files.is_empty() {
                lock.skip(project.as_str(), table.line, "the lock names no files of it that could be saved");
            } else {
                package = Some(lock.packages.len());
                lock.packages.push(Package { marker: Marker::default(), files });
            }
        }
    }
    Ok(Node {
        version: version.map(str::to_owned),
        source: source.map(|source| source_key(&source)).transpose()?,
        package,
        is_root,
        always: edges(table, "dependencies")?,
        by_extra: by_name(table, "optional-dependencies")?,
        by_group: by_name(table, "dev-dependencies")?,
    })
}

/// Whether a source is the folder of the lock itself.
fn is_here(source: &Table<'_>) -> Result<bool, Wrong> {
    for kind in ["virtual", "editable", "directory"] {
        if source.text(kind)? == Some(".") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A source as one text, to tell two of one package apart.
fn source_key(source: &Table<'_>) -> Result<String, Wrong> {
    let parts = source.items().map(|(key, item)| Ok(format!("{key}={}", item.text()?)));
    Ok(parts.collect::<Result<Vec<_>, Wrong>>()?.join(" "))
}

fn by_name<'d>(table: &Table<'d>, key: &'d str) -> Result<Vec<(String, Vec<Edge>)>, Wrong> {
    let Some(table) = table.table(key)? else { return Ok(Vec::new()) };
    table.items().map(|(name, _)| Ok((name.to_owned(), edges(&table, name)?))).collect()
}

fn edges<'d>(table: &Table<'d>, key: &'d str) -> Result<Vec<Edge>, Wrong> {
    let edge = |table: Table<'d>| {
        let marker = match table.get("marker") {
            Some(item) => super::marker(item.text()?, item.line)?,
            None => Marker::default(),
        };
        let mut extras = table.texts("extra")?;
        extras.extend(table.texts("extras")?);
        Ok(Edge {
            name: project(&table)?.as_str().to_owned(),
            version: table.text("version")?.map(str::to_owned),
            source: table.table("source")?.map(|source| source_key(&source)).transpose()?,
            extras: extras.into_iter().map(|(extra, _)| super::normalized(extra)).collect(),
            marker,
        })
    };
    table.tables(key)?.into_iter().map(edge).collect()
}

impl Links {
    /// The packages that are wanted in this environment, or in any, by their places in the lock.
    pub(in crate::python) fn reach(
        &self,
        environment: Option<&Environment>,
        selected: &Selected,
    ) -> BTreeSet<usize> {
        let mut seen: BTreeSet<(usize, Option<&str>)> = BTreeSet::new();
        let mut open: Vec<(usize, Option<&str>)> = Vec::new();
        let roots = self.nodes.iter().enumerate().filter(|(_, node)| node.is_root);
        let mut next: Vec<&Edge> = Vec::new();
        for (at, node) in roots {
            open.push((at, None));
            let extras = node.by_extra.iter().filter(|(extra, _)| selected.extras.may_have(extra));
            let groups =
                node.by_group.iter().filter(|(group, _)| group.is_empty() || selected.groups.may_have(group));
            next.extend(extras.chain(groups).flat_map(|(_, edges)| edges));
        }
        loop {
            while let Some(edge) = next.pop() {
                if !edge.marker.may_apply(environment, selected) {
                    continue;
                }
                for at in self.targets(edge) {
                    open.push((at, None));
                    open.extend(edge.extras.iter().map(|extra| (at, Some(extra.as_str()))));
                }
            }
            let Some(state) = open.pop() else { break };
            if !seen.insert(state) {
                continue;
            }
            let node = &self.nodes[state.0];
            match state.1 {
                None => next.extend(&node.always),
                Some(wanted) => {
                    let edges = node.by_extra.iter().filter(|(extra, _)| super::normalized(extra) == wanted);
                    next.extend(edges.flat_map(|(_, edges)| edges));
                }
            }
        }
        seen.into_iter().filter_map(|(at, _)| self.nodes[at].package).collect()
    }

    /// The packages that an edge may mean: one says which only where there are several.
    fn targets<'a>(&'a self, edge: &'a Edge) -> impl Iterator<Item = usize> + 'a {
        let named = self.by_name.get(&edge.name).into_iter().flatten().copied();
        named.filter(move |at| {
            let node = &self.nodes[*at];
            let is_same = |one: &Option<String>, other: &Option<String>| one.is_none() || one == other;
            is_same(&edge.version, &node.version) && is_same(&edge.source, &node.source)
        })
    }
}
