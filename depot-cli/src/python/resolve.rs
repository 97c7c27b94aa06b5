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

/// Asks the index for every project named and chooses files for every requirement. A page is chosen from as soon as it
/// comes, and let go.
pub(super) async fn resolve(
    client: &Client,
    index: &IndexUrl,
    inputs: &[Input],
    all_versions: bool,
    jobs: usize,
) -> Resolved {
    let mut of_project: BTreeMap<&ProjectName, Vec<&Input>> = BTreeMap::new();
    let mut failed: Vec<(usize, Failed)> = Vec::new();
    for (place, input) in inputs.iter().enumerate() {
        match &input.requirement {
            Ok(requirement) => of_project.entry(&requirement.project).or_default().push(input),
            Err(reason) => failed.push((place, Failed { item: input.label(), reason: reason.clone() })),
        }
    }
    let asking = of_project.into_iter().map(|(project, inputs)| async move {
        let page = client.project(index, project).await.map_err(|error| {
            if error.is_not_found() {
                format!("there is no project `{project}` in {index}")
            } else {
                explain(&anyhow::Error::from(error))
            }
        });
        let chosen = |input: &&Input| (input.label(), choose(input, &page, all_versions));
        inputs.iter().map(chosen).collect::<Vec<_>>()
    });
    let mut answers = stream::iter(asking).buffered(jobs);
    let mut files: BTreeMap<(ProjectName, String), Wanted> = BTreeMap::new();
    while let Some(chosen) = answers.next().await {
        for (item, chosen) in chosen {
            match chosen {
                Ok(chosen) => files.extend(chosen),
                Err(reason) => failed.push((inputs.len(), Failed { item, reason })),
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

type Keyed = ((ProjectName, String), Wanted);

fn choose(
    input: &Input,
    page: &Result<ProjectPage, String>,
    all_versions: bool,
) -> Result<Vec<Keyed>, String> {
    let requirement = input.requirement.as_ref().map_err(Clone::clone)?;
    let page = page.as_ref().map_err(Clone::clone)?;
    let chosen = select(requirement, page, all_versions).map_err(|error| error.to_string())?;
    let files = chosen.into_iter().flat_map(|chosen| chosen.files);
    Ok(files
        .map(|(filename, file)| {
            ((requirement.project.clone(), file.filename.clone()), Wanted { filename, file })
        })
        .collect())
}
