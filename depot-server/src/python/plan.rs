//! The batch question before a push: which of these files are wanted?

use std::collections::{HashMap, hash_map::Entry};

use depot_proto::{
    DistributionFilename, FileRecord, ProjectName, VersionKey,
    push::{PlanAnswer, PlanFile, PlanRequest, PlanResponse, Verdict},
    scope::Action,
};

use super::{declared, projects::Coming, publish::Room, repository::Repository};
use crate::{
    auth::policy::{Denied, Principal},
    store::StoreError,
};

/// The release asked about last: a plan names a release's files one after the other.
type Last = Option<(ProjectName, VersionKey, Vec<FileRecord>)>;

/// What is left for each project once what was answered before has been sent; none where there is no limit.
type Left = HashMap<ProjectName, Option<Room>>;

/// Answers for each file, in order. May block.
pub(crate) fn answer(
    repository: &Repository,
    principal: &Principal,
    request: &PlanRequest,
) -> Result<PlanResponse, StoreError> {
    let (mut last, mut rooms) = (None, HashMap::new());
    let answers =
        request.files.iter().map(|file| answer_one(repository, principal, file, &mut last, &mut rooms));
    let answers = answers.collect::<Result<_, _>>()?;
    let projects = request.projects.iter().map(|project| declared::answer(repository, principal, project));
    Ok(PlanResponse { answers, projects: projects.collect::<Result<_, _>>()? })
}

fn answer_one(
    repository: &Repository,
    principal: &Principal,
    file: &PlanFile,
    last: &mut Last,
    rooms: &mut Left,
) -> Result<PlanAnswer, StoreError> {
    let forbidden = |reason: String| PlanAnswer::because(Verdict::Forbidden, reason);
    let project = match file.project.parse::<ProjectName>() {
        Ok(project) => project,
        Err(error) => return Ok(forbidden(error.to_string())),
    };
    let filename = match DistributionFilename::parse(&file.filename, &project) {
        Ok(filename) => filename,
        Err(error) => return Ok(forbidden(error.to_string())),
    };
    if let Err(denied) = may_upload(repository, principal, &project, file.mirrored) {
        return Ok(forbidden(denied.to_string()));
    }
    if file.size > repository.max_file_size {
        let limit = repository.max_file_size;
        return Ok(forbidden(format!("it is larger than the {limit} bytes taken here")));
    }
    let key = filename.version().key();
    if !matches!(last, Some((p, k, _)) if *p == project && *k == key) {
        let files = repository.release(&project, &key)?.unwrap_or_default();
        *last = Some((project, key, files));
    }
    let Some((project, _, files)) = last else {
        return Ok(forbidden("its release was not read".to_owned()));
    };
    let answer = compare(repository, principal, &filename, files, file);
    let is_new = !files.iter().any(|known| known.filename == file.filename);
    if answer.verdict == Verdict::Missing && is_new {
        // Those that were answered before it will be sent before it.
        let room = match rooms.entry(project.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(Room::of(repository, project)?),
        };
        if let Some(Err(full)) = room.as_mut().map(|room| room.take(&file.filename, file.size)) {
            return Ok(forbidden(full.to_string()));
        }
    }
    Ok(answer)
}

fn compare(
    repository: &Repository,
    principal: &Principal,
    filename: &DistributionFilename,
    known: &[FileRecord],
    file: &PlanFile,
) -> PlanAnswer {
    let project = filename.project();
    let known = known.iter().find(|known| known.filename.eq_ignore_ascii_case(&file.filename));
    let copy = file.mirrored.then_some(file.sha256);
    if let Err(refused) = repository.projects.check(Coming { filename, is_here: known.is_some(), copy }) {
        return PlanAnswer::because(Verdict::Forbidden, refused.to_string());
    }
    let answer =
        |verdict: Verdict| PlanAnswer { provenance: wants_provenance(file, known), ..verdict.into() };
    let Some(known) = known else { return answer(Verdict::Missing) };
    if known.filename != file.filename || known.sha256 != file.sha256 {
        let reason = format!("the server has `{}` with sha256 {}", known.filename, known.sha256);
        return PlanAnswer::because(Verdict::Conflict, reason);
    }
    // What was lost here is wanted again.
    if !repository.tree.has_bytes(project, &known.filename, known.size) {
        return answer(Verdict::Missing);
    }
    // What the caller may not change is no news from them.
    let is_news = !known.has_facts(file.facts) && may_change(repository, principal, project, known).is_ok();
    answer(if is_news { Verdict::Update } else { Verdict::Have })
}

/// Whether the provenance of a copy is news, to a caller who may mirror.
fn wants_provenance(file: &PlanFile, known: Option<&FileRecord>) -> bool {
    let is_news =
        |document| known.is_none_or(|known| known.is_mirrored() && known.provenance != Some(document));
    file.mirrored && file.provenance.is_some_and(is_news)
}

/// Whether someone may change what is said of a file that is here: the facts of a mirrored one are for those to bring who
/// may mirror.
pub(crate) fn may_change(
    repository: &Repository,
    principal: &Principal,
    project: &ProjectName,
    known: &FileRecord,
) -> Result<(), Denied> {
    let needed = if known.is_mirrored() { Action::Mirror } else { Action::Push };
    principal.may(&[needed], &repository.name, project)
}

/// Whether someone may upload a file of this project, saying that it is a mirrored one or not.
pub(crate) fn may_upload(
    repository: &Repository,
    principal: &Principal,
    project: &ProjectName,
    mirrored: bool,
) -> Result<(), Denied> {
    let needed = match (mirrored, repository.serial(project).is_some()) {
        (true, _) => Action::Mirror,
        (false, true) => Action::Push,
        (false, false) => Action::PushNew,
    };
    principal.may(&[needed], &repository.name, project)
}
