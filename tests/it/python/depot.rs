//! A server for one test, and the requests that are made to it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use depot_tests::{
    Output, RawResponse, ServerProcess, WheelBuilder, binary, run, run_reading, send, sha256_hex,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// What programs say they read: refusals then come as problem documents.
const ACCEPT: &str = "application/vnd.pypi.simple.v1+json, application/problem+json";

/// A running server over a data folder of its own, which is the folder `data` of an otherwise empty one.
#[derive(Debug)]
pub(crate) struct Depot {
    folder: TempDir,
    args: Vec<String>,
    server: Option<ServerProcess>,
}

impl Depot {
    /// A server as it is without any setting.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// A server with these arguments of `serve`.
    pub(crate) fn start_with(args: &[&str]) -> Self {
        let args = args.iter().map(ToString::to_string).collect();
        let mut depot = Self { folder: TempDir::new().unwrap(), args, server: None };
        depot.resume();
        depot
    }

    /// The running server.
    pub(crate) fn server(&self) -> &ServerProcess {
        self.server.as_ref().unwrap()
    }

    /// `http://127.0.0.1:PORT`
    pub(crate) fn url(&self) -> &str {
        self.server().url()
    }

    /// The administrator's token.
    pub(crate) fn token(&self) -> String {
        self.server().token()
    }

    /// The folder around the data folder.
    pub(crate) fn around(&self) -> &Path {
        self.folder.path()
    }

    /// The data folder.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The root of the hosted repository's tree.
    pub(crate) fn tree(&self) -> PathBuf {
        self.data_dir().join("repositories").join("python")
    }

    /// Ends the server as SIGTERM does.
    pub(crate) fn stop(&mut self) {
        self.server().ask_to_end();
        self.wait();
    }

    /// Waits until the server, which was asked to end, ended well.
    pub(crate) fn wait(&mut self) {
        let status = self.server.take().unwrap().wait();
        assert!(status.success(), "the server ended with {status}");
    }

    /// Starts the server that was stopped, on another port.
    pub(crate) fn resume(&mut self) {
        let args = self.args.clone();
        self.server = Some(ServerProcess::start(&self.data_dir(), args));
    }

    /// The same, with these arguments besides.
    pub(crate) fn resume_with(&mut self, more: &[&str]) {
        self.args.extend(more.iter().map(ToString::to_string));
        self.resume();
    }

    /// Runs a verb of `depot-server` on the data folder.
    pub(crate) fn admin(&self, args: &[&str]) -> Output {
        let mut command = Command::new(binary("depot-server"));
        command.env_clear().args(args).arg("--data-dir").arg(self.data_dir());
        run(&mut command)
    }

    /// The same, with something to read on standard input.
    pub(crate) fn admin_reading(&self, args: &[&str], input: &str) -> Output {
        let mut command = Command::new(binary("depot-server"));
        command.env_clear().args(args).arg("--data-dir").arg(self.data_dir());
        run_reading(&mut command, input)
    }

    /// A new account with this password.
    pub(crate) fn new_user(&self, name: &str, password: &str, more: &[&str]) {
        let args = [&["user", "create", "--username", name, "--password-stdin"], more].concat();
        self.admin_reading(&args, password).assert_success();
    }

    /// A new token with these scopes.
    pub(crate) fn new_token(&self, user: &str, scopes: &[&str]) -> String {
        let mut args = vec!["token", "create", "--user", user];
        args.extend(scopes.iter().flat_map(|scope| ["--scope", scope]));
        self.admin(&args).assert_success().stdout.trim().to_owned()
    }

