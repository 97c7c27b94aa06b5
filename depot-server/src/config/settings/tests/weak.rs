//! What is called weaker than recommended.

use super::*;
use crate::config::weaknesses;

fn about(settings: &Settings) -> Vec<String> {
    weaknesses(settings).into_iter().map(|weakness| weakness.about).collect()
}

#[test]
fn the_defaults_are_as_recommended() {
    assert_eq!(about(&file("").unwrap()), [""; 0]);
}

#[test]
fn each_weak_setting_is_named() {
    let beyond = "[server]\nhost = \"0.0.0.0\"\n";
    for (text, expected) in [
        (
            format!("{beyond}[access]\nread = \"everyone\"\n[transport]\nkind = \"plain\"\n"),
            &["access.read", "transport.kind"][..],
        ),
        (
            format!("{beyond}[access]\nread = \"tokens\"\n[transport]\nkind = \"plain\"\n"),
            &["transport.kind"],
        ),
        (
            format!(
                "{beyond}[access]\nread = \"everyone\"\n[transport]\ncertificate = \"/c\"\nkey = \"/k\"\n"
            ),
            &["access.read"],
        ),
        (
            format!("{beyond}[access]\nread = \"tokens\"\n[transport]\ntrusted_proxies = [\"10.0.0.0/8\"]\n"),
            &[],
        ),
        (
            format!("{beyond}[access]\nread = \"tokens\"\n[transport]\ntrusted_proxies = [\"0.0.0.0/0\"]\n"),
            &["transport.trusted_proxies"],
        ),
        // Two halves are the whole.
        (
            "[transport]\ntrusted_proxies = [\"0.0.0.0/1\", \"128.0.0.0/1\", \"::/0\", \"fc00::/7\"]\n"
                .to_owned(),
            &["transport.trusted_proxies"; 3],
        ),
        ("[access]\nread = \"everyone\"\n[transport]\nkind = \"plain\"\n".to_owned(), &[]),
        ("[transport]\nkind = \"plain\"\nkey = \"/k\"\n".to_owned(), &["transport.key"]),
        ("[log]\nlevel = \"debug\"\n".to_owned(), &["log.level"]),
        ("[log]\nlevel = \"info,hyper=TRACE\"\n".to_owned(), &["log.level"]),
        ("[log]\nlevel = \"error\"\n".to_owned(), &[]),
        ("[limits]\nmax_file_size = \"1 TiB\"\n".to_owned(), &["limits.max_file_size"]),
        ("[limits]\nmax_file_size = \"20 GiB\"\n".to_owned(), &[]),
        ("[limits]\nconnections = 1000000\n".to_owned(), &["limits.connections"]),
        ("[limits]\nhead_timeout = \"1h\"\n".to_owned(), &["limits.head_timeout"]),
        ("[limits]\nstall_timeout = \"1h\"\n".to_owned(), &["limits.stall_timeout"]),
        ("[limits]\nbody_grace = \"1h\"\n".to_owned(), &["limits.body_grace"]),
        ("[limits]\nmin_body_rate = 0\n".to_owned(), &["limits.min_body_rate"]),
        ("[limits]\npage_cache = \"1 TiB\"\n".to_owned(), &["limits.page_cache"]),
        (
            "[repositories.python]\nmax_file_size = \"1 TiB\"\n".to_owned(),
            &["repositories.python.max_file_size"],
        ),
    ] {
        let settings = file(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(about(&settings), expected, "{text}");
    }
}

#[cfg(unix)]
#[test]
fn what_others_may_read_is_named_by_its_path() {
    use std::{
        fs::{self, File, Permissions},
        os::unix::fs::PermissionsExt as _,
        time::SystemTime,
    };

    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (keys, token) = (data.join("keys"), data.join("admin.token"));
    fs::create_dir_all(&keys).unwrap();
    let key = keys.join("1.pem");
    let all = [&data, &key, &token];
    for path in &all[1..] {
        fs::write(path, "hunter2").unwrap();
    }
    let set = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    let named = || {
        let settings = flags(&[("server.data_dir", data.to_str().unwrap())]);
        weaknesses(&settings.unwrap())
    };
    for path in all {
        set(path, 0o700);
    }
    assert_eq!(named(), []);
    for path in all {
        for mode in [0o750, 0o704, 0o777] {
            set(path, mode);
            let found = named();
            assert_eq!(found.len(), 1, "{found:?}");
            assert_eq!(found[0].about, path.display().to_string());
            assert!(!found[0].why.contains("hunter2"));
        }
        set(path, 0o700);
    }
    File::options().write(true).open(&token).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    let found = named();
    assert_eq!(found.iter().map(|found| found.about.as_str()).collect::<Vec<_>>(), [token.to_str().unwrap()]);
    assert!(found[0].why.contains("has expired"), "{found:?}");
}
