//! JSON Schema, as much of it as the schemas in `docs/schemas` use; a word that is not understood fails the test.

use std::fs;

use depot_tests::workspace_root;
use serde_json::Value;

/// Fails unless a result is as the schema that it names says.
#[track_caller]
pub(crate) fn assert_valid(result: &Value) {
    let complaints = complaints(result);
    assert!(complaints.is_empty(), "{complaints:#?}\n{result:#}");
}

/// Where a result is not as the schema that it names says.
pub(super) fn complaints(result: &Value) -> Vec<String> {
    let name = result["schema"].as_str().unwrap().replace('/', ".");
    let path = workspace_root().join("docs/schemas").join(format!("{name}.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut complaints = Vec::new();
    check(&serde_json::from_str(&text).unwrap(), result, "", &mut complaints);
    complaints
}

fn check(schema: &Value, value: &Value, at: &str, complaints: &mut Vec<String>) {
    let mut complain = |what: String| complaints.push(format!("{at}: {what}: {value}"));
    for (word, rule) in schema.as_object().unwrap() {
        match word.as_str() {
            "const" if value != rule => complain(format!("it is not {rule}")),
            "enum" if !rule.as_array().unwrap().contains(value) => complain(format!("it is none of {rule}")),
            "minimum" if value.as_f64().is_some_and(|value| value < rule.as_f64().unwrap()) => {
                complain(format!("it is less than {rule}"));
            }
            "type" if !types(rule).any(|name| is_a(value, name)) => complain(format!("it is no {rule}")),
            // As the others say nothing of what is of another type, this says nothing of what is no object.
            "required" if value.is_object() => {
                let names = rule.as_array().unwrap().iter().map(|name| name.as_str().unwrap());
                names
                    .filter(|name| value.get(name).is_none())
                    .for_each(|name| complain(format!("`{name}` is missing")));
            }
            // Kept, or no rules, or looked at below.
            "const"
            | "enum"
            | "minimum"
            | "type"
            | "required"
            | "$schema"
            | "title"
            | "description"
            | "items"
            | "properties"
            | "additionalProperties" => {}
            other => panic!("the schema at {at} says `{other}`, which is not understood here"),
        }
    }
    for (name, value) in value.as_object().into_iter().flatten() {
        match schema["properties"].get(name) {
            Some(rule) => check(rule, value, &format!("{at}/{name}"), complaints),
            None if schema["additionalProperties"] == false => {
                complaints.push(format!("{at}: `{name}` is unknown"));
            }
            None => {}
        }
    }
    if let (Some(values), Some(rule)) = (value.as_array(), schema.get("items")) {
        for (number, value) in values.iter().enumerate() {
            check(rule, value, &format!("{at}/{number}"), complaints);
        }
    }
}

fn types(rule: &Value) -> impl Iterator<Item = &str> {
    rule.as_str().into_iter().chain(rule.as_array().into_iter().flatten().filter_map(Value::as_str))
}

fn is_a(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => panic!("there is no type `{name}`"),
    }
}
