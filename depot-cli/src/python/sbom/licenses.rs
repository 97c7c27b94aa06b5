//! What a distribution says of its licence, in the three ways in which it may.

use depot_proto::CoreMetadata;
use serde_json::{Value, json};

/// The longest text that is a licence's name, and not the licence.
const LONGEST_NAME: usize = 100;

/// The licences, as CycloneDX has them; none if nothing is said.
pub(super) fn of(metadata: &CoreMetadata) -> Option<Value> {
    let said =
        |name| metadata.header(name).map(str::trim).find(|value| !value.is_empty() && *value != "UNKNOWN");
    // PEP 639: an SPDX expression, which says it all.
    if let Some(expression) = said("License-Expression") {
        return Some(json!([{ "expression": expression, "acknowledgement": "declared" }]));
    }
    let mut names: Vec<&str> = metadata
        .header("Classifier")
        .filter_map(|classifier| classifier.strip_prefix("License ::")?.rsplit("::").next())
        .map(str::trim)
        .filter(|name| !name.is_empty() && *name != "OSI Approved")
        .collect();
    // Where there is no classifier, a short text is a name.
    let is_name = |text: &&str| text.len() <= LONGEST_NAME && !text.contains('\n');
    if names.is_empty() {
        names.extend(said("License").filter(is_name));
    }
    names.dedup();
    let license = |name| json!({ "license": { "name": name, "acknowledgement": "declared" } });
    let licenses: Vec<Value> = names.into_iter().map(license).collect();
    (!licenses.is_empty()).then_some(Value::Array(licenses))
}

#[cfg(test)]
mod tests {
    use depot_proto::metadata::parse;

    use super::*;

    #[test]
    fn a_licence_is_told_by_its_expression_else_by_classifiers_else_by_its_name() {
        let named = |name| json!([{ "license": { "name": name, "acknowledgement": "declared" } }]);
        let long = format!("License: {}", "word ".repeat(40));
        for (lines, licenses) in [
            (
                "License-Expression: MIT OR Apache-2.0\nLicense: MIT",
                Some(json!([{ "expression": "MIT OR Apache-2.0", "acknowledgement": "declared" }])),
            ),
            (
                "License: x\nClassifier: License :: OSI Approved :: MIT License\nClassifier: Topic :: X",
                Some(named("MIT License")),
            ),
            ("License: BSD-3-Clause", Some(named("BSD-3-Clause"))),
            ("Classifier: License :: OSI Approved", None),
            ("License: UNKNOWN", None),
            (&long, None),
            ("", None),
        ] {
            let text = format!("Metadata-Version: 2.4\nName: x\nVersion: 1\n{lines}\n");
            assert_eq!(of(&parse(text.as_bytes()).unwrap()), licenses, "{lines}");
        }
    }
}
