//! `depot python relock`: a lock whose addresses lead to a server, and back.

mod rewrite;

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, ensure};
use serde_json::json;

use self::rewrite::{Pair, Rewritten};
use super::server;
use crate::{
    args::RelockArgs,
    exit::{ExitStatus, UsageError},
    output::Printer,
};

/// The largest lock that is read, in bytes.
const MAX_LOCK: u64 = 64 << 20;

/// Runs the verb.
pub(crate) fn run(args: &RelockArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let shown = args.lock.display();
    let size = fs::metadata(&args.lock).with_context(|| format!("cannot read `{shown}`"))?.len();
    ensure!(size <= MAX_LOCK, "cannot read `{shown}`: it is too large for a lock");
    let text = fs::read_to_string(&args.lock).with_context(|| format!("cannot read `{shown}`"))?;
    let place =
        |wrong: super::document::Wrong| anyhow::anyhow!("{shown}, line {}: {}", wrong.line, wrong.words);
    // What was relocated before is put back first, so that the way back is one step.
    let before = rewrite::back(&text).map_err(place)?;
    let rewritten = match &args.to {
        None => before.clone().ok_or_else(|| {
            UsageError(format!(
                "`{shown}` has no note of what its addresses were before: it was not relocked"
            ))
        })?,
        Some(to) => {
            let to = server::mount_without_credentials(to)?;
            let original = before.as_ref().map_or(text.as_str(), |before| before.text.as_str());
            rewrite::forth(original, to.as_str().trim_end_matches('/'), &args.from).map_err(place)?
        }
    };
    for warning in &rewritten.warnings {
        printer.say(&format!("warning: {shown}{warning}"));
    }
    let is_stdout = args.output.as_deref() == Some(Path::new("-"));
    let output = args.output.as_ref().unwrap_or(&args.lock);
    if is_stdout {
        ensure!(
            !printer.is_json(),
            UsageError("with `--format json` the lock needs a file to go to".to_owned())
        );
        printer.raw(rewritten.text.as_bytes());
    } else if rewritten.text != text || output != &args.lock {
        replace(output, &rewritten.text).with_context(|| format!("cannot write `{}`", output.display()))?;
    }
    report(args, output, &rewritten, printer);
    Ok(ExitStatus::Done)
}

fn report(args: &RelockArgs, output: &Path, rewritten: &Rewritten, printer: &Printer) {
    for Pair { from, to, count } in &rewritten.pairs {
        printer.detail(&format!("{from} -> {to} ({count})"));
    }
    let number: usize = rewritten.pairs.iter().map(|pair| pair.count).sum();
    if number == 0 {
        printer.say(&format!("there is nothing to rewrite in {}", args.lock.display()));
    } else {
        printer.say(&format!(
            "rewrote {} in {}",
            if number == 1 { "1 address".to_owned() } else { format!("{number} addresses") },
            output.display()
        ));
    }
    let pairs =
        rewritten.pairs.iter().map(|pair| json!({ "from": pair.from, "to": pair.to, "count": pair.count }));
    printer.json(&json!({
        "schema": "depot.relock/1",
        "lock": args.lock,
        "output": output,
        "rewritten": number,
        "pairs": pairs.collect::<Vec<_>>(),
        "warnings": rewritten.warnings.iter().map(|warning| format!("{}{warning}", args.lock.display())).collect::<Vec<_>>(),
    }));
}

/// Writes a file whole or not at all.
pub(super) fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    // A link is written through: what it leads to is what was meant.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let beside: PathBuf = path.with_file_name(name);
    let written = fs::File::create(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        if let Ok(known) = fs::metadata(&path) {
            file.set_permissions(known.permissions())?;
        }
        file.sync_all()?;
        fs::rename(&beside, &path)
    });
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}
