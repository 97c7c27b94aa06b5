//! A server instead of the tree: whether it alone has what must install, and has it with the bytes that the tree knows.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use depot_index::{Client, ClientOptions, IndexUrl, Sink};
use depot_proto::{ProjectName, claims::TOKEN_USER, redact::Secret, simple::PageFile};
use depot_tree::Tree;
use futures_util::{StreamExt as _, stream};
use url::Url;

use super::{Scope, closure, report::Report};
use crate::{
    args::{IndexStrategy, VerifyArgs},
    credentials,
    exit::UsageError,
    logins,
    network::{self, NetrcFile},
    output::{Printer, explain},
    progress::Progress,
    python::{
        indexes::Indexes,
        inputs::Asked,
        requirements::{Hashes, Listed},
        resolve::Failed,
        solve::{NetworkSupply, Supply},
    },
};

/// A file that must be there.
struct Expected {
    project: ProjectName,
    filename: String,
    /// The digests that locks pin it to: one for each lock that names it.
    pins: Vec<Arc<Hashes>>,
}

/// Where to ask.
struct Server {
    client: Client,
    index: Arc<IndexUrl>,
    downloads: bool,
}

/// Asks the server, and says its address without credentials.
pub(super) async fn check(
    args: &VerifyArgs,
    url: &str,
    tree: &Arc<Tree>,
    scope: &Scope,
    report: &mut Report,
    printer: &Printer,
) -> anyhow::Result<String> {
    // Whatever the environment and lists say of indexes, this one alone is asked.
    let token = credentials::token(args.token_file.as_deref(), args.token.as_deref())?;
    let token = token.map_or_else(|| of_login(url), |token| Ok(Some(token)))?;
    let indexes = Indexes::choose(Some(&address(url, token)?), &[], &Asked::default(), &|_| None)?;
    let NetrcFile { netrc, warning } = network::netrc();
    let mut options = ClientOptions { netrc, ..ClientOptions::default() };
    options.read_timeout = args.network.timeout_or(options.read_timeout);
    options.connect_timeout = options.connect_timeout.min(options.read_timeout);
    options.backoff.retries = args.network.retries;
    options.authorities = network::authorities(&args.network)?;
    let client = Client::new(options)?;
    let index = indexes.main_index();
    let shown = index.to_string();
    let indexes = Arc::new(indexes);
    // What the tree knows must not stand in for what the server says.
    let nothing = Arc::new(Tree::open_read_only(args.dir().join("no-tree")));
    let supply = NetworkSupply::new(client.clone(), indexes, IndexStrategy::FirstIndex, nothing);
    let supply: Arc<dyn Supply> = Arc::new(supply);
    let mut expected: BTreeMap<ProjectName, Vec<Expected>> = BTreeMap::new();
    let mut expect = |project: &ProjectName, filename: &str, pins: Option<&Arc<Hashes>>| {
        let of_project = expected.entry(project.clone()).or_default();
        let pins = pins.filter(|pins| !pins.is_empty()).cloned();
        match of_project.iter_mut().find(|known| known.filename == filename) {
            Some(known) => known.pins.extend(pins),
            None => {
                let (project, filename) = (project.clone(), filename.to_owned());
                of_project.push(Expected { project, filename, pins: pins.into_iter().collect() });
            }
        }
    };
    match scope {
        Scope::Named(wishes) => {
            for wish in wishes {
                for filename in closure::named(&supply, wish, args, &mut report.found).await {
                    expect(filename.project(), filename.as_str(), None);
                }
                let (files, failed) = wish.locked();
                for failed in failed {
                    report.found.fail(failed, None);
                }
                for file in files {
                    expect(file.filename.project(), file.filename.as_str(), Some(&file.hashes));
                }
            }
        }
        Scope::Whole(targets, visible) => {
            let releases = closure::releases(tree, targets).await?;
            closure::each_release(&supply, releases, (targets, visible), (args, printer), report).await;
            for project in tree.projects()? {
                for filename in tree.filenames(&project)? {
                    expect(&project, &filename, None);
                }
            }
        }
    }
    let server = Arc::new(Server { client, index, downloads: args.download });
    compare(&server, expected, tree, (args.jobs.get(), printer), report).await;
    if let Some(warning) = warning.filter(|_| server.client.used_netrc()) {
        printer.say(&format!("warning: {warning}"));
    }
    Ok(shown)
}

/// The token of the login at the server of this URL, unless the URL says by whose name it is asked.
fn of_login(url: &str) -> anyhow::Result<Option<Secret>> {
    match url.parse::<Url>() {
        Ok(url) if url.username().is_empty() && url.password().is_none() => logins::token_for(&url),
        _ => Ok(None),
    }
}

/// The index that a URL means: a page of one, which ends in `simple`, or a repository of a depot-server. A token comes before
/// what the URL says, as for a push.
fn address(url: &str, token: Option<Secret>) -> Result<String, UsageError> {
    let mut address: Url =
        url.parse().map_err(|error| UsageError(format!("the URL cannot be read: {error}")))?;
    if let Some(token) = token {
        let set = address.set_username(TOKEN_USER).and_then(|()| address.set_password(Some(token.expose())));
        set.map_err(|()| UsageError("a token cannot be sent to such a URL".to_owned()))?;
    }
    let path = address.path().trim_end_matches('/').to_owned();
    let path = match path.as_str() {
        "" => "/python/simple/".to_owned(),
        path if path.ends_with("simple") => format!("{path}/"),
        path => format!("{path}/simple/"),
    };
    address.set_path(&path);
    Ok(address.to_string())
}

