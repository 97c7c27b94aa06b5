//! `pyproject.toml`: what a project needs to run (PEP 621), its extras, its groups (PEP 735), what it is built with
//! (PEP 518), and what of uv's own table says where things come from.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use depot_proto::{ProjectName, RequiresPython};

use super::{
    super::{
        document::{Document, Table, Wrong},
        locks::{Known, Selected, normalized},
        requirements::masked,
    },
    Input, ListedIndex, Place, requirement,
};

/// How deep groups may include each other, and extras name others of the same project.
const MAX_DEPTH: usize = 32;

/// What a project's file asks for.
#[derive(Debug, Default)]
pub(super) struct Project {
    pub(super) inputs: Vec<Input>,
    pub(super) constraints: Vec<Input>,
    /// What builds it, in an environment apart.
    pub(super) build: Vec<Input>,
    pub(super) known: Known,
    pub(super) requires_python: Option<(Place, RequiresPython)>,
    pub(super) index: Option<ListedIndex>,
    pub(super) extra_indexes: Vec<ListedIndex>,
    pub(super) skipped: Vec<(String, String)>,
    pub(super) warnings: Vec<String>,
}

/// Whether a file of this name is a project's.
pub(in crate::python) fn is_project(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "pyproject.toml")
}

/// Reads the text of a project's file.
pub(super) fn read(path: &Arc<Path>, text: &str, selected: &Selected) -> Result<Project, Wrong> {
    let document = Document::parse(text.strip_prefix('\u{feff}').unwrap_or(text))?;
    let root = document.root();
    let mut reader = Reader {
        path,
        name: None,
        extras: BTreeMap::new(),
        groups: BTreeMap::new(),
        elsewhere: BTreeMap::new(),
        project: Project::default(),
    };
    reader.uv(&root)?;
    reader.groups(&root)?;
    match root.table("project")? {
        Some(project) => reader.project(&project, selected)?,
        None if root.get("dependency-groups").is_none() && root.get("build-system").is_none() => {
            let words = "it has neither [project] nor [dependency-groups]: where another tool keeps what it needs, give that \
                         tool's lock";
            return Err(Wrong::new(1, words));
        }
        None => {}
    }
    let groups: Vec<String> = reader.groups.keys().cloned().collect();
    // What several groups include is wanted once.
    let mut wanted = BTreeSet::new();
    for group in groups.iter().filter(|group| selected.groups.may_have(group)) {
        wanted.extend(reader.group(group, &mut Vec::new())?.into_iter().map(|(text, line)| (line, text)));
    }
    for (line, text) in wanted {
        let input = reader.input(&text, line);
        reader.project.inputs.extend(input);
    }
    if let Some(system) = root.table("build-system")? {
        for (text, line) in system.texts("requires")? {
            let input = reader.input(text, line);
            reader.project.build.extend(input);
        }
    }
    Ok(reader.project)
}

/// Requirements with their lines.
type Listed = Vec<(String, usize)>;

/// What a group lists.
enum Member {
    Requirement(String, usize),
    Group(String, usize),
}

struct Reader<'a> {
    path: &'a Arc<Path>,
    /// The project's own name.
    name: Option<ProjectName>,
    extras: BTreeMap<String, Listed>,
    groups: BTreeMap<String, Vec<Member>>,
    /// What comes from elsewhere than an index, with the word for it.
    elsewhere: BTreeMap<String, &'static str>,
    project: Project,
}

