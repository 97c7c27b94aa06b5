//! A server as the destination of a bundle: each file is announced, and sent if it is wanted.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use depot_proto::{
    ProjectName, ProjectRecord, StatusRecord,
    push::{MAX_PLAN_FILES, PlanAnswer, PlanFile, PlanProject, UploadOutcome, Verdict},
    simple::ProjectStatus,
};
use depot_tree::Tree;
use tokio::runtime::Handle;

use super::{
    manifest::Blob,
    publish::{Destination, Job, Outcome},
};
use crate::{
    output::explain,
    python::{failed::Failed, server::Server},
};

/// A server, and what it wants.
pub(super) struct ToServer {
    pub(super) server: Server,
    pub(super) runtime: Handle,
    /// Where bytes lie between the bundle and the server.
    pub(super) scratch: Tree,
    /// What the server said of what is carried.
    pub(super) verdicts: HashMap<(ProjectName, String), Verdict>,
    /// What is said of projects themselves: sent after the files, because a project is there only with some.
    pub(super) declared: Mutex<Vec<(ProjectName, StatusRecord)>>,
}

impl ToServer {
    /// Sends what is said of projects themselves. It answers of how many that was news, and what the server did not take.
    pub(super) fn declare(&self) -> anyhow::Result<(usize, Vec<Failed>)> {
        let declared = std::mem::take(&mut *self.declared.lock().unwrap_or_else(PoisonError::into_inner));
        let (mut news, mut failed) = (0, Vec::new());
        for batch in declared.chunks(MAX_PLAN_FILES) {
            let asked = batch.iter().map(|(project, StatusRecord { state, reason })| PlanProject {
                project: project.to_string(),
                state: *state,
                reason: reason.clone(),
            });
            let plan = self.runtime.block_on(self.server.plan_with(Vec::new(), asked.collect()))?;
            for ((project, status), PlanAnswer { verdict, reason, .. }) in batch.iter().zip(plan.projects) {
                let mut fail = |reason: String| {
                    failed.push(Failed { item: format!("that {project} is {}", status.state), reason });
                };
                match verdict {
                    Verdict::Update => match self.runtime.block_on(self.server.declare(project, status)) {
                        Ok(is_news) => news += usize::from(is_news),
                        Err(error) => fail(explain(&error.into())),
                    },
                    Verdict::Forbidden => {
                        fail(reason.unwrap_or_else(|| "the server does not take it".to_owned()));
                    }
                    _ => {}
                }
            }
        }
        Ok((news, failed))
    }
}

impl Destination for ToServer {
    fn tree(&self) -> &Tree {
        &self.scratch
    }

    fn wants(&self, project: &ProjectName, filename: &str, _: &Blob) -> bool {
        let verdict = self.verdicts.get(&(project.clone(), filename.to_owned()));
        !matches!(verdict, Some(Verdict::Have | Verdict::Update))
    }

    fn publish(&self, job: Job) -> anyhow::Result<Outcome> {
        let (project, record) = (&job.carried.project, &job.carried.record);
        let key = (project.clone(), record.filename.clone());
        if job.incoming.is_none() && self.verdicts.get(&key) == Some(&Verdict::Have) {
            return Ok(Outcome::Present);
        }
        let announced = self.runtime.block_on(self.server.announce(project, record))?;
        match announced.outcome {
            UploadOutcome::Updated => return Ok(Outcome::Updated),
            UploadOutcome::Created | UploadOutcome::Same => return Ok(Outcome::Present),
            UploadOutcome::Send => {}
        }
        let incoming = job
            .incoming
            .ok_or_else(|| anyhow::anyhow!("the server lacks its bytes, which are not carried"))?;
        let mut sealed = incoming.seal()?;
        let file = Arc::new(sealed.reader()?.try_clone()?);
        match self.runtime.block_on(self.server.send(project, record, &file)) {
            Err(error) if error.may_have_forgotten() => {
                self.runtime.block_on(self.server.announce(project, record))?;
                self.runtime.block_on(self.server.send(project, record, &file))?;
            }
            sent => {
                sent?;
            }
        }
        Ok(Outcome::Imported)
    }

    fn take_project(&self, record: &ProjectRecord) -> anyhow::Result<bool> {
        let usual = || StatusRecord::new(ProjectStatus::Active, None);
        let status = record.declared.clone().unwrap_or_else(usual);
        self.declared.lock().unwrap_or_else(PoisonError::into_inner).push((record.name.clone(), status));
        Ok(false)
    }
}

/// Asks a server about many files.
pub(super) async fn ask(server: &Server, files: &[PlanFile]) -> anyhow::Result<Vec<PlanAnswer>> {
    let mut answers = Vec::with_capacity(files.len());
    for batch in files.chunks(MAX_PLAN_FILES) {
        answers.extend(server.plan(batch.to_vec()).await?);
    }
    Ok(answers)
}
