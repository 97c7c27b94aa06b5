//! `depot why`: whether readers of a server see something, from which repository, or by which rule not.

use depot_proto::{
    DistributionFilename, ProjectName,
    simple::ProjectStatus,
    why::{Fate, File, Member, Outcome, Owning, Verdict, WhyAnswer, WhyQuery},
};

use super::{releases::read_spec, server::Server};
use crate::{
    args::WhyArgs,
    exit::ExitStatus,
    output::{Printer, count},
};

/// Runs the verb.
pub(crate) async fn run(args: WhyArgs, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let asked = query(&args.spec)?;
    let server = Server::connect(&args.url, &args.access, printer)?;
    let answer: WhyAnswer = server.why(&args.url, asked).await?;
    for line in lines(&answer) {
        printer.data(&line);
    }
    printer.json(&serde_json::to_value(&answer)?);
    Ok(ExitStatus::Done)
}

/// Reads a project, `name==1.2`, or the name of a file.
fn query(spec: &str) -> anyhow::Result<WhyQuery> {
    let spec = spec.trim();
    if !spec.contains("==")
        && DistributionFilename::guess(spec).is_err()
        && let Ok(project) = spec.parse::<ProjectName>()
    {
        return Ok(WhyQuery { project: project.to_string(), ..WhyQuery::default() });
    }
    let files = read_spec(spec)?;
    Ok(WhyQuery {
        at: String::new(),
        project: files.project,
        version: files.version,
        filename: files.filename,
    })
}

/// The answer for people.
fn lines(answer: &WhyAnswer) -> Vec<String> {
    let WhyAnswer { project, version, filename, at, repository, .. } = answer;
    let what = match (filename, version) {
        (Some(filename), _) => filename.clone(),
        (None, Some(version)) => format!("{project} {version}"),
        (None, None) => project.to_string(),
    };
    let comes_to = match answer.verdict {
        Verdict::Shown => "is shown",
        Verdict::Partly => "is shown in part",
        Verdict::Hidden => "is hidden",
        Verdict::Absent => "is not there",
        Verdict::Unknown => "may be there or not, because a repository could not say",
    };
    let mut lines = vec![format!("{what} {comes_to} at {at} ({repository})")];
    if let Some(rule) = &answer.rule {
        lines.push(format!("  hidden by policy: {rule}"));
    }
    if answer.status != ProjectStatus::Active {
        lines.push(format!("  the project is {}", answer.status));
    }
    if let Some(owner) = &answer.owner {
        let because = match owner.because {
            Owning::FirstParty => "files were published there by those who made them",
            Owning::Claimed => "somebody claimed it there",
            Owning::Reserved => "it is reserved there",
            Owning::Tombstone => "a file of it was deleted there for good",
        };
        let pattern = owner.pattern.as_deref().map(|pattern| format!(" (`{pattern}`)")).unwrap_or_default();
        lines.push(format!(
            "  {} owns the name, and alone answers for it: {because}{pattern}",
            owner.repository
        ));
    }
    lines.extend(answer.files.iter().flat_map(file));
    lines.extend(answer.members.iter().map(member));
    lines
}

fn file(file: &File) -> Vec<String> {
    let yanked = if file.yanked { ", yanked" } else { "" };
    let of = file.rule_of.as_ref().map(|name| format!(" of {name}")).unwrap_or_default();
    let told = match (&file.from, &file.rule) {
        (Some(from), Some(rule)) => format!("from {from}{yanked}; shown by the policy{of}: {rule}"),
        (Some(from), None) => format!("from {from}{yanked}"),
        (None, Some(rule)) => format!("hidden by the policy{of}{yanked}: {rule}"),
        (None, None) => format!("hidden{yanked}"),
    };
    let mut lines = vec![format!("  {}: {told}", file.filename)];
    lines.extend(file.held.iter().filter_map(|held| {
        let than = match held.fate {
            Fate::Unlisted => {
                return Some(format!(
                    "    {} keeps it, and no page lists it any more: who has its address gets it",
                    held.repository
                ));
            }
            Fate::OtherBytes => "",
            Fate::Deleted => " than a file that was deleted",
            Fate::Chosen | Fate::Same | Fate::Hidden => return None,
        };
        let sha256 = held.sha256.map(|digest| format!(" (sha256 {digest})")).unwrap_or_default();
        Some(format!(
            "    {} has other bytes under this name{than}, which are never served{sha256}",
            held.repository
        ))
    }));
    lines
}

