//! An index without a fault, and a place to spoil each of its answers.

mod content;
mod respond;

use std::{
    net::TcpListener,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    response::Response,
};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use self::content::Content;

/// What a private index, and an upload, wants as a password.
pub(super) const TOKEN: &str = "s3cret-of-the-test";

/// How the index is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Open,
    /// It wants credentials.
    Private,
    /// It is asked for all projects too.
    Root,
    /// It takes uploads.
    Upload,
    /// It stands for another machine: it is reached as a proxy.
    Proxied,
}

impl Mode {
    pub(super) const ALL: [Self; 5] = [Self::Open, Self::Private, Self::Root, Self::Upload, Self::Proxied];
}

/// A request.
pub(super) struct Question {
    pub(super) method: String,
    /// The path, decoded.
    pub(super) path: String,
    /// The path as it was sent.
    pub(super) raw_path: String,
    pub(super) query: Option<String>,
    headers: axum::http::HeaderMap,
    pub(super) body: Bytes,
}

impl Question {
    /// A header; empty where it is not there.
    pub(super) fn header(&self, name: &str) -> String {
        self.headers
            .get(name)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .unwrap_or_default()
    }

    pub(super) fn is_page(&self) -> bool {
        self.path == "/simple/tea-pot/"
    }

    pub(super) fn is_wheel(&self) -> bool {
        self.is_file() && !self.path.ends_with(".tar.gz")
    }

    pub(super) fn is_file(&self) -> bool {
        self.path.starts_with("/files/") && [".whl", ".tar.gz"].iter().any(|end| self.path.ends_with(end))
    }

    pub(super) fn is_metadata(&self) -> bool {
        self.path.ends_with(".metadata")
    }

    pub(super) fn has_token(&self) -> bool {
        use base64::Engine as _;
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("__token__:{TOKEN}"));
        self.header("authorization") == format!("Basic {basic}")
    }
}

/// An answer, before it is compressed and sent.
#[derive(Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// The same page as HTML.
    pub(super) html: Vec<u8>,
    pub(super) gzip: Gzip,
    /// Whether it says how long it is.
    pub(super) says_length: bool,
}

/// Whether a body is compressed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Gzip {
    No,
    Yes,
    /// It says so, and is not.
    Claimed,
}

impl Answer {
    pub(super) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self { status, headers, body: body.into(), html: Vec::new(), gzip: Gzip::No, says_length: true }
    }

    pub(super) fn plain(status: u16) -> Self {
        Self::new(status, "text/plain; charset=utf-8", status.to_string())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.headers.retain(|(known, _)| known != name);
    }

    pub(super) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.remove(name);
        self.headers.push((name.to_owned(), value.into()));
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.set(name, value);
        self
    }

    pub(super) fn redirect(&mut self, status: u16, to: &str) {
        *self = Self::plain(status).with("location", to);
    }

    pub(super) fn is_json(&self) -> bool {
        self.get("content-type").is_some_and(|kind| kind.contains("json"))
    }

    pub(super) fn is_html(&self) -> bool {
        self.get("content-type").is_some_and(|kind| kind.contains("html"))
    }

    /// Writes something else wherever this stands in the body; it must stand there.
    #[track_caller]
    pub(super) fn replace(&mut self, from: &str, to: &str) {
        let text = String::from_utf8(self.body.clone()).unwrap();
        assert!(text.contains(from), "{from:?} is not in {text}");
        self.body = text.replace(from, to).into_bytes();
    }

    /// Changes a JSON page.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Value)) {
        let mut page = serde_json::from_slice(&self.body).unwrap();
        change(&mut page);
        self.body = page.to_string().into_bytes();
    }

    /// Changes the first file of a JSON page, which is the one that is downloaded.
    pub(super) fn change_file(&mut self, change: impl FnOnce(&mut Map<String, Value>)) {
        self.change(|page| change(page["files"][0].as_object_mut().unwrap()));
    }

    pub(super) fn set_file(&mut self, key: &str, value: Value) {
        self.change_file(|file| drop(file.insert(key.to_owned(), value)));
    }

    pub(super) fn drop_from_file(&mut self, key: &str) {
        self.change_file(|file| drop(file.remove(key)));
    }

    /// Leaves out the lines in which this stands.
    pub(super) fn drop_lines(&mut self, what: &str) {
        let text = String::from_utf8(self.body.clone()).unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| !line.contains(what)).collect();
        self.body = lines.join("\n").into_bytes();
    }

    /// Leaves out the digests of links.
    pub(super) fn drop_fragments(&mut self) {
        let text = String::from_utf8(self.body.clone()).unwrap();
        let mut parts = text.split("#sha256=");
        let first = parts.next().unwrap().to_owned();
        self.body = parts.fold(first, |page, part| page + &part[64..]).into_bytes();
    }

    fn into_response(mut self, is_head: bool) -> Response {
        if self.gzip != Gzip::No {
            self.set("content-encoding", "gzip");
        }
        if self.gzip == Gzip::Yes {
            use std::io::Write as _;
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(&self.body).unwrap();
            self.body = encoder.finish().unwrap();
        }
        let mut response = Response::builder().status(self.status);
        for (name, value) in &self.headers {
            response = response.header(name, value);
        }
        if self.says_length {
            if self.get("content-length").is_none() && self.status != 304 {
                response = response.header("content-length", self.body.len());
            }
        } else {
            let chunks = futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from(self.body))]);
            return response.body(if is_head { Body::empty() } else { Body::from_stream(chunks) }).unwrap();
        }
        response.body(if is_head || self.status == 304 { Body::empty() } else { self.body.into() }).unwrap()
    }
}

