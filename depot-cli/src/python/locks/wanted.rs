//! From the files of locks to files that can be saved.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    sync::Arc,
};

use depot_index::{Client, IndexUrl};
use depot_proto::{
    DistributionFilename, DistributionKind, Environment, ProjectName, Target,
    simple::{PageFile, ProjectPage, ProjectStatus},
};
use futures_util::{StreamExt as _, stream};

use super::{
    super::{
        indexes::Indexes,
        inputs::Asked,
        requirements::Listed,
        resolve::{Failed, Wanted},
        solve::NoListing,
        visible::{Unseen, Visible},
    },
    Lock, LockedFile, Package, Selected,
};
use crate::output::explain;

/// The page of a project, with the index that has it; or why there is none.
type Found = Result<(Arc<IndexUrl>, ProjectPage), String>;

/// What of a lock is wanted.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::python) struct Pick<'a> {
    /// What a target installs of it, for each of these; without them all of its files.
    pub(in crate::python) targets: Option<&'a [Target]>,
    /// The sdists too where a wheel fits.
    pub(in crate::python) sdists: bool,
}

/// What locks come to.
#[derive(Debug, Default)]
pub(in crate::python) struct Locked {
    /// The files, each once.
    pub(in crate::python) files: Vec<Wanted>,
    /// What cannot be had.
    pub(in crate::python) failed: Vec<Failed>,
    /// What a person should know.
    pub(in crate::python) warnings: Vec<String>,
}

/// Who is asked for a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Whom<'a> {
    /// The indexes of the run.
    Chosen,
    /// The index that the lock names.
    Named(&'a str),
    /// None: where the file is, is known.
    Nobody,
}

/// The files of all locks that were asked for. The index is asked for each of their projects, because it tells more
/// than a lock does (yanks, provenance) and because addresses age; where it does not have a file, the address in the
/// lock is taken. Whatever is said elsewhere, a file must have the digest that its lock pins it to.
///
/// Which index: those that were chosen for this run by a flag, the environment or a list; else the one that the lock
/// names, so that nobody is asked for the private names of another. For the same reason nobody is asked for a file that
/// has an address but no index, where no index was chosen.
pub(in crate::python) async fn wanted(
    asked: &Asked,
    pick: Pick<'_>,
    visible: &Visible,
    (indexes, client): (&Indexes, &Client),
    jobs: usize,
) -> Locked {
    let visible = &visible.by_policy_alone();
    let mut of_project: BTreeMap<(&ProjectName, Whom<'_>), Vec<&LockedFile>> = BTreeMap::new();
    let mut locked = Locked::default();
    for file in asked.locked.iter().flat_map(|lock| files(lock, asked, pick, &mut locked)) {
        let whom = match &file.index {
            _ if !indexes.is_default() => Whom::Chosen,
            Some(index) => Whom::Named(index.as_url().as_str()),
            None if file.url.is_some() => Whom::Nobody,
            None => Whom::Chosen,
        };
        of_project.entry((file.filename.project(), whom)).or_default().push(file);
    }
    let asking = of_project.into_iter().map(|((project, whom), files)| async move {
        let named = files.iter().find_map(|file| file.index.as_ref());
        let found: Found = match (whom, named) {
            (Whom::Named(_), Some(index)) => match client.project(index, project).await {
                Ok(page) => {
                    indexes.note(index, &page).await;
                    Ok((Arc::clone(index), page))
                }
                Err(error) => Err(explain(&anyhow::Error::from(error))),
            },
            (Whom::Nobody, _) => Err("no index was asked for it".to_owned()),
            _ => indexes.project(client, project).await.map_err(NoListing::into_reason),
        };
        let by_name = found.as_ref().map(|(_, page)| by_name(page)).unwrap_or_default();
        let status = found.as_ref().map_or(ProjectStatus::Active, |(_, page)| page.status);
        let seen = visible.of(project, status);
        let one = |file: &&LockedFile| {
            let wanted = one(file, &found, &by_name, indexes, asked.hashes_required);
            let wanted = wanted.and_then(|wanted| match seen.unseen(&wanted.filename, &wanted.file) {
                Some(Unseen::Policy(why)) => Err(format!("it is {why}")),
                Some(Unseen::TooNew) | None => Ok(wanted),
            });
            wanted.map_err(|reason| Failed { item: label(file), reason })
        };
        files.iter().map(one).collect::<Vec<_>>()
    });
    let mut answers = stream::iter(asking).buffered(jobs);
    let mut wanted = BTreeMap::new();
    while let Some(answer) = answers.next().await {
        for one in answer {
            match one {
                Ok(one) => add(&mut wanted, one),
                Err(one) => locked.failed.push(one),
            }
        }
    }
    locked.files = wanted.into_values().collect();
    locked
}

/// A file and its place, for a message.
fn label(file: &LockedFile) -> String {
    format!("{} ({})", file.filename, file.place)
}

/// The files of all locks that were asked for, as the locks alone have them, and what else they come to. Nobody is asked
/// anything.
pub(in crate::python) fn named<'a>(asked: &'a Asked, pick: Pick<'_>) -> (Vec<&'a LockedFile>, Locked) {
    let mut locked = Locked::default();
    let files = asked.locked.iter().flat_map(|lock| files(lock, asked, pick, &mut locked)).collect();
    (files, locked)
}

