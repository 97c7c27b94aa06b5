//! What was said to a server and what it answered, and the check that ends every suite: whatever was acknowledged is
//! readable and listed, nothing else is visible than what was sent, the journal's chain holds, and nothing is left over.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use depot_tests::{Clients, RawResponse, SdistBuilder, ServerProcess, WheelBuilder, sha256_hex};
use serde_json::{Value, json};

use crate::crash::journal::assert_chain_holds;
use crate::wire::{Listed, Wire, record};

const ACCEPT: &str = "Accept: application/problem+json\r\n";

/// How a file is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The bytes alone.
    Bytes,
    /// The record, then the bytes.
    Announced,
    /// The record of a file that is there, with a new reason to be yanked.
    Facts,
    /// A release: the file and a source distribution, which become visible together.
    Together,
}

/// One thing that a client wants, whole: acknowledged when its last request is.
#[derive(Debug, Clone)]
pub(super) struct Upload {
    way: Way,
    pub(super) project: String,
    pub(super) filename: String,
    pub(super) sha256: String,
    bytes: Vec<u8>,
    yanked: Option<String>,
    /// The others of its release.
    others: Vec<Self>,
}

type Key = (String, String);

impl Upload {
    /// A wheel of this project and version with `size` bytes of data in it.
    pub(super) fn wheel(way: Way, project: &str, version: &str, size: usize) -> Self {
        let wheel = WheelBuilder::new(project, version).random_file("data.bin", size, 7);
        let mut upload = Self::file(way, project, wheel.filename(), wheel.build());
        upload.yanked = (way == Way::Announced).then(|| "announced so".to_owned());
        if way == Way::Together {
            let sdist = SdistBuilder::new(project, version);
            upload.others = vec![Self::file(way, project, sdist.filename(), sdist.build())];
        }
        upload
    }

    fn file(way: Way, project: &str, filename: String, bytes: Vec<u8>) -> Self {
        let (project, sha256) = (project.to_owned(), sha256_hex(&bytes));
        Self { way, project, filename, sha256, bytes, yanked: None, others: Vec::new() }
    }

    /// The file and the others of its release.
    fn files(&self) -> impl Iterator<Item = &Self> {
        std::iter::once(self).chain(&self.others)
    }

    /// What `POST _/publish` takes of it.
    fn release(&self) -> Vec<u8> {
        let file = |file: &Self| json!({ "filename": file.filename, "sha256": file.sha256, "size": file.bytes.len() });
        let files: Vec<Value> = self.files().map(file).collect();
        let mut body = json!({ "project": self.project, "files": files }).to_string().into_bytes();
        body.push(b'\n');
        self.files().for_each(|file| body.extend_from_slice(&file.bytes));
        body
    }

    /// A change of this file's facts.
    pub(super) fn change(&self, reason: &str) -> Self {
        Self { way: Way::Facts, yanked: Some(reason.to_owned()), ..self.clone() }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The path that it is sent to.
    pub(super) fn path(&self) -> String {
        format!("/python/simple/{}/{}", self.project, self.filename)
    }

    fn key(&self) -> Key {
        (self.project.clone(), self.filename.clone())
    }

    fn listed(&self) -> Listed {
        Listed { sha256: self.sha256.clone(), yanked: self.yanked.clone() }
    }

    /// Does it, and returns the last answer.
    pub(super) fn perform(&self, wire: &mut Wire) -> io::Result<RawResponse> {
        if self.way == Way::Together {
            return wire.request("POST", "/python/_/publish", ACCEPT, &self.release());
        }
        if self.way != Way::Bytes {
            let record = record(&self.filename, &self.sha256, self.bytes.len(), self.yanked.as_deref());
            let answer =
                wire.request("PUT", &format!("{}.json", self.path()), ACCEPT, record.to_string().as_bytes())?;
            if answer.status != 202 {
                return Ok(answer);
            }
        }
        wire.request("PUT", &self.path(), ACCEPT, &self.bytes)
    }

    /// Asks that it be deleted.
    pub(super) fn delete(&self, wire: &mut Wire) -> io::Result<RawResponse> {
        let asked = json!({ "project": self.project, "filename": self.filename });
        wire.request("POST", "/python/_/delete", ACCEPT, asked.to_string().as_bytes())
    }
}

/// A data folder and all that is certain of it.
#[derive(Debug)]
pub(super) struct World {
    data_dir: PathBuf,
    certain: BTreeMap<Key, Listed>,
    /// What was sent and not acknowledged: it is there so, or as it was before.
    possible: BTreeMap<Key, Listed>,
    /// What was deleted.
    gone: BTreeMap<Key, Upload>,
    /// Releases whose files are there together or not at all.
    together: BTreeSet<BTreeSet<Key>>,
    /// The highest serials that were seen: of the root page under the empty name, and of each project's.
    serials: HashMap<String, u64>,
    /// Whether a file that was not acknowledged may be listed and refused.
    pub(super) refused_is_possible: bool,
}

impl World {
    pub(super) fn new(data_dir: &Path) -> Self {
        let data_dir = data_dir.to_owned();
        Self {
            data_dir,
            certain: BTreeMap::new(),
            possible: BTreeMap::new(),
            gone: BTreeMap::new(),
            together: BTreeSet::new(),
            serials: HashMap::new(),
            refused_is_possible: false,
        }
    }

