//! What holds for a wheel.

use std::{
    collections::BTreeSet,
    io::{Read, Seek},
};

use depot_proto::{CoreMetadata, DistributionFilename, ProjectName, Version, Wheel};

use super::{Verdict, entry_points, list, metadata, names::Names, record::Record, zip};
use crate::{
    DistError, Limits, member,
    wheel::{DIST_INFO, dist_info, member_of},
    zip_directory::ZipDirectory,
};

/// The most bytes of `WHEEL` and of `entry_points.txt`.
const MAX_SMALL: u64 = 1024 * 1024;

pub(super) fn check<R: Read + Seek>(
    reader: &mut R,
    filename: &DistributionFilename,
    wheel: &Wheel,
    limits: &Limits,
    verdict: &mut Verdict,
) -> Result<(), DistError> {
    let (directory, names) = zip::open(reader, limits, verdict)?;
    let inside = Inside { directory: &directory, names: &names, filename, wheel, limits };
    let record = match inside.check(reader, verdict) {
        Ok(record) => record,
        Err(error) => {
            verdict.add_error(error)?;
            None
        }
    };
    zip::walk(reader, &directory, record, limits, verdict)
}

struct Inside<'a> {
    directory: &'a ZipDirectory,
    names: &'a Names,
    filename: &'a DistributionFilename,
    wheel: &'a Wheel,
    limits: &'a Limits,
}

