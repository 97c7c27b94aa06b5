//! What is written about the settings: the file of `init`, and the page in docs/.

use std::{collections::BTreeSet, fmt::Write as _};

use super::*;
use crate::config::{
    setting::{Fallback, sections},
    template,
};

#[test]
fn every_setting_is_read_and_named_after_its_table() {
    let read: Vec<_> = file("").unwrap().entries.iter().map(|entry| entry.setting.key).collect();
    assert_eq!(read, setting::all().map(|setting| setting.key).collect::<Vec<_>>());
    assert_eq!(read.iter().collect::<BTreeSet<_>>().len(), read.len());
    for section in sections() {
        for setting in section.settings {
            assert_eq!(setting.key, format!("{}.{}", section.name, setting.name()));
            assert!(!setting.what.ends_with('.'), "{}", setting.key);
        }
    }
}

#[test]
fn the_written_default_is_the_one_that_holds() {
    for entry in file("").unwrap().entries {
        match entry.setting.fallback {
            Fallback::Value(value) => assert_eq!(entry.toml.as_deref(), Some(value), "{}", entry.setting.key),
            // One of the file's own, or none.
            Fallback::Words { .. } => {
                let is_free =
                    entry.toml.is_none() || ["data_dir", "kind", "upstream"].contains(&entry.setting.name());
                assert!(is_free, "{}", entry.setting.key);
            }
        }
    }
}

#[test]
fn the_file_of_init_says_nothing_but_the_defaults() {
    let text = template(&[]);
    // The word in a comment would keep the harness from naming a data directory.
    let untouched = file(&text.replace("data_dir", "data-dir")).unwrap();
    assert_eq!(format!("{:?}", untouched.entries), format!("{:?}", file("").unwrap().entries));
    assert!(text.lines().all(|line| line.len() <= 100), "{text}");

    // Every key stands in it, under its table, once.
    let mut table = "";
    let mut keys = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[') {
            table = name.trim_end_matches(']');
        } else if let Some((name, _)) = line.strip_prefix('#').and_then(|line| line.split_once(" = "))
            && !name.starts_with(' ')
        {
            keys.push(format!("{table}.{name}"));
        }
    }
    assert_eq!(keys, setting::all().map(|setting| setting.key).collect::<Vec<_>>());
}

/// The file of `init` with every key written.
fn uncommented() -> String {
    let is_key = |line: &str| line.starts_with('#') && !line.starts_with("# ");
    let lines = template(&[]);
    let lines = lines.lines().map(|line| if is_key(line) { &line[1..] } else { line });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_values_in_the_file_of_init_are_the_defaults_too() {
    let written = file(&uncommented()).unwrap();
    for entry in &written.entries {
        if let Fallback::Value(value) = entry.setting.fallback {
            assert_eq!(entry.toml.as_deref(), Some(value), "{}", entry.setting.key);
        }
        assert_eq!(entry.origin.layer(), "file", "{}", entry.setting.key);
    }
}

/// The table of docs/configuration.md.
fn table() -> String {
    let mut table =
        String::from("| key | flag | environment | default | what it is |\n|---|---|---|---|---|\n");
    for setting in setting::all() {
        let code = |text: &str| format!("`{text}`");
        let (flag, variable) = setting.outside.as_ref().map_or_else(
            || (String::new(), String::new()),
            |outside| (code(outside.flag), code(outside.variable)),
        );
        let default = match setting.fallback {
            Fallback::Value(value) => code(value),
            Fallback::Words { words, .. } => words.to_owned(),
        };
        let _ = writeln!(table, "| `{}` | {flag} | {variable} | {default} | {} |", setting.key, setting.what);
    }
    table
}

#[test]
fn the_page_in_docs_names_every_setting_as_it_is() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
    let page = std::fs::read_to_string(path).unwrap();
    let rows: Vec<_> = page.lines().filter(|line| line.starts_with("| ")).collect();
    let expected = table();
    let expected: Vec<_> = expected.lines().filter(|line| line.starts_with("| ")).collect();
    assert_eq!(rows, expected, "the table should be:\n{}", table());
    for word in
        ["--config", "DEPOT_CONFIG", "--private", "DEPOT_PRIVATE", "${VAR:-default}", "depot.config/1"]
    {
        assert!(page.contains(word), "{word}");
    }
    // Every example in it can be used.
    for (number, example) in page.split("```toml\n").skip(1).enumerate() {
        let (example, _) = example.split_once("```").unwrap();
        let variables = &[("DEPOT_KEYS", "/keys")];
        let read = Written { file: example, variables, ..Written::default() }.settings();
        read.unwrap_or_else(|error| panic!("example {}: {error}", number + 1));
    }
}