    /// The data folder is somewhere else from here on.
    pub(super) fn moved_to(&mut self, data_dir: &Path) {
        data_dir.clone_into(&mut self.data_dir);
    }

    /// Notes what came of an upload: acknowledged, refused in the way that failures of the server are, or unknown. True
    /// if it was acknowledged.
    pub(super) fn take(&mut self, upload: &Upload, answer: &io::Result<RawResponse>, what: &str) -> bool {
        match answer {
            Ok(answer) if matches!(answer.status, 200 | 201) => {
                self.note_acknowledged(upload);
                return true;
            }
            Ok(answer) => assert_refused(answer, what),
            Err(_) => {}
        }
        self.note_sent(upload);
        false
    }

    /// Notes an upload that may have reached the server, or not.
    pub(super) fn note_sent(&mut self, upload: &Upload) {
        self.together.insert(upload.files().map(Upload::key).collect());
        self.possible.extend(upload.files().map(|file| (file.key(), file.listed())));
    }

    /// Notes an upload that was acknowledged.
    pub(super) fn note_acknowledged(&mut self, upload: &Upload) {
        for file in upload.files() {
            self.possible.remove(&file.key());
            self.certain.insert(file.key(), file.listed());
        }
    }

    /// Notes a deletion that may have reached the server, or not.
    pub(super) fn note_deletion_sent(&mut self, upload: &Upload) {
        self.certain.remove(&upload.key());
        self.note_sent(upload);
    }

    /// Notes a deletion that was acknowledged.
    pub(super) fn note_deleted(&mut self, upload: &Upload) {
        self.certain.remove(&upload.key());
        self.possible.remove(&upload.key());
        self.gone.insert(upload.key(), upload.clone());
    }

    /// Whether a file is shown and served whole, or nothing of it is there and its name is taken for good; nothing in
    /// between.
    pub(super) fn is_there_or_gone(&self, wire: &mut Wire, upload: &Upload, what: &str) -> bool {
        if wire.page(&upload.project).unwrap().files.contains_key(&upload.filename) {
            let bytes = wire.file(&upload.project, &upload.filename).unwrap();
            assert_eq!(sha256_hex(&bytes), upload.sha256, "{what}");
            return true;
        }
        self.check_gone(wire, upload, what);
        false
    }

    fn check_gone(&self, wire: &mut Wire, upload: &Upload, what: &str) {
        let Upload { project, filename, .. } = upload;
        let path = format!("/python/files/{project}/{filename}");
        let answer = wire.request("GET", &path, ACCEPT, b"").unwrap();
        assert_eq!(answer.status, 410, "{what}: {filename} was deleted: {}", answer.text());
        let left = names(&self.data_dir.join("repositories/python/files").join(project));
        assert!(!left.iter().any(|name| name.starts_with(filename)), "{what}: {left:?}");
        // Neither its own bytes nor others get its name.
        for bytes in [upload.bytes(), b"other"] {
            let answer = wire.request("PUT", &upload.path(), ACCEPT, bytes).unwrap();
            assert_eq!(answer.status, 409, "{what}: {}", answer.text());
        }
    }

    /// Uploads, and it must be acknowledged.
    pub(super) fn upload(&mut self, server: &ServerProcess, upload: &Upload, what: &str) {
        let answer = upload.perform(&mut open(server));
        assert!(self.take(upload, &answer, what), "{what}: {answer:?}");
    }

    /// What a server shows of one project is what it must be, bytes and all.
    pub(super) fn check_project(&mut self, server: &ServerProcess, project: &str, what: &str) {
        let mut wire = open(server);
        self.check_page(&mut wire, project, what);
    }

    /// The whole check, on a server that is well and has nothing under way.
    pub(super) fn check(&mut self, server: &ServerProcess, what: &str) {
        let mut wire = open(server);
        let (listed, serial) = wire.root().unwrap();
        self.saw_serial("", serial, what);
        let of_project =
            |files: &BTreeMap<Key, Listed>| files.keys().map(|key| key.0.clone()).collect::<Vec<_>>();
        let (certain, possible) = (of_project(&self.certain), of_project(&self.possible));
        for project in &listed {
            assert!(certain.contains(project) || possible.contains(project), "{what}: nobody sent {project}");
        }
        let mut projects = [certain, possible].concat();
        projects.dedup();
        for project in projects {
            let shown = self.check_page(&mut wire, &project, what);
            assert_eq!(listed.contains(&project), shown > 0, "{what}: {project} on the root page");
        }
        assert_chain_holds(&self.data_dir);
    }

    /// The whole check, on a server that was just started: nothing of dead ones is left in `tmp/`.
    pub(super) fn check_started(&mut self, server: &ServerProcess, what: &str) {
        self.check(server, what);
        self.assert_nothing_under_way(what);
    }