impl Inside<'_> {
    /// Checks what lies in the `.dist-info` folder, and returns the `RECORD`.
    fn check<R: Read + Seek>(
        &self,
        reader: &mut R,
        verdict: &mut Verdict,
    ) -> Result<Option<Record>, DistError> {
        let project = self.filename.project();
        let folder = match dist_info(self.directory, project) {
            // The folder, not the metadata, has another name.
            Err(error @ DistError::Disagrees { .. }) => {
                verdict.add(&list::WHEEL_DIST_INFO, error.to_string());
                return Ok(None);
            }
            folder => folder?,
        };
        self.check_folder(folder, verdict);
        match self.file(reader, folder, "METADATA", self.limits.max_metadata_size)? {
            None => verdict.add(&list::WHEEL_DIST_INFO, missing(folder, "METADATA")),
            Some(raw) => {
                if let Some(read) = metadata::check(&raw, "METADATA", self.filename, verdict) {
                    self.check_licenses(folder, &read, verdict);
                }
            }
        }
        match self.small(reader, folder, "WHEEL", &list::WHEEL_FILE, verdict)? {
            None => verdict.add(&list::WHEEL_FILE, missing(folder, "WHEEL")),
            Some(raw) => self.check_wheel_file(&raw, verdict),
        }
        if let Some(raw) = self.small(reader, folder, "entry_points.txt", &list::ENTRY_POINTS, verdict)? {
            entry_points::check(&raw, verdict);
        }
        let Some(index) = member_of(self.directory, folder, b"RECORD") else {
            verdict.add(&list::RECORD_MISSING, missing(folder, "RECORD"));
            return Ok(None);
        };
        Record::read(reader, self.directory, index, folder, self.limits, verdict).map(Some)
    }

    fn file<R: Read + Seek>(
        &self,
        reader: &mut R,
        folder: &[u8],
        name: &str,
        limit: u64,
    ) -> Result<Option<Vec<u8>>, DistError> {
        let index = member_of(self.directory, folder, name.as_bytes());
        index.map(|index| self.directory.extract(reader, index, limit)).transpose()
    }

    /// A file that is never large; one that is breaks `rule`.
    fn small<R: Read + Seek>(
        &self,
        reader: &mut R,
        folder: &[u8],
        name: &str,
        rule: &'static super::Rule,
        verdict: &mut Verdict,
    ) -> Result<Option<Vec<u8>>, DistError> {
        match self.file(reader, folder, name, MAX_SMALL) {
            Err(DistError::TooLarge { .. }) => {
                verdict.add(rule, format!("{name} has more than 1 MiB"));
                Ok(Some(Vec::new()))
            }
            read => read,
        }
    }

    /// The folder must name project and version of the file; installers compare them normalized.
    fn check_folder(&self, folder: &[u8], verdict: &mut Verdict) {
        let stem = &folder[..folder.len() - DIST_INFO.len()];
        let mut parts = self.filename.as_str().split('-');
        let spelled = [parts.next().unwrap_or_default(), parts.next().unwrap_or_default()].join("-");
        if stem == spelled.as_bytes() {
            return;
        }
        let shown = member::display(folder);
        let text = String::from_utf8_lossy(stem);
        if names_release(&text, self.filename.project(), self.filename.version()) {
            verdict.add(&list::WHEEL_SPELLING, format!("`{shown}` should be `{spelled}.dist-info`"));
        } else {
            let what = format!(
                "`{shown}` is not of the version in the file name: it should be `{spelled}.dist-info`"
            );
            verdict.add(&list::WHEEL_DIST_INFO, what);
        }
    }

    fn check_licenses(&self, folder: &[u8], read: &CoreMetadata, verdict: &mut Verdict) {
        if !metadata::has_license_files(read) {
            return;
        }
        for file in read.header("License-File") {
            let name = [folder, b"/licenses/", file.as_bytes()].concat();
            if !self.names.has_file(&name) {
                verdict.add_of(&list::LICENSE_FILE, &name, "is named as License-File, and is not there");
            }
        }
    }

    fn check_wheel_file(&self, raw: &[u8], verdict: &mut Verdict) {
        let text = String::from_utf8_lossy(raw);
        let values = |wanted: &'static str| {
            text.lines().filter_map(move |line| {
                let (key, value) = line.split_once(':')?;
                key.trim().eq_ignore_ascii_case(wanted).then(|| value.trim().to_owned())
            })
        };
        let versions: Vec<String> = values("Wheel-Version").collect();
        match versions.as_slice() {
            [version] if version.split('.').next() == Some("1") => {}
            [version] => {
                let version = member::display(version.as_bytes());
                verdict.add(
                    &list::WHEEL_FILE,
                    format!("WHEEL says `Wheel-Version: {version}`, and only 1 is known"),
                );
            }
            _ => verdict.add(&list::WHEEL_FILE, "WHEEL has not one `Wheel-Version`"),
        }
        let mut said = BTreeSet::new();
        for tag in values("Tag") {
            let parts: Vec<&str> = tag.splitn(3, '-').collect();
            if let [python, abi, platform] = parts[..] {
                said.extend(expanded(python, abi, platform));
            }
        }
        let named: BTreeSet<String> =
            expanded(&self.wheel.python, &self.wheel.abi, &self.wheel.platform).collect();
        if said != named {
            verdict.add(&list::WHEEL_TAGS, "WHEEL has other tags than the file name");
        }
        if values("Build").next().filter(|build| !build.is_empty()) != self.wheel.build {
            verdict.add(&list::WHEEL_TAGS, "WHEEL has another build tag than the file name");
        }
    }
}

/// Whether `{name}-{version}`, in any spelling, is this release.
pub(super) fn names_release(stem: &str, project: &ProjectName, version: &Version) -> bool {
    stem.match_indices('-').any(|(dash, _)| {
        let (name, spelled) = (&stem[..dash], &stem[dash + 1..]);
        name.parse::<ProjectName>().is_ok_and(|name| name == *project)
            // A dash in a version is escaped.
            && (Version::read(spelled) == *version || Version::read(&spelled.replace('_', "-")) == *version)
    })
}

/// Each tag of a compressed set of them.
fn expanded(python: &str, abi: &str, platform: &str) -> impl Iterator<Item = String> {
    let owned = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
    let (pythons, abis, platforms) = (owned(python), owned(abi), owned(platform));
    let mut tags = Vec::new();
    for python in &pythons {
        for abi in &abis {
            tags.extend(platforms.iter().map(|platform| format!("{python}-{abi}-{platform}")));
        }
    }
    tags.into_iter().take(10_000)
}

fn missing(folder: &[u8], name: &str) -> String {
    format!("the wheel has no `{}/{name}`", member::display(folder))
}