    /// Makes a request with a token or none; `headers` are whole lines.
    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        headers: &str,
        body: &[u8],
    ) -> RawResponse {
        let authorization =
            token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: depot\r\nConnection: close\r\nAccept: {ACCEPT}\r\n{authorization}{headers}"
        );
        if method != "GET" && method != "HEAD" && !headers.contains("Transfer-Encoding") {
            let _ = write!(request, "Content-Length: {}\r\n", body.len());
        }
        request.push_str("\r\n");
        let request = [request.as_bytes(), body].concat();
        send(self.url(), request).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// Reads without credentials.
    pub(crate) fn get(&self, path: &str) -> RawResponse {
        self.request("GET", path, None, "", b"")
    }

    /// Uploads as the administrator; `stored` is a file name, or one with `.json` after it.
    pub(crate) fn put(&self, project: &str, stored: &str, body: &[u8]) -> RawResponse {
        self.put_as(&self.token(), project, stored, body)
    }

    /// Uploads with this token.
    pub(crate) fn put_as(&self, token: &str, project: &str, stored: &str, body: &[u8]) -> RawResponse {
        self.request("PUT", &format!("/python/simple/{project}/{stored}"), Some(token), "", body)
    }

    /// Announces a file as the administrator.
    pub(crate) fn announce(&self, project: &str, record: &Value) -> RawResponse {
        self.announce_as(&self.token(), project, record)
    }

    /// Announces a file with this token.
    pub(crate) fn announce_as(&self, token: &str, project: &str, record: &Value) -> RawResponse {
        let stored = format!("{}.json", record["filename"].as_str().unwrap());
        self.put_as(token, project, &stored, record.to_string().as_bytes())
    }

    /// Publishes a wheel as the administrator.
    pub(crate) fn publish(&self, wheel: &WheelBuilder) {
        let answer = self.put(&wheel.project(), &wheel.filename(), &wheel.build());
        assert_eq!(answer.status, 201, "{}", answer.text());
    }

    /// The files that a project's page lists; none if there is no page.
    pub(crate) fn listed(&self, project: &str) -> Vec<Value> {
        let page = self.get(&format!("/python/simple/{project}/"));
        match page.status {
            200 => body(&page)["files"].as_array().unwrap().clone(),
            404 => Vec::new(),
            _ => panic!("{}: {}", page.status_line, page.text()),
        }
    }

    /// What the tree holds of a file.
    pub(crate) fn stored(&self, project: &str, stored: &str) -> Option<Vec<u8>> {
        fs::read(self.tree().join("files").join(project).join(stored)).ok()
    }

    /// The file's record in the tree.
    pub(crate) fn stored_record(&self, project: &str, filename: &str) -> Value {
        serde_json::from_slice(&self.stored(project, &format!("{filename}.json")).unwrap()).unwrap()
    }

    /// Waits until no upload is under way any more: nothing but locks is in `tmp/`.
    pub(crate) fn assert_tmp_is_empty(&self) {
        assert_tmp_is_empty(&self.tree());
    }
}

/// Fails unless `tmp/` of a tree holds nothing but locks and the memory of what was verified, within five seconds.
pub(crate) fn assert_tmp_is_empty(tree: &Path) {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let left: Vec<String> = uploads_under_way(tree);
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "left in tmp: {left:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The names in `tmp/` of a tree that belong to files on their way.
pub(crate) fn uploads_under_way(tree: &Path) -> Vec<String> {
    let entries = fs::read_dir(tree.join("tmp")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let is_lock = |name: &str| Path::new(name).extension().is_some_and(|extension| extension == "lock");
    names.retain(|name| !is_lock(name) && name != "verified.json");
    names
}

/// A response's body as JSON.
#[track_caller]
pub(crate) fn body(response: &RawResponse) -> Value {
    serde_json::from_slice(&response.body)
        .unwrap_or_else(|error| panic!("{}: {error}: {}", response.status_line, response.text()))
}

/// Fails unless the response is a refusal with this status and code, as a whole problem document.
#[track_caller]
pub(crate) fn assert_refused(response: &RawResponse, status: u16, code: &str) {
    assert_eq!(response.status, status, "{}", response.text());
    assert_eq!(response.header("content-type"), Some("application/problem+json"), "{}", response.text());
    let problem = body(response);
    assert_eq!((&problem["status"], &problem["code"]), (&json!(status), &json!(code)), "{problem}");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{problem}");
    assert_eq!(problem["request_id"].as_str(), response.header("x-request-id"), "{problem}");
}

/// Fails unless the response accepts an upload with this status and outcome.
#[track_caller]
pub(crate) fn assert_accepted(response: &RawResponse, status: u16, outcome: &str) {
    assert_eq!(response.status, status, "{}", response.text());
    assert_eq!(body(response)["outcome"], outcome, "{}", response.text());
}

/// The least that a record of these bytes says.
pub(crate) fn record(filename: &str, bytes: &[u8]) -> Value {
    json!({ "filename": filename, "hashes": { "sha256": sha256_hex(bytes) }, "size": bytes.len() })
}

/// A record that says that the file was copied from an index.
pub(crate) fn mirrored(filename: &str, bytes: &[u8]) -> Value {
    let mut record = record(filename, bytes);
    let url = format!("https://index.example/files/{filename}");
    record["depot"] = json!({ "v": 1, "origin": { "kind": "mirrored", "index": "https://index.example/simple/", "url": url } });
    record
}

/// All files and folders below a folder, each with the digest of its bytes; folders have none.
pub(crate) fn listing(root: &Path) -> BTreeMap<PathBuf, Option<String>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let path = entry.path();
            let kind = entry.file_type().unwrap();
            let digest = kind.is_file().then(|| sha256_hex(&fs::read(&path).unwrap_or_default()));
            if kind.is_dir() {
                folders.push(path.clone());
            }
            found.insert(path.strip_prefix(root).unwrap().to_owned(), digest);
        }
    }
    found
}
