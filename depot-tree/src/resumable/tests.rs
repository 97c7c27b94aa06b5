use std::time::Duration;

use super::*;
use crate::{
    Published,
    testing::{WHEEL, foo, left_in_tmp, record, tree},
};

const BYTES: &[u8] = b"the bytes of a wheel";

fn note() -> ResumeNote {
    ResumeNote {
        url: "https://index.example/foo.whl".to_owned(),
        etag: Some("\"v1\"".to_owned()),
        sha256: Sha256Digest::of(BYTES),
        size: BYTES.len() as u64,
    }
}

fn kept(root: &Path) -> Vec<String> {
    crate::testing::listed(&root.join("tmp").join(FOLDER))
}

#[test]
fn what_is_dropped_is_gone_on_with_by_another_and_published() {
    let (folder, tree) = tree();
    let sha256 = Sha256Digest::of(BYTES);
    let mut first = tree.resume(sha256).unwrap().unwrap();
    assert_eq!((first.size(), first.note()), (0, None));
    first.write_note(&note()).unwrap();
    first.write(&BYTES[..7]).unwrap();
    drop((first, tree));

    // Opening a tree sweeps what dead sessions left, and not this.
    let (tree, recovered) = Tree::open(folder.path()).unwrap();
    assert_eq!(recovered.swept, 0);
    let mut second = tree.resume(sha256).unwrap().unwrap();
    assert_eq!((second.size(), second.note()), (7, Some(note())));
    assert_eq!(second.hasher().clone().finish(), Sha256Digest::of(&BYTES[..7]));
    second.write(&BYTES[7..]).unwrap();
    let sealed = second.into_incoming(&tree, &foo()).unwrap().seal().unwrap();
    assert_eq!((sealed.sha256(), sealed.size()), (sha256, BYTES.len() as u64));
    assert_eq!(tree.publish(&sealed, &record(WHEEL, BYTES), None).unwrap(), Published::Created);
    drop(sealed);
    assert_eq!(left_in_tmp(folder.path()), [""; 0]);
}

#[test]
fn two_never_write_the_same_bytes() {
    let (folder, tree) = tree();
    let sha256 = Sha256Digest::of(BYTES);
    let mut first = tree.resume(sha256).unwrap().unwrap();
    let (other, _) = Tree::open(folder.path()).unwrap();
    assert!(other.resume(sha256).unwrap().is_none());
    first.write(BYTES).unwrap();
    let incoming = first.into_incoming(&tree, &foo()).unwrap();
    // What was handed on is not what another one begins with.
    let second = other.resume(sha256).unwrap().unwrap();
    assert_eq!(second.size(), 0);
    assert_eq!(incoming.seal().unwrap().size(), BYTES.len() as u64);
}

#[test]
fn a_look_at_what_is_kept_changes_nothing_of_it() {
    let (_folder, tree) = tree();
    let sha256 = Sha256Digest::of(BYTES);
    assert!(!tree.keeps(sha256));
    let mut one = tree.resume(sha256).unwrap().unwrap();
    one.write(&BYTES[..7]).unwrap();
    let look = |one: &mut Resumable| {
        let mut seen = Vec::new();
        one.look(|file| file.read_to_end(&mut seen).unwrap()).unwrap();
        seen
    };
    assert_eq!(look(&mut one), &BYTES[..7]);
    one.write(&BYTES[7..]).unwrap();
    assert_eq!(look(&mut one), BYTES);
    drop(one);
    assert!(tree.keeps(sha256));
    let again = tree.resume(sha256).unwrap().unwrap();
    assert_eq!(again.hasher().clone().finish(), sha256);
}

#[test]
fn nothing_is_not_kept_and_what_is_forgotten_is_gone() {
    let (folder, tree) = tree();
    let mut one = tree.resume(Sha256Digest::of(BYTES)).unwrap().unwrap();
    one.write_note(&note()).unwrap();
    one.write(BYTES).unwrap();
    one.restart().unwrap();
    assert_eq!((one.size(), one.hasher().clone().finish()), (0, Sha256Digest::of(b"")));
    drop(one);
    assert_eq!(left_in_tmp(folder.path()), [""; 0]);
}

