//! What a distribution requires, read of what is here of it.

use std::{
    io::{Cursor, Read as _, Seek},
    sync::Arc,
};

use depot_dist::Limits;
use depot_proto::{DistributionFilename, DistributionKind, Requirement, layout::Part, metadata};

use super::fetch::here;
use crate::python::{
    files::{Content, Served},
    view::{Readable, View},
};

/// What a build needs where an sdist does not say.
const SETUPTOOLS: &str = "setuptools>=40.8.0";

/// What a distribution requires.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// Whatever the marker.
    pub(super) requires: Vec<Requirement>,
    /// What must be there to build it, if it must be built.
    pub(super) build: Option<Vec<Requirement>>,
}

/// What a file requires: by its metadata alone if it is a wheel, else by what is in it, for which it is fetched. And whether the
/// file was.
pub(super) async fn of(
    view: &Arc<View>,
    filename: &DistributionFilename,
    readable: Readable,
) -> Result<(Known, bool), String> {
    let is_wheel = filename.kind() == DistributionKind::Wheel;
    let part = if is_wheel { Part::Metadata } else { Part::Bytes };
    let here = here(view, filename, part, readable).await?;
    let Some((served, fetched)) = here else {
        return Err("it has no metadata that could be read".to_owned());
    };
    let name = filename.clone();
    let reading =
        tokio::task::spawn_blocking(
            move || if is_wheel { of_wheel(&served) } else { of_sdist(&served, &name) },
        );
    let known = reading.await.map_err(|error| error.to_string())??;
    Ok((known, fetched && !is_wheel))
}

fn of_wheel(served: &Served) -> Result<Known, String> {
    let mut bytes = Vec::new();
    let mut reader = reader(served)?.take(2 * metadata::MAX_HEADER_BYTES as u64);
    reader.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    let core = metadata::parse(&bytes).map_err(|error| error.to_string())?;
    Ok(Known { requires: read(&core.requires_dist), build: None })
}

fn of_sdist(served: &Served, filename: &DistributionFilename) -> Result<Known, String> {
    let limits = Limits::default();
    let contents = depot_dist::read(reader(served)?, filename, &limits).map_err(|error| error.to_string())?;
    let pyproject = depot_dist::read_sdist_file(reader(served)?, filename, "pyproject.toml", &limits);
    let pyproject = pyproject.ok().flatten().and_then(|bytes| String::from_utf8(bytes).ok());
    let table = pyproject.and_then(|text| text.parse::<toml::Table>().ok()).unwrap_or_default();
    let strings = |value: Option<&toml::Value>| -> Vec<String> {
        let list = value.and_then(toml::Value::as_array).into_iter().flatten();
        list.filter_map(toml::Value::as_str).map(str::to_owned).collect()
    };
    let build = table.get("build-system").and_then(|system| system.get("requires"));
    let build = if build.is_some() { strings(build) } else { vec![SETUPTOOLS.to_owned()] };
    let project = table.get("project");
    let is_static = project.is_some_and(|project| {
        !strings(project.get("dynamic")).iter().any(|key| key.ends_with("dependencies"))
    });
    // A version of metadata without `Dynamic` may say less than a build will (PEP 643).
    let requires = match project.filter(|_| is_static && contents.metadata.requires_dist.is_empty()) {
        Some(project) => strings(project.get("dependencies")),
        None => contents.metadata.requires_dist,
    };
    Ok(Known { requires: read(&requires), build: Some(read(&build)) })
}

/// What cannot be read as a requirement requires nothing, as for installers.
fn read(lines: &[String]) -> Vec<Requirement> {
    lines.iter().filter_map(|line| Requirement::read_leniently(line).ok()).collect()
}

/// The bytes of what is here.
fn reader(served: &Served) -> Result<Box<dyn ReadSeek>, String> {
    Ok(match &served.content {
        Content::Memory(bytes) => Box::new(Cursor::new(bytes.clone())),
        // Whoever else reads the file says from where each time.
        Content::File(file) => {
            let mut file = file.try_clone().map_err(|error| error.to_string())?;
            file.rewind().map_err(|error| error.to_string())?;
            Box::new(file)
        }
    })
}

trait ReadSeek: std::io::Read + Seek {}

impl<T: std::io::Read + Seek> ReadSeek for T {}