/// The files of a lock that are wanted, each once. A package of which no file fits a target that wants it is a failure.
fn files<'a>(lock: &'a Lock, asked: &Asked, pick: Pick<'_>, locked: &mut Locked) -> Vec<&'a LockedFile> {
    let Some(targets) = pick.targets else {
        return applying(lock, None, &asked.selected).flat_map(|package| &package.files).collect();
    };
    let mut wanted: BTreeMap<*const LockedFile, &LockedFile> = BTreeMap::new();
    let mut to_build = BTreeSet::new();
    for target in targets {
        for package in applying(lock, Some(target.environment()), &asked.selected) {
            let chosen = fitting(package, target, pick.sdists);
            if chosen.is_empty()
                && let Some(first) = package.files.first()
            {
                let project = first.filename.project();
                let reason = format!(
                    "the lock has no file of it for {target}: only wheels for other environments, and no sdist"
                );
                locked.failed.push(Failed { item: format!("{project} ({})", first.place), reason });
            }
            if let Some(first) =
                chosen.first().filter(|first| first.filename.kind() == DistributionKind::Sdist)
            {
                to_build.insert(first.filename.as_str());
            }
            wanted.extend(chosen.into_iter().map(|file| (std::ptr::from_ref(file), file)));
        }
    }
    if !to_build.is_empty() {
        let names = to_build.into_iter().collect::<Vec<_>>().join(", ");
        locked.warnings.push(format!(
            "{}: {names} must be built where no wheel fits, and what that needs is in no lock: name it beside the lock",
            lock.path.display()
        ));
    }
    // In the order of the lock.
    let all = lock.packages.iter().flat_map(|package| &package.files);
    all.filter(|file| wanted.contains_key(&std::ptr::from_ref(*file))).collect()
}

/// The packages that an environment wants, or any.
pub(super) fn applying<'a>(
    lock: &'a Lock,
    environment: Option<&Environment>,
    selected: &Selected,
) -> impl Iterator<Item = &'a Package> {
    let reached = lock.links.as_ref().map(|links| links.reach(environment, selected));
    let packages = lock.packages.iter().enumerate().filter(move |(at, package)| {
        package.marker.may_apply(environment, selected)
            && reached.as_ref().is_none_or(|reached| reached.contains(at))
    });
    packages.map(|(_, package)| package).collect::<Vec<_>>().into_iter()
}

