//! The list of all projects. It is asked for only on demand: that of a public index is long.

use depot_proto::ProjectName;

use super::{
    anchors,
    ask::{Asker, cut},
    checks::{ROOT, ROOT_LINKS, ROOT_PROJECT},
    form::PIP,
    listing::Form,
    report::Report,
};

pub(super) async fn look(asker: &Asker, projects: &[ProjectName], report: &mut Report) {
    let url = asker.index().as_url();
    let answer = asker.get(url).accept(PIP).send().await;
    if !answer.is_ok() {
        report.found(&ROOT, answer.told());
        return;
    }
    let mut names = Vec::new();
    if Form::of(&answer) == Form::Json {
        let page: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let listed = page["projects"].as_array();
        report.judge(
            &ROOT,
            listed.is_some(),
            format!("{}, {} projects", answer.told(), listed.map_or(0, Vec::len)),
        );
        names.extend(
            listed.into_iter().flatten().filter_map(|project| project["name"].as_str().map(str::to_owned)),
        );
    }
    let html = asker.get(url).accept("text/html").send().await;
    if html.is_ok() && Form::of(&html) == Form::Html {
        let links: Vec<_> = anchors::read(&html.text())
            .anchors
            .into_iter()
            .filter(|link| link.value("href").is_some())
            .collect();
        if names.is_empty() {
            report.judge(&ROOT, !links.is_empty(), format!("{}, {} links", html.told(), links.len()));
            names.extend(links.iter().map(|link| link.text.clone()));
        }
        let odd: Vec<String> = links
            .iter()
            .filter_map(|link| link.value("href"))
            .filter(|href| !is_plain(href))
            .map(|href| format!("`{}`", cut(&href)))
            .collect();
        report.weigh(&ROOT_LINKS, &odd, format!("{} links", links.len()));
    }
    let listed: Vec<ProjectName> =
        names.iter().filter_map(|name| name.trim_end_matches('/').parse().ok()).collect();
    let missing: Vec<String> = projects
        .iter()
        .filter(|project| !listed.contains(project))
        .map(|project| format!("not {project}"))
        .collect();
    report.weigh(&ROOT_PROJECT, &missing, format!("{} projects", listed.len()));
}

/// Whether a link is a normalized name and a slash.
fn is_plain(href: &str) -> bool {
    href.strip_suffix('/')
        .is_some_and(|name| name.parse::<ProjectName>().is_ok_and(|parsed| parsed.as_str() == name))
}