impl Reader<'_> {
    fn place(&self, line: usize) -> Place {
        Place::File(Arc::clone(self.path), line)
    }

    /// A requirement; none, and said, if it comes from elsewhere: an index that is asked for its name could answer with
    /// another project.
    fn input(&mut self, text: &str, line: usize) -> Option<Input> {
        let requirement = requirement(text, text);
        let (text, place) = (masked(text), self.place(line));
        let input = Input { text, place, requirement, hashes: None };
        let project = input.requirement.as_ref().ok().map(|requirement| requirement.project.as_str());
        if let Some(word) = project.and_then(|project| self.elsewhere.get(project)) {
            let why = format!("[tool.uv.sources] takes it from {word}, and packages are saved from an index");
            self.project.skipped.push((input.label(), why));
            return None;
        }
        if input.requirement.as_ref().is_ok_and(depot_proto::Requirement::applies_nowhere) {
            self.project.skipped.push((input.label(), "its marker is true in no environment".to_owned()));
            return None;
        }
        Some(input)
    }

    fn project(&mut self, table: &Table<'_>, selected: &Selected) -> Result<(), Wrong> {
        self.name = table.text("name")?.and_then(|name| name.parse().ok());
        if let Some(item) = table.get("requires-python") {
            let text = item.text()?;
            let read = text.parse().map_err(|error: depot_proto::RequiresPythonError| {
                Wrong::new(item.line, error.to_string())
            })?;
            self.project.requires_python = Some((self.place(item.line), read));
        }
        for (name, line) in table.texts("dynamic")? {
            if ["dependencies", "optional-dependencies"].contains(&name) {
                let words = "are found out by its build backend and not known here: give a lock, or the project's wheel";
                self.project.warnings.push(format!("{}: its {name} {words}", self.place(line)));
            }
        }
        let mut wanted: Listed =
            table.texts("dependencies")?.into_iter().map(|(text, line)| (text.to_owned(), line)).collect();
        if let Some(extras) = table.table("optional-dependencies")? {
            for (name, _) in extras.items() {
                self.project.known.extras.insert(name.to_owned());
                let listed = extras.texts(name)?.into_iter().map(|(text, line)| (text.to_owned(), line));
                self.extras.insert(normalized(name), listed.collect());
            }
        }
        let extras = self.extras.keys().filter(|extra| selected.extras.may_have(extra));
        let mut open: Vec<String> = extras.cloned().collect();
        let mut seen = BTreeSet::new();
        while let Some(extra) = open.pop() {
            if seen.insert(extra.clone()) {
                wanted.extend(self.extras.get(&extra).cloned().unwrap_or_default());
            }
            // An extra may stand for others of the same project.
            wanted.retain(|(text, _)| match self.own_extras(text) {
                Some(more) => {
                    open.extend(more);
                    false
                }
                None => true,
            });
        }
        wanted.sort_by_key(|(_, line)| *line);
        for (text, line) in wanted {
            let input = self.input(&text, line);
            self.project.inputs.extend(input);
        }
        Ok(())
    }

    /// The extras that a requirement of the project on itself asks for; none if it is of another.
    fn own_extras(&self, text: &str) -> Option<Vec<String>> {
        let requirement = text.parse::<depot_proto::Requirement>().ok()?;
        (Some(&requirement.project) == self.name.as_ref())
            .then(|| requirement.extras.iter().map(|extra| normalized(extra)).collect())
    }

    fn groups(&mut self, root: &Table<'_>) -> Result<(), Wrong> {
        let Some(groups) = root.table("dependency-groups")? else { return Ok(()) };
        for (name, item) in groups.items() {
            let mut members = Vec::new();
            for member in item.list()? {
                members.push(if member.is_table() {
                    Member::Group(normalized(member.table()?.wanted_text("include-group")?), member.line)
                } else {
                    Member::Requirement(member.text()?.to_owned(), member.line)
                });
            }
            self.project.known.groups.insert(name.to_owned());
            if self.groups.insert(normalized(name), members).is_some() {
                return Err(Wrong::new(item.line, format!("the group `{name}` is there twice")));
            }
        }
        Ok(())
    }

    /// All that a group and those it includes list.
    fn group(&self, name: &str, around: &mut Vec<String>) -> Result<Listed, Wrong> {
        let mut listed = Vec::new();
        around.push(name.to_owned());
        for member in self.groups.get(name).into_iter().flatten() {
            match member {
                Member::Requirement(text, line) => listed.push((text.clone(), *line)),
                Member::Group(other, line) if !self.groups.contains_key(other) => {
                    return Err(Wrong::new(*line, format!("there is no group `{other}`")));
                }
                Member::Group(other, line) if around.contains(other) || around.len() >= MAX_DEPTH => {
                    return Err(Wrong::new(*line, format!("the group `{other}` includes itself")));
                }
                Member::Group(other, _) => listed.extend(self.group(other, around)?),
            }
        }
        around.pop();
        Ok(listed)
    }

    /// What uv's own table says of where things come from.
    fn uv(&mut self, root: &Table<'_>) -> Result<(), Wrong> {
        let Some(uv) = root.table("tool")?.map(|tool| tool.table("uv")).transpose()?.flatten() else {
            return Ok(());
        };
        for index in uv.tables("index")? {
            let listed =
                ListedIndex { url: index.wanted_text("url")?.to_owned(), place: self.place(index.line) };
            if index.boolean("explicit")? {
                let words =
                    "is explicit, for some projects alone, and is not asked: name it with --extra-index-url";
                self.project.warnings.push(format!("{}: the index {words}", listed.place));
            } else if index.boolean("default")? {
                self.project.index = Some(listed);
            } else {
                self.project.extra_indexes.push(listed);
            }
        }
        if let Some(sources) = uv.table("sources")? {
            for (name, item) in sources.items() {
                let of_table = |table: Table<'_>| {
                    let kinds = [
                        ("git", "a repository"),
                        ("url", "an address"),
                        ("path", "this machine"),
                        ("workspace", "its workspace"),
                    ];
                    kinds.into_iter().find(|(key, _)| table.get(key).is_some()).map(|(_, word)| word)
                };
                let tables = if item.is_table() { vec![item] } else { item.list()? };
                for table in tables {
                    if let Some(word) = of_table(table.table()?) {
                        self.elsewhere.insert(normalized(name), word);
                    }
                }
            }
        }
        if let Some(item) = uv.get("override-dependencies") {
            let words = "`override-dependencies` has no effect: what packages require is not changed";
            self.project.warnings.push(format!("{}: {words}", self.place(item.line)));
        }
        for (text, line) in uv.texts("constraint-dependencies")? {
            let requirement = requirement(text, text);
            let constraint = Input { text: masked(text), place: self.place(line), requirement, hashes: None };
            self.project.constraints.push(constraint);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::super::locks::Names, *};

    fn selected(extras: &[&str], groups: &[&str]) -> Selected {
        let these = |names: &[&str]| Names::These(names.iter().map(|name| normalized(name)).collect());
        Selected { extras: these(extras), groups: these(groups) }
    }

    fn project(text: &str, selected: &Selected) -> Result<Project, Wrong> {
        read(&Path::new("pyproject.toml").into(), text, selected)
    }

    fn texts(inputs: &[Input]) -> Vec<String> {
        inputs.iter().map(Input::label).map(|label| label.replace("pyproject.toml, line ", "")).collect()
    }

    const PROJECT: &str = r#"[build-system]
