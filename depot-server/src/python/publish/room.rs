//! How much the files of one project may have together: those that are here, and those on their way.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use depot_proto::ProjectName;

use super::PublishError;
use crate::{python::repository::Repository, store::StoreError};

/// The room that publications under way have been promised, so that those of one moment do not fill a project together.
#[derive(Default)]
pub(crate) struct Rooms(Mutex<HashMap<ProjectName, Vec<Promise>>>);

#[derive(Clone, PartialEq)]
struct Promise {
    filename: String,
    size: u64,
}

/// What a project has, against what it may have.
pub(crate) struct Room {
    project: ProjectName,
    limit: u64,
    /// By the names of the files: one that is published is for a moment both here and on its way.
    sizes: HashMap<String, u64>,
}

impl Room {
    /// The room of a project, with what is promised of it; none where there is no limit. May block.
    pub(crate) fn of(repository: &Repository, project: &ProjectName) -> Result<Option<Self>, StoreError> {
        Self::besides(repository, project, &repository.rooms.promises())
    }

    fn besides(
        repository: &Repository,
        project: &ProjectName,
        promises: &HashMap<ProjectName, Vec<Promise>>,
    ) -> Result<Option<Self>, StoreError> {
        let Some(limit) = repository.policy.max_project_size else { return Ok(None) };
        let mut room = Self { project: project.clone(), limit, sizes: HashMap::new() };
        let releases = repository.packages.releases(&repository.name, project)?;
        for file in releases.into_iter().flat_map(|release| release.files) {
            room.put(file.filename, file.size);
        }
        for Promise { filename, size } in promises.get(project).into_iter().flatten() {
            room.put(filename.clone(), *size);
        }
        Ok(Some(room))
    }

    /// Of two that are to have one name, only one can come to be here.
    fn put(&mut self, filename: String, size: u64) {
        let known = self.sizes.entry(filename).or_default();
        *known = size.max(*known);
    }

    /// Takes room for a file, if there is any.
    pub(crate) fn take(&mut self, filename: &str, size: u64) -> Result<(), PublishError> {
        let known = self.sizes.get(filename).copied().unwrap_or_default();
        let taken = self.sizes.values().fold(0_u64, |sum, size| sum.saturating_add(*size)) - known;
        if taken.saturating_add(size.max(known)) > self.limit {
            let (project, limit) = (self.project.clone(), self.limit);
            return Err(PublishError::ProjectFull { project, taken, size, limit });
        }
        self.put(filename.to_owned(), size);
        Ok(())
    }
}

impl Rooms {
    fn promises(&self) -> MutexGuard<'_, HashMap<ProjectName, Vec<Promise>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Room that is kept until the files are here, or are not going to be.
pub(super) struct Reserved<'a> {
    rooms: &'a Rooms,
    project: ProjectName,
    promises: Vec<Promise>,
}

/// Keeps room for files that are not here, each with its size, for all of them or for none; nothing is kept where there is
/// no limit. May block.
pub(super) fn reserve<'a, 'f>(
    repository: &'a Repository,
    project: &ProjectName,
    files: impl IntoIterator<Item = (&'f str, u64)>,
) -> Result<Option<Reserved<'a>>, PublishError> {
    let rooms = &repository.rooms;
    // Held while the room is looked at, so that no two see the same.
    let mut known = rooms.promises();
    let Some(mut room) = Room::besides(repository, project, &known)? else { return Ok(None) };
    let mut promises = Vec::new();
    for (filename, size) in files {
        room.take(filename, size)?;
        promises.push(Promise { filename: filename.to_owned(), size });
    }
    known.entry(project.clone()).or_default().extend_from_slice(&promises);
    Ok(Some(Reserved { rooms, project: project.clone(), promises }))
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        let mut known = self.rooms.promises();
        let Some(of_project) = known.get_mut(&self.project) else { return };
        for promise in &self.promises {
            if let Some(at) = of_project.iter().position(|known| known == promise) {
                of_project.swap_remove(at);
            }
        }
        if of_project.is_empty() {
            known.remove(&self.project);
        }
    }
}
