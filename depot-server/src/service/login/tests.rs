use super::*;
use crate::{
    service::{authority::MOST_AT_ONCE, commit::Committer, names::Names, users::NewUser},
    store::{Accounts, journal::Journal, memory::MemoryStore},
};

struct World {
    _folder: tempfile::TempDir,
    users: Arc<Users>,
    committer: Committer,
    logins: Logins,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(MemoryStore::default());
        let journal = Journal::open(&folder.path().join("journal")).unwrap().journal;
        let committer = Committer::start(journal, store.clone(), Arc::new(Names::default())).unwrap();
        let accounts: Arc<dyn Accounts> = store;
        let users = Arc::new(Users::open(folder.path(), accounts).unwrap());
        let logins = Logins::new(Arc::clone(&users), Arc::new(Semaphore::new(MOST_AT_ONCE))).unwrap();
        let world = Self { _folder: folder, users, committer, logins };
        world.create("ann", Some("correct horse"));
        world.create("robot", None);
        world
    }

    fn create(&self, name: &str, given: Option<&str>) {
        let new = NewUser {
            name: name.parse().unwrap(),
            email: None,
            admin: false,
            robot: given.is_none(),
            mirror: false,
            password: given.map(|given| password::hash(&secret(given)).unwrap()),
        };
        self.users.create(new, "test", &self.committer).unwrap();
    }

    async fn check(&self, name: &str, given: &str) -> Result<String, LoginError> {
        self.check_from(name, given, "192.0.2.1").await
    }

    async fn check_from(&self, name: &str, given: &str, client: &str) -> Result<String, LoginError> {
        let checked = self.logins.check(name, secret(given), Some(client.parse().unwrap())).await;
        checked.map(|user| user.name.to_string())
    }

    fn checks(&self) -> u64 {
        self.logins.checks.load(Ordering::Relaxed)
    }
}

fn secret(text: &str) -> Secret {
    Secret::from(text.to_owned())
}

#[tokio::test]
async fn a_password_that_was_right_is_remembered_until_the_account_changes() {
    let world = World::new();
    for name in ["ann", "ann", "ann"] {
        assert_eq!(world.check(name, "correct horse").await.unwrap(), "ann");
    }
    assert_eq!(world.checks(), 1);
    let ann = "ann".parse().unwrap();
    let other = password::hash(&secret("battery staple")).unwrap();
    world.users.set_password(&ann, other, "test", &world.committer).unwrap();
    assert_eq!(world.check("ann", "correct horse").await, Err(LoginError::Wrong));
    assert_eq!(world.check("Ann", "battery staple").await.unwrap(), "ann");
    assert_eq!(world.checks(), 3);
    world.users.set_disabled(&ann, true, "test", &world.committer).unwrap();
    assert_eq!(world.check("Ann", "battery staple").await, Err(LoginError::Wrong));
    world.users.set_disabled(&ann, false, "test", &world.committer).unwrap();
    assert_eq!(world.check("Ann", "battery staple").await.unwrap(), "ann");
    world.users.delete(&ann, "test", &world.committer).unwrap();
    assert_eq!(world.check("Ann", "battery staple").await, Err(LoginError::Wrong));
}

#[tokio::test]
async fn whoever_cannot_log_in_costs_what_a_wrong_password_costs() {
    let world = World::new();
    world.create("gone", Some("correct horse"));
    world.create("still", Some("correct horse"));
    world.users.delete(&"gone".parse().unwrap(), "test", &world.committer).unwrap();
    world.users.set_disabled(&"still".parse().unwrap(), true, "test", &world.committer).unwrap();
    let long = "x".repeat(5000);
    let tries = [
        ("ann", "wrong"),
        ("nobody", "wrong"),
        ("no name at all", "wrong"),
        ("", "wrong"),
        ("robot", ""),
        ("gone", "correct horse"),
        ("still", "correct horse"),
        ("ann", &long),
        (&long, "wrong"),
    ];
    for (number, (name, given)) in (1..).zip(tries) {
        assert_eq!(world.check(name, given).await, Err(LoginError::Wrong), "{name}");
        assert_eq!(world.checks(), number, "{name}");
    }
}

#[tokio::test]
async fn ten_failures_stop_a_name_everywhere_and_a_client_with_every_name() {
    let world = World::new();
    for number in 0..10 {
        let client = format!("198.51.100.{number}");
        assert_eq!(world.check_from("ann", "wrong", &client).await, Err(LoginError::Wrong));
        assert_eq!(world.check(&format!("user{number}"), "wrong").await, Err(LoginError::Wrong));
    }
    let checks = world.checks();
    let throttled =
        |checked| matches!(checked, Err(LoginError::Throttled(wait)) if wait <= Duration::from_mins(5));
    assert!(throttled(world.check_from("ANN", "correct horse", "203.0.113.9").await));
    assert!(throttled(world.check("ann", "correct horse").await));
    assert!(throttled(world.check("someone", "wrong").await));
    assert_eq!(world.checks(), checks, "who is throttled costs nothing");
    // Others elsewhere are none the worse.
    world.create("bob", Some("battery staple"));
    assert_eq!(world.check_from("bob", "battery staple", "203.0.113.9").await.unwrap(), "bob");
}

#[tokio::test]
async fn of_a_crowd_of_guesses_no_more_are_looked_at_than_may_fail() {
    let world = World::new();
    let guesses = (0..100).map(|_| world.check("ann", "wrong"));
    let answers = futures_util::future::join_all(guesses).await;
    let wrong = answers.iter().filter(|answer| **answer == Err(LoginError::Wrong)).count();
    // Those that run beside the tenth may be too many.
    assert!((10..10 + MOST_AT_ONCE).contains(&wrong), "{wrong}");
    assert_eq!(world.checks(), wrong as u64);
}
