use depot_proto::{Timestamp, Yanked, scope::Scope, statistics::Day};
use proptest::prelude::*;

use super::*;
use crate::store::{
    self, Stores,
    conformance::{counted, files, projects},
    counts::Span,
    memory::MemoryStore,
};

type Documents = Vec<(String, Value)>;

/// What a server knows, to be put into any store.
#[derive(Clone, Debug)]
struct Known {
    files: Vec<FileChange>,
    tokens: Vec<TokenRecord>,
    documents: Vec<(String, Value)>,
    serial: Serial,
}

fn repository() -> RepositoryName {
    RepositoryName::default_hosted()
}

fn file(project: &str, version: &str, build: u32, serial: Serial, text: &str) -> FileChange {
    let filename = format!("{}-{version}-{build}-py3-none-any.whl", project.replace('-', "_"));
    let mut record = FileRecord::new(&filename, Sha256Digest::of(text.as_bytes()), text.len() as u64);
    record.yanked_here = if build.is_multiple_of(3) { Yanked::because(text) } else { Yanked::No };
    record.facts.requires_python = Some(">=3.9".to_owned());
    record.first_seen = Timestamp::from_seconds(i64::from(build));
    record.depot_other.insert("later".to_owned(), serde_json::json!({ "text": text }));
    let (version, key) = (version.to_owned(), Version::read(version).key());
    FileChange {
        serial,
        repository: repository(),
        project: project.parse().unwrap(),
        version,
        key,
        file: record,
    }
}

fn token(id: u32, revoked: bool) -> TokenRecord {
    let time = |seconds| Timestamp::from_seconds(seconds).unwrap();
    TokenRecord {
        id: format!("{id:032x}"),
        subject: format!("user \"{id}\" \u{2028}"),
        name: "ci".to_owned(),
        scopes: vec![Scope::admin()],
        created: time(i64::from(id)),
        expires: time(i64::from(id) + 1),
        account: false,
        revoked: revoked.then(|| time(5)),
        minted: None,
    }
}

prop_compose! {
    fn known()(
        files in prop::collection::vec((0..6_u32, 0..4_u32, 0..40_u32, "\\PC{0,20}"), 0..60),
        tokens in prop::collection::btree_map(0..1000_u32, any::<bool>(), 0..6),
        documented in any::<bool>(),
        beyond in 0..9_u64,
    ) -> Known {
        let mut names = HashSet::new();
        let mut serial = 0;
        let mut changes = Vec::new();
        for (project, version, build, text) in files {
            // The spelling of a version may differ from file to file of a release.
            let version = format!("{version}{}", if build % 2 == 0 { ".0" } else { "" });
            let change = file(&format!("p-{project}"), &version, build, serial + 1, &text);
            if names.insert((change.project.clone(), change.file.filename.clone())) {
                serial += 1;
                changes.push(change);
            }
        }
        let tokens = tokens.into_iter().map(|(id, revoked)| token(id, revoked)).collect();
        let documents = documented.then(|| ("p-1".to_owned(), serde_json::json!({ "status": "archived" })));
        Known { files: changes, tokens, documents: documents.into_iter().collect(), serial: serial + beyond }
    }
}

fn memory(known: &Known) -> MemoryStore {
    let store = MemoryStore::default();
    for change in &known.files {
        store.put_files(std::slice::from_ref(change)).unwrap();
    }
    for token in &known.tokens {
        store.put_token(token).unwrap();
    }
    store.set_applied(known.serial).unwrap();
    store
}

fn exported(packages: &dyn Packages, accounts: &dyn Accounts, documents: &[(String, Value)]) -> Vec<u8> {
    exported_with(packages, accounts, documents, &MemoryStore::default())
}

fn exported_with(
    packages: &dyn Packages,
    accounts: &dyn Accounts,
    documents: &[(String, Value)],
    counters: &dyn Counters,
) -> Vec<u8> {
    let mut projects = std::collections::BTreeSet::new();
    let mut visit = |row: store::Row| {
        projects.insert(row.project);
    };
    packages.scan(&mut visit).unwrap();
    let source = Source {
        written_by: "a test",
        instance: "depot:1",
        repository: &repository(),
        projects: projects.into_iter().collect(),
        documents: documents.to_vec(),
        packages,
        tokens: accounts.tokens().unwrap(),
        users: accounts.users().unwrap(),
        counters,
        serial: &|| packages.applied().unwrap(),
    };
    let mut text = Vec::new();
    let (_, serial) = write(source, &mut |line| io::Write::write_all(&mut text, line)).unwrap();
    assert_eq!(serial, packages.applied().unwrap());
    text
}

/// Takes an export; what was imported, and the documents and records that lie beside the stores.
fn imported(
    text: &[u8],
    packages: &dyn Packages,
    accounts: &dyn Accounts,
) -> Result<(Imported, Documents, u64), ExportError> {
    imported_with(text, packages, accounts, &MemoryStore::default())
}

