//! Pages and files, asked of depot and of nginx in turn.

use std::{fs, path::Path};

use depot_tests::{ServerProcess, WheelBuilder, binary};

use crate::{
    Options, Part,
    ask::{ACCEPT_HTML, ACCEPT_JSON, Answer, Headers, ask},
    machine::{Core, Machine},
    median,
    nginx::{Nginx, StaticFile},
    packages,
    wrk::{self, Load},
};

/// What is asked for.
struct Subject {
    name: String,
    path: String,
    headers: Headers,
    kind: Kind,
    /// What depot is to reach beside nginx.
    aim: f64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Page,
    /// A page, gzipped; nginx has the same bytes as a file beside the plain one.
    Gzip,
    /// A page that the client has already.
    NotModified,
    File,
    /// So few fit into a second that bytes are the better count.
    LargeFile,
}

/// What was measured of one subject.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) body_len: usize,
    pub(crate) depot: Load,
    pub(crate) nginx: Load,
    /// Depot beside nginx, in each round.
    pub(crate) ratios: Vec<f64>,
    pub(crate) aim: f64,
}

/// What was measured, and what could not be.
pub(crate) struct Served {
    pub(crate) rows: Vec<Row>,
    pub(crate) skipped: Vec<String>,
}

/// What a row needs on each side.
struct Place<'a> {
    url: &'a str,
    path: String,
    headers: Headers,
}

/// A row for each subject, or why there is none.
pub(crate) fn measure(folder: &Path, machine: &Machine, options: &Options) -> Result<Served, String> {
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
    let depot = start(folder, machine);
    packages::push(&tree, &depot);

    let mut skipped = Vec::new();
    let subjects: Vec<(Subject, Answer)> = subjects(files, options)
        .into_iter()
        .filter_map(|subject| {
            let mut asked = ask(depot.url(), &subject.path, &subject.headers).answer;
            assert_eq!(asked.status, 200, "{}{}", depot.url(), subject.path);
            match (subject.kind, asked.coding.as_str()) {
                (Kind::Gzip, "gzip") => {}
                (Kind::Gzip, _) => {
                    skipped.push(format!("{}: depot answers it without compression", subject.name));
                    return None;
                }
                (_, coding) => assert_eq!(coding, "", "{} was not asked for compressed", subject.path),
            }
            let wants_json = subject.headers.iter().any(|(_, value)| value == ACCEPT_JSON);
            assert_eq!(asked.content_type.ends_with("+json"), wants_json, "{}", subject.path);
            if subject.kind == Kind::NotModified {
                // What nginx is to have is the page; what both are to answer is found out when both are there.
                asked.coding = String::new();
            }
            Some((subject, asked))
        })
        .collect();
    let files: Vec<StaticFile<'_>> = (0..)
        .zip(&subjects)
        .map(|(number, (subject, answer))| StaticFile {
            name: format!("subject-{number}"),
            content_type: &answer.content_type,
            body: &answer.body,
            is_gzip: subject.kind == Kind::Gzip,
        })
        .collect();
    let nginx_folder = folder.join("nginx");
    fs::create_dir(&nginx_folder).unwrap();
    let nginx = Nginx::start(&nginx_folder, machine, &files);
    let rows = (0..).zip(&subjects).map(|(number, (subject, answer))| {
        let places = [
            Place { url: depot.url(), path: subject.path.clone(), headers: subject.headers.clone() },
            Place { url: nginx.url(), path: format!("/subject-{number}"), headers: subject.headers.clone() },
        ];
        measure_one(folder, machine, options, subject, answer, places)
    });
    Ok(Served { rows: rows.collect(), skipped })
}

/// One start for all, with its core from the beginning: it has as many workers as it has cores.
pub(crate) fn start(folder: &Path, machine: &Machine) -> ServerProcess {
    let data_dir = folder.join("data");
    let mut command = machine.command(Core::Server, binary("depot-server"));
    command.arg("serve").arg("--data-dir").arg(&data_dir).args(["--port", "0"]);
    ServerProcess::start_command(command, &data_dir)
}

