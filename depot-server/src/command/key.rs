//! `depot-server key rotate`.

use serde_json::json;

use super::{
    args::{KeyVerb, OutputFormat},
    ask, print, unexpected,
};
use crate::admin::{AdminAnswer, AdminRequest};

pub(super) fn run(verb: KeyVerb) -> anyhow::Result<()> {
    let KeyVerb::Rotate(rotate) = verb;
    let answer = ask(&rotate.data_dir, AdminRequest::KeyRotate { retire_old: rotate.retire_old })?;
    let AdminAnswer::KeyRotated { id, judging, revoked } = answer else { return Err(unexpected(&answer)) };
    if rotate.format == OutputFormat::Json {
        let answer =
            json!({ "schema": "depot.key-rotate/1", "id": id, "judging": judging, "revoked": revoked });
        print(&format!("{answer:#}"));
    } else if rotate.retire_old {
        print(&format!("key {id} signs; those of before are gone, and {revoked} tokens were revoked"));
    } else {
        print(&format!("key {id} signs; {judging} of before still judge what they signed"));
    }
    Ok(())
}
