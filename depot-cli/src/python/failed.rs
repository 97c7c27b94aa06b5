//! What a run could not do: said to people and to programs in one way.

use serde_json::{Value, json};

use crate::output::Printer;

/// Something that was asked for and cannot be had, or done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failed {
    /// What.
    pub(super) item: String,
    /// Why not.
    pub(super) reason: String,
}

/// Says what failed, a line each.
pub(super) fn tell(failed: &[Failed], printer: &Printer) {
    for Failed { item, reason } in failed {
        printer.error(&format!("{item}: {reason}"));
    }
}

/// The same for programs.
pub(super) fn to_json(failed: &[Failed]) -> Value {
    failed.iter().map(|failed| json!({ "item": failed.item, "reason": failed.reason })).collect()
}
