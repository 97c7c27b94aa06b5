//! What lies in folders, and what becomes of it.

use std::{fs, time::Duration};

use super::*;

/// A wheel that is one: its metadata asks for a Python.
fn wheel(name: &str, version: &str) -> Vec<u8> {
    use std::io::Write as _;
    let mut archive = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    let metadata =
        format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nRequires-Python: >=3.9\n\n");
    archive.start_file(format!("{name}-{version}.dist-info/METADATA"), options).unwrap();
    archive.write_all(metadata.as_bytes()).unwrap();
    archive.finish().unwrap().into_inner()
}

fn project(text: &str) -> ProjectName {
    text.parse().unwrap()
}

fn names(directory: &Directory) -> Vec<String> {
    directory.names().unwrap().iter().map(ToString::to_string).collect()
}

fn listed(directory: &Directory, name: &str) -> Vec<String> {
    let listing = directory.listing(&project(name)).unwrap();
    listing
        .map(|listing| listing.page.files.iter().map(|file| file.filename.clone()).collect())
        .unwrap_or_default()
}

/// What changes within one tick of the file system's clock is looked at again after it.
fn a_tick_later() {
    std::thread::sleep(Duration::from_millis(120));
}

#[test]
fn files_lie_flat_and_in_folders_of_projects() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir(root.join("Tea.Pot")).unwrap();
    fs::write(root.join("six-1.10-py3-none-any.whl"), wheel("six", "1.10")).unwrap();
    fs::write(root.join("six-1.9-py3-none-any.whl"), wheel("six", "1.9")).unwrap();
    fs::write(root.join("Tea.Pot/tea_pot-1-py3-none-any.whl"), wheel("tea_pot", "1")).unwrap();
    fs::write(root.join("Tea.Pot/tea-pot-1.tar.gz"), b"no archive at all").unwrap();
    fs::write(root.join("README.md"), b"words").unwrap();
    let directory = Directory::open(root).unwrap();
    assert_eq!(names(&directory), ["six", "tea-pot"]);
    assert_eq!(listed(&directory, "six"), ["six-1.9-py3-none-any.whl", "six-1.10-py3-none-any.whl"]);
    assert_eq!(listed(&directory, "tea-pot"), ["tea-pot-1.tar.gz", "tea_pot-1-py3-none-any.whl"]);
    assert!(directory.listing(&project("absent")).unwrap().is_none());

    let page = directory.listing(&project("six")).unwrap().unwrap().page;
    let file = &page.files[0];
    assert_eq!(page.versions, ["1.9", "1.10"]);
    assert_eq!(file.sha256(), Some(Sha256Digest::of(&wheel("six", "1.9"))));
    assert_eq!(file.url, "../../files/six/six-1.9-py3-none-any.whl");
    assert_eq!((file.requires_python.as_deref(), file.upload_time), (Some(">=3.9"), None));
    let filename = DistributionFilename::guess(&file.filename).unwrap();
    let metadata = directory.open_part(&filename, Part::Metadata).unwrap().unwrap();
    let Content::Memory(bytes) = &metadata.content else { panic!("{metadata:?}") };
    assert_eq!(file.core_metadata, MetadataMark::Sha256(Sha256Digest::of(bytes)));
    // Nothing was written beside them.
    assert_eq!(fs::read_dir(root).unwrap().count(), 4);
}

#[test]
fn what_changes_in_a_folder_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir(root.join("six")).unwrap();
    fs::write(root.join("six/six-1-py3-none-any.whl"), wheel("six", "1")).unwrap();
    let directory = Directory::open(root).unwrap();
    let version = |name: &str| directory.listing(&project(name)).unwrap().unwrap().version;
    a_tick_later();
    let first = version("six");
    assert_eq!(version("six"), first);
    // A file more, another project, a file less, and one that is written over.
    fs::write(root.join("six/six-2-py3-none-any.whl"), wheel("six", "2")).unwrap();
    assert_eq!(listed(&directory, "six").len(), 2);
    assert_ne!(version("six"), first);
    fs::write(root.join("tea-1-py3-none-any.whl"), wheel("tea", "1")).unwrap();
    assert_eq!(listed(&directory, "tea").len(), 1);
    fs::remove_file(root.join("six/six-1-py3-none-any.whl")).unwrap();
    assert_eq!(listed(&directory, "six"), ["six-2-py3-none-any.whl"]);
    a_tick_later();
    let before = directory.listing(&project("six")).unwrap().unwrap().page.files[0].sha256();
    fs::write(root.join("six/six-2-py3-none-any.whl"), wheel("six", "2.0")).unwrap();
    let after = directory.listing(&project("six")).unwrap().unwrap().page.files[0].sha256();
    assert_ne!(before, after);
    let filename = DistributionFilename::guess("six-2-py3-none-any.whl").unwrap();
    let served = directory.open_part(&filename, Part::Bytes).unwrap().unwrap();
    assert_eq!(served.etag, files::etag(after.unwrap()));
}

#[test]
fn a_file_that_nobody_read_yet_is_read_once_for_all_who_ask_at_once() {
    const CLIENTS: usize = 16;
    let folder = tempfile::tempdir().unwrap();
    let name = "six-1.tar.gz";
    fs::write(folder.path().join(name), vec![7; 8 << 20]).unwrap();
    let directory = Directory::open(folder.path()).unwrap();
    let filename = DistributionFilename::guess(name).unwrap();
    a_tick_later();
    let begin = std::sync::Barrier::new(CLIENTS);
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (directory, filename, begin) = (&directory, &filename, &begin);
            scope.spawn(move || {
                begin.wait();
                if client % 2 == 0 {
                    assert_eq!(listed(directory, "six"), [name]);
                } else {
                    assert!(directory.open_part(filename, Part::Bytes).unwrap().is_some());
                }
            });
        }
    });
    assert_eq!(directory.facts.read.load(std::sync::atomic::Ordering::Relaxed), 1);
}

#[cfg(unix)]
#[test]
fn links_that_lead_out_of_the_folder_show_nothing() {
    let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(outside.path().join("secret"), b"secret").unwrap();
    fs::write(folder.path().join("six-1-py3-none-any.whl"), wheel("six", "1")).unwrap();
    let link = |to: &Path, name: &str| std::os::unix::fs::symlink(to, folder.path().join(name)).unwrap();
    link(&outside.path().join("secret"), "six-2-py3-none-any.whl");
    link(&folder.path().join("six-1-py3-none-any.whl"), "six-3-py3-none-any.whl");
    let directory = Directory::open(folder.path()).unwrap();
    assert_eq!(listed(&directory, "six"), ["six-1-py3-none-any.whl", "six-3-py3-none-any.whl"]);
    let filename = DistributionFilename::guess("six-2-py3-none-any.whl").unwrap();
    assert!(directory.open_part(&filename, Part::Bytes).unwrap().is_none());
}

#[test]
fn a_folder_that_is_not_there_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = Directory::open(&folder.path().join("absent")).map(|_| ()).unwrap_err();
    assert!(error.to_string().starts_with("cannot read `"), "{error}");
}
