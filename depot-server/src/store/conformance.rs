//! What every backend must do. A new guarantee starts as a new case here.

use depot_proto::{
    FileRecord, ProjectName, RepositoryName, Sha256Digest, Timestamp, Version,
    scope::Scope,
    statistics::{Client, Day},
};

use super::{
    Accounts, Counters, Packages, Put,
    counts::{Count, Counted, Downloads, Span},
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

/// So many downloads of a file by pip on a day.
pub(crate) fn counted(repository: &str, project: &str, filename: &str, day: u32, times: u64) -> Counted {
    Counted {
        repository: repository.parse().unwrap(),
        project: project.parse().unwrap(),
        filename: filename.to_owned(),
        day: Day::from_number(day).unwrap(),
        is_of_day: true,
        downloads: Downloads::by(Client::Pip, times),
    }
}

/// The days of a span as a test writes them.
fn days(from: u32, to: u32) -> Span {
    Span::Days(Day::from_number(from).unwrap(), Day::from_number(to).unwrap())
}

/// Repository, project, day and downloads of each project.
pub(crate) fn projects(store: &dyn Counters, span: Span) -> Vec<(String, String, u32, u64)> {
    let mut seen = Vec::new();
    let see = &mut |repository: &RepositoryName, project: &ProjectName, count: Count| {
        let (repository, project) = (repository.to_string(), project.to_string());
        seen.push((repository, project, count.day.number(), count.downloads.total()));
        true
    };
    store.of_projects(span, see).unwrap();
    seen
}

/// Name, day and downloads of each file.
pub(crate) fn files(
    store: &dyn Counters,
    repository: &str,
    project: &str,
    span: Span,
) -> Vec<(String, u32, u64)> {
    let mut seen = Vec::new();
    let see = &mut |filename: &str, count: Count| {
        seen.push((filename.to_owned(), count.day.number(), count.downloads.total()));
        true
    };
    store.of_files(&repository.parse().unwrap(), &project.parse().unwrap(), span, see).unwrap();
    seen
}

pub(crate) fn counters(store: &dyn Counters) {
    let of_foo = |span| files(store, "python", "foo", span);
    let owned = |rows: &[(&str, u32, u64)]| -> Vec<(String, u32, u64)> {
        rows.iter().map(|(name, day, times)| ((*name).to_owned(), *day, *times)).collect()
    };
    let of_all = |rows: &[(&str, &str, u32, u64)]| -> Vec<(String, String, u32, u64)> {
        rows.iter().map(|(r, p, day, times)| ((*r).to_owned(), (*p).to_owned(), *day, *times)).collect()
    };
    assert_eq!(store.repositories().unwrap(), []);
    assert_eq!(store.first_day().unwrap(), None);
    assert_eq!(projects(store, Span::Ever), []);
    store.forget_before(Day::LAST).unwrap();

    // Downloads add up for their file, their project and their day; neighbours in key order stay apart.
    store
        .add(&[
            counted("python", "foo", "foo-1.tar.gz", 10, 1),
            counted("python", "foo", "foo-2.tar.gz", 10, 2),
            counted("python", "foo-bar", "foo-bar-1.tar.gz", 10, 4),
            counted("python", "foo2", "foo2-1.tar.gz", 11, 8),
            counted("pypi", "foo", "foo-1.tar.gz", 11, 16),
            counted("python-2", "foo", "foo-1.tar.gz", 11, 32),
        ])
        .unwrap();
    store
        .add(&[
            counted("python", "foo", "foo-1.tar.gz", 11, 64),
            counted("python", "foo", "foo-1.tar.gz", 11, 128),
            counted("python", "foo", "foo-1.tar.gz", 300, 256),
        ])
        .unwrap();
    assert_eq!(store.first_day().unwrap(), Day::from_number(10));
    let names: Vec<_> = store.repositories().unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["pypi", "python", "python-2"]);
    assert_eq!(of_foo(Span::Ever), owned(&[("foo-1.tar.gz", 300, 449), ("foo-2.tar.gz", 10, 2)]));
    assert_eq!(
        of_foo(days(0, 11)),
        owned(&[("foo-1.tar.gz", 10, 1), ("foo-2.tar.gz", 10, 2), ("foo-1.tar.gz", 11, 192)])
    );
    assert_eq!(of_foo(days(12, 299)), []);
    assert_eq!(files(store, "pypi", "foo", Span::Ever), owned(&[("foo-1.tar.gz", 11, 16)]));
    assert_eq!(files(store, "pypi", "fo", Span::Ever), []);
    let mut ever = projects(store, Span::Ever);
    ever.sort();
    assert_eq!(
        ever,
        of_all(&[
            ("pypi", "foo", 11, 16),
            ("python", "foo", 300, 451),
            ("python", "foo-bar", 10, 4),
            ("python", "foo2", 11, 8),
            ("python-2", "foo", 11, 32),
        ])
    );
    let mut on_10 = projects(store, days(10, 10));
    on_10.sort();
    assert_eq!(on_10, of_all(&[("python", "foo", 10, 3), ("python", "foo-bar", 10, 4)]));
    let order: Vec<u32> = projects(store, days(0, 1000)).into_iter().map(|(_, _, day, _)| day).collect();
    assert!(order.is_sorted() && order.len() == 7, "{order:?}");

    // Clients are told apart, and what was counted by an unknown one is not lost.
    let mut other = counted("python", "foo", "foo-2.tar.gz", 12, 0);
    other.downloads.add(Client::Uv, 5);
    other.downloads.add(Client::Other, 7);
    store.add(&[other]).unwrap();
    let mut clients = Vec::new();
    let see = &mut |_: &str, count: Count| {
        clients.extend(count.downloads.iter());
        true
    };
    store.of_files(&"python".parse().unwrap(), &"foo".parse().unwrap(), days(12, 12), see).unwrap();
    assert_eq!(clients, [(Client::Other, 7), (Client::Uv, 5)]);

    // Whoever has seen enough sees no more.
    let mut seen = 0;
    let see = &mut |_: &RepositoryName, _: &ProjectName, _: Count| {
        seen += 1;
        seen < 2
    };
    store.of_projects(Span::Ever, see).unwrap();
    assert_eq!(seen, 2);

    // Days are forgotten, and what they came to is not.
    store.forget_before(Day::from_number(12).unwrap()).unwrap();
    assert_eq!(of_foo(days(0, 1000)), owned(&[("foo-2.tar.gz", 12, 12), ("foo-1.tar.gz", 300, 256)]));
    assert_eq!(projects(store, days(0, 299)), of_all(&[("python", "foo", 12, 12)]));
    assert_eq!(of_foo(Span::Ever), owned(&[("foo-1.tar.gz", 300, 449), ("foo-2.tar.gz", 12, 14)]));

    // What is of no day that is kept counts over all time alone.
    let undated = Counted { is_of_day: false, ..counted("python", "foo", "foo-3.tar.gz", 9, 3) };
    store.add(&[undated]).unwrap();
    assert_eq!(of_foo(days(0, 20)), owned(&[("foo-2.tar.gz", 12, 12)]));
    assert_eq!(of_foo(Span::Ever).last().unwrap(), &("foo-3.tar.gz".to_owned(), 9, 3));
    store.flush().unwrap();
}