/// Compares what the server lists with what the tree has, and asks for every file.
async fn compare(
    server: &Arc<Server>,
    expected: BTreeMap<ProjectName, Vec<Expected>>,
    tree: &Arc<Tree>,
    (jobs, printer): (usize, &Printer),
    report: &mut Report,
) {
    let count = expected.values().map(Vec::len).sum();
    report.stored.files = count;
    let progress = Progress::start(printer, count);
    let pages = stream::iter(expected).map(|(project, files)| async move {
        let page = server.client.project(&server.index, &project).await;
        let page = page.map_err(|error| explain(&error.into()));
        let mut listed: BTreeMap<String, PageFile> = BTreeMap::new();
        let failed = match page {
            Ok(page) => {
                listed.extend(page.files.into_iter().map(|file| (file.filename.clone(), file)));
                None
            }
            Err(why) => Some(why),
        };
        files
            .into_iter()
            .map(move |file| (listed.remove(&file.filename), failed.clone(), file))
            .collect::<Vec<_>>()
    });
    let files = pages.buffered(jobs).flat_map(stream::iter);
    let asking = files.map(|(listed, failed, expected)| {
        let progress = progress.clone();
        async move {
            progress.begin(&expected.filename);
            let outcome = match (listed, failed) {
                (Some(listed), _) => one(server, &listed, &expected, tree).await,
                (None, Some(why)) => Err(why),
                (None, None) => Err(format!("{} does not list it", server.index)),
            };
            progress.step();
            (expected, outcome)
        }
    });
    let mut asking = std::pin::pin!(asking.buffer_unordered(jobs));
    while let Some((expected, outcome)) = asking.next().await {
        match outcome {
            Ok(size) => report.stored.bytes += size,
            Err(reason) => {
                let item = format!("{}/{}", expected.project, expected.filename);
                report.found.fail(Failed { item, reason }, None);
            }
        }
    }
    progress.finish();
}

/// Whether a file is there with the bytes that the tree has of it; its size.
async fn one(
    server: &Server,
    listed: &PageFile,
    expected: &Expected,
    tree: &Arc<Tree>,
) -> Result<u64, String> {
    let record = tree.record(&expected.project, &expected.filename).ok().flatten();
    if let (Some(record), Some(sha256)) = (&record, listed.sha256())
        && record.sha256 != sha256
    {
        return Err(format!("the server lists the sha256 {sha256}, and the tree has {}", record.sha256));
    }
    let size = record.as_ref().map(|record| record.size).or(listed.size);
    // Where the server does not say what a lock pins the file to, its bytes may.
    let is_untold = expected.pins.iter().any(|pins| pins.judge(&listed.hashes) == Listed::Unknown);
    check_pins(expected, &listed.hashes, "lists")?;
    if is_untold && !server.downloads {
        return Err(
            "the server lists no digest that the lock knows: --download compares the bytes".to_owned()
        );
    }
    if server.downloads {
        let downloaded = server.client.download(&server.index, listed, &mut Nowhere).await;
        let downloaded = downloaded.map_err(|error| explain(&error.into()))?;
        if let Some(record) = record.filter(|record| record.sha256 != downloaded.sha256) {
            let (sha256, ours) = (downloaded.sha256, record.sha256);
            return Err(format!("the server sends the sha256 {sha256}, and the tree has {ours}"));
        }
        let sent = BTreeMap::from([("sha256".to_owned(), downloaded.sha256.to_string())]);
        check_pins(expected, &sent, "sends")?;
        if expected.pins.iter().any(|pins| pins.judge(&sent) == Listed::Unknown) {
            return Err("the lock pins it to no sha256, and nothing else is compared".to_owned());
        }
        return Ok(downloaded.size);
    }
    let there = server.client.size(&server.index, listed).await.map_err(|error| explain(&error.into()))?;
    match (there, size) {
        (Some(there), Some(size)) if there != size => {
            Err(format!("the server has {there} bytes of it, and it must be {size}"))
        }
        (there, size) => Ok(size.or(there).unwrap_or_default()),
    }
}

/// Whether every lock that names a file allows these digests of it.
fn check_pins(expected: &Expected, digests: &BTreeMap<String, String>, how: &str) -> Result<(), String> {
    match expected.pins.iter().find(|pins| pins.judge(digests) == Listed::Other) {
        None => Ok(()),
        Some(pins) => {
            let sha256 = digests.get("sha256").map_or("another digest", String::as_str);
            Err(format!("the server {how} the sha256 {sha256}, and the lock pins it to {pins}"))
        }
    }
}

/// Bytes that are hashed and not kept.
struct Nowhere;

impl Sink for Nowhere {
    fn restart(&mut self) -> std::io::Result<()> {
        Ok(())
    }

    async fn write(&mut self, _: Bytes) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_means_an_index() {
        for (url, index) in [
            ("https://depot.example", "https://depot.example/python/simple/"),
            ("https://depot.example/team/", "https://depot.example/team/simple/"),
            ("https://index.example/root/+simple/", "https://index.example/root/+simple/"),
            ("https://me:pw@index.example/simple", "https://me:pw@index.example/simple/"),
        ] {
            assert_eq!(address(url, None).unwrap(), index, "{url}");
        }
        assert!(address("https://", None).is_err());
        let with_token = address("https://me:pw@depot.example/team", Some("T/k".to_owned().into()));
        assert_eq!(with_token.unwrap(), "https://__token__:T%2Fk@depot.example/team/simple/");
    }
}
