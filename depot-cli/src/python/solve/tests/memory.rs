//! An index in memory: a line for each release, with what it requires.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex},
};

use depot_proto::{DistributionFilename, DistributionKind, ProjectName, Yanked, simple::PageFile};
use futures_util::{FutureExt as _, future::BoxFuture};

use super::super::{BuildSystem, Known, Listing, NoListing, NoMetadata, Offer, Supply};

#[derive(Debug, Default)]
pub(super) struct Index {
    listings: BTreeMap<ProjectName, Vec<PageFile>>,
    metadata: BTreeMap<String, String>,
    pyprojects: BTreeMap<String, String>,
    saved: Vec<String>,
    quarantined: Vec<ProjectName>,
    /// Projects and files that cannot be asked for.
    broken: Vec<String>,
    pub(super) asked: Mutex<Vec<String>>,
}

/// Reads lines such as `a 1.0: b>=2, c ; extra == 'x'`: wheels for all machines.
pub(super) fn index(lines: &str) -> Index {
    let mut index = Index::default();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (release, requires) = line.split_once(':').unwrap_or((line, ""));
        let (project, version) = release.trim().split_once(' ').unwrap();
        let filename = format!("{}-{version}-py3-none-any.whl", project.replace('-', "_"));
        let requires: Vec<_> = requires.split(" & ").map(str::trim).filter(|one| !one.is_empty()).collect();
        index = index.file(&filename, &requires, |_| {});
    }
    index
}

impl Index {
    /// Adds a file that requires this; the last argument changes what the page says of it.
    pub(super) fn file(mut self, name: &str, requires: &[&str], change: impl FnOnce(&mut PageFile)) -> Self {
        let filename = DistributionFilename::guess(name).unwrap();
        let mut file = PageFile { filename: name.to_owned(), ..PageFile::default() };
        change(&mut file);
        self.listings.entry(filename.project().clone()).or_default().push(file);
        let mut text =
            format!("Metadata-Version: 2.2\nName: {}\nVersion: {}\n", filename.project(), filename.version());
        for requirement in requires {
            let _ = writeln!(text, "Requires-Dist: {requirement}");
            if let Some((_, extra)) = requirement.split_once("extra == '") {
                let _ = writeln!(text, "Provides-Extra: {}", extra.trim_end_matches(['\'', ')']));
            }
        }
        self.metadata.insert(name.to_owned(), text);
        self
    }

    pub(super) fn yanked(self, name: &str, requires: &[&str]) -> Self {
        self.file(name, requires, |file| file.yanked = Yanked::because("leaks"))
    }

    pub(super) fn for_python(self, name: &str, requires_python: &str) -> Self {
        self.file(name, &[], |file| file.requires_python = Some(requires_python.to_owned()))
    }

    pub(super) fn uploaded(self, name: &str, time: &str) -> Self {
        self.file(name, &[], |file| file.upload_time = Some(time.parse().unwrap()))
    }

    pub(super) fn with_metadata(mut self, name: &str, text: &str) -> Self {
        self = self.file(name, &[], |_| {});
        self.metadata.insert(name.to_owned(), text.to_owned());
        self
    }

    pub(super) fn pyproject(mut self, name: &str, text: &str) -> Self {
        self.pyprojects.insert(name.to_owned(), text.to_owned());
        self
    }

    pub(super) fn saved(mut self, name: &str) -> Self {
        self.saved.push(name.to_owned());
        self
    }

    pub(super) fn quarantined(mut self, project: &str) -> Self {
        self.quarantined.push(project.parse().unwrap());
        self
    }

    pub(super) fn broken(mut self, what: &str) -> Self {
        self.broken.push(what.to_owned());
        self
    }

    pub(super) fn done(self) -> Arc<Self> {
        Arc::new(self)
    }

    fn ask(&self, what: &str) -> Result<(), String> {
        self.asked.lock().unwrap().push(what.to_owned());
        if self.broken.iter().any(|broken| broken == what) {
            return Err(format!("`{what}` answered with status 500"));
        }
        Ok(())
    }

    fn listing_of(&self, project: &ProjectName) -> Result<Listing, NoListing> {
        self.ask(project.as_str()).map_err(NoListing::Failed)?;
        let Some(files) = self.listings.get(project) else {
            return Err(NoListing::Absent(format!("there is no project `{project}` in memory")));
        };
        let index: Arc<depot_index::IndexUrl> = Arc::new("https://index.example/simple/".parse().unwrap());
        let offer = |file: &PageFile| Offer {
            filename: DistributionFilename::parse(&file.filename, project).unwrap(),
            file: file.clone(),
            index: Arc::clone(&index),
        };
        Ok(Listing {
            offers: files.iter().map(offer).collect(),
            quarantined: self.quarantined.contains(project),
            status: depot_proto::simple::ProjectStatus::Active,
            saved: self.saved.iter().cloned().collect(),
        })
    }

    fn known_of(&self, offer: &Offer) -> Result<Known, NoMetadata> {
        let name = offer.filename.as_str();
        self.ask(name).map_err(NoMetadata::Failed)?;
        let bytes = self.metadata[name].as_bytes();
        if offer.filename.kind() == DistributionKind::Wheel {
            return Known::of_wheel(bytes);
        }
        let core = depot_proto::metadata::parse(bytes).map_err(|error| NoMetadata::Bad(error.to_string()))?;
        Known::of_sdist(&core, self.pyprojects.get(name).map(String::as_bytes))
    }
}

impl Supply for Index {
    fn listing<'a>(&'a self, project: &'a ProjectName) -> BoxFuture<'a, Result<Listing, NoListing>> {
        async move { self.listing_of(project) }.boxed()
    }

    fn known<'a>(&'a self, offer: &'a Offer) -> BoxFuture<'a, Result<Known, NoMetadata>> {
        async move { self.known_of(offer) }.boxed()
    }

    fn build_system<'a>(&'a self, offer: &'a Offer) -> BoxFuture<'a, Result<BuildSystem, NoMetadata>> {
        let pyproject = self.pyprojects.get(offer.filename.as_str()).map(String::as_bytes);
        async move { Ok(BuildSystem::of_pyproject(pyproject)) }.boxed()
    }
}
