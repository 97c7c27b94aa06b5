//! Which release of a project, and which of its files, an installer would take.

use std::collections::BTreeMap;

use depot_proto::{
    DistributionFilename, DistributionKind, ProjectName, Rank, Requirement, RequiresPython, Target, Version,
    simple::{PageFile, ProjectPage},
};

use super::{Asked, Need, Wish, by};

/// What is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pick {
    pub(super) version: Version,
    /// What is installed: the wheel that fits best, else the sdist.
    pub(super) best: DistributionFilename,
    /// The other files that were wished for.
    pub(super) others: Vec<DistributionFilename>,
}

/// Why nothing is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoChoice {
    /// There are no files that could be chosen from, or they are withheld.
    Empty,
    /// No version does; some that there are, the newest first.
    NoVersion(Vec<String>),
    /// Versions would do, the newest of them this one, and none has a file for the target.
    NoFile(String),
    /// Versions would do, the newest of them this one, and none of their files has one of the digests.
    NoDigest(String),
}

impl NoChoice {
    pub(super) fn in_words(
        &self,
        project: &ProjectName,
        needs: &[Need],
        constraints: &[Requirement],
        target: &Target,
    ) -> String {
        let needs =
            needs.iter().map(|need| format!("`{}`{}", need.requirement, by(std::slice::from_ref(need))));
        let constraints = constraints.iter().map(|constraint| format!("`{constraint}` (a constraint)"));
        let wanted = needs.chain(constraints).collect::<Vec<_>>().join(" and ");
        match self {
            Self::Empty => format!("no files of `{project}` are shown here"),
            Self::NoVersion(newest) => {
                let newest = newest.join(", ");
                format!("no version that is shown here does for {wanted}; the newest are {newest}")
            }
            Self::NoFile(version) => {
                format!("{version} does for {wanted}, and has no file for {}", target.describe())
            }
            Self::NoDigest(version) => {
                format!("{version} does for {wanted}, and no file of it has a digest that is asked for")
            }
        }
    }
}

/// What is chosen for all that is asked of a project.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Picked {
    pub(super) picks: Vec<Pick>,
    /// Why nothing is chosen, or not all that locks name.
    pub(super) failed: Vec<String>,
    /// The requirements of locks that the target can use.
    pub(super) locked: Vec<String>,
}

/// Chooses for all that is asked of a project. What locks name of it are alternatives, each of which is installed somewhere:
/// each comes that the target can use, and that all else which is asked lets do.
pub(super) fn alternatives(
    page: &ProjectPage,
    asked: &Asked,
    constraints: &[Requirement],
    target: &Target,
    wish: &Wish,
) -> Picked {
    let (locked, others): (Vec<_>, Vec<_>) = asked.needs.iter().cloned().partition(|need| need.locked);
    let chosen = |needs: &[Need]| {
        let in_words = |error: NoChoice| (error.in_words(&page.project, needs, constraints, target), error);
        choose(page, needs, constraints, target, wish).map_err(in_words)
    };
    let mut picked = Picked::default();
    for need in locked {
        match chosen(std::slice::from_ref(&need)) {
            // It is there for other targets.
            Err((_, NoChoice::NoFile(_))) => continue,
            Err((words, _)) => {
                picked.failed.push(words);
                continue;
            }
            Ok(_) => picked.locked.push(need.requirement.to_string()),
        }
        let together: Vec<_> = std::iter::once(need).chain(others.iter().cloned()).collect();
        picked.picks.extend(chosen(&together).ok().filter(|pick| !picked.picks.contains(pick)));
    }
    if picked.picks.is_empty() && picked.failed.is_empty() && !others.is_empty() {
        match chosen(&asked.needs) {
            Ok(pick) => picked.picks.push(pick),
            Err((words, _)) => picked.failed.push(words),
        }
    }
    picked
}

/// The files of a release, as far as its target can use them.
#[derive(Default)]
struct Release {
    /// The best wheel and how good it is.
    wheel: Option<(Rank, DistributionFilename)>,
    sdist: Option<DistributionFilename>,
    all: Vec<DistributionFilename>,
    /// Whether one of them, for whatever target, may have a digest that is asked for.
    has_digest: bool,
}