fn measure_one(
    folder: &Path,
    machine: &Machine,
    options: &Options,
    subject: &Subject,
    answer: &Answer,
    mut places: [Place<'_>; 2],
) -> Row {
    let mut expected = answer.clone();
    if subject.kind == Kind::NotModified {
        for place in &mut places {
            let etag = ask(place.url, &place.path, &place.headers).etag.unwrap();
            place.headers.push(("If-None-Match", etag));
        }
        expected =
            Answer { status: 304, content_type: String::new(), coding: String::new(), body: Vec::new() };
    }
    let same = || {
        for Place { url, path, headers } in &places {
            let mut answer = ask(url, path, headers).answer;
            if answer.status == 304 {
                answer.content_type.clear();
            }
            assert!(answer == expected, "{url}{path} is not what depot served at first");
        }
    };
    same();
    let body_len = expected.body.len();
    // Only whole answers count, and gigabytes of the large ones are under way at once.
    let seconds = if subject.kind == Kind::LargeFile { options.seconds.max(4) } else { options.seconds };
    let mut rounds = Vec::new();
    for round in 1..=options.rounds {
        let [depot, nginx] = places.each_ref().map(|Place { url, path, headers }| {
            let load = wrk::load(folder, machine, &format!("{url}{path}"), headers, body_len, seconds);
            load.unwrap_or_else(|error| panic!("{error}"))
        });
        let (name, depots, nginxs) = (&subject.name, depot.requests, nginx.requests);
        eprintln!("{name}, round {round}: depot {depots:.0}/s, nginx {nginxs:.0}/s");
        rounds.push((depot, nginx));
    }
    same();
    row(subject, body_len, &rounds)
}

fn subjects([small_file, large_file]: [String; 2], options: &Options) -> Vec<Subject> {
    let mut subjects = Vec::new();
    if options.wants(Part::Pages) {
        for (kind, more, also) in
            [(Kind::Page, None, ""), (Kind::Gzip, Some(("Accept-Encoding", "gzip")), ", gzip")]
        {
            for (files, project) in [(3, "small"), (500, "large")] {
                for (form, accept) in [("HTML", ACCEPT_HTML), ("JSON", ACCEPT_JSON)] {
                    let mut headers = vec![("Accept", accept.to_owned())];
                    headers.extend(more.map(|(name, value)| (name, value.to_owned())));
                    subjects.push(Subject {
                        name: format!("page of {files} files, {form}{also}"),
                        path: format!("/python/simple/{project}/"),
                        headers,
                        kind,
                        aim: 1.0,
                    });
                }
            }
        }
        subjects.push(Subject {
            name: "page of 500 files, JSON, not modified (304)".to_owned(),
            path: "/python/simple/large/".to_owned(),
            headers: vec![("Accept", ACCEPT_JSON.to_owned())],
            kind: Kind::NotModified,
            aim: 1.0,
        });
    }
    if options.wants(Part::Files) {
        for (name, path, kind) in
            [("wheel of 9 KB", small_file, Kind::File), ("wheel of 50 MB", large_file, Kind::LargeFile)]
        {
            subjects.push(Subject { name: name.to_owned(), path, headers: Vec::new(), kind, aim: 0.8 });
        }
    }
    subjects
}

fn row(subject: &Subject, body_len: usize, rounds: &[(Load, Load)]) -> Row {
    let middle = |which: fn(&(Load, Load)) -> Load| Load {
        requests: median(rounds.iter().map(|round| which(round).requests)),
        megabytes: median(rounds.iter().map(|round| which(round).megabytes)),
    };
    let is_large = subject.kind == Kind::LargeFile;
    let speed = |load: &Load| if is_large { load.megabytes } else { load.requests };
    Row {
        name: subject.name.clone(),
        body_len,
        depot: middle(|round| round.0),
        nginx: middle(|round| round.1),
        ratios: rounds.iter().map(|(depot, nginx)| speed(depot) / speed(nginx)).collect(),
        aim: subject.aim,
    }
}
