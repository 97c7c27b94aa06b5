//! Folders and files that are not what a verb expects: nothing is made of them that nobody asked for.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Stdio;

use rustix::fs::{FileType, Mode};

use super::{admin, assert_served, command, everything_in, serve, upload_some};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_folder_that_is_no_data_directory_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (empty, other) = (folder.path().join("empty"), folder.path().join("other"));
    fs::create_dir(&empty).unwrap();
    fs::create_dir(&other).unwrap();
    fs::write(other.join("notes.txt"), "mine").unwrap();
    let backup = folder.path().join("backup").display().to_string();
    let export = folder.path().join("export").display().to_string();
    let verbs: [&[&str]; 8] = [
        &["token", "list"],
        &["token", "create", "--user", "robot"],
        &["token", "revoke", "x"],
        &["reindex"],
        &["scrub"],
        &["gc"],
        &["export", &export],
        &["backup", &backup],
    ];
    for data_dir in [&empty, &other] {
        let before = everything_in(data_dir);
        for verb in verbs {
            let refused = admin(data_dir, verb).assert_code(1);
            for words in ["is no data directory", "`format`", "`journal/`", "--data-dir", "--config"] {
                assert!(refused.stderr.contains(words), "{verb:?}: {}", refused.stderr);
            }
            assert_eq!(refused.stdout, "");
            assert_eq!((everything_in(data_dir), names(data_dir).len()), (before.clone(), before.len()));
        }
    }
    assert_eq!(names(folder.path()), ["empty", "other"], "nothing was made beside them");
    // One that a server made before there was `format` is one.
    let (server, wire) = serve(&empty);
    drop(wire);
    assert_eq!(server.terminate().code(), Some(0));
    fs::remove_file(empty.join("format")).unwrap();
    admin(&empty, ["token", "list"]).assert_success();
}

#[test]
fn a_backup_into_a_folder_that_is_there_is_made_inside_it_and_is_its_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("live");
    let (_server, mut wire) = serve(&data_dir);
    let files = upload_some(&mut wire, 3);
    // A partial that nothing marks may have been put there for others to read along.
    let (to, partial) = (folder.path().join("backup"), folder.path().join("backup.partial"));
    fs::create_dir(&partial).unwrap();
    chmod(&partial, 0o777);
    admin(&data_dir, ["backup".as_ref(), to.as_os_str()]).assert_success();
    assert_eq!(mode(&to), 0o700);
    assert!(!partial.exists());
    // One that is a link, or whose mark is one, is nobody's left-over.
    let elsewhere = folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("mine"), "mine").unwrap();
    let (to, partial) = (folder.path().join("second"), folder.path().join("second.partial"));
    symlink(&elsewhere, &partial).unwrap();
    let refused = admin(&data_dir, ["backup".as_ref(), to.as_os_str()]).assert_code(1);
    assert!(refused.stderr.contains("is in the way"), "{}", refused.stderr);
    fs::remove_file(&partial).unwrap();
    fs::create_dir(&partial).unwrap();
    symlink(elsewhere.join("mine"), partial.join("unfinished")).unwrap();
    let refused = admin(&data_dir, ["backup".as_ref(), to.as_os_str()]).assert_code(1);
    assert!(refused.stderr.contains("is in the way"), "{}", refused.stderr);
    assert_eq!(fs::read_to_string(elsewhere.join("mine")).unwrap(), "mine");

    // An empty folder is used itself: it may be a mount point, whose name nothing else can take.
    let room = folder.path().join("room");
    fs::create_dir(&room).unwrap();
    chmod(&room, 0o755);
    let inode = fs::metadata(&room).unwrap().ino();
    let link = folder.path().join("link");
    symlink(&room, &link).unwrap();
    admin(&data_dir, ["backup".as_ref(), link.as_os_str()]).assert_success();
    assert_eq!((fs::metadata(&room).unwrap().ino(), mode(&room)), (inode, 0o700));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink() && !room.join("unfinished").exists());
    let refused = admin(&data_dir, ["backup".as_ref(), link.as_os_str()]).assert_code(1);
    assert!(refused.stderr.contains("is not empty"), "{}", refused.stderr);
    let (_copy, mut copy) = serve(&room);
    for file in &files {
        assert_served(&mut copy, file);
    }

    // One that was cut off there is begun again.
    let again = folder.path().join("again");
    fs::create_dir(&again).unwrap();
    fs::write(again.join("unfinished"), "a backup\n").unwrap();
    fs::write(again.join("left"), "over").unwrap();
    admin(&data_dir, ["backup".as_ref(), again.as_os_str()]).assert_success();
    assert!(
        !again.join("left").exists() && again.join("format").exists() && !again.join("unfinished").exists()
    );
    // An import that was cut off is none of a backup's.
    let import = folder.path().join("import");
    fs::create_dir(&import).unwrap();
    fs::write(import.join("unfinished"), "an import\n").unwrap();
    fs::write(import.join("left"), "over").unwrap();
    let refused = admin(&data_dir, ["backup".as_ref(), import.as_os_str()]).assert_code(1);
    assert!(refused.stderr.contains("is not empty"), "{}", refused.stderr);
    assert!(import.join("left").exists());
    // A link into the data directory is inside it.
    fs::create_dir(data_dir.join("inside")).unwrap();
    let inside = folder.path().join("inside");
    symlink(data_dir.join("inside"), &inside).unwrap();
    let refused = admin(&data_dir, ["backup".as_ref(), inside.as_os_str()]).assert_code(1);
    assert!(refused.stderr.contains("inside the data directory"), "{}", refused.stderr);
}

