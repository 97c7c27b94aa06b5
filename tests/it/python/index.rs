//! A server as installers know it: pages and files, with what is published for them to find.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use depot_tests::{RawResponse, SdistBuilder, ServerProcess, WheelBuilder, send, sha256_hex};
use serde_json::Value;

use super::depot::{Depot, body, mirrored, record};

/// The three things that a page may be, as `Content-Type` must spell them.
pub(super) const JSON: &str = "application/vnd.pypi.simple.v1+json";
pub(super) const HTML_V1: &str = "application/vnd.pypi.simple.v1+html; charset=utf-8";
pub(super) const HTML: &str = "text/html; charset=utf-8";

/// A request that is made only to be found in the log.
const LAST_REQUEST: &str = "/the-last-request";

/// A distribution, ready to be sent.
pub(super) struct Built {
    pub(super) project: String,
    pub(super) filename: String,
    pub(super) bytes: Vec<u8>,
    pub(super) metadata: Vec<u8>,
}

impl Built {
    /// Where pages say that its bytes are, with the name as it is.
    pub(super) fn path(&self) -> String {
        format!("/python/files/{}/{}", self.project, self.filename)
    }

    /// Where it is uploaded to.
    pub(super) fn upload_path(&self) -> String {
        format!("/python/simple/{}/{}", self.project, self.filename)
    }

    pub(super) fn sha256(&self) -> String {
        sha256_hex(&self.bytes)
    }
}

impl From<&WheelBuilder> for Built {
    fn from(wheel: &WheelBuilder) -> Self {
        let (bytes, metadata) = (wheel.build(), wheel.metadata());
        Self { project: wheel.project(), filename: wheel.filename(), bytes, metadata }
    }
}

impl From<&SdistBuilder> for Built {
    fn from(sdist: &SdistBuilder) -> Self {
        let (bytes, metadata) = (sdist.build(), sdist.metadata());
        Self { project: sdist.project(), filename: sdist.filename(), bytes, metadata }
    }
}

/// A server over a data folder of its own.
pub(super) struct Index(Depot);

impl Index {
    pub(super) fn start() -> Self {
        Self(Depot::start())
    }

    /// A server that lets nobody read without a token.
    pub(super) fn start_private() -> Self {
        Self(Depot::start_with(&["--private"]))
    }

    /// A server whose log names every request, for [`Self::requests`].
    pub(super) fn start_logging() -> Self {
        Self(Depot::start_with(&["--log", "depot_server=debug,info", "--log-format", "json"]))
    }

    pub(super) fn server(&self) -> &ServerProcess {
        self.0.server()
    }

    pub(super) fn token(&self) -> String {
        self.0.token()
    }

    /// Ends the server, does something behind its back, and starts it again.
    pub(super) fn restart_after(&mut self, change: impl FnOnce()) {
        self.0.stop();
        change();
        self.0.resume();
    }

    /// What an installer is given as `--index-url`.
    pub(super) fn url(&self) -> String {
        format!("{}/python/simple/", self.0.url())
    }

    /// The same with the administrator's token in it, as a password.
    pub(super) fn url_with_token(&self) -> String {
        self.url().replace("http://", &format!("http://__token__:{}@", self.token()))
    }

    /// Where the bytes of a file lie on disk.
    pub(super) fn stored(&self, file: &Built) -> PathBuf {
        self.0.tree().join("files").join(&file.project).join(&file.filename)
    }

    /// One request with exactly these header lines beside `Host`, on a connection of its own.
    pub(super) fn request(&self, method: &str, path: &str, headers: &[&str]) -> RawResponse {
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: depot.example\r\nConnection: close\r\n");
        for line in headers {
            request.push_str(line);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        send(self.0.url(), request).unwrap_or_else(|error| panic!("{method} {path} {headers:?}: {error}"))
    }

    pub(super) fn get(&self, path: &str, headers: &[&str]) -> RawResponse {
        self.request("GET", path, headers)
    }

    /// Uploads the bytes alone.
    #[track_caller]
    pub(super) fn publish(&self, file: impl Into<Built>) -> Built {
        let file = file.into();
        let answer = self.0.put(&file.project, &file.filename, &file.bytes);
        assert_eq!(answer.status, 201, "{}: {}", file.filename, answer.text());
        file
    }

    /// Says these facts of a file, before its bytes or after.
    pub(super) fn announce(&self, file: &Built, facts: &Value) -> RawResponse {
        let mut record = record(&file.filename, &file.bytes);
        record.as_object_mut().unwrap().extend(facts.as_object().unwrap().clone());
        self.0.announce(&file.project, &record)
    }

    /// Uploads a file of which something is known that its bytes do not say.
    #[track_caller]
    pub(super) fn publish_with(&self, file: impl Into<Built>, facts: &Value) -> Built {
        let file = file.into();
        let answer = self.announce(&file, facts);
        assert_eq!(answer.status, 202, "{}", answer.text());
        self.publish(file)
    }

    /// Uploads a file that was copied from another index, with what that index says of it.
    #[track_caller]
    pub(super) fn publish_copy(&self, file: impl Into<Built>, facts: &Value) -> Built {
        let file = file.into();
        let mut record = mirrored(&file.filename, &file.bytes);
        record.as_object_mut().unwrap().extend(facts.as_object().unwrap().clone());
        self.publish_with(file, &record)
    }

    /// A page as JSON.
    #[track_caller]
    pub(super) fn json(&self, path: &str) -> Value {
        let page = self.get(path, &[&format!("Accept: {JSON}")]);
        assert_eq!((page.status, page.header("content-type")), (200, Some(JSON)), "{}", page.text());
        body(&page)
    }

    /// All that the server said up to now; what it says reaches its reader a little later.
    pub(super) fn log(&self) -> String {
        // Requests of this method are logged at every level, and after it there is nothing to wait for.
        let seen = self.server().stderr().matches(LAST_REQUEST).count();
        self.request("DELETE", LAST_REQUEST, &[]);
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.server().stderr().matches(LAST_REQUEST).count() == seen {
            assert!(Instant::now() < deadline, "the log does not name requests");
            std::thread::sleep(Duration::from_millis(5));
        }
        self.server().stderr()
    }

    /// The method and path of every request up to now, of a server that logs them all as JSON.
    pub(super) fn requests(&self) -> Vec<(String, String)> {
        let log = self.log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let requests = lines.filter(|line| line["message"] == "request" && line["path"] != LAST_REQUEST);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        requests.map(|line| (text(&line["method"]), text(&line["path"]))).collect()
    }
}

/// The headers of a response in order of their names, but for those that each response has its own of.
pub(super) fn lasting_headers(response: &RawResponse) -> Vec<(String, String)> {
    let own = |name: &str| ["date", "x-request-id"].contains(&name);
    let lower = response.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone()));
    let mut headers: Vec<_> = lower.filter(|(name, _)| !own(name)).collect();
    headers.sort();
    headers
}

/// Whether a response varies by this request header.
pub(super) fn varies_by(response: &RawResponse, name: &str) -> bool {
    let lines = response.headers.iter().filter(|(header, _)| header.eq_ignore_ascii_case("vary"));
    lines.flat_map(|(_, value)| value.split(',')).any(|one| one.trim().eq_ignore_ascii_case(name))
}
