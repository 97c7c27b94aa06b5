//! What the lines of lists mean for a run.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use anyhow::bail;
use depot_proto::Requirement;

use super::{
    super::{
        requirements::{Flag, Hashes, Kind, Line, Told, masked},
        solve::Formats,
    },
    Asked, Input, ListedIndex, Place,
    pyproject::Project,
    requirement,
};

/// Collects what lists say, line by line.
#[derive(Debug, Default)]
pub(super) struct Collector {
    asked: Asked,
    /// Constraints as they came.
    constraints: Vec<Input>,
    require_hashes: bool,
    no_require_hashes: bool,
    /// The place of a `--no-index`.
    no_index: Option<Place>,
    /// Options that were warned of.
    warned: BTreeSet<&'static str>,
}

impl Told for Collector {
    fn line(&mut self, list: Option<&Arc<Path>>, kind: Kind, line: Line) {
        let place = place(list, line.number);
        let written = masked(&line.written);
        if line.first(Flag::Editable).is_some() {
            // A requirement beside it is an editable one to pip.
            let why =
                "it is a project on this machine or in a repository, and packages are saved from an index";
            self.add(kind, Input { text: written, place, requirement: Err(why.to_owned()), hashes: None });
        } else if let Some(text) = &line.requirement {
            let hashes = self.hashes(&line, &place);
            self.ineffective(&line, &place, &[Flag::Hash], "beside a requirement it means nothing");
            let refused = hashes.as_ref().err().cloned();
            let mut input = input(written_of(&line), text, place, hashes.unwrap_or_default());
            if let Some(why) = refused {
                input.requirement = Err(why);
            }
            self.add(kind, input);
        } else {
            self.options(&line, &place);
        }
    }

    fn bad_line(
        &mut self,
        list: Option<&Arc<Path>>,
        kind: Kind,
        number: usize,
        written: String,
        why: String,
    ) {
        let place = place(list, number);
        self.add(kind, Input { text: masked(&written), place, requirement: Err(why), hashes: None });
    }
}

/// The requirement of a line as it is written, without its options.
fn written_of(line: &Line) -> String {
    let end = line.written.find(" -").unwrap_or(line.written.len());
    masked(line.written[..end].trim_end())
}

fn input(written: String, text: &str, place: Place, hashes: Option<Arc<Hashes>>) -> Input {
    let requirement = requirement(text, &written);
    Input { text: written, place, requirement, hashes }
}

fn place(list: Option<&Arc<Path>>, line: usize) -> Place {
    match list {
        Some(path) => Place::File(Arc::clone(path), line),
        None => Place::Stdin(line),
    }
}

impl Collector {
    /// Takes something that is named on the command line.
    pub(super) fn take(&mut self, spec: &str) {
        self.asked.inputs.push(input(masked(spec), spec, Place::CommandLine, None));
    }

    /// Takes something that a set file names.
    pub(super) fn take_listed(&mut self, text: &str, place: Place) {
        self.asked.inputs.push(input(masked(text), text, place, None));
    }

    /// Takes what a project's file says.
    pub(super) fn add_project(&mut self, project: Project, without_build: bool) {
        let asked = &mut self.asked;
        asked.inputs.extend(project.inputs);
        self.constraints.extend(project.constraints);
        if !without_build && !project.build.is_empty() {
            asked.builds.push(project.build);
        }
        asked.requires_python.extend(project.requires_python);
        asked.index = project.index.or(asked.index.take());
        asked.extra_indexes.extend(project.extra_indexes);
        asked.skipped.extend(project.skipped);
        asked.warnings.extend(project.warnings);
    }

    fn add(&mut self, kind: Kind, input: Input) {
        match kind {
            Kind::Constraints => self.constraints.push(input),
            Kind::Requirements => self.asked.inputs.push(input),
        }
    }

    fn hashes(&mut self, line: &Line, place: &Place) -> Result<Option<Arc<Hashes>>, String> {
        let mut hashes = Hashes::default();
        for given in &line.options {
            match given.flag {
                Flag::Hash => hashes.add(&given.value)?,
                Flag::ConfigSettings => {
                    self.warn(given.flag, place, "nothing is built, so it changes nothing");
                }
                _ => {}
            }
        }
        Ok((!hashes.is_empty()).then(|| Arc::new(hashes)))
    }

    fn ineffective(&mut self, line: &Line, place: &Place, effective: &[Flag], why: &str) {
        for given in &line.options {
            if !effective.contains(&given.flag) && given.flag != Flag::ConfigSettings {
                let warning = format!("{place}: `{}` is not used: {why}", given.flag.name());
                self.asked.warnings.push(warning);
            }
        }
    }

    /// Says once for each option that it has no effect.
    fn warn(&mut self, flag: Flag, place: &Place, why: &str) {
        if self.warned.insert(flag.name()) {
            self.asked.warnings.push(format!("{place}: `{}` has no effect: {why}", flag.name()));
        }
    }

