//! From requirements to files. Today each requirement stands for itself; dependencies and targets will come between the
//! two, here, and change neither what goes in nor what comes out.

use std::collections::BTreeMap;

use depot_index::{Client, IndexUrl};
use depot_proto::{
    DistributionFilename, ProjectName,
    simple::{PageFile, ProjectPage},
};
use futures_util::{StreamExt as _, stream};

use super::{inputs::Input, select::select};
use crate::output::explain;

/// A file to be saved.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) filename: DistributionFilename,
    pub(super) file: PageFile,
}

/// Something that was asked for and cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    /// What.
    pub(super) item: String,
    /// Why not.
    pub(super) reason: String,
}

/// What the requirements come to.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    /// The files, each once.
    pub(super) files: Vec<Wanted>,
    /// What came to nothing.
    pub(super) failed: Vec<Failed>,
}

/// Asks the index for every project named and chooses files for every requirement.
pub(super) async fn resolve(
    client: &Client,
    index: &IndexUrl,
    inputs: &[Input],
    all_versions: bool,
    jobs: usize,
) -> Resolved {
    let mut projects: Vec<ProjectName> =
        inputs.iter().filter_map(|input| Some(input.requirement.as_ref().ok()?.project.clone())).collect();
    projects.sort_unstable();
    projects.dedup();
    let pages: BTreeMap<ProjectName, Result<ProjectPage, String>> = stream::iter(projects)
        .map(|project| async move {
            let page = client.project(index, &project).await;
            let page = page.map_err(|error| {
                if error.is_not_found() {
                    format!("there is no project `{project}` in {index}")
                } else {
                    explain(&anyhow::Error::from(error))
                }
            });
            (project, page)
        })
        .buffer_unordered(jobs)
        .collect()
        .await;
    let mut resolved = Resolved::default();
    let mut files: BTreeMap<(ProjectName, String), Wanted> = BTreeMap::new();
    for input in inputs {
        match choose(input, &pages, all_versions) {
            Ok(chosen) => files.extend(chosen),
            Err(reason) => resolved.failed.push(Failed { item: input.label(), reason }),
        }
    }
    resolved.files = files.into_values().collect();
    resolved
}

type Keyed = ((ProjectName, String), Wanted);

fn choose(
    input: &Input,
    pages: &BTreeMap<ProjectName, Result<ProjectPage, String>>,
    all_versions: bool,
) -> Result<Vec<Keyed>, String> {
    let requirement = input.requirement.as_ref().map_err(Clone::clone)?;
    let page = pages.get(&requirement.project).ok_or("its page was not asked for")?;
    let page = page.as_ref().map_err(Clone::clone)?;
    let chosen = select(requirement, page, all_versions).map_err(|error| error.to_string())?;
    let files = chosen.into_iter().flat_map(|chosen| chosen.files);
    Ok(files
        .map(|(filename, file)| {
            ((requirement.project.clone(), file.filename.clone()), Wanted { filename, file })
        })
        .collect())
}