requires = ["setuptools>=61"]
[project]
name = "Break.Fast"
requires-python = ">=3.9"
dependencies = [
  "pot>=1",
  "lid ; sys_platform == 'win32'",
  "never ; os_name == 'a' and os_name == 'b'",
  "wrong==",
]
[project.optional-dependencies]
hot_water = ["kettle"]
all = ["break-fast[Hot-Water,milk]"]
milk = ["cow", "break_fast[all]"]
[dependency-groups]
test = ["pytest", {include-group = "Typing"}]
typing = ["mypy"]
"#;

    #[test]
    fn a_project_asks_for_what_it_needs_with_the_place_of_each() {
        for (extras, groups, expected) in [
            (&[][..], &[][..], &["pot>=1 (7)", "lid ; sys_platform == 'win32' (8)", "wrong== (10)"][..]),
            (
                &["hot-water"],
                &[],
                &["pot>=1 (7)", "lid ; sys_platform == 'win32' (8)", "wrong== (10)", "kettle (13)"],
            ),
            (
                &["ALL"],
                &["test"],
                &[
                    "pot>=1 (7)",
                    "lid ; sys_platform == 'win32' (8)",
                    "wrong== (10)",
                    "kettle (13)",
                    "cow (15)",
                    "pytest (17)",
                    "mypy (18)",
                ],
            ),
        ] {
            let read = project(PROJECT, &selected(extras, groups)).unwrap();
            assert_eq!(texts(&read.inputs), expected);
            assert_eq!(texts(&read.build), ["setuptools>=61 (2)"]);
            assert_eq!(read.skipped.len(), 1);
        }
        let all = project(PROJECT, &Selected::default()).unwrap();
        assert_eq!(all.inputs.len(), 7);
        assert_eq!(all.known.extras.len() + all.known.groups.len(), 5);
        assert_eq!(all.requires_python.unwrap().0.to_string(), "pyproject.toml, line 5");
    }

    #[test]
    fn what_uv_takes_from_elsewhere_is_never_asked_of_an_index() {
        let text = "[project]\nname = 'a'\ndependencies = ['Our.Lib', 'six', 'there', 'torch']\n\
            [tool.uv]\nconstraint-dependencies = ['six<2']\noverride-dependencies = ['x']\n\
            [tool.uv.sources]\nour-lib = { workspace = true }\nthere = [{ git = 'https://x', marker = 'os_name == \"nt\"' }]\n\
            torch = { index = 'cpu' }\n\
            [[tool.uv.index]]\nurl = 'https://d.example/'\ndefault = true\n[[tool.uv.index]]\nurl = 'https://e.example/'\n\
            [[tool.uv.index]]\nname = 'cpu'\nurl = 'https://f.example/'\nexplicit = true\n";
        let read = project(text, &selected(&[], &[])).unwrap();
        assert_eq!(texts(&read.inputs), ["six (3)", "torch (3)"]);
        assert!(read.skipped[0].1.contains("its workspace") && read.skipped[1].1.contains("a repository"));
        assert_eq!(read.index.unwrap().url, "https://d.example/");
        assert_eq!(
            read.extra_indexes.iter().map(|index| index.url.as_str()).collect::<Vec<_>>(),
            ["https://e.example/"]
        );
        assert_eq!((texts(&read.constraints), read.warnings.len()), (vec!["six<2 (5)".to_owned()], 2));
    }

    #[test]
    fn what_is_computed_elsewhere_is_said() {
        let read =
            project("[project]\nname = 'a'\ndynamic = ['version', 'dependencies']\n", &selected(&[], &[]))
                .unwrap();
        assert!(
            read.warnings[0].contains("line 3: its dependencies are found out by its build backend"),
            "{:?}",
            read.warnings
        );
    }

    #[test]
    fn a_project_that_cannot_be_read_says_why_by_its_line() {
        for (text, line, words) in [
            ("[project]\ndependencies = 'six'\n", 2, "`dependencies` must be a list"),
            ("[project]\ndependencies = [\n3]\n", 3, "must be a text"),
            ("[project]\nrequires-python = 'new'\n", 2, "new"),
            ("[tool.poetry]\nname = 'x'\n", 1, "neither [project] nor"),
            ("[dependency-groups]\na = [{include-group = 'b'}]\n", 2, "there is no group `b`"),
            (
                "[dependency-groups]\na = [{include-group = 'b'}]\nb = [{include-group = 'a'}]\n",
                3,
                "includes itself",
            ),
            ("[dependency-groups]\na = [{include = 'b'}]\n", 2, "`include-group` is missing"),
            ("[dependency-groups]\na-b = []\nA_b = []\n", 2, "is there twice"),
            ("[project\n", 1, "this is no TOML"),
        ] {
            let wrong = project(text, &Selected::default()).unwrap_err();
            assert_eq!(wrong.line, line, "{text}: {}", wrong.words);
            assert!(wrong.words.contains(words), "{text}: {}", wrong.words);
        }
    }
}
