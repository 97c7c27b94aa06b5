//! Which releases of a project a target can use, and why not the others.

use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    sync::Arc,
};

use depot_proto::{
    DistributionFilename, DistributionKind, ProjectName, Rank, Requirement, RequiresPython, SdistFormat,
    Target, Yanked, simple::ProjectStatus,
};
use pep440_rs::Version;

use super::{
    Choice, Listing, Offer, Problem,
    ranges::{self, Range},
};
use crate::python::{
    inputs::Input,
    requirements::{Hashes, Listed},
    resolve::Wanted,
    visible::{Seen, Unseen},
};

/// A project's releases, the newest first. Legacy versions are passed over, as installers do.
#[derive(Debug, Default)]
pub(super) struct Releases {
    pub(super) all: Vec<Release>,
    pub(super) quarantined: bool,
    status: ProjectStatus,
    saved: HashSet<String>,
}

/// The files of one version.
#[derive(Debug)]
pub(super) struct Release {
    pub(super) version: Version,
    offers: Vec<Arc<Offer>>,
    /// One of its wheels that fit no target.
    other_wheel: Option<String>,
}

impl Releases {
    /// Puts what is offered in order. Wheels that fit none of the targets are let go, unless all files are wanted: most of
    /// a large project's page is for other machines.
    pub(super) fn of(listing: Listing, targets: &[Target], keep_all: bool) -> Self {
        let mut releases: BTreeMap<Version, Release> = BTreeMap::new();
        for offer in listing.offers {
            let Some(version) = offer.filename.version().pep440().cloned() else { continue };
            let release = releases.entry(version.clone()).or_insert_with(|| Release {
                version,
                offers: Vec::new(),
                other_wheel: None,
            });
            let fits = match &offer.filename {
                DistributionFilename::Wheel(wheel) => {
                    targets.iter().any(|one| one.tags().rank(wheel).is_some())
                }
                DistributionFilename::Sdist(_) => true,
                DistributionFilename::Legacy(_) => continue,
            };
            if !fits {
                release.other_wheel.get_or_insert_with(|| offer.filename.as_str().to_owned());
            }
            // Of two files of one name the first counts: that of the index that is asked first.
            let is_known = || release.offers.iter().any(|known| known.filename == offer.filename);
            if (fits || keep_all) && !is_known() {
                release.offers.push(Arc::new(offer));
            }
        }
        Self {
            all: releases.into_values().rev().collect(),
            quarantined: listing.quarantined,
            status: listing.status,
            saved: listing.saved,
        }
    }
}

/// What a target can use of a project.
#[derive(Debug, Default)]
pub(in crate::python) struct Candidates {
    /// The releases that can be used, the newest first.
    pub(super) usable: Vec<Candidate>,
    /// Those that cannot, and why not.
    pub(super) left_out: BTreeMap<Version, LeftOut>,
    pub(super) quarantined: bool,
    /// Whether pre-releases were asked for, of everything or of this project.
    pub(super) takes_prereleases: bool,
    /// Whether files were passed over because nobody says when they were uploaded.
    pub(super) has_undated: bool,
    /// What its files are pinned to.
    pins: Vec<Arc<Hashes>>,
}

/// A release that can be used.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) version: Version,
    /// What would be installed: the wheel that fits best, else the sdist.
    pub(super) best: Arc<Offer>,
    /// The sdist, where there is one beside the wheel.
    sdist: Option<Arc<Offer>>,
    /// The other files that could be used, and with `--all-files` those that could not.
    others: Vec<Arc<Offer>>,
    /// Whether only yanked files can be used; then it must be pinned (PEP 592).
    pub(super) yanked: Yanked,
    /// Whether the file that would be installed is saved already.
    pub(super) is_saved: bool,
}

