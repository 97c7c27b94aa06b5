//! Pages and files, asked of depot and of nginx in turn.

use std::path::Path;

use depot_tests::{ServerProcess, WheelBuilder, binary, send};

use crate::{
    Options,
    machine::{Core, Machine},
    median,
    nginx::{Nginx, StaticFile},
    packages,
    wrk::{self, Load},
};

/// What pip sends; uv's differs in nothing that matters here.
const ACCEPT_JSON: &str =
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01";
const ACCEPT_HTML: &str = "text/html";

/// What is asked for.
struct Subject {
    name: &'static str,
    path: String,
    accept: Option<&'static str>,
    /// Whether so few fit into a second that bytes are the better count.
    is_large: bool,
    /// What depot is to reach beside nginx.
    aim: f64,
}

/// What was measured of one subject.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) body_len: usize,
    pub(crate) depot: Load,
    pub(crate) nginx: Load,
    /// Depot beside nginx, in each round.
    pub(crate) ratios: Vec<f64>,
    pub(crate) aim: f64,
}

/// A row for each subject, or why there is none.
pub(crate) fn measure(folder: &Path, machine: &Machine, options: &Options) -> Result<Vec<Row>, String> {
    let missing: Vec<&str> = [("nginx", &machine.nginx), ("wrk", &machine.wrk)]
        .into_iter()
        .filter_map(|(name, found)| found.is_none().then_some(name))
        .collect();
    if !missing.is_empty() {
        return Err(format!("{} not installed here", missing.join(" and ")));
    }
    let tree = folder.join("tree");
    packages::save_project(&tree, "small", 3, |_| 100);
    packages::save_project(&tree, "large", 500, |_| 100);
    let files = [("wheel-of-9k", 8_000), ("wheel-of-50m", 50_000_000)].map(|(name, size)| {
        let data = format!("{}/data.bin", depot_tests::escaped_name(name));
        let wheel = WheelBuilder::new(name, "1.0").random_file(&data, size, 1);
        packages::save(&tree, &wheel);
        format!("/python/files/{}/{}", wheel.project(), wheel.filename())
    });

    // One start for all, with its core from the beginning: it has as many workers as it has cores.
    let data_dir = folder.join("data");
    let mut command = machine.command(Core::Server, binary("depot-server"));
    command.arg("serve").arg("--data-dir").arg(&data_dir).args(["--port", "0"]);
    let depot = ServerProcess::start_command(command, &data_dir);
    packages::push(&tree, &depot);

    let subjects = subjects(files);
    let bodies: Vec<Answer> =
        subjects.iter().map(|subject| ask(depot.url(), &subject.path, subject)).collect();
    let files: Vec<StaticFile<'_>> = (0..)
        .zip(&bodies)
        .map(|(number, answer)| StaticFile {
            name: format!("subject-{number}"),
            content_type: &answer.content_type,
            body: &answer.body,
        })
        .collect();
    let nginx_folder = folder.join("nginx");
    std::fs::create_dir(&nginx_folder).unwrap();
    let nginx = Nginx::start(&nginx_folder, machine, &files);

    let mut rows = Vec::new();
    for ((subject, expected), file) in subjects.iter().zip(&bodies).zip(&files) {
        let places = [(depot.url(), subject.path.clone()), (nginx.url(), format!("/{}", file.name))];
        let same = || {
            for (url, path) in &places {
                assert!(
                    ask(url, path, subject) == *expected,
                    "{url}{path} is not what depot served at first"
                );
            }
        };
        same();
        let mut rounds = Vec::new();
        for round in 1..=options.rounds {
            let [depot, nginx] = places.each_ref().map(|(url, path)| {
                let url = format!("{url}{path}");
                wrk::load(folder, machine, &url, subject.accept, expected.body.len(), options.seconds)
            });
            let (name, depots, nginxs) = (subject.name, depot.requests, nginx.requests);
            eprintln!("{name}, round {round}: depot {depots:.0}/s, nginx {nginxs:.0}/s");
            rounds.push((depot, nginx));
        }
        same();
        rows.push(row(subject, expected.body.len(), &rounds));
    }
    Ok(rows)
}

fn subjects([small_file, large_file]: [String; 2]) -> [Subject; 6] {
    let page = |name, project, accept| Subject {
        name,
        path: format!("/python/simple/{project}/"),
        accept: Some(accept),
        is_large: false,
        aim: 1.0,
    };
    let file = |name, path, is_large| Subject { name, path, accept: None, is_large, aim: 0.8 };
    [
        page("page of 3 files, HTML", "small", ACCEPT_HTML),
        page("page of 3 files, JSON", "small", ACCEPT_JSON),
        page("page of 500 files, HTML", "large", ACCEPT_HTML),
        page("page of 500 files, JSON", "large", ACCEPT_JSON),
        file("wheel of 9 KB", small_file, false),
        file("wheel of 50 MB", large_file, true),
    ]
}

fn row(subject: &Subject, body_len: usize, rounds: &[(Load, Load)]) -> Row {
    let middle = |which: fn(&(Load, Load)) -> Load| Load {
        requests: median(rounds.iter().map(|round| which(round).requests)),
        megabytes: median(rounds.iter().map(|round| which(round).megabytes)),
    };
    let speed = |load: &Load| if subject.is_large { load.megabytes } else { load.requests };
    Row {
        name: subject.name,
        body_len,
        depot: middle(|round| round.0),
        nginx: middle(|round| round.1),
        ratios: rounds.iter().map(|(depot, nginx)| speed(depot) / speed(nginx)).collect(),
        aim: subject.aim,
    }
}

/// An answer, as far as both servers must agree on it.
#[derive(PartialEq, Eq)]
struct Answer {
    content_type: String,
    body: Vec<u8>,
}

fn ask(url: &str, path: &str, subject: &Subject) -> Answer {
    let accept = subject.accept.map(|accept| format!("Accept: {accept}\r\n")).unwrap_or_default();
    let host = url.trim_start_matches("http://");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{accept}Connection: close\r\n\r\n");
    let response = send(url, request).unwrap();
    assert!(response.status == 200 && response.complete, "{url}{path}: {}", response.status_line);
    assert_eq!(response.header("content-encoding"), None, "{url}{path}");
    let content_type = response.header("content-type").unwrap_or_default().to_owned();
    let wants_json = subject.accept == Some(ACCEPT_JSON);
    assert_eq!(content_type.ends_with("+json"), wants_json, "{url}{path} is {content_type}");
    Answer { content_type, body: response.body }
}
