//! A package index on this machine that holds what a test put there, misbehaves as told, and remembers who asked.

mod file;
mod pages;
mod serve;

use std::collections::{BTreeMap, HashMap};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub use self::file::FakeFile;
use crate::archives::{SdistBuilder, WheelBuilder, escaped_name};
use crate::real::RealProjects;

/// What kind of index it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Simple API 1.4: JSON when asked for, sizes, upload times, and `.metadata` files.
    Json,
    /// As many mirrors are: `text/html` whatever `Accept` says, with hashes, `data-requires-python` and
    /// `data-yanked`, and nothing else.
    HtmlOnly,
}

/// A way to misbehave, for one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// 404.
    NotFound,
    /// This status, with `Retry-After` in seconds where given.
    Status {
        /// The HTTP status.
        code: u16,
        /// The value of `Retry-After`, in seconds.
        retry_after: Option<u64>,
    },
    /// Take the request and never answer.
    Hang,
    /// Promise the whole body and close the connection after this many bytes of it.
    Truncate(usize),
    /// The right length with one bit flipped in the middle.
    WrongBytes,
    /// 200 and a login page, as captive portals answer.
    HtmlInstead,
    /// The right body, this many bytes at a time with this pause before each.
    SlowDrip {
        /// Bytes at a time.
        bytes: usize,
        /// The pause before each.
        every: Duration,
    },
    /// 302 to this URL.
    Redirect(String),
}

/// One request that the index saw, noted when it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedRequest {
    /// `GET`, `HEAD`, ...
    pub method: String,
    /// The path, percent-decoded, without the query.
    pub path: String,
    /// Whether it came to the second origin.
    pub foreign: bool,
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The `Range` header.
    pub range: Option<String>,
    /// The `If-Range` header.
    pub if_range: Option<String>,
    /// The `If-None-Match` header.
    pub if_none_match: Option<String>,
    /// All `Accept` headers, joined by `, `.
    pub accept: Option<String>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
}

/// What the listeners share.
#[derive(Debug)]
struct Site {
    style: Style,
    /// The `Authorization` header that the first origin wants.
    authorization: Option<String>,
    ranges: bool,
    etags: bool,
    latency: Duration,
    /// `http://127.0.0.1:PORT` of the first origin and of the second.
    origins: [String; 2],
    /// Made when they are first asked for, because there are thousands.
    real: Option<RealProjects>,
    /// Whether JSON pages name files as HTML pages do.
    relative: bool,
    content: Mutex<Content>,
}

#[derive(Debug, Default)]
struct Content {
    projects: BTreeMap<String, Project>,
    /// By percent-decoded path; with a number, for so many requests.
    faults: HashMap<String, (Fault, Option<usize>)>,
    /// What befalls every request after so many.
    doom: Option<(usize, Fault)>,
    log: Vec<LoggedRequest>,
    /// How many bytes of files were sent.
    sent: u64,
}

#[derive(Debug, Default)]
struct Project {
    status: Option<(String, Option<String>)>,
    files: Vec<FakeFile>,
}

impl Site {
    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap()
    }

    /// Sees to it that a recorded project is there, if it is one.
    fn fill(&self, project: &str) {
        let Some(real) = &self.real else { return };
        if self.content().projects.contains_key(project) {
            return;
        }
        // Others are answered while the files are made; who comes at the same time makes the same ones.
        let Some(files) = real.files(project) else { return };
        self.content().projects.entry(project.to_owned()).or_insert(Project { status: None, files });
    }
}

/// Collects what a [`FakeIndex`] starts with.
#[derive(Debug)]
pub struct FakeIndexBuilder {
    style: Style,
    credentials: Option<(String, String)>,
    ranges: bool,
    etags: bool,
    latency: Duration,
    real: Option<RealProjects>,
    relative: bool,
    content: Content,
}