    fn formats(&mut self, flag: Flag, place: &Place, take: impl FnOnce(&mut Formats) -> Result<(), String>) {
        if let Err(why) = take(&mut self.asked.formats) {
            self.asked.warnings.push(format!("{place}: `{}` is not used: {why}", flag.name()));
        }
    }

    /// A line of options alone.
    fn options(&mut self, line: &Line, place: &Place) {
        for given in &line.options {
            let listed = || ListedIndex { url: given.value.clone(), place: place.clone() };
            match given.flag {
                Flag::IndexUrl => self.asked.index = Some(listed()),
                Flag::ExtraIndexUrl => self.asked.extra_indexes.push(listed()),
                Flag::NoIndex => self.no_index = Some(place.clone()),
                Flag::Pre => self.asked.pre = true,
                Flag::AllReleases if given.value == ":all:" => self.asked.pre = true,
                Flag::RequireHashes => self.require_hashes = true,
                Flag::NoRequireHashes => self.no_require_hashes = true,
                Flag::FindLinks => {
                    self.warn(given.flag, place, "only indexes are looked at; push such files as they are");
                }
                Flag::NoBinary => self.formats(given.flag, place, |formats| formats.no_binary(&given.value)),
                Flag::OnlyBinary => {
                    self.formats(given.flag, place, |formats| formats.only_binary(&given.value));
                }
                Flag::PreferBinary => {
                    self.warn(given.flag, place, "the newest version is taken, and its wheel where one fits");
                }
                Flag::AllReleases | Flag::OnlyFinal => {
                    self.warn(given.flag, place, "pre-releases are chosen as PEP 440 says, or by `--pre`");
                }
                Flag::TrustedHost => {
                    let why = "certificates are always checked; name your authority with --cacert";
                    self.warn(given.flag, place, why);
                }
                Flag::UseFeature => self.warn(given.flag, place, "it is a feature of pip"),
                Flag::Hash | Flag::ConfigSettings => {
                    self.warn(given.flag, place, "it stands beside no requirement");
                }
                // With one of these the line is not one of options; a second one on a line is not read by pip either.
                Flag::Requirement | Flag::Constraint | Flag::Editable => {}
            }
        }
    }

    /// What all lists together come to.
    pub(super) fn finish(mut self, require_hashes: bool) -> anyhow::Result<Asked> {
        if let Some(place) = &self.no_index {
            bail!("{place}: with `--no-index` there is nothing to save from: take the line out");
        }
        for constraint in std::mem::take(&mut self.constraints) {
            let requirement = match &constraint.requirement {
                Err(why) => bail!("{} is not a constraint: {why}", constraint.label()),
                Ok(requirement) if !requirement.extras.is_empty() => {
                    bail!("{} is not a constraint: constraints have no extras", constraint.label())
                }
                Ok(requirement) => requirement.clone(),
            };
            if !requirement.applies_nowhere() {
                self.asked.constraints.entry(requirement.project).or_default().push(constraint);
            }
        }
        self.skip_what_applies_nowhere();
        let has_hashes = |input: &Input| input.hashes.is_some();
        let some_have = self.asked.inputs.iter().any(has_hashes)
            || self.asked.constraints.values().flatten().any(has_hashes);
        let wanted = require_hashes || self.require_hashes || (some_have && !self.no_require_hashes);
        self.asked.hashes_required = wanted;
        if wanted {
            self.require_all_hashes();
        }
        Ok(self.asked)
    }

    /// An item whose marker is true in no environment is wanted in none.
    fn skip_what_applies_nowhere(&mut self) {
        let (skipped, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut self.asked.inputs)
            .into_iter()
            .partition(|input| input.requirement.as_ref().is_ok_and(Requirement::applies_nowhere));
        self.asked.inputs = kept;
        for input in skipped {
            let reason = "its marker is true in no environment".to_owned();
            self.asked.skipped.push((input.label(), reason));
        }
    }

    /// Once one is pinned to digests, all must be, and to a version too: an unpinned one would make the rest pointless.
    fn require_all_hashes(&mut self) {
        for input in &mut self.asked.inputs {
            let Ok(requirement) = &input.requirement else { continue };
            let constraints = self.asked.constraints.get(&requirement.project);
            let constraints = || constraints.into_iter().flatten();
            let has_hashes = input.hashes.is_some() || constraints().any(|one| one.hashes.is_some());
            let is_pinned = requirement.is_pinned()
                || constraints().any(|one| one.requirement.as_ref().is_ok_and(Requirement::is_pinned));
            let why = match (has_hashes, is_pinned) {
                (true, true) => continue,
                (false, _) => "digests are required of every requirement, and it has no `--hash`",
                (true, false) => {
                    "where digests are required, versions must be pinned with `==`, and it has none"
                }
            };
            input.requirement = Err(why.to_owned());
        }
    }
}
