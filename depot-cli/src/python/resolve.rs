//! From requirements to files where each requirement stands for itself: all files of the version that it means, whatever
//! that requires and wherever it installs (`--no-deps --all-files`). What goes together is found by `solve`.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    sync::Arc,
};

use depot_index::{Client, IndexUrl};
use depot_proto::{
    DistributionFilename, ProjectName, Requirement,
    simple::{PageFile, ProjectPage},
};
use futures_util::{StreamExt as _, stream};

pub(super) use super::failed::Failed;
use super::{
    indexes::Indexes,
    inputs::{Asked, Input, Place},
    requirements::{Hashes, Listed},
    select::{Choice, select},
    solve::{Formats, NoListing},
    visible::{Unseen, Visible},
};

/// A file to be saved.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) filename: DistributionFilename,
    pub(super) file: PageFile,
    /// Where its page was found, and its bytes are.
    pub(super) index: Arc<IndexUrl>,
    /// Digests to compare its bytes with; empty where what the index lists has settled that.
    pub(super) pins: Vec<Arc<Hashes>>,
    /// Whether a page lists it, so that what is said of it here is how it is now. A lock knows less.
    pub(super) is_listed: bool,
}

/// What the requirements come to.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    /// The files, each once.
    pub(super) files: Vec<Wanted>,
    /// What came to nothing.
    pub(super) failed: Vec<Failed>,
}

/// What files are looked at at all.
#[derive(Clone, Debug, Default)]
pub(super) struct Limits {
    pub(super) formats: Formats,
    /// Which of the files that are offered exist.
    pub(super) visible: Visible,
}

/// Who answered for a project, with what of its page counts, and what the policy hides of it; or why nobody did.
type Found = Result<(Arc<IndexUrl>, ProjectPage, Vec<Hidden>), String>;

/// A file that the policy hides, and why.
struct Hidden {
    filename: DistributionFilename,
    why: String,
}

impl Limits {
    /// Takes from a page what does not count; what of it the policy hides.
    fn narrow(&self, page: &mut ProjectPage) -> Vec<Hidden> {
        let project = &page.project;
        let (kind, seen) = (self.formats.only(project), self.visible.of(project, page.status));
        let mut hidden = Vec::new();
        page.files.retain(|file| {
            // What cannot be read is not chosen anyway.
            let Ok(filename) = DistributionFilename::parse(&file.filename, project) else { return false };
            if kind.is_some_and(|kind| kind != filename.kind()) {
                return false;
            }
            match seen.unseen(&filename, file) {
                None => true,
                Some(Unseen::TooNew) => false,
                Some(Unseen::Policy(why)) => {
                    hidden.push(Hidden { filename, why });
                    false
                }
            }
        });
        hidden
    }
}

/// Asks the indexes for every project named and chooses files for every requirement. A page is chosen from as soon as
/// it comes, and let go.
pub(super) async fn resolve(
    client: &Client,
    indexes: &Indexes,
    asked: &Asked,
    choice: Choice,
    limits: &Limits,
    jobs: usize,
) -> Resolved {
    let mut of_project: BTreeMap<&ProjectName, Vec<&Input>> = BTreeMap::new();
    let mut failed: Vec<(usize, Failed)> = Vec::new();
    for (place, input) in asked.inputs.iter().enumerate() {
        match &input.requirement {
            Ok(requirement) => of_project.entry(&requirement.project).or_default().push(input),
            Err(reason) => failed.push((place, Failed { item: input.label(), reason: reason.clone() })),
        }
    }
    let asking = of_project.into_iter().map(|(project, inputs)| async move {
        let found = indexes.project(client, project).await.map_err(NoListing::into_reason);
        let found: Found = found.map(|(index, mut page)| {
            let hidden = limits.narrow(&mut page);
            (index, page, hidden)
        });
        let constraints = asked.constraints.get(project).map(Vec::as_slice).unwrap_or_default();
        let choose = |group: &Group| (label(group), choose(group, constraints, &found, choice));
        together(&inputs).iter().map(choose).collect::<Vec<_>>()
    });
    let mut answers = stream::iter(asking).buffered(jobs);
    let mut files: BTreeMap<(ProjectName, String), Wanted> = BTreeMap::new();
    while let Some(chosen) = answers.next().await {
        for (item, chosen) in chosen {
            for wanted in chosen {
                match wanted {
                    Ok(wanted) => add(&mut files, wanted),
                    Err(reason) => {
                        failed.push((asked.inputs.len(), Failed { item: item.clone(), reason }));
                    }
                }
            }
        }
    }
    // What could not even be read comes first, as it was written.
    failed.sort_by_key(|(place, _)| *place);
    Resolved {
        files: files.into_values().collect(),
        failed: failed.into_iter().map(|(_, failed)| failed).collect(),
    }
}

/// Puts each file once, by its project and name.
pub(super) fn once(all: impl IntoIterator<Item = Wanted>) -> Vec<Wanted> {
    let mut files = BTreeMap::new();
    for wanted in all {
        add(&mut files, wanted);
    }
    files.into_values().collect()
}

/// Each file once. Where one requirement wants it whatever its digest, it is wanted.
fn add(files: &mut BTreeMap<(ProjectName, String), Wanted>, wanted: Wanted) {
    match files.entry((wanted.filename.project().clone(), wanted.filename.to_string())) {
        Entry::Vacant(entry) => drop(entry.insert(wanted)),
        Entry::Occupied(mut entry) if wanted.pins.is_empty() => drop(entry.insert(wanted)),
        Entry::Occupied(_) => {}
    }
}

