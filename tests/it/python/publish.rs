//! A release that is published together: all of its files are there at once, or none.

mod command;
mod door;
mod refused;

use depot_tests::{RawResponse, SdistBuilder, WheelBuilder};
use serde_json::{Value, json};

use super::depot::Depot;
use super::index::Built;

/// Three files of one version: two wheels and a source distribution.
fn release(version: &str) -> [Built; 3] {
    let wheel = WheelBuilder::new("Tea.Pot", version).requires_python(">=3.8");
    [
        (&wheel.clone().build_tag("1")).into(),
        (&wheel.build_tag("2")).into(),
        (&SdistBuilder::new("Tea.Pot", version)).into(),
    ]
}

/// What the first line says of these files.
fn manifest(project: &str, files: &[Built]) -> Value {
    let file = |file: &Built| json!({ "filename": file.filename, "sha256": file.sha256(), "size": file.bytes.len() });
    json!({ "project": project, "files": files.iter().map(file).collect::<Vec<_>>() })
}

/// A line and the bytes of these files.
fn body_of(manifest: &Value, files: &[Built]) -> Vec<u8> {
    let mut body = manifest.to_string().into_bytes();
    body.push(b'\n');
    for file in files {
        body.extend_from_slice(&file.bytes);
    }
    body
}

/// Sends a body to the door.
fn post(depot: &Depot, token: &str, body: &[u8]) -> RawResponse {
    depot.request("POST", "/python/_/publish", Some(token), "", body)
}

/// Publishes files as the administrator.
fn publish(depot: &Depot, files: &[Built]) -> RawResponse {
    post(depot, &depot.token(), &body_of(&manifest(&files[0].project, files), files))
}

/// The outcome of each file.
#[track_caller]
fn outcomes(answer: &RawResponse) -> Vec<String> {
    let files = super::depot::body(answer)["files"].as_array().cloned().unwrap_or_default();
    files.iter().map(|file| file["outcome"].as_str().unwrap().to_owned()).collect()
}