/// Why a release cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LeftOut {
    /// Its files were uploaded later than is wanted, or nobody says when: it counts as not being there.
    TooNew,
    /// It has wheels, none of them for the target, and no sdist.
    NoWheel(String),
    /// It has sdists alone, and only wheels are wanted.
    OnlySource,
    /// It has wheels alone, and only sdists are wanted.
    OnlyWheels,
    /// It is for other Pythons.
    Python(String),
    /// None of its files has a digest that is pinned.
    OtherDigest,
    /// Digests are required, and it has none.
    NotPinned,
    /// A constraint rules it out.
    Constraint(String),
    /// The policy hides what would be used of it; the words say by which rule.
    Policy(String),
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooNew => f.write_str("is newer than --exclude-newer allows"),
            Self::NoWheel(example) => {
                write!(f, "has no file for this target, only such as `{example}`")
            }
            Self::OnlySource => f.write_str("has no wheel, and --only-binary wants one"),
            Self::OnlyWheels => f.write_str("has no sdist, and --no-binary wants one"),
            Self::Python(requires) => write!(f, "requires Python {requires}"),
            Self::OtherDigest => f.write_str(
                "has no file with a digest that it is pinned to: the index has others than the list was made of",
            ),
            Self::NotPinned => {
                f.write_str("is not pinned to a digest, and digests are required: list it with its `--hash`")
            }
            Self::Constraint(constraint) => write!(f, "is ruled out by the constraint {constraint}"),
            Self::Policy(words) => write!(f, "is {words}"),
        }
    }
}

/// What is asked of a project in a target, beside what requires it.
struct Rules<'a> {
    target: &'a Target,
    problem: &'a Problem,
    pins: Vec<Arc<Hashes>>,
    constraints: Vec<(Range, &'a Input)>,
    only: Option<DistributionKind>,
    seen: Seen<'a>,
}

/// Those of some inputs that are about a project and apply in a target.
fn applying<'a>(
    inputs: impl IntoIterator<Item = &'a Input>,
    project: &'a ProjectName,
    target: &'a Target,
) -> impl Iterator<Item = (&'a Input, &'a Requirement)> {
    inputs.into_iter().filter_map(move |input| {
        let requirement = input.requirement.as_ref().ok()?;
        let applies = requirement.project == *project && requirement.applies_in(target.environment(), &[]);
        applies.then_some((input, requirement))
    })
}

impl Candidates {
    /// Judges every release of a project for a target.
    pub(super) fn of(releases: &Releases, project: &ProjectName, target: &Target, problem: &Problem) -> Self {
        let wanted: Vec<_> = applying(&problem.requirements, project, target).collect();
        let narrowing: Vec<_> =
            applying(problem.constraints.get(project).into_iter().flatten(), project, target).collect();
        let told = || wanted.iter().chain(&narrowing);
        let rules = Rules {
            target,
            problem,
            pins: told().filter_map(|(input, _)| input.hashes.clone()).collect(),
            constraints: narrowing.iter().map(|(input, one)| (ranges::of(&one.specifiers), *input)).collect(),
            only: problem.choice.formats.only(project),
            seen: problem.visible.of(project, releases.status),
        };
        let mut candidates = Self {
            quarantined: releases.quarantined,
            // As uv does by default: a pre-release is asked for by what is typed or listed, not by what others require. pip
            // asks the requirements of all; where those leave nothing else the outcome is the same (`provider`).
            takes_prereleases: problem.choice.pre || told().any(|(_, one)| one.mentions_prerelease()),
            ..Self::default()
        };
        candidates.pins.clone_from(&rules.pins);
        if releases.quarantined {
            return candidates;
        }
        for release in &releases.all {
            match rules.judge(release, &mut candidates.has_undated) {
                Ok(mut candidate) => {
                    candidate.is_saved = releases.saved.contains(candidate.best.filename.as_str());
                    candidates.usable.push(candidate);
                }
                Err(why) => drop(candidates.left_out.insert(release.version.clone(), why)),
            }
        }
        candidates
    }

    pub(super) fn get(&self, version: &Version) -> Option<&Candidate> {
        // The newest comes first.
        let place = self.usable.binary_search_by(|candidate| version.cmp(&candidate.version)).ok()?;
        self.usable.get(place)
    }

    /// The files of a candidate that are saved, what would be installed first.
    pub(super) fn files(&self, candidate: &Candidate, choice: &Choice) -> Vec<Wanted> {
        let beside = candidate.sdist.iter().filter(|_| choice.sdist || choice.all_files);
        // A pinned version comes whole; else the yanked files stay behind.
        let is_good = |offer: &&Arc<Offer>| candidate.yanked.is_yanked() || !offer.file.yanked.is_yanked();
        let others = candidate.others.iter().filter(|_| choice.all_files).filter(is_good);
        [&candidate.best].into_iter().chain(beside).chain(others).map(|offer| self.wanted(offer)).collect()
    }