    /// No file of an upload lies in `tmp/`, and one lock, of the server that runs.
    pub(super) fn assert_nothing_under_way(&self, what: &str) {
        let mut names = names(&self.data_dir.join("repositories/python/tmp"));
        names.retain(|name| name != "linking.lock");
        let is_lock = |name: &String| name.strip_suffix(".lock").is_some_and(|id| id.len() == 16);
        assert!(names.len() <= 1 && names.iter().all(is_lock), "{what}: left in tmp: {names:?}");
    }

    /// What was sent and not acknowledged is done again, and must be.
    pub(super) fn retry(&mut self, server: &ServerProcess, upload: &Upload, what: &str) {
        self.upload(server, upload, what);
        self.check_project(server, &upload.project, what);
    }

    /// The number of files on the page.
    fn check_page(&mut self, wire: &mut Wire, project: &str, what: &str) -> usize {
        let page = wire.page(project).unwrap();
        self.saw_serial(project, page.serial, what);
        for (key, expected) in self.certain.iter().filter(|(key, _)| key.0 == project) {
            let listed = page.files.get(&key.1);
            let listed = listed.unwrap_or_else(|| panic!("{what}: {} was acknowledged and is lost", key.1));
            assert!(
                listed == expected || Some(listed) == self.possible.get(key),
                "{what}: {} is {listed:?} and not {expected:?}",
                key.1
            );
        }
        for keys in self.together.iter().filter(|keys| keys.iter().all(|key| key.0 == project)) {
            let shown = keys.iter().filter(|key| page.files.contains_key(&key.1)).count();
            assert!(shown == 0 || shown == keys.len(), "{what}: {shown} files are there of {keys:?}");
        }
        for upload in self.gone.values().filter(|upload| upload.project == project) {
            assert!(!page.files.contains_key(&upload.filename), "{what}: {} was deleted", upload.filename);
            self.check_gone(wire, upload, what);
        }
        for (filename, listed) in &page.files {
            let key = (project.to_owned(), filename.clone());
            let sent = [self.certain.get(&key), self.possible.get(&key)];
            let sent = sent.into_iter().flatten().any(|sent| sent.sha256 == listed.sha256);
            assert!(sent, "{what}: {filename} is there and was never sent so");
            if self.refused_is_possible && !self.certain.contains_key(&key) {
                let path = format!("/python/files/{project}/{filename}");
                if wire.request("GET", &path, "", b"").unwrap().status == 503 {
                    continue;
                }
            }
            let bytes = wire.file(project, filename).unwrap();
            assert_eq!(sha256_hex(&bytes), listed.sha256, "{what}: the bytes of {filename}");
        }
        page.files.len()
    }

    /// Serials only grow.
    pub(super) fn saw_serial(&mut self, page: &str, serial: u64, what: &str) {
        let seen = self.serials.entry(page.to_owned()).or_default();
        assert!(serial >= *seen, "{what}: the serial of {page:?} went back from {seen} to {serial}");
        *seen = serial;
    }

    /// A file of this world installs with the real pip and uv.
    pub(super) fn assert_installs(&mut self, server: &ServerProcess, what: &str) {
        self.upload(server, &Upload::wheel(Way::Bytes, "sample", "1.0", 10), what);
        let Some(clients) = Clients::find() else { return };
        let room = clients.room();
        room.pip_install(&format!("{}/python/simple/", server.url()), ["sample"]).assert_success();
        assert_eq!(room.installed_version("sample"), "1.0", "{what}");
        let room = clients.room();
        room.uv_install(&format!("{}/python/simple/", server.url()), ["sample"]).assert_success();
        assert_eq!(room.installed_version("sample"), "1.0", "{what}");
    }
}

/// A connection with the administrator's token.
pub(super) fn open(server: &ServerProcess) -> Wire {
    Wire::open(server.url(), &server.token()).unwrap()
}

/// Whether the server knows nothing of a project.
pub(super) fn shows_nothing_of(server: &ServerProcess, project: &str) -> bool {
    let mut wire = open(server);
    wire.page(project).unwrap().files.is_empty() && !wire.root().unwrap().0.contains(&project.to_owned())
}

/// Whether the server says it is ready; if it is not, it says why.
pub(super) fn is_ready(server: &ServerProcess, what: &str) -> bool {
    let answer = open(server).request("GET", "/readyz", ACCEPT, b"").unwrap();
    if answer.status == 200 {
        return true;
    }
    assert_eq!(answer.status, 503, "{what}: {}", answer.text());
    assert_refused(&answer, what);
    false
}

/// The server's own failure: a status that says so, a code and a sentence.
fn assert_refused(answer: &RawResponse, what: &str) {
    assert!(matches!(answer.status, 500 | 503 | 507), "{what}: {} {}", answer.status, answer.text());
    let problem: Value = serde_json::from_slice(&answer.body).unwrap();
    for field in ["code", "detail"] {
        assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{what}: {problem}");
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}
