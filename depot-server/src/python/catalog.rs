//! A project as a page shows it.

use depot_proto::{ProjectName, Version, layout::href_from_page, simple::ProjectPage};

use super::repository::Repository;
use crate::store::{StoreError, records::ReleaseRecord};

/// The page of a project that is here: its releases in the order of PEP 440, each release's files by name.
pub(crate) fn project_page(
    repository: &Repository,
    project: &ProjectName,
) -> Result<Option<ProjectPage>, StoreError> {
    let Some(serial) = repository.serial(project) else { return Ok(None) };
    let record = repository.projects.get(project);
    let status = record.as_ref().and_then(|record| record.shown().cloned());
    let releases = repository.packages.releases(&repository.name, project)?;
    let mut releases: Vec<(Version, ReleaseRecord)> =
        releases.into_iter().map(|release| (Version::read(&release.version), release)).collect();
    releases.sort_by(|(one, _), (two, _)| one.cmp(two));
    let mut page = ProjectPage { last_serial: Some(serial), ..ProjectPage::new(project.clone()) };
    if let Some(status) = status {
        (page.status, page.status_reason) = (status.state, status.reason);
    }
    if !page.status.offers_files() {
        return Ok(Some(page));
    }
    for (_, mut release) in releases {
        page.versions.push(release.version);
        release.files.sort_by(|one, two| one.filename.cmp(&two.filename));
        page.files.extend(
            release.files.iter().map(|file| file.to_page_file(href_from_page(project, &file.filename))),
        );
    }
    Ok(Some(page))
}
