//! `depot-server user create | list | passwd | disable | enable | delete`.

use std::io::{self, IsTerminal as _, Read as _};

use anyhow::{Context as _, bail};
use depot_proto::redact::Secret;
use serde_json::json;

use super::{
    args::{OutputFormat, UserNamed, UserVerb},
    ask, print, unexpected,
};
use crate::{
    admin::{self, AdminAnswer, AdminRequest},
    auth::password,
    store::records::{PasswordHash, UserRecord},
};

/// More than the longest password, so that one that is too long is told so.
const MOST_READ: u64 = 4 * password::MAX_LEN as u64;

pub(super) fn run(verb: UserVerb) -> anyhow::Result<()> {
    match verb {
        UserVerb::Create(create) => {
            let password = if create.robot { None } else { Some(read_password(create.password_stdin)?) };
            let request = AdminRequest::UserCreate {
                name: create.username,
                email: create.email,
                admin: create.admin,
                robot: create.robot,
                mirror: create.mirror,
                password,
            };
            show(ask(&create.data_dir, request)?, create.format, "user-create", "made")
        }
        UserVerb::List(list) => match ask(&list.data_dir, AdminRequest::UserList)? {
            AdminAnswer::Users { users } => {
                match list.format {
                    OutputFormat::Json => {
                        print(&format!("{:#}", json!({ "schema": "depot.user-list/1", "users": users })));
                    }
                    OutputFormat::Text => users.iter().for_each(|user| print(&line(user))),
                }
                Ok(())
            }
            other => Err(unexpected(&other)),
        },
        UserVerb::Passwd(passwd) => {
            let password = read_password(passwd.password_stdin)?;
            let change = admin::UserVerb::Password { password };
            change_and_show(passwd.named, change, "user-passwd", "has another password:")
        }
        UserVerb::Disable(named) => {
            change_and_show(named, admin::UserVerb::Disable, "user-disable", "disabled")
        }
        UserVerb::Enable(named) => change_and_show(named, admin::UserVerb::Enable, "user-enable", "enabled"),
        UserVerb::Delete(named) => change_and_show(named, admin::UserVerb::Delete, "user-delete", "deleted"),
    }
}

fn change_and_show(named: UserNamed, change: admin::UserVerb, verb: &str, done: &str) -> anyhow::Result<()> {
    let request = AdminRequest::UserChange { name: named.username, change };
    show(ask(&named.data_dir, request)?, named.format, verb, done)
}

fn show(answer: AdminAnswer, format: OutputFormat, verb: &str, done: &str) -> anyhow::Result<()> {
    let AdminAnswer::User { user, revoked } = answer else { return Err(unexpected(&answer)) };
    match format {
        OutputFormat::Json => {
            let schema = format!("depot.{verb}/1");
            print(&format!("{:#}", json!({ "schema": schema, "user": user, "revoked": revoked })));
        }
        OutputFormat::Text if revoked > 0 => {
            print(&format!("{done} {} and {revoked} of its tokens", user.name));
        }
        OutputFormat::Text => print(&format!("{done} {}", user.name)),
    }
    Ok(())
}

/// A password that was typed twice alike, or the first line of standard input; hashed before it goes anywhere.
fn read_password(from_stdin: bool) -> anyhow::Result<PasswordHash> {
    let given = if from_stdin {
        let mut text = String::new();
        io::stdin().take(MOST_READ).read_to_string(&mut text).context("cannot read the password")?;
        text.strip_suffix('\n').map_or(&*text, |text| text.strip_suffix('\r').unwrap_or(text)).to_owned()
    } else {
        if !io::stdin().is_terminal() {
            bail!("there is no terminal to ask for a password: give --password-stdin, or --robot for none");
        }
        let given = rpassword::prompt_password("Password: ").context("cannot read the password")?;
        let again = rpassword::prompt_password("The same again: ").context("cannot read the password")?;
        if given != again {
            bail!("the two are not the same: nothing was changed");
        }
        given
    };
    Ok(password::hash(&Secret::from(given))?)
}

fn line(user: &UserRecord) -> String {
    let kinds =
        [(user.admin, "admin"), (user.robot, "robot"), (user.mirror, "mirror"), (user.disabled, "disabled")];
    let kinds: Vec<_> = kinds.into_iter().filter(|(is, _)| *is).map(|(_, word)| word).collect();
    let kinds = if kinds.is_empty() { "-".to_owned() } else { kinds.join(",") };
    format!("{}  {}  {kinds}  since {}", user.name, user.email.as_deref().unwrap_or("-"), user.created)
}
