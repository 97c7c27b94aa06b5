//! Numbers of downloads as lines: of each day that is kept, and of the days before together.

use std::collections::BTreeMap;

use depot_proto::{
    ProjectName, RepositoryName,
    statistics::{Client, Day},
};
use serde::{Deserialize, Serialize};

use crate::store::{
    Counters, StoreError,
    counts::{Counted, Downloads, each},
};

/// What a line says beside its kind.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Numbers {
    repository: RepositoryName,
    project: ProjectName,
    filename: String,
    /// The day on which they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    day: Option<Day>,
    /// The last of several days that are not kept one by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Day>,
    /// How many by which client. A newer depot may tell more of them apart.
    clients: BTreeMap<String, u64>,
}

impl From<Counted> for Numbers {
    fn from(counted: Counted) -> Self {
        let Counted { repository, project, filename, day, is_of_day, downloads } = counted;
        let (day, until) = if is_of_day { (Some(day), None) } else { (None, Some(day)) };
        let clients = downloads.iter().map(|(client, times)| (client.as_str().to_owned(), times)).collect();
        Self { repository, project, filename, day, until, clients }
    }
}

impl Numbers {
    /// What is added to a store; none of what no server could have counted.
    pub(super) fn counted(self) -> Option<Counted> {
        let Self { repository, project, filename, day, until, clients } = self;
        let is_of_day = day.is_some();
        let day = day.xor(until)?;
        let mut downloads = Downloads::default();
        for (name, times) in clients {
            let client = Client::ALL.into_iter().find(|client| client.as_str() == name);
            downloads.add(client.unwrap_or(Client::Other), times);
        }
        let is_name = !filename.is_empty() && !filename.contains(['/', '\0']);
        is_name.then_some(Counted { repository, project, filename, day, is_of_day, downloads })
    }
}

/// Visits all numbers of a store, as lines say them.
pub(super) fn numbers(
    store: &dyn Counters,
    see: &mut dyn FnMut(Numbers) -> std::io::Result<()>,
) -> Result<(), StoreError> {
    each(store, &mut |counted| see(counted.into()).map_err(|error| StoreError::io("export", error)))
}
