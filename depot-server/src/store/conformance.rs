//! What every backend must do. A new guarantee starts as a new case here.

use depot_proto::{FileRecord, Sha256Digest, Timestamp, Version, scope::Scope};

use super::{
    Accounts, Packages, Put,
    records::{FileChange, PasswordHash, ReleaseRecord, TokenRecord, UserRecord},
};

pub(crate) fn change(
    serial: u64,
    project: &str,
    version: &str,
    filename: &str,
    content: &[u8],
) -> FileChange {
    FileChange {
        serial,
        repository: "python".parse().unwrap(),
        project: project.parse().unwrap(),
        version: version.to_owned(),
        key: Version::read(version).key(),
        file: FileRecord::new(filename, Sha256Digest::of(content), content.len() as u64),
    }
}

pub(crate) fn packages(store: &dyn Packages) {
    let python = "python".parse().unwrap();
    let foo = "foo".parse().unwrap();
    assert_eq!(store.applied().unwrap(), 0);
    assert_eq!(store.releases(&python, &foo).unwrap(), []);

    // A version's files share a release whatever the spelling; neighbours in key order stay apart.
    let first = change(1, "foo", "1.0", "foo-1.0.tar.gz", b"one");
    let second = change(2, "foo", "1.0.0", "foo-1.0.0-py3-none-any.whl", b"two");
    let other = change(3, "foo-bar", "1.0", "foo-bar-1.0.tar.gz", b"three");
    let digit = change(4, "foo2", "1.0", "foo2-1.0.tar.gz", b"four");
    let puts = store.put_files(&[first.clone(), second.clone(), other, digit]).unwrap();
    assert_eq!(puts, [Put::Created; 4]);
    assert_eq!(store.applied().unwrap(), 4);
    let releases = store.releases(&python, &foo).unwrap();
    assert_eq!(releases.len(), 1);
    assert_eq!((releases[0].version.as_str(), releases[0].files.len(), releases[0].serial), ("1.0", 2, 2));
    assert_eq!(store.release(&python, &foo, &first.key).unwrap().unwrap(), releases[0]);

    // Same, conflict, and a change of facts.
    let mut conflict = change(5, "foo", "1", "foo-1.0.tar.gz", b"other bytes");
    assert_eq!(store.put_files(std::slice::from_ref(&conflict)).unwrap(), [Put::Conflict]);
    assert_eq!(store.release(&python, &foo, &first.key).unwrap().unwrap().files[0], first.file);
    assert_eq!(store.put_files(std::slice::from_ref(&first)).unwrap(), [Put::Same]);
    conflict.file = first.file.clone();
    conflict.file.facts.requires_python = Some(">=3.9".to_owned());
    assert_eq!(store.put_files(std::slice::from_ref(&conflict)).unwrap(), [Put::Replaced]);
    let release = store.release(&python, &foo, &first.key).unwrap().unwrap();
    assert_eq!(release.files[0].facts.requires_python.as_deref(), Some(">=3.9"));

    // A scan sees every project once, with its last change.
    let mut rows = Vec::new();
    store.scan(&mut |row| rows.push((row.project.to_string(), row.serial))).unwrap();
    rows.sort();
    assert_eq!(rows, [("foo".to_owned(), 5), ("foo-bar".to_owned(), 3), ("foo2".to_owned(), 4)]);

    // A project read again from the tree is what the tree says, and its neighbours stay.
    let again = ReleaseRecord { version: "2.0".to_owned(), serial: 9, files: vec![second.file] };
    store.replace_project(&python, &foo, &[again], 9).unwrap();
    let releases = store.releases(&python, &foo).unwrap();
    assert_eq!(releases.iter().map(|release| release.version.as_str()).collect::<Vec<_>>(), ["2.0"]);
    store.replace_project(&python, &foo, &[], 10).unwrap();
    assert_eq!(store.releases(&python, &foo).unwrap(), []);
    assert_eq!(store.releases(&python, &"foo-bar".parse().unwrap()).unwrap().len(), 1);
    // One project may be one of many, and says nothing of what was applied.
    assert_eq!(store.applied().unwrap(), 5);
    store.set_applied(12).unwrap();
    assert_eq!(store.applied().unwrap(), 12);
    store.scan(&mut |_| ()).unwrap();

    // A release with hundreds of files is one record like any other.
    let many: Vec<_> = (0..500)
        .map(|n| change(13 + n, "many", "1.0", &format!("many-1.0-{n}-py3-none-any.whl"), &n.to_le_bytes()))
        .collect();
    store.put_files(&many).unwrap();
    let releases = store.releases(&python, &"many".parse().unwrap()).unwrap();
    assert_eq!(releases[0].files.len(), 500);
}

pub(crate) fn accounts(store: &dyn Accounts) {
    let token = TokenRecord {
        id: "one".to_owned(),
        subject: "robot".to_owned(),
        name: "ci".to_owned(),
        scopes: vec![Scope::admin()],
        created: Timestamp::from_seconds(1).unwrap(),
        expires: Timestamp::from_seconds(2).unwrap(),
        account: false,
        revoked: None,
        minted: None,
    };
    let at = Timestamp::from_seconds(5).unwrap();
    assert_eq!(store.tokens().unwrap(), []);
    assert!(!store.revoke_token("one", at).unwrap());
    store.put_token(&token).unwrap();
    assert_eq!(store.tokens().unwrap(), std::slice::from_ref(&token));
    assert!(store.revoke_token("one", at).unwrap());
    // Neither a second revocation nor an older copy changes that.
    assert!(store.revoke_token("one", Timestamp::from_seconds(9).unwrap()).unwrap());
    store.put_token(&token).unwrap();
    assert_eq!(store.tokens().unwrap()[0].revoked, Some(at));
    store.forget_token("one").unwrap();
    store.forget_token("one").unwrap();
    assert!(store.tokens().unwrap().iter().all(|token| token.id != "one"));
    users(store);
}

fn users(store: &dyn Accounts) {
    let at = Timestamp::from_seconds(5).unwrap();
    let ann = UserRecord {
        name: "ann".parse().unwrap(),
        email: Some("ann@acme.example".to_owned()),
        admin: false,
        robot: false,
        mirror: false,
        disabled: false,
        password: Some(PasswordHash::new("$argon2id$one".to_owned())),
        created: at,
        changed: at,
        revision: 1,
        deleted: None,
    };
    let bob = UserRecord { name: "bob".parse().unwrap(), robot: true, password: None, ..ann.clone() };
    assert_eq!(store.users().unwrap(), []);
    assert_eq!(store.put_user(&ann).unwrap(), ann);
    assert_eq!(store.put_user(&bob).unwrap(), bob);
    let mut all = store.users().unwrap();
    all.sort_by(|one, two| one.name.cmp(&two.name));
    assert_eq!(all, [ann.clone(), bob.clone()]);
    // A newer copy replaces an older one, and never the other way round.
    let disabled = UserRecord { revision: 2, disabled: true, ..ann.clone() };
    assert_eq!(store.put_user(&disabled).unwrap(), disabled);
    assert_eq!(store.put_user(&ann).unwrap(), disabled);
    // What was deleted stays deleted, whatever a copy says.
    let deleted = disabled.into_deleted(at);
    assert_eq!(store.put_user(&deleted).unwrap(), deleted);
    assert_eq!(store.put_user(&UserRecord { revision: 99, ..ann }).unwrap(), deleted);
    let all = store.users().unwrap();
    assert!(all.len() == 2 && all.contains(&deleted) && all.contains(&bob), "{all:?}");
}
