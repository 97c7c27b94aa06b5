//! `depot python yank`, `unyank`, `delete` and `status`: what becomes of releases that a server has.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::Context as _;
use depot_proto::{
    DistributionFilename, ProjectName, StatusRecord,
    release::{
        DELETE_PATH, FilesRequest, ProjectAnswer, ReleaseAnswer, STATUS_PATH, StatusRequest, UNYANK_PATH,
        YANK_PATH, YankRequest,
    },
    simple::ProjectStatus,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::server::Server;
use crate::{
    args::{DeleteArgs, MeantArgs, StatusArgs, UnyankArgs, YankArgs},
    exit::{ExitStatus, UsageError},
    output::{Printer, count, explain},
};

/// What is done to files.
struct Verb {
    /// Its name, and what a file is afterwards.
    name: &'static str,
    done: &'static str,
    path: &'static str,
}

const YANK: Verb = Verb { name: "yank", done: "yanked", path: YANK_PATH };
const UNYANK: Verb = Verb { name: "unyank", done: "not yanked any more", path: UNYANK_PATH };
const DELETE: Verb = Verb { name: "delete", done: "deleted", path: DELETE_PATH };

/// Runs `depot python yank`.
pub(crate) async fn yank(args: YankArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let asked = |files| YankRequest { files, reason: args.reason.clone() };
    run(&YANK, &args.meant, asked, printer).await
}

/// Runs `depot python unyank`.
pub(crate) async fn unyank(args: UnyankArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    run(&UNYANK, &args.meant, |files| files, printer).await
}

/// Runs `depot python delete`, when it is certain that it is meant.
pub(crate) async fn delete(args: DeleteArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    if !args.yes && !confirmed(&args.meant)? {
        printer.say("nothing was deleted");
        return Ok(ExitStatus::Failed);
    }
    run(&DELETE, &args.meant, |files| files, printer).await
}

fn confirmed(meant: &MeantArgs) -> anyhow::Result<bool> {
    meant.check()?;
    // Nothing is read there before it is certain what is meant.
    for spec in meant.specs() {
        read_spec(spec)?;
    }
    let (input, mut talk) = (std::io::stdin(), std::io::stderr());
    if !input.is_terminal() || !talk.is_terminal() {
        let words = "what is deleted does not come back, and nobody can be asked here: give --yes";
        return Err(UsageError(words.to_owned()).into());
    }
    let specs = meant.specs().join(", ");
    write!(talk, "delete {specs} for good? Its file names never get bytes again. [y/N] ")?;
    let mut answer = String::new();
    input.lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Reads `name==1.2` or the name of a file.
pub(super) fn read_spec(spec: &str) -> anyhow::Result<FilesRequest> {
    let usage = |words: String| anyhow::Error::from(UsageError(words));
    if let Some((name, version)) = spec.split_once("==") {
        let project: ProjectName =
            name.trim().parse().map_err(|error: depot_proto::ProjectNameError| usage(error.to_string()))?;
        let version = version.trim();
        if version.is_empty() || version.contains(['*', ',', ';']) {
            return Err(usage(format!("`{spec}` names no single version: write it as name==1.2")));
        }
        let version = Some(version.to_owned());
        return Ok(FilesRequest { project: project.to_string(), version, filename: None });
    }
    let filename = DistributionFilename::guess(spec).map_err(|error| {
        usage(format!("`{spec}` is neither a version, as in name==1.2, nor the name of a file: {error}"))
    })?;
    let (project, filename) = (filename.project().to_string(), Some(filename.to_string()));
    Ok(FilesRequest { project, version: None, filename })
}

async fn run<A: Serialize>(
    verb: &Verb,
    meant: &MeantArgs,
    asked: impl Fn(FilesRequest) -> A,
    printer: &Printer,
) -> anyhow::Result<ExitStatus> {
    meant.check()?;
    let specs = meant.specs().iter().map(|spec| Ok((spec, read_spec(spec)?)));
    let specs = specs.collect::<anyhow::Result<Vec<_>>>()?;
    let server = Server::connect(meant.url(), &meant.access, printer)?;
    let (mut rows, mut failed, mut changed) = (Vec::new(), Vec::new(), 0);
    let asked_of = specs.len();
    for (spec, files) in specs {
        match server.post::<_, ReleaseAnswer>(verb.path, &asked(files)).await {
            Ok(answer) => {
                for file in &answer.files {
                    let so_already = if file.changed { "" } else { " already" };
                    printer.data(&format!("{}  {}{so_already}", file.filename, verb.done));
                    changed += usize::from(file.changed);
                    rows.push(json!({
                        "project": answer.project,
                        "filename": file.filename,
                        "sha256": file.sha256,
                        "changed": file.changed,
                    }));
                }
            }
            Err(error) => failed.push((spec, explain(&error.into()))),
        }
    }
    for (spec, reason) in &failed {
        printer.error(&format!("{spec}: {reason}"));
    }
    let refused = if failed.is_empty() { String::new() } else { format!(", {} failed", failed.len()) };
    printer.say(&format!("{} {}{refused}, at {}", count(changed, "file"), verb.done, server.shown()));
    let failures: Vec<Value> =
        failed.iter().map(|(spec, reason)| json!({ "item": spec, "reason": reason })).collect();
    printer.json(&json!({
        "schema": format!("depot.{}/1", verb.name),
        "server": server.shown(),
        "files": rows,
        "failed": failures,
    }));
    Ok(match failed.len() {
        0 => ExitStatus::Done,
        all if all == asked_of => ExitStatus::Failed,
        _ => ExitStatus::Partial,
    })
}

/// Runs `depot python status`.
pub(crate) async fn status(args: StatusArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let project: ProjectName =
        args.project.parse().map_err(|error: depot_proto::ProjectNameError| UsageError(error.to_string()))?;
    let server = Server::connect(&args.url, &args.access, printer)?;
    let (status, changed) = match args.set {
        Some(state) => {
            let (project, reason) = (project.to_string(), args.reason);
            let asked = StatusRequest { project, state: state.into(), reason };
            let answer: ProjectAnswer = server.post(STATUS_PATH, &asked).await?;
            (answer.status, answer.changed)
        }
        None => (shown(&server, &project).await?, false),
    };
    let StatusRecord { state, reason } =
        status.unwrap_or(StatusRecord { state: ProjectStatus::Active, reason: None });
    let because = reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    printer.data(&format!("{project} is {state}{because}"));
    printer.json(&json!({
        "schema": "depot.status/1",
        "server": server.shown(),
        "project": project,
        "status": state,
        "reason": reason,
        "changed": changed,
    }));
    Ok(ExitStatus::Done)
}

/// The state that a project's page shows.
async fn shown(server: &Server, project: &ProjectName) -> anyhow::Result<Option<StatusRecord>> {
    let page: Value = server.page(project).await?;
    let Some(status) = page.get("project-status") else { return Ok(None) };
    let state =
        status.get("status").and_then(Value::as_str).context("the page has no status that can be read")?;
    let Ok(state) = state.parse();
    Ok(Some(StatusRecord::new(state, status.get("reason").and_then(Value::as_str))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_is_a_version_or_a_file() {
        let version = read_spec("Tea_Pot == 1.2").unwrap();
        assert_eq!((version.project.as_str(), version.version.as_deref()), ("tea-pot", Some("1.2")));
        let file = read_spec("tea_pot-1.2-py3-none-any.whl").unwrap();
        assert_eq!(file.project, "tea-pot");
        assert_eq!(file.filename.as_deref(), Some("tea_pot-1.2-py3-none-any.whl"));
        for wrong in ["tea-pot", "tea-pot==", "tea-pot==1.*", "tea-pot>=1", "-==1", "tea_pot-1.2.txt", ""] {
            let error = read_spec(wrong).unwrap_err();
            assert_eq!(ExitStatus::of(&error), ExitStatus::Usage, "{wrong}: {error}");
        }
    }
}
