//! `depot-server token create | list | revoke`.

use serde_json::json;

use super::{
    args::{OutputFormat, TokenVerb},
    ask, print, say, unexpected,
};
use crate::{
    admin::{AdminAnswer, AdminRequest},
    clock,
    service::issuing::bound,
    store::records::TokenRecord,
};

pub(super) fn run(verb: TokenVerb) -> anyhow::Result<()> {
    match verb {
        TokenVerb::Create(create) => {
            let request = AdminRequest::TokenCreate {
                subject: create.user,
                name: create.token_name,
                scopes: bound(&create.scope, &create.project),
                days: create.expires_days,
            };
            match ask(&create.data_dir, request)? {
                AdminAnswer::Token { token, record } => {
                    if create.format == OutputFormat::Json {
                        let answer =
                            json!({ "schema": "depot.token-create/1", "token": token, "record": record });
                        print(&format!("{answer:#}"));
                        return Ok(());
                    }
                    print(&token);
                    say(&format!(
                        "token {} for {} until {}; it is not shown again",
                        record.id, record.subject, record.expires
                    ));
                    Ok(())
                }
                other => Err(unexpected(&other)),
            }
        }
        TokenVerb::List(list) => match ask(&list.data_dir, AdminRequest::TokenList)? {
            AdminAnswer::Tokens { tokens } => {
                match list.format {
                    OutputFormat::Json => {
                        print(&format!("{:#}", json!({ "schema": "depot.token-list/1", "tokens": tokens })));
                    }
                    OutputFormat::Text => tokens.iter().for_each(|token| print(&line(token))),
                }
                Ok(())
            }
            other => Err(unexpected(&other)),
        },
        TokenVerb::Revoke(revoke) => {
            match ask(&revoke.data_dir, AdminRequest::TokenRevoke { id: revoke.id })? {
                AdminAnswer::Revoked { record } => {
                    if revoke.format == OutputFormat::Json {
                        let answer = json!({ "schema": "depot.token-revoke/1", "record": record });
                        print(&format!("{answer:#}"));
                    } else {
                        print(&format!("revoked {} ({}, {})", record.id, record.subject, record.name));
                    }
                    Ok(())
                }
                other => Err(unexpected(&other)),
            }
        }
    }
}

fn line(token: &TokenRecord) -> String {
    let scopes: Vec<_> = token.scopes.iter().map(ToString::to_string).collect();
    let state = match token.revoked {
        Some(at) => format!("revoked {at}"),
        None if token.expires <= clock::now() => format!("expired {}", token.expires),
        None => format!("until {}", token.expires),
    };
    format!("{}  {}  {}  {}  {state}", token.id, token.subject, token.name, scopes.join(" "))
}