/// What an installer takes of a package: the wheel that fits best, else the sdist.
pub(super) fn fitting<'a>(package: &'a Package, target: &Target, sdists: bool) -> Vec<&'a LockedFile> {
    let rank = |file: &'a LockedFile| match &file.filename {
        DistributionFilename::Wheel(wheel) => Some((target.tags().rank(wheel)?, file)),
        _ => None,
    };
    let best = package.files.iter().filter_map(rank).min_by(|(one, _), (two, _)| one.cmp(two));
    let mut chosen: Vec<_> = best.into_iter().map(|(_, file)| file).collect();
    if chosen.is_empty() || sdists {
        let is_sdist = |file: &&LockedFile| file.filename.kind() == DistributionKind::Sdist;
        chosen.extend(package.files.iter().filter(is_sdist));
    }
    chosen
}

fn by_name(page: &ProjectPage) -> BTreeMap<&str, &PageFile> {
    page.files.iter().map(|file| (file.filename.as_str(), file)).collect()
}

/// Each file once, with the pins of every lock that names it.
fn add(wanted: &mut BTreeMap<(ProjectName, String), Wanted>, one: Wanted) {
    match wanted.entry((one.filename.project().clone(), one.filename.to_string())) {
        Entry::Vacant(entry) => drop(entry.insert(one)),
        Entry::Occupied(mut entry) => entry.get_mut().pins.extend(one.pins),
    }
}

/// A file as it is to be fetched; or why it cannot be.
fn one(
    locked: &LockedFile,
    found: &Found,
    by_name: &BTreeMap<&str, &PageFile>,
    indexes: &Indexes,
    require_hashes: bool,
) -> Result<Wanted, String> {
    if require_hashes && locked.hashes.is_empty() {
        return Err("digests are required, and the lock has none for it".to_owned());
    }
    let filename = locked.filename.clone();
    let pins = || if locked.hashes.is_empty() { Vec::new() } else { vec![Arc::clone(&locked.hashes)] };
    let mut why = match found {
        Ok((index, page)) if !page.status.offers_files() => {
            return Err(format!("`{}` is quarantined by {index}: it offers no files", filename.project()));
        }
        Ok((index, _)) => format!("{index} does not list it"),
        Err(reason) => reason.clone(),
    };
    if let (Ok((index, _)), Some(file)) = (found, by_name.get(filename.as_str())) {
        let judged = if locked.hashes.is_empty() { Listed::Meant } else { locked.hashes.judge(&file.hashes) };
        let (index, file) = (Arc::clone(index), PageFile::clone(file));
        match judged {
            Listed::Meant => return Ok(Wanted { filename, file, index, pins: Vec::new(), is_listed: true }),
            Listed::Unknown => return Ok(Wanted { filename, file, index, pins: pins(), is_listed: true }),
            Listed::Other => {
                why = format!(
                    "the lock pins it to {}, and {index} has it with {}: whoever changed one of the two can say which is right; \
                     lock again if it is the index",
                    locked.hashes,
                    shown(&file),
                );
                if locked.url.as_ref().is_some_and(|url| url.as_str() == file.url) {
                    return Err(why);
                }
            }
        }
    }
    let Some(url) = &locked.url else { return Err(format!("{why}, and the lock has no address for it")) };
    // Where nothing says of which index it is, its own host is all that is known; the default index is not to be named.
    let host = || url.join("/").ok().and_then(|host| IndexUrl::try_from(host).ok()).map(Arc::new);
    let index = locked.index.clone().or_else(|| host().filter(|_| indexes.is_default()));
    let index = index.unwrap_or_else(|| indexes.main_index());
    let file = PageFile {
        filename: filename.to_string(),
        url: url.to_string(),
        size: locked.size,
        upload_time: locked.upload_time,
        ..PageFile::default()
    };
    Ok(Wanted { filename, file, index, pins: pins(), is_listed: false })
}

/// The digests that an index lists, for a message.
fn shown(file: &PageFile) -> String {
    let digests: Vec<_> =
        file.hashes.iter().map(|(algorithm, digest)| format!("{algorithm}:{digest}")).collect();
    digests.join(", ")
}
