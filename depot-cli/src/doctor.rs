//! `depot doctor`: what pip, uv, Poetry and twine need of an index, asked of any index one by one.
//!
//! `checks` names everything that is looked at; the other rooms ask, each for an area, and tell the `report`. Requests are made one after
//! the other, nothing is tried again, and little is downloaded.

mod anchors;
mod ask;
mod cache;
mod checks;
mod files;
mod form;
mod html;
mod json;
mod listing;
mod metadata;
mod names;
mod reach;
mod report;
mod root;
mod upload;

use std::time::Instant;

use anyhow::Context as _;
use depot_index::{Credentials, IndexUrl};
use depot_proto::{ProjectName, claims::TOKEN_USER};
use url::Url;

use self::{
    ask::{Answer, Asker, Follow, shown},
    checks::HTML_SAME,
    form::PIP,
    listing::Pages,
    report::{Report, Run},
};
use crate::{
    DEFAULT_INDEX,
    args::DoctorArgs,
    credentials,
    exit::{ExitStatus, UsageError},
    logins,
    network::{self, NetrcFile},
    output::Printer,
};

/// What is looked at where nothing is named: nearly every index of public packages has it.
const USUAL: &str = "pip";

/// Looks at an index, and says what it found.
pub(crate) async fn run(args: DoctorArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let started = Instant::now();
    let usage = |error: &dyn std::fmt::Display| anyhow::Error::from(UsageError(error.to_string()));
    let index: IndexUrl = args.url.parse().map_err(|error| usage(&error))?;
    let credentials = credentials(&args, &index, printer)?;
    let target = match &args.upload {
        Some(project) => {
            if credentials.is_none() {
                return Err(usage(
                    &"an upload wants credentials: give `--token`, or put a user and a password into the URL",
                ));
            }
            Some(
                upload::Target::new(project.clone(), args.upload_url.as_deref(), &index)
                    .map_err(|error| usage(&error))?,
            )
        }
        None => None,
    };
    let mut projects = args.projects.clone();
    if projects.is_empty() {
        printer.say(&format!("looking at `{USUAL}`: name other projects with `--project`"));
        projects.push(USUAL.parse().context("the usual project")?);
    }
    let asker = Asker::new(index, credentials, &args.network())?;
    let mut report = Report::default();
    for (number, project) in projects.iter().enumerate() {
        one(&asker, project, number == 0, &args, &mut report).await?;
    }
    report.about(None);
    if report.stopped().is_none() {
        names::absent(&asker, &mut report).await;
        list(&asker, &projects, &args, &mut report, printer).await;
        if let Some(target) = &target {
            upload::look(&asker, target, &mut report).await;
        }
    }
    let (requests, bytes) = asker.counts();
    let run = Run {
        index: asker.index().as_url().to_string(),
        projects: &projects,
        strict: args.strict,
        uploads: target.is_some(),
        requests,
        bytes,
        took: started.elapsed(),
    };
    report.show(&run, printer);
    if let Some(why) = report.stopped() {
        printer.error(why);
        return Ok(ExitStatus::Failed);
    }
    Ok(if report.is_bad(args.strict) { ExitStatus::Partial } else { ExitStatus::Done })
}

/// By whose name the index is asked: a token that was given, what the URL says, a login, `.netrc`.
fn credentials(
    args: &DoctorArgs,
    index: &IndexUrl,
    printer: &Printer,
) -> anyhow::Result<Option<Credentials>> {
    let of_token = |password| Credentials { user: TOKEN_USER.to_owned(), password };
    if let Some(token) = credentials::token(args.token.token_file.as_deref(), args.token.token.as_deref())? {
        return Ok(Some(of_token(token)));
    }
    if let Some(given) = index.credentials() {
        return Ok(Some(given.clone()));
    }
    if let Some(token) = logins::token_for(index.as_url())? {
        return Ok(Some(of_token(token)));
    }
    let NetrcFile { netrc, warning } = network::netrc();
    let found = index.as_url().host_str().and_then(|host| netrc.credentials(host)).cloned();
    if let Some(warning) = warning.filter(|_| found.is_some()) {
        printer.say(&format!("warning: {warning}"));
    }
    Ok(found)
}