impl FakeIndexBuilder {
    /// Lists files by relative URLs in JSON too, so that whoever reaches the index by another address stays there.
    pub fn relative(mut self) -> Self {
        self.relative = true;
        self
    }

    /// Has the recorded projects too; one that is added besides takes the place of a recorded one of its name.
    pub fn real(mut self, projects: RealProjects) -> Self {
        self.real = Some(projects);
        self
    }

    /// Asks for this user and password at the first origin, for pages and files.
    pub fn credentials(mut self, user: &str, password: &str) -> Self {
        self.credentials = Some((user.to_owned(), password.to_owned()));
        self
    }

    /// Ignores `Range` headers, and does not offer ranges.
    pub fn without_ranges(mut self) -> Self {
        self.ranges = false;
        self
    }

    /// Names no version of a file or page (`ETag`).
    pub fn without_etags(mut self) -> Self {
        self.etags = false;
        self
    }

    /// Waits this long before each answer.
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Adds a project without files.
    pub fn project(mut self, project: &str) -> Self {
        self.content.projects.entry(normalized(project)).or_default();
        self
    }

    /// Sets the status of a project (PEP 792): `archived`, with or without a reason.
    pub fn status(mut self, project: &str, status: &str, reason: Option<&str>) -> Self {
        self.content.projects.entry(normalized(project)).or_default().status =
            Some((status.to_owned(), reason.map(str::to_owned)));
        self
    }

    /// Adds a file to a project.
    pub fn file(mut self, project: &str, file: impl Into<FakeFile>) -> Self {
        self.content.projects.entry(normalized(project)).or_default().files.push(file.into());
        self
    }

    /// Adds a wheel to its project.
    pub fn wheel(self, wheel: &WheelBuilder) -> Self {
        self.file(&wheel.project(), wheel)
    }

    /// Adds an sdist to its project.
    pub fn sdist(self, sdist: &SdistBuilder) -> Self {
        self.file(&sdist.project(), sdist)
    }

    /// Misbehaves at this path, as [`FakeIndex::fault`].
    pub fn fault(mut self, path: &str, fault: Fault) -> Self {
        self.content.faults.insert(path.to_owned(), (fault, None));
        self
    }

    /// Starts to serve.
    pub fn start(self) -> FakeIndex {
        let listeners = [(); 2].map(|()| TcpListener::bind(("127.0.0.1", 0)).unwrap());
        let addresses = [listeners[0].local_addr().unwrap(), listeners[1].local_addr().unwrap()];
        let site = Arc::new(Site {
            style: self.style,
            authorization: self
                .credentials
                .as_ref()
                .map(|(user, password)| format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))),
            ranges: self.ranges,
            etags: self.etags,
            latency: self.latency,
            origins: addresses.map(|address| format!("http://{address}")),
            real: self.real,
            relative: self.relative,
            content: Mutex::new(self.content),
        });
        let runtime = serve::start(&site, listeners);
        FakeIndex { site, addresses, credentials: self.credentials, runtime: Some(runtime) }
    }
}