    /// A file with the pins that only its bytes can be compared with.
    fn wanted(&self, offer: &Offer) -> Wanted {
        let Offer { filename, file, index } = offer.clone();
        let is_open = |pin: &&Arc<Hashes>| pin.judge(&file.hashes) == Listed::Unknown;
        let pins = self.pins.iter().filter(is_open).cloned().collect();
        Wanted { filename, file, index, pins, is_listed: true }
    }

    /// All versions that anything is known of, the oldest first.
    pub(super) fn versions(&self) -> Vec<&Version> {
        let mut versions: Vec<_> =
            self.left_out.keys().chain(self.usable.iter().map(|one| &one.version)).collect();
        versions.sort();
        versions
    }

    /// The candidates in a set that may be taken, the best first. Yanked ones are where the set pins them; pre-releases where
    /// they are asked for, or where `needs_prerelease` says that nothing else would do.
    pub(super) fn within<'a>(
        &'a self,
        range: &'a Range,
        needs_prerelease: bool,
    ) -> impl Iterator<Item = &'a Candidate> {
        let is_pinned = ranges::pinned(range).is_some();
        let pre = self.takes_prereleases || needs_prerelease || is_pinned;
        self.usable.iter().filter(move |one| range.contains(&one.version)).filter(move |one| {
            (!one.yanked.is_yanked() || is_pinned) && (pre || !one.version.any_prerelease())
        })
    }

    /// The candidate of a set that is taken: the first of the preferred versions that may be, else the newest that is
    /// saved, else the newest.
    pub(super) fn choose<'a>(
        &'a self,
        range: &'a Range,
        needs_prerelease: bool,
        preferred: impl IntoIterator<Item = &'a Version>,
    ) -> Option<&'a Candidate> {
        let within = || self.within(range, needs_prerelease);
        let preferred = preferred.into_iter().find_map(|one| within().find(|other| other.version == *one));
        let saved = || within().find(|candidate| candidate.is_saved);
        preferred.or_else(saved).or_else(|| within().next())
    }

    /// The newest version in a set that a policy hides, and why; of pre-releases only where they are taken.
    pub(super) fn newest_hidden(&self, range: &Range, needs_prerelease: bool) -> Option<(&Version, &str)> {
        let pre = self.takes_prereleases || needs_prerelease;
        let left_out = self.left_out.iter().rev().filter(|(version, _)| range.contains(*version));
        left_out.filter(|(version, _)| pre || !version.any_prerelease()).find_map(
            |(version, why)| match why {
                LeftOut::Policy(words) => Some((version, words.as_str())),
                _ => None,
            },
        )
    }

    /// Whether a set could be had but for the digests that are required: then it is not what goes together that is wrong.
    pub(super) fn has_only_other_digests(&self, range: &Range) -> bool {
        let mut left_out = self.left_out.iter().filter(|(version, _)| range.contains(*version)).peekable();
        left_out.peek().is_some()
            && left_out.all(|(_, why)| matches!(why, LeftOut::OtherDigest | LeftOut::NotPinned))
            && !self.usable.iter().any(|one| range.contains(&one.version))
    }

    /// Whether nothing but pre-releases fits a set that somebody requires (PEP 440).
    pub(super) fn has_only_prereleases(&self, range: &Range) -> bool {
        let fits = |one: &&Candidate| !one.yanked.is_yanked() && range.contains(&one.version);
        !self.usable.iter().filter(fits).any(|one| !one.version.any_prerelease())
    }
}

