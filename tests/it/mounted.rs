//! depot as a library: its router inside another application, under a path of its own.

use std::fs;

use axum::Router;
use axum::routing::get;
use depot_server::{Config, Depot};
use depot_tests::{RawResponse, WheelBuilder, send};
use reqwest::Url;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const JSON_PAGE: &str = "Accept: application/vnd.pypi.simple.v1+json\r\n";

/// Another application on a free port, with a depot under `/depot`.
struct Application {
    runtime: Runtime,
    url: Url,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Application {
    fn start(depot: &Depot) -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let router =
            Router::new().route("/", get(|| async { "the application" })).nest("/depot", depot.router());
        let (stop, stopped) = oneshot::channel();
        let serving = runtime.spawn(async move {
            let stopped = async { stopped.await.unwrap() };
            axum::serve(listener, router).with_graceful_shutdown(stopped).await.unwrap();
        });
        Self { runtime, url, stop, serving }
    }

    /// Makes a request for exactly this address; `headers` are whole lines.
    fn request(&self, method: &str, url: &Url, headers: &str, body: &[u8]) -> RawResponse {
        let path = url.path();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: application\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
            body.len()
        );
        let request = [head.as_bytes(), body].concat();
        send(self.url.as_str(), request).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    fn get(&self, url: &Url, headers: &str) -> RawResponse {
        self.request("GET", url, headers, b"")
    }

    fn address(&self, path: &str) -> Url {
        self.url.join(path).unwrap()
    }

    /// Lets requests finish, and ends.
    fn stop(self) {
        self.stop.send(()).unwrap();
        self.runtime.block_on(self.serving).unwrap();
    }
}

/// The wheel that a project's page lists alone, by its `url` as the page gives it.
#[track_caller]
fn only_link(page: &RawResponse) -> String {
    assert_eq!(page.status, 200, "{}", page.text());
    let page: Value = serde_json::from_slice(&page.body).unwrap();
    let files = page["files"].as_array().unwrap();
    assert_eq!(files.len(), 1, "{page}");
    files[0]["url"].as_str().unwrap().to_owned()
}

#[test]
fn a_depot_nested_in_another_application_takes_and_serves_files() {
    let folder = TempDir::new().unwrap();
    let config = Config::new(folder.path().join("data"));
    let depot = Depot::open(config.clone()).unwrap();
    let application = Application::start(&depot);

    let without_slash = application.address("depot/python/simple");
    let redirect = application.get(&without_slash, "");
    assert_eq!(redirect.status, 301, "{}", redirect.text());
    let location = redirect.header("location").unwrap();
    assert!(!location.starts_with('/') && !location.contains("//"), "it forgets the mount: {location}");
    let root = without_slash.join(location).unwrap();
    assert_eq!(root, application.address("depot/python/simple/"));
    assert_eq!(application.get(&root, "").status, 200);

    let wheel = WheelBuilder::new("teapot", "1.0");
    let (filename, bytes) = (wheel.filename(), wheel.build());
    let token = fs::read_to_string(config.admin_token()).unwrap();
    let authorization = format!("Authorization: Bearer {}\r\n", token.trim());
    let upload = root.join(&format!("teapot/{filename}")).unwrap();
    assert_eq!(application.request("PUT", &upload, "", &bytes).status, 401, "without a token");
    let answer = application.request("PUT", &upload, &authorization, &bytes);
    assert_eq!(answer.status, 201, "{}", answer.text());

    let page = root.join("teapot/").unwrap();
    let link = only_link(&application.get(&page, JSON_PAGE));
    assert!(link.starts_with("../"), "only a relative link works under every mount: {link}");
    let file = page.join(&link).unwrap();
    assert!(file.path().starts_with("/depot/python/"), "{file}");
    let served = application.get(&file, "");
    assert_eq!((served.status, served.body), (200, bytes));
    let html = application.get(&page, "Accept: text/html\r\n").text();
    assert!(html.contains(&format!("href=\"{link}")), "{html}");

    application.stop();
    depot.close();
}

#[test]
fn a_nested_depot_answers_below_its_mount_and_nowhere_else() {
    let folder = TempDir::new().unwrap();
    let depot = Depot::open(Config::new(folder.path().join("data"))).unwrap();
    let application = Application::start(&depot);
    assert_eq!(application.get(&application.address("depot/healthz"), "").status, 200);
    let accept = "Accept: application/problem+json\r\n";
    let unknown = application.get(&application.address("depot/nothing"), accept);
    assert_eq!(unknown.status, 404);
    assert_eq!(unknown.header("content-type"), Some("application/problem+json"), "{}", unknown.text());
    assert_eq!(application.get(&application.address(""), "").text(), "the application");
    for path in ["healthz", "python/simple/", "nothing"] {
        let answer = application.get(&application.address(path), accept);
        assert_eq!((answer.status, answer.body), (404, Vec::new()), "{path} is the application's");
    }
    application.stop();
    depot.close();
}

#[test]
fn a_depot_that_was_closed_is_opened_again_by_the_same_process() {
    let folder = TempDir::new().unwrap();
    let config = Config::new(folder.path().join("data"));
    let depot = Depot::open(config.clone()).unwrap();
    let token = fs::read_to_string(config.admin_token()).unwrap();
    depot.close();
    drop(depot);
    let again = Depot::open(config.clone()).unwrap();
    assert_eq!(fs::read_to_string(config.admin_token()).unwrap(), token);
    again.close();
}
