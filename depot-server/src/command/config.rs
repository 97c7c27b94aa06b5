//! `depot-server config`.

use serde_json::{Map, json};

use super::{
    args::{ConfigArgs, OutputFormat},
    print,
};
use crate::{
    config::{self, Entry, Origin, Settings, Transport, Weakness},
    listen::tls::Tls,
};

pub(super) fn show(args: ConfigArgs) -> anyhow::Result<()> {
    let settings = args.given.settings()?;
    if let Transport::Tls(files) = &settings.transport {
        // `serve` would be refused by the same words.
        Tls::open(files.clone())?;
    }
    let weaker = config::weaknesses(&settings);
    match args.format {
        OutputFormat::Text => print(text(&settings, &weaker).trim_end()),
        OutputFormat::Json => print(&format!("{:#}", as_json(&settings, &weaker))),
    }
    Ok(())
}

/// A file that would say the same, with where each value comes from beside it.
fn text(settings: &Settings, weaker: &[Weakness]) -> String {
    let mut lines = vec![match &settings.file {
        Some(file) => format!("# {}", file.display()),
        None => "# no configuration file".to_owned(),
    }];
    let assignments: Vec<_> = settings.entries.iter().map(assignment).collect();
    let width = assignments.iter().map(String::len).filter(|length| *length <= 60).max().unwrap_or(0);
    for (entry, assignment) in settings.entries.iter().zip(&assignments) {
        lines.push(format!("{assignment:width$}  # {}", entry.origin));
    }
    if !weaker.is_empty() {
        lines.push("\n# weaker than recommended:".to_owned());
        lines.extend(weaker.iter().map(|weakness| format!("# {}: {}", weakness.about, weakness.why)));
    }
    lines.join("\n")
}

fn assignment(entry: &Entry) -> String {
    let key = entry.setting.key;
    entry.toml.as_ref().map_or_else(|| format!("# {key} is not set"), |value| format!("{key} = {value}"))
}

fn as_json(settings: &Settings, weaker: &[Weakness]) -> serde_json::Value {
    let values = settings.entries.iter().map(|entry| {
        let mut value = json!({ "value": entry.json, "source": entry.origin.layer() });
        if entry.origin != Origin::Default {
            value["where"] = json!(entry.origin.to_string());
        }
        (entry.setting.key.to_owned(), value)
    });
    let weaker: Vec<_> =
        weaker.iter().map(|weakness| json!({ "about": weakness.about, "why": weakness.why })).collect();
    json!({
        "schema": "depot.config/1",
        "file": settings.file.as_ref().map(|file| file.to_string_lossy()),
        "settings": values.collect::<Map<_, _>>(),
        "weaker": weaker,
    })
}
