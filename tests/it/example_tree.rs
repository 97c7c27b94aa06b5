//! `.depot-storage.example/` is a saved tree that people read: it must be one.
//!
//! `DEPOT_WRITE_EXAMPLE=1 cargo nextest run -p depot-tests example_tree` writes it anew.

use std::{fs, path::PathBuf};

use depot_dist::Limits;
use depot_proto::{
    DistributionFilename, DistributionKind, FileRecord, Origin, Sha256Digest, Yanked, layout::Part,
};
use depot_tests::{SdistBuilder, WheelBuilder, workspace_root};
use depot_tree::{Finding, Published, Tree};

fn example() -> PathBuf {
    workspace_root().join(".depot-storage.example").join("python")
}

fn write(tree: &Tree, project: &str, filename: &str, bytes: &[u8], yanked: Yanked) {
    let project = project.parse().unwrap();
    let named = DistributionFilename::parse(filename, &project).unwrap();
    let mut incoming = tree.begin(&project).unwrap();
    incoming.write(bytes).unwrap();
    let mut sealed = incoming.seal().unwrap();
    let contents = depot_dist::read(sealed.reader().unwrap(), &named, &Limits::default()).unwrap();
    let metadata = (named.kind() == DistributionKind::Wheel).then_some(contents.raw_metadata);
    let mut record = FileRecord::new(filename, sealed.sha256(), sealed.size());
    record.core_metadata = metadata.as_deref().map(Sha256Digest::of);
    record.facts.requires_python = contents.metadata.requires_python;
    record.facts.upload_time = Some("2026-10-02T07:15:09Z".parse().unwrap());
    record.facts.yanked = yanked;
    record.facts.origin = Some(Origin::Mirrored {
        index: "https://index.example/simple/".to_owned(),
        url: format!("https://files.index.example/{filename}"),
    });
    record.first_seen = Some("2026-11-01T18:00:00Z".parse().unwrap());
    assert_eq!(tree.publish(&sealed, &record, metadata.as_deref()).unwrap(), Published::Created);
}

fn write_example() {
    let root = example();
    let _ = fs::remove_dir_all(&root);
    let (tree, _) = Tree::open(&root).unwrap();
    let wheel =
        WheelBuilder::new("teapot-tools", "1.0").requires_python(">=3.9").requires_dist("ziggurat>=0.3");
    write(&tree, "teapot-tools", &wheel.filename(), &wheel.build(), Yanked::No);
    let sdist = SdistBuilder::new("teapot-tools", "0.9").requires_python(">=3.9");
    write(&tree, "teapot-tools", &sdist.filename(), &sdist.build(), Yanked::because("breaks on Windows"));
    let wheel = WheelBuilder::new("ziggurat", "0.3");
    write(&tree, "ziggurat", &wheel.filename(), &wheel.build(), Yanked::No);
    drop(tree);
    fs::remove_dir_all(root.join("tmp")).unwrap();
}

#[test]
fn the_example_is_a_saved_tree_that_says_what_it_holds() {
    if std::env::var_os("DEPOT_WRITE_EXAMPLE").is_some() {
        write_example();
    }
    let tree = Tree::open_read_only(example());
    let mut files = 0;
    for project in tree.projects().unwrap() {
        for filename in tree.filenames(&project).unwrap() {
            files += 1;
            assert_eq!(tree.verify(&project, &filename).unwrap(), Finding::Right, "{filename}");
            let record = tree.record(&project, &filename).unwrap().unwrap();
            let document = fs::read(tree.path(&project, &filename, Part::Record)).unwrap();
            assert_eq!(record.to_document(), document, "{filename}: the record is written as it was");
            let named = DistributionFilename::parse(&filename, &project).unwrap();
            let bytes = tree.open_part(&project, &filename, Part::Bytes).unwrap().unwrap();
            let contents = depot_dist::read(bytes.file, &named, &Limits::default()).unwrap();
            assert_eq!(contents.metadata.requires_python, record.facts.requires_python, "{filename}");
            let sidecar = tree.metadata(&project, &filename).unwrap();
            assert_eq!(sidecar.as_deref().map(Sha256Digest::of), record.core_metadata, "{filename}");
            if named.kind() == DistributionKind::Wheel {
                assert_eq!(sidecar.unwrap(), contents.raw_metadata, "{filename}");
            }
        }
    }
    assert_eq!(files, 3);
}
