//! A server as the destination of a bundle: each file is announced, and sent if it is wanted.

use std::{collections::HashMap, sync::Arc};

use depot_proto::{
    ProjectName, ProjectRecord,
    push::{MAX_PLAN_FILES, PlanAnswer, PlanFile, UploadOutcome, Verdict},
};
use depot_tree::Tree;
use tokio::runtime::Handle;

use super::{
    manifest::Blob,
    publish::{Destination, Job, Outcome},
};
use crate::python::server::Server;

/// A server, and what it wants.
pub(super) struct ToServer {
    pub(super) server: Server,
    pub(super) runtime: Handle,
    /// Where bytes lie between the bundle and the server.
    pub(super) scratch: Tree,
    /// What the server said of what is carried.
    pub(super) verdicts: HashMap<(ProjectName, String), Verdict>,
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

    fn take_project(&self, _: &ProjectRecord) -> anyhow::Result<bool> {
        // A server decides itself what belongs to its projects.
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
