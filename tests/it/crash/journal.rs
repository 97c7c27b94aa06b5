//! The journal's chain, read as its description says, apart from the code that writes it.

use std::path::Path;

use depot_tests::sha256_hex;
use serde_json::Value;

/// Follows the chain of `<data-dir>/journal/changes.jsonl` from its first line to its last; the number of lines.
pub(crate) fn assert_chain_holds(data_dir: &Path) -> usize {
    let text = std::fs::read_to_string(data_dir.join("journal/changes.jsonl")).unwrap();
    assert!(text.ends_with('\n'), "the last line is not finished");
    let mut last = sha256_hex(b"");
    let mut serial = 0;
    for line in text.lines() {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let (body, _) = line.rsplit_once(",\"sum\":").unwrap();
        assert_eq!(value["prev"], last, "line {line} does not follow the one before it");
        assert_eq!(value["sum"], sha256_hex(body.as_bytes()), "{line}");
        assert_eq!(value["serial"], serial + 1, "{line}");
        serial += 1;
        value["sum"].as_str().unwrap().clone_into(&mut last);
    }
    serial
}
