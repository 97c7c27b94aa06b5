//! Which release of a project, and which of its files, an installer would take.

use std::collections::BTreeMap;

use depot_proto::{
    DistributionFilename, DistributionKind, ProjectName, Rank, Requirement, RequiresPython, Target, Version,
    simple::{PageFile, ProjectPage},
};

use super::{Need, Wish, by};

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
}

impl NoChoice {
    pub(super) fn in_words(&self, project: &ProjectName, needs: &[Need], target: &Target) -> String {
        let wanted: Vec<_> = needs
            .iter()
            .map(|need| format!("`{}`{}", need.requirement, by(std::slice::from_ref(need))))
            .collect();
        let wanted = wanted.join(" and ");
        match self {
            Self::Empty => format!("no files of `{project}` are shown here"),
            Self::NoVersion(newest) => {
                let newest = newest.join(", ");
                format!("no version that is shown here does for {wanted}; the newest are {newest}")
            }
            Self::NoFile(version) => {
                format!("{version} does for {wanted}, and has no file for {}", target.describe())
            }
        }
    }
}

/// The files of a release, as far as its target can use them.
#[derive(Default)]
struct Release {
    /// The best wheel and how good it is.
    wheel: Option<(Rank, DistributionFilename)>,
    sdist: Option<DistributionFilename>,
    all: Vec<DistributionFilename>,
}

/// Chooses the newest release that all requirements let do and that the target can use, pre-releases where they are asked
/// for or nothing else does (PEP 440), yanked files where a requirement pins them (PEP 592).
pub(super) fn choose(
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
        let is_allowed = |text: &String| {
            // What nobody understands is no bound, as for installers.
            text.parse::<RequiresPython>().is_ok_and(|requires| !target.is_allowed_by(&requires))
        };
        let is_other = |need: &Need| {
            let digests = need.hashes.iter().filter_map(|hash| hash.split_once(':'));
            let known = |(name, digest): (&str, &str)| {
                file.hashes.get(name).map(|listed| listed.eq_ignore_ascii_case(digest))
            };
            let mut known = digests.map(known).peekable();
            // One that is listed without such a digest is judged by whoever installs it.
            known.peek().is_some() && known.all(|is_it| is_it == Some(false))
        };
        if file.requires_python.as_ref().is_some_and(is_allowed) || needs.iter().any(is_other) {
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
        let needs: Vec<_> = requirements
            .iter()
            .map(|(requirement, hashes)| Need {
                requirement: requirement.parse().unwrap(),
                hashes: hashes.iter().map(|hash| (*hash).to_owned()).collect(),
                by: "a list".to_owned(),
                parent: None,
                locked: false,
            })
            .collect();
        let constraints: Vec<_> = constraint.parse().into_iter().collect();
        let target: Target = target.parse().unwrap();
        match choose(&page(), &needs, &constraints, &target, &Wish::default()) {
            Ok(pick) => pick.best.to_string(),
            Err(error) => error.in_words(&"tea".parse().unwrap(), &needs, &target),
        }
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
