//! A `pylock.toml` (PEP 751) of what was solved and saved, one for all targets.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use depot_proto::{DistributionKind, ProjectName, Sha256Digest, Target, Version, redact::SafeUrl};

use super::super::{
    resolve::Wanted,
    solve::{Package, Solution},
};

/// The markers that targets differ in.
const MARKERS: [&str; 4] =
    ["python_version", "sys_platform", "platform_machine", "platform_python_implementation"];

/// What a lock needs to know of a saved file.
pub(in crate::python) type Saved = BTreeMap<String, (Sha256Digest, u64)>;

/// Why no lock can be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::python) enum NoPylock {
    /// Markers cannot tell two targets apart that have other versions of a project.
    #[error(
        "a pylock.toml cannot say that {first} has {project} {one} and {second} {other}: no marker tells the two targets apart; \
         write a lock for each"
    )]
    Alike {
        /// The project.
        project: ProjectName,
        /// A target.
        first: Target,
        /// Its version.
        one: Version,
        /// Another target.
        second: Target,
        /// Its version.
        other: Version,
    },
    /// A file is not there.
    #[error("`{0}` was not saved, so no pylock.toml can name it")]
    Missing(String),
}

/// The values of [`MARKERS`] in a target.
type Environment = [String; 4];

/// A release with the environments that want it.
struct Entry<'a> {
    environments: BTreeSet<&'a Environment>,
    packages: Vec<&'a Package>,
}

/// Writes the lock. What was needed only to build is not in it: a lock names what is installed.
pub(in crate::python) fn write(solutions: &[Solution], saved: &Saved) -> Result<String, NoPylock> {
    let environments: Vec<Environment> =
        solutions.iter().map(|solution| environment(&solution.target)).collect();
    let all: BTreeSet<&Environment> = environments.iter().collect();
    let mut entries: BTreeMap<&ProjectName, BTreeMap<&Version, Entry<'_>>> = BTreeMap::new();
    let mut chosen: BTreeMap<(&Environment, &ProjectName), (&Target, &Version)> = BTreeMap::new();
    for (solution, environment) in solutions.iter().zip(&environments) {
        for (project, package) in &solution.packages {
            let (target, version) = (&solution.target, &package.version);
            match chosen.get(&(environment, project)) {
                Some((first, one)) if *one != version => {
                    return Err(NoPylock::Alike {
                        project: project.clone(),
                        first: (*first).clone(),
                        one: (*one).clone(),
                        second: target.clone(),
                        other: version.clone(),
                    });
                }
                Some(_) => {}
                None => drop(chosen.insert((environment, project), (target, version))),
            }
            let entry = entries.entry(project).or_default().entry(version);
            let entry =
                entry.or_insert_with(|| Entry { environments: BTreeSet::new(), packages: Vec::new() });
            entry.environments.insert(environment);
            entry.packages.push(package);
        }
    }
    let mut text = head(solutions, &all);
    for (project, versions) in entries {
        let is_one = versions.len() == 1;
        for (version, entry) in versions {
            let marker = (entry.environments != all).then(|| {
                // Of several versions each says exactly where it is wanted, so that no two are wanted anywhere.
                let short = if is_one { short(&entry.environments, &all) } else { None };
                short.unwrap_or_else(|| exact(&entry.environments, &all))
            });
            write_package(&mut text, project, version, marker.as_deref(), &entry, saved)?;
        }
    }
    Ok(text)
}

fn environment(target: &Target) -> Environment {
    let values: BTreeMap<_, _> = target.environment().values().into_iter().collect();
    MARKERS.map(|marker| values.get(marker).cloned().unwrap_or_default())
}

fn head(solutions: &[Solution], all: &BTreeSet<&Environment>) -> String {
    let mut text = "lock-version = \"1.0\"\ncreated-by = \"depot\"\n".to_owned();
    if let Some(oldest) = solutions.iter().map(|solution| solution.target.python()).min() {
        let _ = writeln!(text, "requires-python = \">={oldest}\"");
    }
    text.push_str("environments = [\n");
    for environment in all {
        let parts: Vec<_> =
            MARKERS.iter().zip(environment.iter()).map(|(name, value)| is(name, value)).collect();
        let _ = writeln!(text, "    {},", quoted(&parts.join(" and ")));
    }
    text.push_str("]\n");
    text
}

fn is(name: &str, value: &str) -> String {
    format!("{name} == '{value}'")
}

/// One of these values of a marker.
fn one_of(name: &str, values: &BTreeSet<&str>) -> String {
    let parts: Vec<_> = values.iter().map(|value| is(name, value)).collect();
    parts.join(" or ")
}

