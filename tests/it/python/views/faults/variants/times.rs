//! Answers that do not come, come slowly, or break off.

use std::time::Duration;

use super::{Step, Variant, send, silent, variant};

const NOW_AND_THEN: Duration = Duration::from_millis(200);

/// The head, and so much of the body.
fn up_to(asked: &super::Asked, length: usize) -> Vec<u8> {
    [asked.head(asked.body.len()), asked.body[..length.min(asked.body.len())].to_vec()].concat()
}

fn then_reset(bytes: Vec<u8>) -> Vec<Step> {
    vec![Step::Send(bytes), Step::Reset]
}

fn then_hold(bytes: Vec<u8>) -> Vec<Step> {
    vec![Step::Send(bytes), Step::Hold]
}

pub(super) const ALL: &[Variant] = &[
    silent("no answer", |_| vec![Step::Hold]),
    silent("no body", |asked| then_hold(up_to(asked, 0))),
    silent("no end", |asked| then_hold(up_to(asked, asked.body.len() - 1))),
    silent("half of it, and then nothing", |asked| then_hold(up_to(asked, asked.body.len() / 2))),
    silent("a head that drips", |asked| vec![Step::Drip(asked.answer(), NOW_AND_THEN)]),
    silent("a body that drips", |asked| {
        vec![Step::Send(asked.head(asked.body.len())), Step::Drip(asked.body.clone(), NOW_AND_THEN)]
    }),
    variant("the connection closed at once", "xxxxx", |_| Vec::new()),
    variant("reset at once", "xxxxx", |_| vec![Step::Reset]),
    variant("reset amid the head", "xxxxx", |asked| then_reset(asked.answer()[..20].to_vec())),
    variant("reset at byte 0", "xxxxx", |asked| then_reset(up_to(asked, 0))),
    variant("reset at byte 1", "xxxxx", |asked| then_reset(up_to(asked, 1))),
    variant("reset in the middle", "xxxxx", |asked| then_reset(up_to(asked, asked.body.len() / 2))),
    variant("reset before the last byte", "xxxxx", |asked| then_reset(up_to(asked, asked.body.len() - 1))),
    variant("short by all", "xxxxx", |asked| send(up_to(asked, 0))),
    variant("short by all but one byte", "xxxxx", |asked| send(up_to(asked, 1))),
    variant("short by half", "xxxxx", |asked| send(up_to(asked, asked.body.len() / 2))),
    variant("short by a byte", "xxxxx", |asked| send(up_to(asked, asked.body.len() - 1))),
    variant("short by half the first time", "ooooo", |asked| match asked.time {
        1 => send(up_to(asked, asked.body.len() / 2)),
        _ => send(asked.answer()),
    }),
    variant("500 the first time", "ooooo", |asked| match asked.time {
        1 => super::status("500 Internal Server Error", "", ""),
        _ => send(asked.answer()),
    }),
    variant("reset the first time", "ooooo", |asked| match asked.time {
        1 => vec![Step::Reset],
        _ => send(asked.answer()),
    }),
];