/// Looks at one project.
async fn one(
    asker: &Asker,
    project: &ProjectName,
    is_first: bool,
    args: &DoctorArgs,
    report: &mut Report,
) -> anyhow::Result<()> {
    let url = asker.index().project_url(project);
    let anonymous = asker.get(&url).accept(PIP).by_nobody().follow(Follow::AtHome).send().await;
    anyhow::ensure!(anonymous.is_there(), "`{}` could not be reached: {}", shown(&url), anonymous.told());
    report.about(None);
    if is_first {
        reach::connection(&anonymous, report);
    }
    let with = if asker.has_credentials() && !anonymous.is_ok() {
        asker.get(&url).accept(PIP).follow(Follow::AtHome).send().await
    } else {
        anonymous.clone()
    };
    let is_private = !anonymous.is_ok() && with.is_ok();
    // Where nobody may see a page, how that is said matters; where there is none, nothing is said.
    if is_first && (is_private || matches!(anonymous.status, 401 | 403 | 407)) {
        reach::refusal(&anonymous, report);
    }
    if let Some(why) = obstacle(&with, project, asker) {
        report.stop(why);
        return Ok(());
    }
    if is_first && is_private {
        reach::private(asker, &url, &with, report).await;
    }
    report.about(Some(project));
    let pages = pages(asker, project, &url, report).await;
    if pages.best().is_none() {
        return Ok(());
    }
    names::look(asker, &url, project, report).await;
    cache::pages(asker, &pages, report).await;
    let limit = u64::from(args.max_size.get()) * 1_000_000;
    let held = files::look(asker, &pages, limit, is_private, report).await;
    if let Some(page) = pages.best() {
        metadata::look(asker, page, project, &held, report).await;
    }
    Ok(())
}

/// Why a project cannot be looked at, if it cannot: other answers than these are findings.
fn obstacle(answer: &Answer, project: &ProjectName, asker: &Asker) -> Option<String> {
    let index = shown(asker.index().as_url());
    match (answer.status, &answer.location) {
        (401 | 403 | 407, _) if asker.has_credentials() => {
            Some(format!("`{index}` refuses these credentials ({})", answer.told()))
        }
        (401 | 403 | 407, _) => Some(format!(
            "`{index}` wants credentials ({}): give `--token`, or put a user and a password into the URL or into `.netrc`",
            answer.told()
        )),
        (404, _) => Some(format!(
            "`{index}` has no project `{project}`: name one that it has with `--project`, and the root of its Simple API as the URL"
        )),
        (_, Some(to)) => Some(format!(
            "the page of `{project}` leads to {}: ask that index, or name a project that this one has with `--project`",
            shown(to)
        )),
        _ => None,
    }
}

/// Asks for the page in its forms, and judges how they are written.
async fn pages(asker: &Asker, project: &ProjectName, url: &Url, report: &mut Report) -> Pages {
    let found = form::look(asker, url, report).await;
    let json = found.json.and_then(|answer| json::look(answer, project, report));
    let is_empty = json.as_ref().is_some_and(|page| page.files.is_empty());
    let html = found.html.map(|answer| html::look(answer, is_empty, report));
    // That there are no links at all is told by itself.
    if let (Some(json), Some(html)) = (&json, html.as_ref().filter(|page| !page.files.is_empty())) {
        let names = |files: &[listing::Listed]| {
            files.iter().map(|file| file.filename.clone()).collect::<std::collections::BTreeSet<_>>()
        };
        let (in_json, in_html) = (names(&json.files), names(&html.files));
        let differing: Vec<String> = in_json.symmetric_difference(&in_html).cloned().collect();
        report.weigh(&HTML_SAME, &differing, format!("{} files", in_json.len()));
    }
    Pages { project: project.clone(), url: url.clone(), json, html }
}

/// Asks for the list of all projects, if that is wanted and can be asked of this index.
async fn list(
    asker: &Asker,
    projects: &[ProjectName],
    args: &DoctorArgs,
    report: &mut Report,
    printer: &Printer,
) {
    if !args.root {
        return;
    }
    let public = Url::parse(DEFAULT_INDEX).ok();
    if public.is_some_and(|public| public.host() == asker.index().as_url().host()) {
        printer.say("warning: the list of all projects is not asked of the public index, which has too many");
        return;
    }
    root::look(asker, projects, report).await;
}