fn member(member: &Member) -> String {
    let Member { repository, kind, priority, outcome, reason, files, cache, .. } = member;
    let priority = priority.map(|priority| format!(", priority {priority}")).unwrap_or_default();
    let told = match outcome {
        Outcome::Has => format!("has {} of the project", count(*files, "file")),
        Outcome::Absent => "does not have the project".to_owned(),
        Outcome::NotAsked => "was not asked".to_owned(),
        Outcome::Failed => "could not say".to_owned(),
    };
    let cache = cache.as_deref().map(|cache| format!(" ({cache})")).unwrap_or_default();
    let reason = reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("  {repository} ({kind}{priority}) {told}{cache}{reason}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_a_version_or_a_file_is_asked_about() {
        for (spec, project, version, filename) in [
            ("Tea_Pot", "tea-pot", None, None),
            ("tea-pot == 1.2", "tea-pot", Some("1.2"), None),
            ("tea_pot-1.2-py3-none-any.whl", "tea-pot", None, Some("tea_pot-1.2-py3-none-any.whl")),
            ("tea.zip", "tea-zip", None, None),
        ] {
            let asked = query(spec).unwrap();
            assert_eq!(
                (asked.project.as_str(), asked.version.as_deref(), asked.filename.as_deref()),
                (project, version, filename),
                "{spec}"
            );
        }
        for wrong in ["", "tea pot", "tea>=1", "tea==1.*", "-"] {
            assert_eq!(ExitStatus::of(&query(wrong).unwrap_err()), ExitStatus::Usage, "{wrong}");
        }
    }

    #[test]
    fn an_answer_is_told_in_lines() {
        let answer: WhyAnswer = serde_json::from_value(serde_json::json!({
            "schema": "depot.why/1", "repository": "all", "at": "/", "project": "pot", "version": "1.2",
            "verdict": "partly", "status": "deprecated",
            "owner": { "repository": "python", "because": "reserved", "pattern": "pot*" },
            "members": [
                { "repository": "python", "kind": "hosted", "priority": 10, "outcome": "has", "owns": true, "files": 2 },
                { "repository": "pypi", "kind": "proxy", "outcome": "failed", "reason": "it is down", "cache": "MISS" },
            ],
            "files": [
                { "filename": "pot-1.2.tar.gz", "from": "python", "yanked": true, "held": [
                    { "repository": "python", "fate": "chosen" },
                    { "repository": "mirror", "fate": "other-bytes", "sha256": "00".repeat(32) },
                ] },
                { "filename": "pot-1.2-py3-none-any.whl", "held": [], "rule-of": "all",
                  "rule": { "code": "blocked", "rule": "pot==1.2", "line": 3, "reason": "leaks" } },
            ],
        }))
        .unwrap();
        assert_eq!(
            lines(&answer),
            [
                "pot 1.2 is shown in part at / (all)".to_owned(),
                "  the project is deprecated".to_owned(),
                "  python owns the name, and alone answers for it: it is reserved there (`pot*`)".to_owned(),
                "  pot-1.2.tar.gz: from python, yanked".to_owned(),
                format!(
                    "    mirror has other bytes under this name, which are never served (sha256 {})",
                    "00".repeat(32)
                ),
                "  pot-1.2-py3-none-any.whl: hidden by the policy of all: blocked by `pot==1.2` (line 3): leaks"
                    .to_owned(),
                "  python (hosted, priority 10) has 2 files of the project".to_owned(),
                "  pypi (proxy) could not say (MISS): it is down".to_owned(),
            ]
        );
    }
}
