//! What a client of the server says, over one connection that is kept: uploads, pages and files.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use depot_tests::{RawConnection, RawResponse};
use serde_json::{Value, json};

const TIMEOUT: Duration = Duration::from_secs(20);
const JSON_PAGE: &str = "Accept: application/vnd.pypi.simple.v1+json\r\n";

/// A connection to a server, with a token. An error is an end of the connection: what was asked may have been done.
pub(crate) struct Wire {
    connection: RawConnection,
    token: String,
}

/// A page as the server shows it.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) serial: u64,
    pub(crate) files: BTreeMap<String, Listed>,
}

/// A file on a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) sha256: String,
    /// The reason, where it is yanked for one.
    pub(crate) yanked: Option<String>,
}

impl Wire {
    pub(crate) fn open(url: &str, token: &str) -> io::Result<Self> {
        Ok(Self { connection: RawConnection::open(url, TIMEOUT)?, token: token.to_owned() })
    }

    /// Sends one request and reads its whole answer.
    pub(crate) fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> io::Result<RawResponse> {
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: depot.example\r\nAuthorization: Bearer {}\r\n{headers}Content-Length: {}\r\n\r\n",
            self.token,
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.connection.send(&request)?;
        let response = self.connection.receive(false)?;
        if response.complete { Ok(response) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    pub(crate) fn put_bytes(
        &mut self,
        project: &str,
        filename: &str,
        bytes: &[u8],
    ) -> io::Result<RawResponse> {
        self.request("PUT", &format!("/python/simple/{project}/{filename}"), "", bytes)
    }

    pub(crate) fn put_record(
        &mut self,
        project: &str,
        filename: &str,
        record: &Value,
    ) -> io::Result<RawResponse> {
        let path = format!("/python/simple/{project}/{filename}.json");
        self.request("PUT", &path, "", record.to_string().as_bytes())
    }

    /// The page of a project, or the empty page of serial 0 if there is none.
    pub(crate) fn page(&mut self, project: &str) -> io::Result<Page> {
        let response = self.request("GET", &format!("/python/simple/{project}/"), JSON_PAGE, b"")?;
        if response.status == 404 {
            return Ok(Page::default());
        }
        assert_eq!(response.status, 200, "{}", response.text());
        let page: Value = serde_json::from_slice(&response.body).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let files = page["files"].as_array().unwrap().iter().map(|file| {
            let yanked = file["yanked"].as_str().map(str::to_owned);
            (text(&file["filename"]), Listed { sha256: text(&file["hashes"]["sha256"]), yanked })
        });
        Ok(Page { serial: last_serial(&response), files: files.collect() })
    }

    /// The projects, and the serial of the list.
    pub(crate) fn root(&mut self) -> io::Result<(Vec<String>, u64)> {
        let response = self.request("GET", "/python/simple/", JSON_PAGE, b"")?;
        assert_eq!(response.status, 200, "{}", response.text());
        let root: Value = serde_json::from_slice(&response.body).unwrap();
        let projects = root["projects"].as_array().unwrap().iter();
        let projects = projects.map(|project| project["name"].as_str().unwrap().to_owned()).collect();
        Ok((projects, last_serial(&response)))
    }

    /// The bytes of a file.
    pub(crate) fn file(&mut self, project: &str, filename: &str) -> io::Result<Vec<u8>> {
        let response = self.request("GET", &format!("/python/files/{project}/{filename}"), "", b"")?;
        assert_eq!(response.status, 200, "{filename}: {}", response.text());
        Ok(response.body)
    }
}

fn last_serial(response: &RawResponse) -> u64 {
    response.header("x-pypi-last-serial").unwrap().parse().unwrap()
}

/// The record that says this of a file, yanked for this reason if there is one.
pub(crate) fn record(filename: &str, sha256: &str, size: usize, yanked: Option<&str>) -> Value {
    json!({
        "filename": filename,
        "hashes": { "sha256": sha256 },
        "size": size,
        "yanked": yanked.map_or(Value::Bool(false), Value::from),
    })
}
