//! For which Pythons and machines something is chosen: what was typed, and where nothing was, the Python on PATH.

mod host;
mod pythons;

use std::collections::BTreeSet;

use depot_proto::{Platform, System, Target};

use self::{
    host::{Found, Host},
    pythons::{NEWEST, Python, SUPPORTED},
};
use crate::{args::TargetArgs, exit::UsageError, output::count};

/// What `--universal` means beside the Pythons: where most wheels are made for.
const USUAL: [&str; 7] =
    ["linux", "linux-aarch64", "musllinux", "musllinux-aarch64", "macos", "macos-x86_64", "windows"];

/// What the Python on PATH is called beside other targets.
const HOST: &str = "host";

/// How many targets one run takes: each is solved apart.
const MOST: usize = 100;

/// The targets of a run.
#[derive(Debug)]
pub(super) struct Chosen {
    /// They, the newest Python first, and of one Python in the order that was typed.
    pub(super) targets: Vec<Target>,
    /// Which they are and why, in one line.
    pub(super) told: String,
}

/// Chooses the targets that were asked for. Where a Python or a platform was not named, the Python on PATH is asked, which
/// takes a moment and blocks.
pub(super) fn targets(args: &TargetArgs) -> anyhow::Result<Chosen> {
    choose(args, &host::find)
}

/// The Python on PATH: the name of its program, and the target that it is; or why there is none. It takes a moment and
/// blocks.
pub(super) fn on_path() -> Result<(String, Target), String> {
    let found = host::find();
    let (Some(program), Some(Host { python, platform })) = (found.program, found.host) else {
        return Err(format!("no Python was found on PATH{}", found.note));
    };
    let target = product(&[python], &[platform]).pop();
    target.map(|target| (program, target)).ok_or_else(|| "the Python on PATH is no target".to_owned())
}

fn choose(args: &TargetArgs, host: &dyn Fn() -> Found) -> anyhow::Result<Chosen> {
    let glibc = args.glibc.as_deref().map(glibc).transpose()?;
    let named = !args.python.is_empty() || !args.platform.is_empty();
    match (args.target.is_empty(), args.universal) {
        (false, universal) if universal || named || glibc.is_some() => Err(UsageError(
            "a target is a Python and a platform already: leave out --python, --platform, --glibc and --universal"
                .to_owned(),
        )
        .into()),
        (true, true) if named => Err(UsageError(
            "--universal means all supported Pythons on the usual platforms: leave out --python and --platform"
                .to_owned(),
        )
        .into()),
        (false, _) => {
            let read = |text: &String| match text.trim() {
                HOST => this_machine(host()),
                text => text.parse::<Target>().map_err(|error| UsageError(error.to_string())),
            };
            chosen(args.target.iter().map(read).collect::<Result<_, _>>()?, "as --target says")
        }
        (true, true) => {
            let platforms = USUAL.iter().filter_map(|name| name.parse().ok());
            let platforms = with_glibc(platforms.collect(), glibc)?;
            let pythons: Vec<Python> = SUPPORTED.into_iter().map(Python::from).collect();
            chosen(product(&pythons, &platforms), "all supported Pythons on the usual platforms")
        }
        (true, false) => of_both(args, glibc, host),
    }
}

/// What `--target host` means.
fn this_machine(found: Found) -> Result<Target, UsageError> {
    let Some(Host { python, platform }) = found.host else {
        let words = format!("`host` is the Python on PATH, and none was found there{}", found.note);
        return Err(UsageError(words));
    };
    Ok(match python.full_version {
        Some(full) => Target::with_full_version(python.interpreter, full, platform),
        None => Target::new(python.interpreter, platform),
    })
}

/// The targets of the Pythons and platforms that were named; where none was, of those of the Python on PATH.
fn of_both(args: &TargetArgs, glibc: Option<(u16, u16)>, host: &dyn Fn() -> Found) -> anyhow::Result<Chosen> {
    let mut pythons = Vec::new();
    for text in &args.python {
        pythons.extend(pythons::read(text)?);
    }
    let mut platforms = Vec::new();
    for text in args.platform.iter().flat_map(|text| text.split(',')) {
        let read = text.trim().parse::<Platform>();
        platforms.push(read.map_err(|error| UsageError(error.to_string()))?);
    }
    let mut reasons = Vec::new();
    if pythons.is_empty() || platforms.is_empty() {
        let found = host();
        let chosen_by = found.program.as_ref().map_or_else(
            || format!("no Python was found on PATH{}", found.note),
            |program| format!("the {program} on PATH"),
        );
        if pythons.is_empty() {
            let host = found.host.as_ref().map(|host| host.python.clone());
            let host = match host {
                // On other machines the release and the build of this machine's Python mean nothing.
                Some(python) if !platforms.is_empty() => Python::from(python.interpreter.version),
                Some(python) => python,
                None => Python::from(NEWEST),
            };
            pythons.push(host);
            reasons.push(chosen_by);
        } else {
            reasons.push("this platform".to_owned());
        }
        if platforms.is_empty() {
            platforms.push(found.host.map_or_else(host::compiled_for, |Host { platform, .. }| platform));
        }
        reasons.push(
            match (args.python.is_empty(), args.platform.is_empty()) {
                (true, true) => "--python and --platform choose others",
                (true, false) => "--python chooses others",
                _ => "--platform chooses others",
            }
            .to_owned(),
        );
    } else {
        reasons.push("as --python and --platform say".to_owned());
    }
    let platforms = with_glibc(platforms, glibc)?;
    chosen(product(&pythons, &platforms), &reasons.join("; "))
}