/// Chooses the newest release that all requirements let do and that the target can use, pre-releases where they are asked
/// for or nothing else does (PEP 440), yanked files where a requirement pins them (PEP 592).
fn choose(
    page: &ProjectPage,
    needs: &[Need],
    constraints: &[Requirement],
    target: &Target,
    wish: &Wish,
) -> Result<Pick, NoChoice> {
    let does = |version: &Version| {
        needs.iter().all(|need| need.requirement.contains(version))
            && constraints.iter().all(|constraint| constraint.contains(version))
    };
    let is_pinned = needs.iter().any(|need| need.requirement.is_pinned());
    let (mut releases, mut known) = (BTreeMap::<Version, Release>::new(), Vec::new());
    for file in &page.files {
        let Ok(filename) = DistributionFilename::parse(&file.filename, &page.project) else { continue };
        let version = filename.version().clone();
        if filename.kind() == DistributionKind::Legacy || version.pep440().is_none() {
            continue;
        }
        known.push(version.clone());
        if does(&version) && (is_pinned || !file.yanked.is_yanked()) {
            releases.entry(version).or_default().add(filename, file, needs, target);
        }
    }
    if known.is_empty() {
        return Err(NoChoice::Empty);
    }
    let Some(newest) = releases.keys().next_back().map(ToString::to_string) else {
        known.sort();
        known.dedup();
        return Err(NoChoice::NoVersion(known.iter().rev().take(5).map(ToString::to_string).collect()));
    };
    if !releases.values().any(|release| release.has_digest) {
        return Err(NoChoice::NoDigest(newest));
    }
    let usable: Vec<_> = releases.into_iter().rev().filter(|(_, release)| release.is_usable()).collect();
    let is_final = |version: &Version| version.pep440().is_none_or(|version| !version.any_prerelease());
    let takes_pre = wish.pre || needs.iter().any(|need| need.requirement.mentions_prerelease());
    let place = usable.iter().position(|(version, _)| takes_pre || is_final(version)).unwrap_or(0);
    let (version, release) = usable.into_iter().nth(place).ok_or(NoChoice::NoFile(newest))?;
    let all = if wish.all_files { release.all } else { Vec::new() };
    let best = release.wheel.map(|(_, wheel)| wheel).or(release.sdist);
    let best = best.ok_or_else(|| NoChoice::NoFile(version.to_string()))?;
    Ok(Pick { others: all.into_iter().filter(|other| *other != best).collect(), version, best })
}

impl Release {
    fn is_usable(&self) -> bool {
        self.wheel.is_some() || self.sdist.is_some()
    }

