//! Which versions of a project a requirement means, and which of their files are saved.

use std::collections::BTreeMap;

use depot_proto::{
    DistributionFilename, DistributionKind, ProjectName, Requirement, Version, VersionKey,
    simple::{PageFile, ProjectPage},
};

/// Which of the versions that fit are chosen.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Choice {
    /// All of them, and not only the newest.
    pub(super) all_versions: bool,
    /// Pre-releases too, whether a requirement mentions one or not.
    pub(super) pre: bool,
}

/// A release that was chosen.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    /// Its files.
    pub(super) files: Vec<(DistributionFilename, PageFile)>,
}

/// Why nothing was chosen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoChoice {
    /// The index withholds the files (PEP 792).
    #[error("`{0}` is quarantined by the index: it offers no files")]
    Quarantined(ProjectName),
    /// The page has no file that could be saved.
    #[error("`{0}` has no files that can be saved")]
    Empty(ProjectName),
    /// No version fits.
    #[error("no version of `{project}` fits `{wanted}`; the newest are {newest}")]
    NoVersion {
        /// The project.
        project: ProjectName,
        /// The requirement.
        wanted: String,
        /// Some versions that are there.
        newest: String,
    },
    /// Only yanked files fit, and the requirement does not pin them.
    #[error(
        "every file of `{project}` that fits `{wanted}` is yanked{reason}; pin the version with `==` to have it"
    )]
    Yanked {
        /// The project.
        project: ProjectName,
        /// The requirement.
        wanted: String,
        /// Why, if that was said.
        reason: String,
    },
}

struct Release {
    version: Version,
    files: Vec<(DistributionFilename, PageFile)>,
}

impl Release {
    fn is_yanked(&self) -> bool {
        self.files.iter().all(|(_, file)| file.yanked.is_yanked())
    }
}

/// The newest release that fits, or every one.
///
/// Pre-releases are chosen where they are asked for, the requirement mentions one, or nothing else fits (PEP 440); yanked files where
/// the requirement pins their version (PEP 592), and then with their flag. Files that installers cannot use (`.egg`,
/// `.exe`) and files whose names cannot be read are left out.
pub(super) fn select(
    requirement: &Requirement,
    page: &ProjectPage,
    choice: Choice,
) -> Result<Vec<Chosen>, NoChoice> {
    let project = &requirement.project;
    if !page.status.offers_files() {
        return Err(NoChoice::Quarantined(project.clone()));
    }
    let releases = releases(project, page);
    let Some(newest) = newest(&releases) else { return Err(NoChoice::Empty(project.clone())) };
    let fits: Vec<&Release> =
        releases.values().filter(|release| requirement.contains(&release.version)).collect();
    if fits.is_empty() {
        let (project, wanted) = (project.clone(), requirement.to_string());
        return Err(NoChoice::NoVersion { project, wanted, newest });
    }
    let pinned = requirement.is_pinned();
    let reason = fits.iter().flat_map(|release| &release.files).find_map(|(_, file)| file.yanked.reason());
    let reason = reason.map(|reason| format!(" (\"{reason}\")")).unwrap_or_default();
    let unyanked: Vec<&Release> = fits.iter().copied().filter(|release| !release.is_yanked()).collect();
    let candidates = if unyanked.is_empty() && pinned { fits } else { unyanked };
    if candidates.is_empty() {
        return Err(NoChoice::Yanked { project: project.clone(), wanted: requirement.to_string(), reason });
    }
    let mut chosen = if choice.pre { candidates } else { without_prereleases(requirement, candidates) };
    chosen.sort_by(|one, two| two.version.cmp(&one.version));
    if !choice.all_versions {
        chosen.truncate(1);
    }
    Ok(chosen.into_iter().map(|release| choose(release, pinned)).collect())
}

fn without_prereleases<'a>(requirement: &Requirement, candidates: Vec<&'a Release>) -> Vec<&'a Release> {
    if requirement.mentions_prerelease() {
        return candidates;
    }
    let is_final =
        |release: &&Release| release.version.pep440().is_none_or(|version| !version.any_prerelease());
    let finals: Vec<_> = candidates.iter().copied().filter(is_final).collect();
    if finals.is_empty() { candidates } else { finals }
}

/// A pinned version comes whole, a lock may name any of its files; of others the yanked files stay behind.
fn choose(release: &Release, pinned: bool) -> Chosen {
    let wanted = |file: &PageFile| pinned || !file.yanked.is_yanked();
    Chosen { files: release.files.iter().filter(|(_, file)| wanted(file)).cloned().collect() }
}

