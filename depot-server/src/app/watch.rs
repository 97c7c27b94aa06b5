//! What an opened server watches for its keeper.

use std::sync::Arc;

use depot_proto::Timestamp;

use super::{OpenError, views::Opened};
use crate::{
    auth::oidc::Oidc,
    clock,
    config::Config,
    http::tally::Tally,
    python::{exceptions::Exceptions, policy::PolicyFile, proxy::Proxy, view::View},
    service::{alarms::Alarms, commit::Committer},
};

/// What is watched, and counted.
pub(crate) struct Watch {
    views: Vec<Arc<View>>,
    /// The other indexes among the members of these.
    pub(super) proxies: Vec<Arc<Proxy>>,
    /// The policies of these, of groups, and of the hosted repository.
    policies: Vec<Arc<PolicyFile>>,
    /// Whom the configuration trusts among CI jobs, if anybody.
    jobs: Option<Arc<Oidc>>,
    /// The exceptions among their rules.
    exceptions: Exceptions,
    pub(super) alarms: Arc<Alarms>,
    /// How many requests were answered.
    pub(super) tally: Arc<Tally>,
    pub(super) started: Timestamp,
}

impl Watch {
    pub(super) fn new(
        opened: &Opened,
        config: &Config,
        committer: &Arc<Committer>,
        jobs: Option<&Arc<Oidc>>,
    ) -> Self {
        let (policies, committer) = (opened.policies.clone(), Arc::clone(committer));
        Self {
            policies: policies.iter().map(|(_, policy)| Arc::clone(policy)).collect(),
            jobs: jobs.cloned(),
            views: opened.views.clone(),
            proxies: opened.proxies.clone(),
            exceptions: Exceptions::new(config.exceptions(), policies, committer),
            alarms: Arc::clone(&opened.alarms),
            tally: Arc::default(),
            started: clock::now(),
        }
    }

    /// Looks at the files of rules that may have changed. May block.
    pub(crate) fn look_at_files(&self) {
        self.policies.iter().for_each(|policy| policy.look());
        if let Some(jobs) = &self.jobs {
            jobs.look();
        }
    }

    /// Tells the journal which exceptions of policies hold, if others do than it knows. May block.
    pub(crate) fn tell_exceptions(&self) -> Result<(), OpenError> {
        Ok(self.exceptions.tell()?)
    }

    /// Looks for what the keeper should know of other indexes, and counts what is kept of them. May block for long.
    pub(crate) fn look_around(&self) {
        for view in &self.views {
            view.look_for_owned();
        }
        for proxy in &self.proxies {
            if proxy.kept_bytes().is_none() {
                proxy.count_kept();
            }
        }
    }
}
