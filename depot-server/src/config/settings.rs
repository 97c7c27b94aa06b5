//! All that a server is told, read from every layer, and what of it a [`Config`] is made of.

use std::path::PathBuf;

use super::{
    Config, Transport,
    access::{Access, Metrics, Readers},
    error::{ConfigError, Origin},
    intent,
    limits::Limits,
    log::Log,
    oidc::Oidc,
    publish::Publish,
    reader::{Entry, Reader, Sources},
    repositories::Repositories,
    server::{self, Server},
    setting::{self, Setting},
    statistics::Statistics,
    transport,
};

/// The effective configuration, concern by concern.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// `[server]`
    pub(crate) server: Server,
    /// `[access]`
    pub(crate) access: Access,
    /// `[transport]`
    pub(crate) transport: Transport,
    /// `[limits]`
    pub(crate) limits: Limits,
    /// `[publish]`
    pub(crate) publish: Publish,
    /// `[log]`
    pub(crate) log: Log,
    /// `[statistics]`
    pub(crate) statistics: Statistics,
    /// `[oidc]`
    pub(crate) oidc: Oidc,
    /// `[repositories]`
    pub(crate) repositories: Repositories,
    /// Every setting with its value and where that comes from, in the order of the file.
    pub(crate) entries: Vec<Entry>,
    /// The file that was read.
    pub(crate) file: Option<PathBuf>,
}

impl Settings {
    /// Reads every setting. Refused if one is wrong, or if the server would be reached from other machines without being
    /// told who may read and over what.
    pub(crate) fn read(sources: &Sources<'_>) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(sources);
        let mut settings = Self {
            server: Server::read(&mut reader)?,
            access: Access::read(&mut reader)?,
            transport: transport::read(&mut reader)?,
            limits: Limits::read(&mut reader)?,
            publish: Publish::read(&mut reader, Config::new("").scan_timeout)?,
            log: Log::read(&mut reader)?,
            statistics: Statistics::read(&mut reader)?,
            oidc: Oidc::read(&mut reader)?,
            repositories: Repositories::read(&mut reader)?,
            entries: Vec::new(),
            file: sources.file.as_ref().map(|file| file.path.clone()),
        };
        settings.entries = reader.finish();
        // Those of repositories that the file declares come last, as they were read.
        let place = |entry: &Entry| {
            setting::all().position(|setting| setting.key == entry.setting.key).unwrap_or(usize::MAX)
        };
        settings.entries.sort_by_key(place);
        intent::check(&settings)?;
        Ok(settings)
    }

    /// Reads the data directory alone, for verbs that need no more: what else the file says may be wrong.
    pub(crate) fn data_dir(sources: &Sources<'_>) -> Result<PathBuf, ConfigError> {
        server::data_dir(&mut Reader::new(sources))
    }

    /// Where a setting comes from.
    pub(crate) fn origin(&self, setting: &Setting) -> &Origin {
        let entry = self.entries.iter().find(|entry| entry.setting.key == setting.key);
        entry.map_or(&Origin::Default, |entry| &entry.origin)
    }

    /// Whether the server can be reached from other machines.
    pub(crate) fn is_beyond_loopback(&self) -> bool {
        !self.server.host.to_canonical().is_loopback()
    }

    /// What a server is opened with.
    pub(crate) fn config(&self) -> Config {
        Config {
            data_dir: self.server.data_dir.clone(),
            host: self.server.host,
            port: self.server.port,
            transport: self.transport.clone(),
            wire: self.limits.wire.clone(),
            offline: self.server.offline,
            anonymous_read: self.access.read == Readers::Everyone,
            python_enabled: self.repositories.python.enabled,
            max_file_size: self.repositories.python.max_file_size.unwrap_or(self.limits.max_file_size),
            max_project_size: self.limits.max_project_size,
            scan: self.publish.scan.clone(),
            scan_timeout: self.publish.scan_timeout,
            page_cache: self.limits.page_cache,
            reserved: self.repositories.python.reserved.clone(),
            python_policy: self.repositories.python.policy.clone(),
            repositories: self.repositories.others.clone(),
            publishers: self.oidc.publishers.clone(),
            audience: self.oidc.audience.clone(),
            record_downloads: self.log.downloads,
            metrics_for_readers: self.access.metrics == Metrics::Readers,
            count_downloads: self.statistics.enabled,
            keep_days: self.statistics.keep_days,
        }
    }
}

#[cfg(test)]
mod tests;