fn releases(project: &ProjectName, page: &ProjectPage) -> BTreeMap<VersionKey, Release> {
    let mut releases: BTreeMap<VersionKey, Release> = BTreeMap::new();
    for file in &page.files {
        let Ok(filename) = DistributionFilename::parse(&file.filename, project) else { continue };
        if filename.kind() == DistributionKind::Legacy {
            continue;
        }
        let version = filename.version().clone();
        let release = releases.entry(version.key()).or_insert_with(|| Release { version, files: Vec::new() });
        if release.files.iter().all(|(known, _)| known.as_str() != file.filename) {
            release.files.push((filename, file.clone()));
        }
    }
    releases
}

/// A few of the newest versions, for a message; none if there are no releases.
fn newest(releases: &BTreeMap<VersionKey, Release>) -> Option<String> {
    let mut versions: Vec<_> = releases.values().map(|release| &release.version).collect();
    versions.sort_by(|one, two| two.cmp(one));
    let shown: Vec<_> = versions.iter().take(5).map(ToString::to_string).collect();
    (!shown.is_empty()).then(|| shown.join(", "))
}

#[cfg(test)]
mod tests {
    use depot_proto::Yanked;

    use super::*;

    fn page(files: &[(&str, Yanked)]) -> ProjectPage {
        let mut page = ProjectPage::new("foo".parse().unwrap());
        for (filename, yanked) in files {
            let (filename, yanked) = ((*filename).to_owned(), yanked.clone());
            page.files.push(PageFile { filename, yanked, ..PageFile::default() });
        }
        page
    }

    fn chosen(requirement: &str, page: &ProjectPage, all: bool) -> Vec<String> {
        let choice = Choice { all_versions: all, pre: false };
        let chosen = select(&requirement.parse().unwrap(), page, choice).unwrap();
        chosen.iter().flat_map(|chosen| chosen.files.iter().map(|(name, _)| name.to_string())).collect()
    }

    #[test]
    fn the_newest_version_by_pep_440_is_chosen_with_all_its_files() {
        let page = page(&[
            ("foo-1.9.tar.gz", Yanked::No),
            ("foo-1.10.tar.gz", Yanked::No),
            ("foo-1.10.0-py3-none-any.whl", Yanked::No),
            ("foo-1.10.win32.exe", Yanked::No),
            ("foo-2.0rc1.tar.gz", Yanked::No),
            ("something-else.txt", Yanked::No),
        ]);
        assert_eq!(chosen("foo", &page, false), ["foo-1.10.tar.gz", "foo-1.10.0-py3-none-any.whl"]);
        assert_eq!(chosen("foo<1.10", &page, false), ["foo-1.9.tar.gz"]);
        assert_eq!(chosen("foo>=2.0rc1", &page, false), ["foo-2.0rc1.tar.gz"]);
        assert_eq!(chosen("foo", &page, true).len(), 3);
        let error = select(&"foo==3".parse().unwrap(), &page, Choice::default()).unwrap_err().to_string();
        assert!(error.contains("foo==3") && error.contains("2.0rc1, 1.10"), "{error}");
    }

    #[test]
    fn a_prerelease_is_chosen_where_nothing_else_fits_or_where_it_is_asked_for() {
        let page = page(&[("foo-1.0.tar.gz", Yanked::No), ("foo-2.0rc1.tar.gz", Yanked::No)]);
        assert_eq!(chosen("foo>1.0", &page, false), ["foo-2.0rc1.tar.gz"]);
        assert_eq!(chosen("foo", &page, false), ["foo-1.0.tar.gz"]);
        let asked = select(&"foo".parse().unwrap(), &page, Choice { all_versions: false, pre: true });
        assert_eq!(asked.unwrap()[0].files[0].1.filename, "foo-2.0rc1.tar.gz");
    }

    #[test]
    fn a_yanked_version_is_chosen_only_where_it_is_pinned() {
        let page = page(&[
            ("foo-1.0.tar.gz", Yanked::No),
            ("foo-1.1.tar.gz", Yanked::because("broken")),
            ("foo-1.2-py3-none-any.whl", Yanked::Yes),
            ("foo-1.2.tar.gz", Yanked::No),
        ]);
        assert_eq!(chosen("foo", &page, false), ["foo-1.2.tar.gz"]);
        assert_eq!(chosen("foo<1.2", &page, false), ["foo-1.0.tar.gz"]);
        assert_eq!(chosen("foo==1.1", &page, false), ["foo-1.1.tar.gz"]);
        assert_eq!(chosen("foo==1.2", &page, false).len(), 2);
        let error =
            select(&"foo>1.0,<1.2".parse().unwrap(), &page, Choice::default()).unwrap_err().to_string();
        assert!(error.contains("broken") && error.contains("=="), "{error}");
    }
}
