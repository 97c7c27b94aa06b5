//! The primary source in a project of Poetry's.

use anyhow::Context as _;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};
use url::Url;

/// The text with this index as a primary source.
pub(super) fn with(text: &str, name: &str, index: &Url) -> anyhow::Result<String> {
    let mut document: DocumentMut = text.parse().context("the `pyproject.toml` cannot be read")?;
    let no_table = "`tool.poetry` in the `pyproject.toml` is no table";
    let mut table = document.as_table_mut();
    for key in ["tool", "poetry"] {
        let item = table.entry(key).or_insert_with(|| {
            let mut table = Table::new();
            table.set_implicit(true);
            Item::Table(table)
        });
        table = item.as_table_mut().context(no_table)?;
    }
    let sources = table.entry("source").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    let sources = sources.as_array_of_tables_mut().context("`tool.poetry.source` is no list of tables")?;
    let is_named = |table: &Table| table.get("name").and_then(Item::as_str) == Some(name);
    if !sources.iter().any(is_named) {
        let mut own = Table::new();
        own["name"] = value(name);
        sources.push(own);
    }
    for own in sources.iter_mut().filter(|table| is_named(table)) {
        for (key, wanted) in [("url", index.as_str()), ("priority", "primary")] {
            if own.get(key).and_then(Item::as_str) != Some(wanted) {
                own[key] = value(wanted);
            }
        }
    }
    Ok(document.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> String {
        with(text, "depot", &Url::parse("http://d/simple/").unwrap()).unwrap()
    }

    #[test]
    fn the_source_is_set_and_the_rest_stays() {
        let new =
            "[[tool.poetry.source]]\nname = \"depot\"\nurl = \"http://d/simple/\"\npriority = \"primary\"\n";
        for (before, after) in [
            (
                "[project] # mine\nname = \"x\"\n".to_owned(),
                format!("[project] # mine\nname = \"x\"\n\n{new}"),
            ),
            (
                "[tool.poetry]\nname = \"x\"\n\n[tool.ruff]\na = 1\n".to_owned(),
                format!("[tool.poetry]\nname = \"x\"\n\n{new}\n[tool.ruff]\na = 1\n"),
            ),
            (
                "[[tool.poetry.source]]\nname = \"depot\"\nurl = \"http://o/\" # old\n".to_owned(),
                new.to_owned(),
            ),
        ] {
            assert_eq!(set(&before), after, "{before}");
            assert_eq!(set(&after), after, "a second time: {before}");
        }
    }
}
