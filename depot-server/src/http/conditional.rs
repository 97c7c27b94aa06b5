//! Validators: has the client this very representation already?

use axum::http::{HeaderMap, header};

/// Whether `If-None-Match` names this strong validator, or any.
pub(crate) fn none_match_names(headers: &HeaderMap, etag: &[u8]) -> bool {
    let mut values = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    values.any(|value| names(value, etag))
}

/// Whether the value of an `If-None-Match` names this strong validator, or any.
pub(crate) fn names(value: &str, etag: &[u8]) -> bool {
    // The comparison is the weak one (RFC 9110, 13.1.2): a proxy may have weakened the validator.
    let mut validators = value.split(',').map(str::trim);
    validators.any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one).as_bytes() == etag)
}

/// Whether a range may be sent: there is no `If-Range`, or it names this validator, strongly.
pub(crate) fn range_applies(headers: &HeaderMap, etag: &[u8]) -> bool {
    headers.get(header::IF_RANGE).is_none_or(|value| value.as_bytes() == etag)
}