impl Rules<'_> {
    fn judge(&self, release: &Release, has_undated: &mut bool) -> Result<Candidate, LeftOut> {
        if let Some((_, input)) = self.constraints.iter().find(|(range, _)| !range.contains(&release.version))
        {
            return Err(LeftOut::Constraint(format!("`{}` ({})", input.text, input.place)));
        }
        let mut refused: Option<LeftOut> = None;
        let mut fitting: Vec<(bool, Place, &Arc<Offer>)> = Vec::new();
        for offer in &release.offers {
            match self.judge_file(offer, has_undated) {
                Ok(place) => fitting.push((offer.file.yanked.is_yanked(), place, offer)),
                Err(why) => refused = refused.max(Some(why)),
            }
        }
        // A wheel that is yanked gives way to an sdist that is not.
        fitting.sort_by(|one, two| (one.0, &one.1).cmp(&(two.0, &two.1)));
        let (elsewhere, usable): (Vec<_>, Vec<_>) =
            fitting.into_iter().partition(|(_, place, _)| *place == Place::Elsewhere);
        let mut usable = usable.into_iter();
        let Some((_, place, best)) = usable.next() else { return Err(self.reason(release, refused)) };
        let mut rest: Vec<_> = usable.collect();
        let beside = rest
            .iter()
            .position(|(_, other, _)| matches!((&place, other), (Place::Wheel(_), Place::Sdist(_))));
        let sdist = beside.map(|at| Arc::clone(rest.remove(at).2));
        Ok(Candidate {
            version: release.version.clone(),
            best: Arc::clone(best),
            sdist,
            others: rest.into_iter().chain(elsewhere).map(|(_, _, offer)| Arc::clone(offer)).collect(),
            yanked: best.file.yanked.clone(),
            is_saved: false,
        })
    }

    fn reason(&self, release: &Release, refused: Option<LeftOut>) -> LeftOut {
        match (refused, &release.other_wheel) {
            (Some(why), _) => why,
            (None, Some(example)) if self.only != Some(DistributionKind::Sdist) => {
                LeftOut::NoWheel(example.clone())
            }
            (None, _) => LeftOut::OnlyWheels,
        }
    }

    /// Where a file stands among those of its release, or why it cannot be used.
    fn judge_file(&self, offer: &Offer, has_undated: &mut bool) -> Result<Place, LeftOut> {
        let place = match &offer.filename {
            DistributionFilename::Wheel(_) if self.only == Some(DistributionKind::Sdist) => {
                return Err(LeftOut::OnlyWheels);
            }
            DistributionFilename::Wheel(wheel) => match self.target.tags().rank(wheel) {
                Some(rank) => Place::Wheel(rank),
                None if self.problem.choice.all_files => Place::Elsewhere,
                None => return Err(LeftOut::NoWheel(offer.filename.to_string())),
            },
            _ if self.only == Some(DistributionKind::Wheel) => return Err(LeftOut::OnlySource),
            DistributionFilename::Sdist(sdist) => Place::Sdist(match sdist.format {
                SdistFormat::TarGz => 0,
                SdistFormat::Zip => 1,
                SdistFormat::Tar => 2,
                // Nothing can be read of it.
                SdistFormat::OtherTar => 3,
            }),
            DistributionFilename::Legacy(_) => Place::Elsewhere,
        };
        match self.seen.unseen(&offer.filename, &offer.file) {
            None => {}
            Some(Unseen::TooNew) => {
                *has_undated |= offer.file.upload_time.is_none();
                return Err(LeftOut::TooNew);
            }
            Some(Unseen::Policy(words)) => return Err(LeftOut::Policy(words)),
        }
        if let Some(requires) = offer.file.requires_python.as_deref()
            && place != Place::Elsewhere
            && !allows(self.target, requires)
        {
            return Err(LeftOut::Python(requires.to_owned()));
        }
        if self.pins.iter().any(|pin| pin.judge(&offer.file.hashes) == Listed::Other) {
            return Err(LeftOut::OtherDigest);
        }
        if self.problem.hashes_required && self.pins.is_empty() {
            return Err(LeftOut::NotPinned);
        }
        Ok(place)
    }
}

/// Where a file stands among those of a release, the best first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Wheel(Rank),
    /// By how well its format is read.
    Sdist(u8),
    /// A wheel for another machine.
    Elsewhere,
}

/// Whether a target's Python will do; a text that cannot be read stands in nobody's way, as in installers.
pub(super) fn allows(target: &Target, requires_python: &str) -> bool {
    requires_python.parse::<RequiresPython>().map_or(true, |requires| target.is_allowed_by(&requires))
}