/// A marker for some of all environments that names as few things as suffice, if a few do.
fn short(some: &BTreeSet<&Environment>, all: &BTreeSet<&Environment>) -> Option<String> {
    let values =
        |marker: usize| some.iter().map(|environment| environment[marker].as_str()).collect::<BTreeSet<_>>();
    let means = |markers: &[usize]| {
        let values: Vec<_> = markers.iter().map(|marker| (*marker, values(*marker))).collect();
        let fits = |environment: &&&Environment| {
            values.iter().all(|(marker, values)| values.contains(environment[*marker].as_str()))
        };
        all.iter().filter(fits).count() == some.len()
    };
    // What is for a platform is most often so whatever the Python.
    for marker in [1, 0, 2, 3] {
        if means(&[marker]) {
            return Some(one_of(MARKERS[marker], &values(marker)));
        }
    }
    for pair in [[1, 2], [0, 1], [0, 2]] {
        if means(&pair) {
            let parts = pair.map(|marker| (values(marker).len(), one_of(MARKERS[marker], &values(marker))));
            let [one, two] = parts.map(|(count, text)| if count > 1 { format!("({text})") } else { text });
            return Some(format!("{one} and {two}"));
        }
    }
    None
}

/// A marker that names each environment by all that any two of them differ in.
fn exact(some: &BTreeSet<&Environment>, all: &BTreeSet<&Environment>) -> String {
    let differ = |marker: &usize| {
        let values: BTreeSet<_> = all.iter().map(|environment| &environment[*marker]).collect();
        values.len() > 1
    };
    let differing: Vec<usize> = (0..MARKERS.len()).filter(differ).collect();
    let one = |environment: &&Environment| {
        let parts: Vec<_> =
            differing.iter().map(|marker| is(MARKERS[*marker], &environment[*marker])).collect();
        if parts.len() > 1 && some.len() > 1 {
            format!("({})", parts.join(" and "))
        } else {
            parts.join(" and ")
        }
    };
    some.iter().map(one).collect::<Vec<_>>().join(" or ")
}

fn write_package(
    text: &mut String,
    project: &ProjectName,
    version: &Version,
    marker: Option<&str>,
    entry: &Entry<'_>,
    saved: &Saved,
) -> Result<(), NoPylock> {
    let mut files: BTreeMap<&str, &Wanted> = BTreeMap::new();
    for wanted in entry.packages.iter().flat_map(|package| &package.files) {
        files.insert(wanted.filename.as_str(), wanted);
    }
    let _ = write!(
        text,
        "\n[[packages]]\nname = {}\nversion = {}\n",
        quoted(project.as_str()),
        quoted(&version.to_string())
    );
    if let Some(marker) = marker {
        let _ = writeln!(text, "marker = {}", quoted(marker));
    }
    let pythons: BTreeSet<_> = files.values().map(|wanted| wanted.file.requires_python.as_deref()).collect();
    if let (1, Some(Some(python))) = (pythons.len(), pythons.first()) {
        let _ = writeln!(text, "requires-python = {}", quoted(python));
    }
    if let Some(wanted) = files.values().next() {
        let _ = writeln!(text, "index = {}", quoted(wanted.index.as_url().as_str()));
    }
    let of_kind = |kind| files.values().filter(move |wanted| wanted.filename.kind() == kind);
    if let Some(sdist) = of_kind(DistributionKind::Sdist).next() {
        let _ = writeln!(text, "sdist = {}", file(sdist, saved)?);
    }
    let wheels: Vec<_> =
        of_kind(DistributionKind::Wheel).map(|wheel| file(wheel, saved)).collect::<Result<_, _>>()?;
    if !wheels.is_empty() {
        let _ = writeln!(text, "wheels = [\n    {},\n]", wheels.join(",\n    "));
    }
    Ok(())
}

/// A file in one line. Its address is where it came from, without what is nobody's business.
fn file(wanted: &Wanted, saved: &Saved) -> Result<String, NoPylock> {
    let name = wanted.filename.as_str();
    let (sha256, size) = saved.get(name).ok_or_else(|| NoPylock::Missing(name.to_owned()))?;
    let mut text = format!("{{ name = {}", quoted(name));
    if let Ok(url) = wanted.file.url.parse::<SafeUrl>() {
        let mut url = url.without_credentials();
        url.set_query(None);
        url.set_fragment(None);
        let _ = write!(text, ", url = {}", quoted(url.as_str()));
    }
    if let Some(time) = wanted.file.upload_time {
        let _ = write!(text, ", upload-time = {time}");
    }
    let _ = write!(text, ", size = {size}, hashes = {{ sha256 = \"{sha256}\" }} }}");
    Ok(text)
}

/// A text of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