#[test]
fn only_what_is_old_and_in_nobodys_hands_is_swept() {
    let (folder, tree) = tree();
    let write = |bytes: &[u8]| {
        let mut one = tree.resume(Sha256Digest::of(bytes)).unwrap().unwrap();
        one.write_note(&note()).unwrap();
        one.write(bytes).unwrap();
        one
    };
    let (busy, old, new) = (write(b"busy"), write(b"old"), write(b"new"));
    drop((old, new));
    let path = folder.path().join("tmp").join(FOLDER);
    let modify = |bytes: &[u8], at: SystemTime| {
        let path = path.join(format!("{}.part", Sha256Digest::of(bytes)));
        File::options().write(true).open(path).unwrap().set_modified(at).unwrap();
    };
    let day = Duration::from_hours(24);
    let base = fs::metadata(&path).unwrap().modified().unwrap();
    for bytes in [&b"busy"[..], b"old"] {
        modify(bytes, base - 10 * day);
    }
    // A note without its bytes is nobody's.
    fs::write(path.join("stray.json"), "{}").unwrap();
    File::options().write(true).open(path.join("stray.json")).unwrap().set_modified(base - 10 * day).unwrap();
    assert_eq!(tree.sweep_resumable(base - 7 * day).unwrap(), 1);
    assert_eq!(kept(folder.path()).len(), 4, "{:?}", kept(folder.path()));
    drop(busy);
    assert_eq!(tree.sweep_resumable(base + day).unwrap(), 2);
    assert_eq!(left_in_tmp(folder.path()), [""; 0]);
}

#[test]
fn a_note_that_cannot_be_read_is_none() {
    let (folder, tree) = tree();
    let mut one = tree.resume(Sha256Digest::of(BYTES)).unwrap().unwrap();
    one.write(b"x").unwrap();
    let path = folder.path().join("tmp").join(FOLDER).join(format!("{}.json", Sha256Digest::of(BYTES)));
    for text in ["", "{", "[]", "{\"url\": 1}", "{\"url\": \"\", \"sha256\": \"x\", \"size\": 1}"] {
        fs::write(&path, text).unwrap();
        assert_eq!(one.note(), None);
    }
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_a_planted_link_or_another_name() {
    use std::os::unix::fs::symlink;
    let sha256 = Sha256Digest::of(BYTES);
    let plant: [fn(&Path, &Path); 2] =
        [|victim, at| symlink(victim, at).unwrap(), |victim, at| fs::hard_link(victim, at).unwrap()];
    for plant in plant {
        let (folder, tree) = tree();
        let victim = folder.path().join("victim");
        fs::write(&victim, "dear").unwrap();
        let resumable = folder.path().join("tmp").join(FOLDER);
        fs::create_dir(&resumable).unwrap();
        let (part, note_at) =
            (resumable.join(format!("{sha256}.part")), resumable.join(format!("{sha256}.json")));
        plant(&victim, &part);
        assert!(tree.resume(sha256).is_err());
        fs::remove_file(&part).unwrap();

        let mut one = tree.resume(sha256).unwrap().unwrap();
        plant(&victim, &note_at);
        one.write_note(&note()).unwrap();
        one.write(BYTES).unwrap();
        assert_eq!(one.note(), Some(note()));
        assert_eq!(fs::read(&victim).unwrap(), b"dear");
    }
}

#[cfg(unix)]
#[test]
fn a_planted_folder_is_neither_used_nor_swept() {
    let (folder, tree) = tree();
    let elsewhere = tempfile::tempdir().unwrap();
    let dear = elsewhere.path().join("dear.part");
    fs::write(&dear, "dear").unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), folder.path().join("tmp").join(FOLDER)).unwrap();
    assert!(tree.resume(Sha256Digest::of(BYTES)).is_err());
    let later = fs::metadata(&dear).unwrap().modified().unwrap() + Duration::from_hours(24);
    assert_eq!(tree.sweep_resumable(later).unwrap(), 0);
    assert_eq!(fs::read(&dear).unwrap(), b"dear");
}
