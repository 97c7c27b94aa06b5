//! A policy's text.

use std::{fmt, sync::Arc};

use super::{
    Cooldown, Exception, MAX_SIZE, Policy, PolicyError, entries::Entries, pattern::What, rule::Rule,
};
use crate::{
    Timestamp,
    document::{Document, Item, Table, Wrong, nearest},
    moment,
};

/// The keys of a policy.
const KEYS: [&str; 11] = [
    "allow",
    "block",
    "cooldown",
    "cooldown_unknown",
    "cooldown_exempt",
    "freeze",
    "yanked",
    "quarantined",
    "deprecated",
    "archived",
    "exception",
];

/// The keys of an entry of a list.
const ENTRY_KEYS: [&str; 2] = ["what", "reason"];

/// The keys of an exception.
const EXCEPTION_KEYS: [&str; 4] = ["what", "until", "reason", "by"];

/// The longest reason that is told, in characters.
const LONGEST_REASON: usize = 500;

pub(super) fn policy(text: &str) -> Result<Policy, PolicyError> {
    if text.len() > MAX_SIZE {
        return Err(Wrong::new(1, format!("a policy has no more than {} MiB", MAX_SIZE >> 20)));
    }
    let document = Document::parse(text.strip_prefix('\u{feff}').unwrap_or(text))?;
    let root = document.root();
    check(&root, &KEYS, "a policy")?;
    let allow = root.get("allow");
    Ok(Policy {
        allow: allow.map(|list| entries(&list)).transpose()?,
        allow_rule: Arc::new(Rule {
            text: "allow".to_owned(),
            line: allow.map(|list| list.line),
            ..Rule::default()
        }),
        block: root.get("block").map(|list| entries(&list)).transpose()?.unwrap_or_default(),
        cooldown: cooldown(&root)?,
        freeze: root.get("freeze").map(|item| freeze(&item)).transpose()?,
        yanked: hides(&root, "yanked", false)?,
        quarantined: hides(&root, "quarantined", true)?,
        deprecated: hides(&root, "deprecated", false)?,
        archived: hides(&root, "archived", false)?,
        exceptions: root.tables("exception")?.iter().map(exception).collect::<Result<_, _>>()?,
    })
}

/// Refuses the first key that nobody knows, with the one that was probably meant.
fn check(table: &Table<'_>, keys: &[&str], of: &str) -> Result<(), Wrong> {
    let unknown = table.items().filter(|(key, _)| !keys.contains(key));
    let Some((key, item)) = unknown.min_by_key(|(_, item)| item.line) else { return Ok(()) };
    let shown = key.escape_debug();
    // TOML gives what stands below a `[[...]]` to that.
    let words = if KEYS.contains(&key) {
        format!("`{shown}` is a key of the policy: write it above the first `[[...]]`")
    } else if let Some(near) = nearest(key, keys.iter().copied()) {
        format!("`{shown}` is not a known key: is `{near}` meant?")
    } else {
        let known: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
        format!("`{shown}` is not a known key: {of} has {}", known.join(", "))
    };
    Err(Wrong::new(item.line, words))
}

/// The rule that a key with its value is.
fn rule(key: &str, value: impl fmt::Display, line: Option<usize>) -> Arc<Rule> {
    Arc::new(Rule { text: format!("{key} = \"{value}\""), line, ..Rule::default() })
}

/// The entries of a list: texts, tables with `what`, or both.
fn entries(list: &Item<'_>) -> Result<Entries, Wrong> {
    let mut entries = Entries::default();
    for item in list.list()? {
        let (what, line, reason) = if item.is_table() {
            let table = item.table()?;
            check(&table, &ENTRY_KEYS, "an entry")?;
            (table.wanted_text("what")?, line_of(&table, "what"), words(&table, "reason")?)
        } else {
            (item.text()?, item.line, None)
        };
        let read = What::read(what).map_err(|why| Wrong::new(line, why))?;
        let text = what.trim().to_owned();
        entries.add(read, Rule { text, line: Some(item.line), reason, by: None });
    }
    Ok(entries)
}

/// The line of a value, or else of its table.
fn line_of<'d>(table: &Table<'d>, key: &'d str) -> usize {
    table.get(key).map_or(table.line, |item| item.line)
}

