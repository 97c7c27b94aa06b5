//! The quick form: `depot-server serve ./wheels https://index.example/simple/`.

use std::path::PathBuf;

use anyhow::Context as _;
use depot_index::IndexUrl;
use depot_proto::RepositoryName;

use crate::config::{Config, FileMode, GroupConfig, KindConfig, ProxyConfig, RepositoryConfig};

/// The group at the root, which the sources are put into.
const ROOT: &str = "all";

/// The same configuration with these sources at the root, after what is published here and in their order; as it is where
/// there are none.
pub(super) fn served(mut config: Config, sources: &[String], stream: bool) -> anyhow::Result<Config> {
    if sources.is_empty() {
        return Ok(config);
    }
    let mut members = vec![RepositoryName::default_hosted()];
    let mut taken = config.repositories.iter().map(|repository| repository.name.clone()).collect::<Vec<_>>();
    for source in sources {
        let name = name_of(source, &taken)?;
        let kind = kind_of(source, stream)?;
        taken.push(name.clone());
        members.push(name.clone());
        config.repositories.push(RepositoryConfig { name, enabled: true, policy: None, kind });
    }
    let root = config.repositories.iter_mut().find(|repository| repository.name.as_str() == ROOT);
    match root {
        Some(RepositoryConfig { enabled, kind: KindConfig::Group(group), .. }) => {
            *enabled = true;
            group.members = GroupConfig::of(members).members;
        }
        _ => {
            let kind = KindConfig::Group(GroupConfig::of(members));
            let name = ROOT.parse()?;
            config.repositories.push(RepositoryConfig { name, enabled: true, policy: None, kind });
        }
    }
    Ok(config)
}

/// What kind of repository a source is: a URL is another index, all else a folder.
fn kind_of(source: &str, stream: bool) -> anyhow::Result<KindConfig> {
    if !source.contains("://") {
        return Ok(KindConfig::Directory(PathBuf::from(source)));
    }
    let upstream: IndexUrl = source.parse().context("a source cannot be served")?;
    let files = if stream { FileMode::Stream } else { FileMode::Cache };
    // Who types `http:` means it.
    let proxy = ProxyConfig { files, allow_http: true, ..ProxyConfig::new(upstream) };
    Ok(KindConfig::Proxy(Box::new(proxy)))
}

/// A name for the mount of a source: that of the folder or the host, if it can be one and no other source has it.
fn name_of(source: &str, taken: &[RepositoryName]) -> anyhow::Result<RepositoryName> {
    let host = source.split_once("://").map(|(_, rest)| rest.rsplit_once('@').map_or(rest, |(_, rest)| rest));
    let word = match host {
        Some(rest) => rest.split(['/', ':']).next().unwrap_or_default(),
        None => source.trim_end_matches('/').rsplit('/').next().unwrap_or_default(),
    };
    let word: String =
        word.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let word = word.trim_matches('-');
    let word = if word.parse::<RepositoryName>().is_ok() { word } else { "source" };
    let is_free = |name: &RepositoryName| !taken.contains(name) && *name != RepositoryName::default_hosted();
    let mut names = std::iter::once(word.to_owned()).chain((2..).map(|number| format!("{word}-{number}")));
    let free = names.find_map(|name| match name.parse::<RepositoryName>() {
        Ok(name) if !is_free(&name) => None,
        other => Some(other),
    });
    Ok(free.context("there are too many sources")??)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_served_at_the_root_in_their_order() {
        let sources =
            ["./Wheels/", "https://me:secret@index.example:8443/simple/", "w/wheels", "..", "/simple"];
        let config = served(Config::new("/nowhere"), &sources.map(str::to_owned), true).unwrap();
        let root = config.repositories.iter().find(|repository| repository.name.as_str() == "all").unwrap();
        let KindConfig::Group(group) = &root.kind else { panic!("{root:?}") };
        let members: Vec<_> = group.members.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(members, ["python", "wheels", "index-example", "wheels-2", "source", "source-2"]);
        let index = config.repositories.iter().find(|repository| repository.name.as_str() == "index-example");
        let KindConfig::Proxy(proxy) = &index.unwrap().kind else { panic!("{index:?}") };
        assert_eq!(
            (proxy.files, proxy.upstream.credentials().unwrap().user.as_str()),
            (FileMode::Stream, "me")
        );
        assert!(served(Config::new("/nowhere"), &["ftp://index.example".to_owned()], false).is_err());
    }
}