fn product(pythons: &[Python], platforms: &[Platform]) -> Vec<Target> {
    let on = |python: &Python, platform: &Platform| match &python.full_version {
        Some(full) => Target::with_full_version(python.interpreter, full.clone(), *platform),
        None => Target::new(python.interpreter, *platform),
    };
    pythons.iter().flat_map(|python| platforms.iter().map(|platform| on(python, platform))).collect()
}

/// Each target once, the newest Python first, and the line that says which they are.
fn chosen(targets: Vec<Target>, why: &str) -> anyhow::Result<Chosen> {
    let mut seen = BTreeSet::new();
    let mut targets: Vec<Target> = targets.into_iter().filter(|target| seen.insert(target.clone())).collect();
    if targets.len() > MOST {
        let words = format!("{} are too many for one run: {MOST} at most", count(targets.len(), "target"));
        return Err(UsageError(words).into());
    }
    targets.sort_by(|one, other| {
        let key = |target: &Target| (target.python(), target.full_version().clone());
        key(other).cmp(&key(one))
    });
    let told = format!("for {}: {why}", describe(&targets));
    Ok(Chosen { targets, told })
}

/// The targets for people: each Python and each platform once, if all are combined, else every target.
fn describe(targets: &[Target]) -> String {
    let pythons = distinct(targets.iter().map(Target::describe_python));
    let platforms = distinct(targets.iter().map(|target| target.platform().describe()));
    if pythons.len() * platforms.len() == targets.len() {
        return format!("{} on {}", join(&without_repeated_names(pythons)), join(&platforms));
    }
    join(&targets.iter().map(Target::describe).collect::<Vec<_>>())
}

fn distinct(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    words.filter(|word| seen.insert(word.clone())).collect()
}

/// Of Pythons of one kind the first alone says which: `CPython 3.13, 3.12`.
fn without_repeated_names(pythons: Vec<String>) -> Vec<String> {
    let name = pythons.first().and_then(|first| first.split_once(' ')).map(|(name, _)| format!("{name} "));
    let Some(name) = name.filter(|name| pythons.iter().all(|python| python.starts_with(name))) else {
        return pythons;
    };
    let shorten = |(at, python): (usize, String)| match python.strip_prefix(&name) {
        Some(version) if at > 0 => version.to_owned(),
        _ => python,
    };
    pythons.into_iter().enumerate().map(shorten).collect()
}

fn join(words: &[String]) -> String {
    words.join(", ")
}

/// Reads `2.17`.
fn glibc(text: &str) -> Result<(u16, u16), UsageError> {
    let tag: Option<Platform> = text
        .trim()
        .split_once('.')
        .and_then(|(major, minor)| format!("manylinux_{major}_{minor}_x86_64").parse().ok());
    match tag.map(Platform::system) {
        Some(System::Glibc(major, minor)) => Ok((major, minor)),
        _ => Err(UsageError(format!("`{text}` is not a version of glibc; write one like `2.17`"))),
    }
}

/// The platforms with this glibc, if one is named; those without glibc stay as they are.
fn with_glibc(platforms: Vec<Platform>, glibc: Option<(u16, u16)>) -> Result<Vec<Platform>, UsageError> {
    let Some((major, minor)) = glibc else { return Ok(platforms) };
    let with = |platform: &Platform| platform.with_glibc(major, minor);
    if !platforms.iter().any(|platform| with(platform).is_some()) {
        let words = "--glibc is for linux, and no platform of this run has glibc: leave it out".to_owned();
        return Err(UsageError(words));
    }
    Ok(platforms.iter().map(|platform| with(platform).unwrap_or(*platform)).collect())
}

#[cfg(test)]
mod tests;