#[test]
fn an_export_is_written_where_it_is_told_and_replaces_no_device_pipe_or_link() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("live");
    let (_server, mut wire) = serve(&data_dir);
    upload_some(&mut wire, 3);
    let text = admin(&data_dir, ["export", "-"]).assert_success().stdout;

    let pipe = folder.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    let mut export = command(&data_dir, ["export".as_ref(), pipe.as_os_str()]);
    // Both ends are held, so that neither side waits for the other for ever.
    let mut held = fs::File::options().read(true).write(true).open(&pipe).unwrap();
    let mut child = export.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    assert!(child.wait().unwrap().success());
    assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo(), "the pipe was replaced");
    let mut read = vec![0; text.len()];
    rustix::io::ioctl_fionbio(&held, true).unwrap();
    held.read_exact(&mut read).unwrap();
    assert_eq!(String::from_utf8(read).unwrap(), text);

    let (file, link) = (folder.path().join("file"), folder.path().join("link"));
    fs::write(&file, "before").unwrap();
    chmod(&file, 0o644);
    symlink("file", &link).unwrap();
    admin(&data_dir, ["export".as_ref(), link.as_os_str()]).assert_success();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink(), "the link was replaced");
    assert_eq!((fs::read_to_string(&file).unwrap(), mode(&file)), (text.clone(), 0o600));

    // What another has beside it stays, and so does nothing of its own.
    let (new, beside) = (folder.path().join("new"), folder.path().join("new.partial"));
    fs::write(&beside, "mine").unwrap();
    admin(&data_dir, ["export".as_ref(), new.as_os_str()]).assert_success();
    assert_eq!((fs::read_to_string(&new).unwrap(), mode(&new)), (text, 0o600));
    assert_eq!(fs::read_to_string(&beside).unwrap(), "mine");
    assert_eq!(names(folder.path()), ["file", "link", "live", "new", "new.partial", "pipe"]);
}

#[test]
fn a_folder_in_tmp_stops_neither_gc_nor_a_start() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path();
    let tmp = data_dir.join("repositories/python/tmp");
    let (server, wire) = serve(data_dir);
    for name in ["00000000000000aa-0.foo.json", "00000000000000ab"] {
        fs::create_dir(tmp.join(name)).unwrap();
    }
    fs::write(tmp.join("00000000000000aa-0.foo.part"), "12345").unwrap();
    let swept = admin(data_dir, ["gc", "--older-than", "0"]).assert_success();
    assert_eq!(swept.stdout.lines().count(), 1, "{}", swept.stdout);
    drop(wire);
    assert_eq!(server.terminate().code(), Some(0));
    fs::write(tmp.join("00000000000000aa-0.foo.part"), "12345").unwrap();
    drop(serve(data_dir));
    assert!(!tmp.join("00000000000000aa-0.foo.part").exists());
    assert!(tmp.join("00000000000000aa-0.foo.json").is_dir() && tmp.join("00000000000000ab").is_dir());
}
