//! The default index in a `uv.toml`.

use anyhow::Context as _;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};
use url::Url;

/// The text with this index as the default one.
pub(super) fn with(text: &str, name: &str, index: &Url) -> anyhow::Result<String> {
    let mut document: DocumentMut = text.parse().context("the `uv.toml` cannot be read")?;
    if document.contains_key("index-url") {
        anyhow::bail!(
            "the `uv.toml` has an `index-url`, which an `[[index]]` goes before: take it out first"
        );
    }
    let indexes = document.entry("index").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    let indexes =
        indexes.as_array_of_tables_mut().context("`index` in the `uv.toml` is no list of tables")?;
    let is_named = |table: &Table| table.get("name").and_then(Item::as_str) == Some(name);
    let is_default = |table: &Table| table.get("default").and_then(Item::as_bool) == Some(true);
    if let Some(other) = indexes.iter().find(|table| is_default(table) && !is_named(table)) {
        let other =
            other.get("name").or_else(|| other.get("url")).and_then(Item::as_str).unwrap_or("another");
        anyhow::bail!("the `uv.toml` has a default index already, `{other}`: take its `default` out first");
    }
    let known = indexes.iter().position(is_named);
    match known.and_then(|at| indexes.get_mut(at)) {
        Some(own) => {
            if own.get("url").and_then(Item::as_str) != Some(index.as_str()) {
                own["url"] = value(index.as_str());
            }
            if !is_default(own) {
                own["default"] = value(true);
            }
        }
        None => {
            let mut own = Table::new();
            own["name"] = value(name);
            own["url"] = value(index.as_str());
            own["default"] = value(true);
            indexes.push(own);
        }
    }
    Ok(document.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> anyhow::Result<String> {
        with(text, "depot", &Url::parse("http://d/simple/")?)
    }

    #[test]
    fn the_default_index_is_set_and_the_rest_stays() {
        let new = "[[index]]\nname = \"depot\"\nurl = \"http://d/simple/\"\ndefault = true\n";
        for (before, after) in [
            (String::new(), new.to_owned()),
            ("# mine\noffline = false # why\n".to_owned(), format!("# mine\noffline = false # why\n\n{new}")),
            (
                "[[index]]\nname = \"depot\" # ours\nurl = \"http://o/\"\nauthenticate = \"always\"\n".to_owned(),
                "[[index]]\nname = \"depot\" # ours\nurl = \"http://d/simple/\"\nauthenticate = \"always\"\ndefault = true\n".to_owned(),
            ),
        ] {
            assert_eq!(set(&before).unwrap(), after, "{before}");
            assert_eq!(set(&after).unwrap(), after, "a second time: {before}");
        }
        let other = "[[index]]\nname = \"corp\"\nurl = \"http://o/\"\ndefault = true\n";
        assert!(set(other).unwrap_err().to_string().contains("`corp`"));
        assert!(set("index-url = \"http://o/\"\n").unwrap_err().to_string().contains("`index-url`"));
        assert!(set("index = 1\n").is_err());
        assert!(set("= nonsense").is_err());
    }
}