/// A few words for people, without what would spoil a line.
fn words<'d>(table: &Table<'d>, key: &'d str) -> Result<Option<String>, Wrong> {
    let Some(text) = table.text(key)? else { return Ok(None) };
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let plain: String = plain.take(LONGEST_REASON).collect();
    let plain = plain.trim();
    Ok((!plain.is_empty()).then(|| plain.to_owned()))
}

fn cooldown(root: &Table<'_>) -> Result<Option<Cooldown>, Wrong> {
    let Some(item) = root.get("cooldown") else {
        let idle =
            ["cooldown_unknown", "cooldown_exempt"].into_iter().find_map(|key| Some((key, root.get(key)?)));
        return match idle {
            Some((key, item)) => Err(Wrong::new(item.line, format!("`{key}` is nothing without `cooldown`"))),
            None => Ok(None),
        };
    };
    let text = item.text()?;
    let micros = moment::age(text).and_then(|seconds| seconds.checked_mul(1_000_000));
    let micros = micros.ok_or_else(|| {
        Wrong::new(item.line, "`cooldown` must be an age such as `36 hours`, `7 days` or `2 weeks`")
    })?;
    let exempt = root.get("cooldown_exempt").map(|list| entries(&list)).transpose()?;
    Ok(Some(Cooldown {
        micros,
        rule: rule("cooldown", text, Some(item.line)),
        allows_unknown: one_of(root, "cooldown_unknown", ["hide", "allow"])? == Some("allow"),
        exempt: exempt.unwrap_or_default(),
    }))
}

/// A moment, or a day, which ends with itself.
fn freeze(item: &Item<'_>) -> Result<(Timestamp, Arc<Rule>), Wrong> {
    let text = item.text_or_time()?;
    let read = text.parse().ok().or_else(|| moment::day(&text).map(|(_, end)| end));
    let read = read.ok_or_else(|| no_moment(item, "freeze"))?;
    Ok((read, rule("freeze", &text, Some(item.line))))
}

fn no_moment(item: &Item<'_>, key: &str) -> Wrong {
    Wrong::new(
        item.line,
        format!(
            "`{key}` must be a time with its zone such as 2026-10-02T07:15:09Z, or a date such as 2026-10-02"
        ),
    )
}

/// The rule by which something is hidden, if it is.
fn hides<'d>(root: &Table<'d>, key: &'d str, by_default: bool) -> Result<Option<Arc<Rule>>, Wrong> {
    let line = root.get(key).map(|item| item.line);
    let is_hidden = one_of(root, key, ["show", "hide"])?.map_or(by_default, |word| word == "hide");
    Ok(is_hidden.then(|| rule(key, "hide", line)))
}

/// The text under a key, which must be one of two.
fn one_of<'d>(root: &Table<'d>, key: &'d str, known: [&str; 2]) -> Result<Option<&'d str>, Wrong> {
    let Some(item) = root.get(key) else { return Ok(None) };
    let text = item.text()?;
    if known.contains(&text) {
        return Ok(Some(text));
    }
    let [one, other] = known;
    Err(Wrong::new(item.line, format!("`{key}` must be `{one}` or `{other}`")))
}

fn exception(table: &Table<'_>) -> Result<Exception, Wrong> {
    check(table, &EXCEPTION_KEYS, "an exception")?;
    let what = table.wanted_text("what")?;
    let line = line_of(table, "what");
    let release = What::read(what).map_err(|why| Wrong::new(line, why))?.release();
    let (project, version) = release.ok_or_else(|| {
        let words = "an exception is for one version of one project: write `what` as in `urllib3==2.2.1`";
        Wrong::new(line, words)
    })?;
    let until = table.get("until").ok_or_else(|| Wrong::new(table.line, "`until` is missing"))?;
    let text = until.text_or_time()?;
    // A day has not begun when the exception ends: what lifts rules ends early rather than late.
    let read = text.parse().ok().or_else(|| moment::day(&text).map(|(begin, _)| begin));
    Ok(Exception {
        project,
        version,
        until: read.ok_or_else(|| no_moment(&until, "until"))?,
        rule: Arc::new(Rule {
            text: what.trim().to_owned(),
            line: Some(table.line),
            reason: words(table, "reason")?,
            by: words(table, "by")?,
        }),
    })
}
