//! A package index on this machine that holds what a test put there, misbehaves as told, and remembers who asked.

mod pages;
mod serve;

use std::collections::{BTreeMap, HashMap};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

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

/// A file that the index lists and serves.
#[derive(Debug, Clone)]
pub struct FakeFile {
    filename: String,
    version: String,
    bytes: axum::body::Bytes,
    sha256: Option<String>,
    size: Option<u64>,
    requires_python: Option<String>,
    yanked: Option<String>,
    upload_time: Option<String>,
    metadata: Option<Vec<u8>>,
    provenance: Option<Vec<u8>>,
    foreign: bool,
}

impl FakeFile {
    /// A file of any bytes, listed with their sha256 and size. The version is read off the file name.
    pub fn new(filename: &str, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self {
            filename: filename.to_owned(),
            version: version_in(filename),
            sha256: Some(crate::archives::sha256_hex(&bytes)),
            size: Some(bytes.len() as u64),
            bytes: bytes.into(),
            requires_python: None,
            yanked: None,
            upload_time: Some("2024-05-06T07:08:09.000000Z".to_owned()),
            metadata: None,
            provenance: None,
            foreign: false,
        }
    }

    /// Sets what the page says of `Requires-Python`; a file from a builder has the builder's.
    pub fn requires_python(mut self, specifier: &str) -> Self {
        self.requires_python = Some(specifier.to_owned());
        self
    }

    /// Marks the file as yanked; an empty reason is no reason.
    pub fn yanked(mut self, reason: &str) -> Self {
        self.yanked = Some(reason.to_owned());
        self
    }

    /// Sets the upload time, an RFC 3339 text.
    pub fn upload_time(mut self, time: &str) -> Self {
        self.upload_time = Some(time.to_owned());
        self
    }

    /// Lists no upload time.
    pub fn without_upload_time(mut self) -> Self {
        self.upload_time = None;
        self
    }

    /// Lists this sha256 in place of the true one.
    pub fn sha256(mut self, hex: &str) -> Self {
        self.sha256 = Some(hex.to_owned());
        self
    }

    /// Lists no hash.
    pub fn without_hash(mut self) -> Self {
        self.sha256 = None;
        self
    }

    /// Lists this size in place of the true one.
    pub fn size(mut self, size: u64) -> Self {
        self.size = Some(size);
        self
    }

    /// Sets the content of the `.metadata` file; a wheel from a builder has its own.
    pub fn metadata(mut self, metadata: impl Into<Vec<u8>>) -> Self {
        self.metadata = Some(metadata.into());
        self
    }

    /// Offers no `.metadata` file.
    pub fn without_metadata(mut self) -> Self {
        self.metadata = None;
        self
    }

    /// Offers this provenance (PEP 740), below the file's path.
    pub fn provenance(mut self, document: impl Into<Vec<u8>>) -> Self {
        self.provenance = Some(document.into());
        self
    }

    /// Lists the file under the second origin: another port, which asks for no credentials.
    pub fn foreign(mut self) -> Self {
        self.foreign = true;
        self
    }
}

impl From<&WheelBuilder> for FakeFile {
    fn from(wheel: &WheelBuilder) -> Self {
        let mut file = Self::new(&wheel.filename(), wheel.build()).metadata(wheel.metadata());
        wheel.version().clone_into(&mut file.version);
        file.requires_python = wheel.requires_python_text().map(str::to_owned);
        file
    }
}

impl From<&SdistBuilder> for FakeFile {
    fn from(sdist: &SdistBuilder) -> Self {
        let mut file = Self::new(&sdist.filename(), sdist.build());
        sdist.version().clone_into(&mut file.version);
        file.requires_python = sdist.requires_python_text().map(str::to_owned);
        file
    }
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

    /// Names no version of a file (`ETag`).
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

/// The version in a usual file name; empty where the name is not usual.
fn version_in(filename: &str) -> String {
    if let Some(stem) = filename.strip_suffix(".whl") {
        return stem.split('-').nth(1).unwrap_or_default().to_owned();
    }
    let stem = [".tar.gz", ".tar.bz2", ".zip"].iter().find_map(|end| filename.strip_suffix(end));
    stem.and_then(|stem| stem.rsplit_once('-')).map(|(_, version)| version.to_owned()).unwrap_or_default()
}