/// What is done to each answer.
pub(super) type Edit = fn(&Question, &mut Answer);

struct Setup {
    mode: Mode,
    edit: Edit,
    content: Content,
    /// Where pages say that files are, if not here.
    files_at: Mutex<Option<String>>,
    /// The paths that were asked for, and the credentials that were sent.
    log: Mutex<Vec<(String, String)>>,
}

/// A running index; it ends when dropped.
pub(super) struct Site {
    state: Arc<Setup>,
    origin: String,
    _runtime: tokio::runtime::Runtime,
}

impl Site {
    pub(super) fn start(mode: Mode, edit: Edit) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        listener.set_nonblocking(true).unwrap();
        let content = Content::new(&origin);
        let (files_at, log) = (Mutex::default(), Mutex::default());
        let state = Arc::new(Setup { mode, edit, content, files_at, log });
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let inside = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let app = Router::new().fallback(answer).with_state(Arc::clone(&state));
        runtime.spawn(async move { axum::serve(listener, app).await });
        drop(inside);
        Self { state, origin, _runtime: runtime }
    }

    pub(super) fn mode(&self) -> Mode {
        self.state.mode
    }

    /// `http://127.0.0.1:PORT`
    pub(super) fn origin(&self) -> String {
        self.origin.clone()
    }

    pub(super) fn url(&self) -> String {
        format!("{}/simple/", self.origin)
    }

    /// Lets pages say that files are at another origin.
    pub(super) fn put_files_at(&self, origin: &str) {
        *self.state.files_at.lock().unwrap() = Some(origin.to_owned());
    }

    /// The paths that were asked for.
    pub(super) fn paths(&self) -> Vec<String> {
        self.state.log.lock().unwrap().iter().map(|(path, _)| path.clone()).collect()
    }

    /// The credentials that were sent.
    pub(super) fn credentials(&self) -> Vec<String> {
        let log = self.state.log.lock().unwrap();
        log.iter()
            .map(|(_, credentials)| credentials.clone())
            .filter(|credentials| !credentials.is_empty())
            .collect()
    }
}

async fn answer(State(state): State<Arc<Setup>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let question = Question {
        method: parts.method.to_string(),
        path: percent_decode_str(parts.uri.path()).decode_utf8_lossy().into_owned(),
        raw_path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        headers: parts.headers,
        body: axum::body::to_bytes(body, 1 << 20).await.unwrap_or_default(),
    };
    let entry = (question.path.clone(), question.header("authorization"));
    state.log.lock().unwrap().push(entry);
    let mut answer = respond::good(&state, &question);
    if let Some(origin) = &*state.files_at.lock().unwrap()
        && question.is_page()
        && answer.status == 200
    {
        answer.replace("\"/files/", &format!("\"{origin}/files/"));
    }
    (state.edit)(&question, &mut answer);
    // Parts are cut out of what the file is by then, as a server does that stores something wrong.
    answer.into_response(question.method == "HEAD")
}