/// What one version must satisfy together.
type Group<'a> = Vec<&'a Input>;

/// Puts together what a list asks for in the same environments, as an installer does: a version must fit all of it. What
/// is named on the command line stands for itself, so that several versions can be named.
fn together<'a>(inputs: &[&'a Input]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for input in inputs.iter().copied() {
        let belongs = |group: &&mut Group<'a>| {
            let (one, other) = (&group[0], input);
            let are_listed = one.place != Place::CommandLine && other.place != Place::CommandLine;
            let requirements = one.requirement.as_ref().ok().zip(other.requirement.as_ref().ok());
            are_listed && requirements.is_some_and(|(one, other)| one.applies_where(other))
        };
        match groups.iter_mut().find(belongs) {
            Some(group) => group.push(input),
            None => groups.push(vec![input]),
        }
    }
    groups
}

/// All of a group with their places, for a message.
fn label(group: &Group) -> String {
    group.iter().map(|input| input.label()).collect::<Vec<_>>().join(" and ")
}

/// The files that a group means, under the constraints on its project; or why there are none.
fn choose(
    group: &Group,
    constraints: &[Input],
    found: &Found,
    choice: Choice,
) -> Vec<Result<Wanted, String>> {
    // What fails in two environments for one reason failed once.
    let (mut wanted, mut reasons) = (Vec::new(), BTreeSet::new());
    for (requirement, pins) in narrowed(group, constraints) {
        let chosen = match found {
            Ok((index, page, hidden)) => choose_files(&requirement, &pins, index, page, choice)
                .map_err(|reason| with_hidden(reason, &requirement, hidden)),
            Err(reason) => Err(reason.clone()),
        };
        match chosen {
            Ok(files) => wanted.extend(files),
            Err(reason) => drop(reasons.insert(reason)),
        }
    }
    wanted.into_iter().map(Ok).chain(reasons.into_iter().map(Err)).collect()
}

/// A requirement and the digests that its files are pinned to.
type Case = (Requirement, Vec<Arc<Hashes>>);

/// What a group requires under its constraints. Constraints whose marker may be true or not are a case of their own, so
/// that what each environment would choose is there; those of one marker are one case.
fn narrowed(group: &Group, constraints: &[Input]) -> Vec<Case> {
    let mut inputs = group.iter().copied();
    let Some(mut narrowed) = inputs.next().and_then(case) else { return Vec::new() };
    for other in inputs.filter_map(case) {
        narrow(&mut narrowed, other);
    }
    let (always, sometimes): (Vec<_>, Vec<_>) =
        constraints.iter().filter_map(case).partition(|(constraint, _)| constraint.applies_everywhere());
    for constraint in always {
        narrow(&mut narrowed, constraint);
    }
    let mut markers: Vec<Case> = Vec::new();
    for constraint in sometimes {
        match markers.iter_mut().find(|(known, _)| known.applies_where(&constraint.0)) {
            Some(known) => narrow(known, constraint),
            None => markers.push(constraint),
        }
    }
    let mut cases = vec![narrowed.clone()];
    cases.extend(markers.into_iter().map(|constraint| {
        let mut case = narrowed.clone();
        narrow(&mut case, constraint);
        case
    }));
    cases
}

fn case(input: &Input) -> Option<Case> {
    Some((input.requirement.as_ref().ok()?.clone(), input.hashes.iter().cloned().collect()))
}

fn narrow(case: &mut Case, other: Case) {
    case.0.narrow(&other.0);
    case.1.extend(other.1);
}

/// The reason why nothing was chosen, with what would have been but for the policy.
fn with_hidden(reason: String, requirement: &Requirement, hidden: &[Hidden]) -> String {
    const SHOWN: usize = 3;
    let fits = |file: &&Hidden| requirement.contains(file.filename.version());
    let mut fitting: Vec<_> = hidden.iter().filter(fits).collect();
    fitting.sort_by(|one, other| other.filename.version().cmp(one.filename.version()));
    let told = fitting.iter().take(SHOWN).map(|file| format!("; {} is {}", file.filename, file.why));
    told.fold(reason, |reason, told| reason + &told)
}

fn choose_files(
    requirement: &Requirement,
    pins: &[Arc<Hashes>],
    index: &Arc<IndexUrl>,
    page: &ProjectPage,
    choice: Choice,
) -> Result<Vec<Wanted>, String> {
    let chosen = select(requirement, page, choice).map_err(|error| error.to_string())?;
    let files: Vec<_> = chosen.into_iter().flat_map(|chosen| chosen.files).collect();
    let offered = files.len();
    let wanted: Vec<_> = files
        .into_iter()
        .filter_map(|(filename, file)| {
            let mut open = Vec::new();
            for pin in pins {
                match pin.judge(&file.hashes) {
                    Listed::Meant => {}
                    Listed::Unknown => open.push(Arc::clone(pin)),
                    Listed::Other => return None,
                }
            }
            Some(Wanted { filename, file, index: Arc::clone(index), pins: open, is_listed: true })
        })
        .collect();
    if wanted.is_empty() {
        return Err(format!(
            "none of the {offered} files that fit `{requirement}` has a digest that it is pinned to: the files on the \
             index are others than those of the list"
        ));
    }
    Ok(wanted)
}
