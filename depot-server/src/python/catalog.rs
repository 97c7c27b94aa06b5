//! A project as a page shows it.

use depot_proto::{
    ProjectName, Version,
    layout::href_from_page,
    simple::{ProjectPage, ProjectStatus},
};

use super::repository::Repository;
use crate::store::{StoreError, records::ReleaseRecord};

/// The page of a project that is here: its releases in the order of PEP 440, each release's files by name.
pub(crate) fn project_page(
    repository: &Repository,
    project: &ProjectName,
) -> Result<Option<ProjectPage>, StoreError> {
    let Some(serial) = repository.serial(project) else { return Ok(None) };
    let releases = repository.packages.releases(&repository.name, project)?;
    let mut releases: Vec<(Version, ReleaseRecord)> =
        releases.into_iter().map(|release| (Version::read(&release.version), release)).collect();
    releases.sort_by(|(one, _), (two, _)| one.cmp(two));
    let mut page = ProjectPage {
        project: project.clone(),
        status: ProjectStatus::Active,
        status_reason: None,
        versions: Vec::with_capacity(releases.len()),
        files: Vec::new(),
        last_serial: Some(serial),
        skipped: Vec::new(),
    };
    for (_, mut release) in releases {
        page.versions.push(release.version);
        release.files.sort_by(|one, two| one.filename.cmp(&two.filename));
        page.files.extend(
            release.files.iter().map(|file| file.to_page_file(href_from_page(project, &file.filename))),
        );
    }
    Ok(Some(page))
}
