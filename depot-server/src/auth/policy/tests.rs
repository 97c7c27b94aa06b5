use depot_proto::{Timestamp, scope::Scope};

use super::*;

/// `mine` is owned by ann, `ours` by bob with ann as a pusher, `theirs` by bob; nothing else is owned.
#[derive(Debug)]
struct Some_;

impl Roles for Some_ {
    fn role(&self, _: &RepositoryName, project: &ProjectName, account: &str) -> Option<Role> {
        match (project.as_str(), account) {
            ("mine", "ann") | ("ours" | "theirs", "bob") => Some(Role::Owner),
            ("ours", "ann") => Some(Role::Pusher),
            _ => None,
        }
    }

    fn is_owned(&self, _: &RepositoryName, project: &ProjectName) -> bool {
        ["mine", "ours", "theirs"].contains(&project.as_str())
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds).unwrap()
}

fn account(admin: bool, mirror: bool) -> Account {
    let user = UserRecord {
        name: "ann".parse().unwrap(),
        email: None,
        admin,
        robot: false,
        mirror,
        disabled: false,
        password: None,
        created: at(1),
        changed: at(1),
        revision: 0,
        deleted: None,
    };
    Account::new(Arc::new(user), Arc::new(Some_))
}

fn token(scope: &str, account: Option<Account>) -> Principal {
    let record = TokenRecord {
        id: "0123456789abcdef".to_owned(),
        subject: "ann".to_owned(),
        name: "t".to_owned(),
        scopes: vec![scope.parse::<Scope>().unwrap()],
        created: at(1),
        expires: at(2),
        account: account.is_some(),
        revoked: None,
        minted: None,
    };
    Principal::Token(Arc::new(record), account)
}

const ACTIONS: [Action; 7] = [
    Action::Read,
    Action::PushNew,
    Action::Push,
    Action::Mirror,
    Action::Yank,
    Action::Delete,
    Action::Admin,
];

/// What someone may do to a project, a letter an action, in the order of [`ACTIONS`].
fn rights(principal: &Principal, project: &str) -> String {
    let (repository, project) = ("python".parse().unwrap(), project.parse().unwrap());
    let letters = "rnpmyda".chars();
    let may = |action| principal.may(&[action], &repository, &project).is_ok();
    letters.zip(ACTIONS).filter(|(_, action)| may(*action)).map(|(letter, _)| letter).collect()
}

#[test]
fn rights_are_what_scopes_and_roles_both_grant() {
    let everything = "read+push-new+push+mirror+yank+delete";
    for (who, principal, mine, ours, theirs, free) in [
        ("nobody", Principal::Anonymous, "", "", "", ""),
        ("ann", Principal::User(account(false, false)), "rnpyd", "rnpy", "r", "rn"),
        ("ann who may mirror", Principal::User(account(false, true)), "rnpmyd", "rnpmy", "r", "rnm"),
        (
            "an administrator",
            Principal::User(account(true, false)),
            "rnpmyda",
            "rnpmyda",
            "rnpmyda",
            "rnpmyda",
        ),
        ("a token of nobody", token(everything, None), "rnpmyd", "rnpmyd", "rnpmyd", "rnpmyd"),
        (
            "an administrator's token of nobody",
            token("admin", None),
            "rnpmyda",
            "rnpmyda",
            "rnpmyda",
            "rnpmyda",
        ),
        ("ann's token", token(everything, Some(account(false, false))), "rnpyd", "rnpy", "r", "rn"),
        (
            "ann's token for everything",
            token("admin", Some(account(false, false))),
            "rnpyd",
            "rnpy",
            "r",
            "rn",
        ),
        ("ann's for reading", token("read", Some(account(false, false))), "r", "r", "r", "r"),
        ("ann's for one", token("push+yank:python:m*", Some(account(false, false))), "py", "", "", ""),
        (
            "an administrator's for one",
            token("push:python:mine", Some(account(true, false))),
            "p",
            "",
            "",
            "",
        ),
        ("one for another repository", token("push:other:*", Some(account(true, false))), "", "", "", ""),
    ] {
        let found = ["mine", "ours", "theirs", "free"].map(|project| rights(&principal, project));
        assert_eq!(found, [mine, ours, theirs, free], "{who}");
    }
}

#[test]
fn what_is_missing_is_said_of_token_or_account() {
    let (repository, project) = ("python".parse().unwrap(), "theirs".parse().unwrap());
    let said = |principal: &Principal| {
        principal.may(&[Action::Push], &repository, &project).unwrap_err().to_string()
    };
    assert!(said(&token("read", Some(account(false, false)))).contains("the token ...abcdef does not"));
    assert!(said(&token("push", Some(account(false, false)))).contains("the account `ann` does not"));
    assert!(said(&Principal::User(account(false, false))).contains("the account `ann` does not"));
    assert!(said(&Principal::Anonymous).contains("this needs a token"));
}

#[test]
fn only_administrators_administer() {
    for (principal, may) in [
        (Principal::Anonymous, false),
        (Principal::User(account(false, true)), false),
        (Principal::User(account(true, false)), true),
        (token("admin", None), true),
        (token("admin:python", None), false),
        (token("admin:*:acme-*", None), false),
        (token("admin", Some(account(false, false))), false),
        (token("admin", Some(account(true, false))), true),
        (token("push", Some(account(true, false))), false),
    ] {
        assert_eq!(principal.may_administer().is_ok(), may, "{principal:?}");
    }
}

#[test]
fn who_reads_everything_is_shown_the_list_of_all() {
    let repository = "python".parse().unwrap();
    let reading = [Action::Read, Action::Push];
    for (principal, may) in [
        (Principal::Anonymous, false),
        (Principal::User(account(false, false)), true),
        (token("read", Some(account(false, false))), true),
        (token("read:python:acme-*", Some(account(true, false))), false),
        (token("push", Some(account(false, false))), false),
        (token("push", Some(account(true, false))), true),
    ] {
        assert_eq!(principal.may_everywhere(&reading, &repository), may, "{principal:?}");
    }
}