fn imported_with(
    mut text: &[u8],
    packages: &dyn Packages,
    accounts: &dyn Accounts,
    counters: &dyn Counters,
) -> Result<(Imported, Documents, u64), ExportError> {
    let (mut documents, mut records) = (Vec::new(), 0);
    let target = Target {
        packages,
        accounts,
        counters,
        record: &mut |_, _, _| {
            records += 1;
            Ok(())
        },
        document: &mut |_, project, document| {
            documents.push((project.to_string(), document.clone()));
            Ok(())
        },
    };
    let imported = read(&mut text, target)?;
    Ok((imported, documents, records))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_export_of_an_import_is_the_export_in_every_backend(known in known()) {
        let first = memory(&known);
        let text = exported(&first, &first, &known.documents);

        let folder = tempfile::tempdir().unwrap();
        let Stores { packages, accounts } = store::open(&folder.path().join("sled"), &mut |_| ()).unwrap();
        let (said, documents, records) = imported(&text, &*packages, &*accounts).unwrap();
        prop_assert_eq!(said.serial, known.serial);
        prop_assert_eq!(said.counts.files, known.files.len() as u64);
        prop_assert_eq!(records, said.counts.files);
        prop_assert_eq!(said.instance, "depot:1");
        let again = exported(&*packages, &*accounts, &documents);
        prop_assert_eq!(&again, &text);
        // The checksums over the rows hold, after a new start too.
        packages.flush().unwrap();
        drop((packages, accounts));
        let Stores { packages, accounts } = store::open(&folder.path().join("sled"), &mut |_| ()).unwrap();
        prop_assert_eq!(&exported(&*packages, &*accounts, &documents), &text);

        let last = MemoryStore::default();
        imported(&again, &last, &last).unwrap();
        prop_assert_eq!(exported(&last, &last, &documents), text);
    }
}

fn small() -> Vec<u8> {
    let files = vec![file("p-1", "1.0", 1, 1, "one"), file("p-2", "2", 3, 2, "two")];
    let documents = vec![("p-1".to_owned(), serde_json::json!({}))];
    let known = Known { files, tokens: vec![token(1, true)], documents, serial: 7 };
    let store = memory(&known);
    exported(&store, &store, &known.documents)
}

fn refused(text: &[u8]) -> ExportError {
    let store = MemoryStore::default();
    match imported(text, &store, &store) {
        Err(error) => error,
        Ok(_) => panic!("taken: {}", String::from_utf8_lossy(text)),
    }
}

#[test]
fn an_export_that_was_cut_anywhere_is_refused() {
    let text = small();
    for cut in 0..text.len() {
        let error = refused(&text[..cut]);
        assert!(matches!(error, ExportError::Cut(_)), "{cut}: {error}");
    }
    let twice = [text.as_slice(), &text].concat();
    assert!(matches!(refused(&twice), ExportError::Damaged { .. }));
}

#[test]
fn an_export_with_any_byte_changed_or_any_line_gone_is_refused() {
    let text = small();
    for at in 0..text.len() {
        for change in [1, 0x20] {
            // A digest may be spelled with capital letters.
            if change == 0x20 && at >= text.len() - TAIL {
                continue;
            }
            let mut damaged = text.clone();
            damaged[at] ^= change;
            refused(&damaged);
        }
    }
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    for gone in 0..lines.len() {
        let mut others = lines.clone();
        others.remove(gone);
        refused(&others.concat());
    }
}

#[test]
fn an_export_of_a_newer_depot_and_one_of_something_else_are_told_apart() {
    let text = String::from_utf8(small()).unwrap();
    let newer = refused(text.replace("depot.export/1", "depot.export/2").as_bytes());
    assert!(matches!(&newer, ExportError::TooNew(schema) if schema == "depot.export/2"), "{newer}");
    for text in ["", "\n", "{}\n", "{\"schema\":\"depot.scrub/1\",\"written_by\":\"\",\"instance\":\"\"}\n"] {
        let error = refused(text.as_bytes());
        assert!(matches!(error, ExportError::Damaged { .. } | ExportError::Cut(0)), "{error}");
    }
}

#[test]
fn a_file_that_would_lie_elsewhere_is_refused_although_its_export_is_whole() {
    // Whoever made this knows how to sum it: names are judged all the same.
    for (from, to) in [
        ("\"filename\":\"p_1-1.0-1-py3-none-any.whl\"", "\"filename\":\"../../p_1-1.0-1-py3-none-any.whl\""),
        ("\"project\":\"p-1\",\"version\"", "\"project\":\"../p-1\",\"version\""),
        ("\"version\":\"1.0\"", "\"version\":\"9.0\""),
        ("\"id\":\"0", "\"id\":\"/0"),
        ("\"name\":\"python\"", "\"name\":\"other\""),
    ] {
        let text = String::from_utf8(small()).unwrap();
        assert!(text.contains(from), "{from} in {text}");
        let text = text.replace(from, to);
        let body = &text[..text.len() - TAIL];
        let text = format!("{body},\"sha256\":\"{}\"}}\n", Sha256Digest::of(body.as_bytes()));
        assert!(matches!(refused(text.as_bytes()), ExportError::Damaged { .. }), "{to}");
    }
}

#[test]
fn numbers_of_downloads_come_along_with_those_of_days_that_are_not_kept() {
    let day = |number| Day::from_number(number).unwrap();
    let store = MemoryStore::default();
    for on in [1, 2, 20, 21] {
        store.add(&[counted("pypi", "foo", "foo-1.tar.gz", on, u64::from(on))]).unwrap();
    }
    store.add(&[counted("python", "pot", "pot-1.tar.gz", 3, 9)]).unwrap();
    store.forget_before(day(20)).unwrap();
    let text = exported_with(&store, &store, &[], &store);
    let folder = tempfile::tempdir().unwrap();
    let other = store::open_counters(&folder.path().join("counters")).unwrap();
    let beside = MemoryStore::default();
    let (said, ..) = imported_with(&text, &beside, &beside, &*other).unwrap();
    assert_eq!(said.counts.downloads, 4);
    for span in [Span::Ever, Span::Days(day(0), Day::LAST)] {
        assert_eq!(projects(&*other, span), projects(&store, span));
        assert_eq!(files(&*other, "pypi", "foo", span), files(&store, "pypi", "foo", span));
    }
    assert_eq!(files(&*other, "python", "pot", Span::Ever), [("pot-1.tar.gz".to_owned(), 3, 9)]);
    assert_eq!(exported_with(&beside, &beside, &[], &*other), text);
}
