//! Rules that know no ecosystem and no HTTP.

pub(crate) mod commit;
pub(crate) mod names;
pub(crate) mod tokens;