    fn add(&mut self, filename: DistributionFilename, file: &PageFile, needs: &[Need], target: &Target) {
        self.all.push(filename.clone());
        let is_excluded = |text: &String| {
            // What nobody understands is no bound, as for installers.
            text.parse::<RequiresPython>().is_ok_and(|requires| !target.is_allowed_by(&requires))
        };
        let is_other = |need: &Need| {
            let digests = need.hashes.iter().filter_map(|hash| hash.split_once(':'));
            let known = |(name, digest): (&str, &str)| {
                file.hashes.get(name).map(|listed| listed.eq_ignore_ascii_case(digest))
            };
            // One that is listed without such a digest is judged by whoever installs it.
            !need.hashes.is_empty() && digests.map(known).all(|is_it| is_it == Some(false))
        };
        if needs.iter().any(is_other) {
            return;
        }
        self.has_digest = true;
        if file.requires_python.as_ref().is_some_and(is_excluded) {
            return;
        }
        match &filename {
            DistributionFilename::Wheel(wheel) => {
                let Some(rank) = target.tags().rank(wheel) else { return };
                if self.wheel.as_ref().is_none_or(|(best, _)| rank < *best) {
                    self.wheel = Some((rank, filename));
                }
            }
            DistributionFilename::Sdist(_) => {
                self.sdist.get_or_insert(filename);
            }
            DistributionFilename::Legacy(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use depot_proto::{Yanked, simple::MetadataMark};

    use super::*;

    fn file(filename: &str, requires_python: Option<&str>, yanked: bool) -> PageFile {
        PageFile {
            filename: filename.to_owned(),
            url: String::new(),
            hashes: [("sha256".to_owned(), filename.len().to_string())].into(),
            size: None,
            upload_time: None,
            requires_python: requires_python.map(str::to_owned),
            yanked: if yanked { Yanked::Yes } else { Yanked::No },
            core_metadata: MetadataMark::Absent,
            provenance: None,
        }
    }

    fn page() -> ProjectPage {
        let mut page = ProjectPage::new("tea".parse().unwrap());
        page.files = vec![
            file("tea-1.0-py3-none-any.whl", None, false),
            file("tea-2.0-cp312-cp312-win_amd64.whl", None, false),
            file("tea-2.0-cp312-cp312-manylinux_2_17_x86_64.whl", None, false),
            file("tea-2.0-cp312-abi3-manylinux_2_17_x86_64.whl", None, false),
            file("tea-2.0.tar.gz", None, false),
            file("tea-3.0-py3-none-any.whl", Some(">=3.13"), false),
            file("tea-4.0-py3-none-any.whl", None, true),
            file("tea-5.0rc1-py3-none-any.whl", None, false),
            file("tea-nonsense.egg", None, false),
        ];
        page
    }

    fn chosen(requirements: &[(&str, &[&str])], constraint: &str, target: &str) -> String {
        let needs: Vec<_> =
            requirements.iter().map(|(requirement, hashes)| need(requirement, hashes, false)).collect();
        let constraints: Vec<_> = constraint.parse().into_iter().collect();
        let target: Target = target.parse().unwrap();
        match choose(&page(), &needs, &constraints, &target, &Wish::default()) {
            Ok(pick) => pick.best.to_string(),
            Err(error) => error.in_words(&"tea".parse().unwrap(), &needs, &constraints, &target),
        }
    }

    fn need(requirement: &str, hashes: &[&str], locked: bool) -> Need {
        Need {
            requirement: requirement.parse().unwrap(),
            hashes: hashes.iter().map(|hash| (*hash).to_owned()).collect(),
            by: "a list".to_owned(),
            parent: None,
            locked,
        }
    }

    #[test]
    fn what_locks_name_of_a_project_are_alternatives() {
        let of = |requirements: &[(&str, bool)]| {
            let needs = requirements.iter().map(|(text, locked)| need(text, &[], *locked)).collect();
            let asked = Asked { needs, ..Asked::default() };
            let target = "cp312-manylinux_2_28_x86_64".parse().unwrap();
            let picked = alternatives(&page(), &asked, &[], &target, &Wish::default());
            let versions: Vec<_> = picked.picks.iter().map(|pick| pick.version.to_string()).collect();
            (versions.join(" "), picked.failed.len(), picked.locked.join(" "))
        };
        let expected =
            |versions: &str, failed: usize, locked: &str| (versions.to_owned(), failed, locked.to_owned());
        let both = [("tea==1.0", true), ("tea==2.0", true)];
        assert_eq!(of(&both), expected("1.0 2.0", 0, "tea==1.0 tea==2.0"));
        // What has no file for the target is for others; what is not shown at all is missing.
        assert_eq!(of(&[both[0], ("tea==3.0", true)]), expected("1.0", 0, "tea==1.0"));
        assert_eq!(of(&[both[0], ("tea==9", true)]), expected("1.0", 1, "tea==1.0"));
        // What is required besides bounds them all.
        assert_eq!(of(&[both[0], both[1], ("tea<2", false)]).0, "1.0");
        assert_eq!(of(&[both[0], both[1], ("tea>2", false)]), expected("", 1, "tea==1.0 tea==2.0"));
    }

    #[test]
    fn a_digest_that_no_file_has_is_said() {
        const LINUX: &str = "cp312-manylinux_2_28_x86_64";
        for digest in ["sha256:0", "nonsense"] {
            let words = chosen(&[("tea==1.0", &[digest])], "", LINUX);
            assert!(words.ends_with("no file of it has a digest that is asked for"), "{words}");
        }
        // There is one with the digest, for another platform.
        let words = chosen(&[("tea==2.0", &["sha256:33"])], "", LINUX);
        assert!(words.contains("has no file for CPython 3.12"), "{words}");
    }

    #[test]
    fn the_newest_that_does_is_chosen_with_the_file_that_fits_best() {
        const LINUX: &str = "cp312-manylinux_2_28_x86_64";
        for (requirement, target, expected) in [
            ("tea", LINUX, "tea-2.0-cp312-cp312-manylinux_2_17_x86_64.whl"),
            ("tea", "cp312-win_amd64", "tea-2.0-cp312-cp312-win_amd64.whl"),
            ("tea", "cp311-win_amd64", "tea-2.0.tar.gz"),
            ("tea", "cp313-win_amd64", "tea-3.0-py3-none-any.whl"),
            ("tea<2", LINUX, "tea-1.0-py3-none-any.whl"),
            ("tea==4.0", LINUX, "tea-4.0-py3-none-any.whl"),
            ("tea>=5.0rc1", LINUX, "tea-5.0rc1-py3-none-any.whl"),
        ] {
            assert_eq!(chosen(&[(requirement, &[])], "", target), expected, "{requirement} on {target}");
        }
        assert_eq!(chosen(&[("tea", &[])], "tea<1.5", LINUX), "tea-1.0-py3-none-any.whl");
        // By its digest, which is its length here.
        assert_eq!(chosen(&[("tea==2.0", &["sha256:14", "sha256:9"])], "", LINUX), "tea-2.0.tar.gz");
        let bounded = chosen(&[("tea", &[])], "tea<1", LINUX);
        assert!(
            bounded.contains("does for `tea` (a list) and `tea<1` (a constraint); the newest"),
            "{bounded}"
        );
        assert_eq!(
            chosen(&[("tea>=2", &[]), ("tea<2", &[])], "", LINUX),
            "no version that is shown here does for `tea>=2` (a list) and `tea<2` (a list); the newest are 5.0rc1, 4.0, \
             3.0, 2.0, 1.0"
        );
        let words = chosen(&[("tea==3.0", &[])], "", LINUX);
        assert!(
            words.starts_with("3.0 does for `tea==3.0` (a list), and has no file for CPython 3.12"),
            "{words}"
        );
    }
}