/// A running index; it stops when it is dropped.
///
/// It has a runtime of its own, so that tests with and without one can use it, and so that stopping it really
/// closes every connection.
#[derive(Debug)]
pub struct FakeIndex {
    site: Arc<Site>,
    addresses: [SocketAddr; 2],
    credentials: Option<(String, String)>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl FakeIndex {
    /// An index to fill; it is not served before [`FakeIndexBuilder::start`].
    pub fn builder(style: Style) -> FakeIndexBuilder {
        FakeIndexBuilder {
            style,
            credentials: None,
            ranges: true,
            etags: true,
            latency: Duration::ZERO,
            real: None,
            relative: false,
            content: Content::default(),
        }
    }

    /// The index URL, without credentials: `http://127.0.0.1:PORT/simple/`.
    pub fn url(&self) -> String {
        format!("{}/simple/", self.origin())
    }

    /// The index URL with the credentials it asks for in it.
    pub fn url_with_credentials(&self) -> String {
        match &self.credentials {
            Some((user, password)) => format!("http://{user}:{password}@{}/simple/", self.addresses[0]),
            None => self.url(),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// `http://127.0.0.1:PORT`
    pub fn origin(&self) -> &str {
        &self.site.origins[0]
    }

    /// `http://127.0.0.1:PORT` of the second origin, where foreign files lie.
    pub fn foreign_origin(&self) -> &str {
        &self.site.origins[1]
    }

    /// The path of a project's page, as [`Self::fault`] and [`Self::count`] take it.
    pub fn page_path(project: &str) -> String {
        format!("/simple/{}/", normalized(project))
    }

    /// The path of a file, as [`Self::fault`] and [`Self::count`] take it; the same at both origins.
    pub fn file_path(project: &str, filename: &str) -> String {
        format!("/files/{}/{filename}", normalized(project))
    }

    /// Adds a file to a project, or replaces the one of that name.
    pub fn put(&self, project: &str, file: impl Into<FakeFile>) {
        let file = file.into();
        let mut content = self.site.content();
        let files = &mut content.projects.entry(normalized(project)).or_default().files;
        files.retain(|other| other.filename != file.filename);
        files.push(file);
    }

    /// Sets the status of a project (PEP 792) from now on.
    pub fn set_status(&self, project: &str, status: &str, reason: Option<&str>) {
        self.site.content().projects.entry(normalized(project)).or_default().status =
            Some((status.to_owned(), reason.map(str::to_owned)));
    }

    /// Removes a file from its project; the project stays.
    pub fn remove(&self, project: &str, filename: &str) {
        if let Some(project) = self.site.content().projects.get_mut(&normalized(project)) {
            project.files.retain(|file| file.filename != filename);
        }
    }

    /// Misbehaves at this path (percent-decoded) from now on. Credentials are asked for first.
    pub fn fault(&self, path: &str, fault: Fault) {
        self.site.content().faults.insert(path.to_owned(), (fault, None));
    }

    /// Misbehaves at this path for so many requests, and is fine then.
    pub fn fault_times(&self, path: &str, times: usize, fault: Fault) {
        self.site.content().faults.insert(path.to_owned(), (fault, Some(times)));
    }

    /// Answers so many requests more, and misbehaves at every one that follows.
    pub fn fault_after(&self, requests: usize, fault: Fault) {
        self.site.content().doom = Some((requests, fault));
    }

    /// Behaves again, everywhere.
    pub fn heal(&self) {
        let mut content = self.site.content();
        content.faults.clear();
        content.doom = None;
    }

    /// All requests so far, at both origins.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.site.content().log.clone()
    }

    /// How many requests of any method named this path (percent-decoded).
    pub fn count(&self, path: &str) -> usize {
        self.site.content().log.iter().filter(|request| request.path == path).count()
    }

    /// How many bytes of files were sent, or would have been to who went away.
    pub fn bytes_sent(&self) -> u64 {
        self.site.content().sent
    }

    /// Forgets the requests so far, and what was sent.
    pub fn clear_log(&self) {
        let mut content = self.site.content();
        content.log.clear();
        content.sent = 0;
    }

    /// Goes down: connections are cut, and new ones are refused. What it holds is kept.
    pub fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting for a runtime to end is forbidden inside another one, so a plain thread waits.
            std::thread::spawn(move || runtime.shutdown_timeout(Duration::from_secs(5))).join().unwrap();
        }
    }

    /// Comes up again at the same addresses.
    pub fn restart(&mut self) {
        self.stop();
        let listeners = self.addresses.map(|address| TcpListener::bind(address).unwrap());
        self.runtime = Some(serve::start(&self.site, listeners));
    }
}

impl Drop for FakeIndex {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A project name as page URLs spell it.
fn normalized(project: &str) -> String {
    escaped_name(project).replace('_', "-")
}
