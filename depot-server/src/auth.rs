//! Who someone is, and what they may do. No HTTP here, and no store: only rules.

pub(crate) mod keys;
pub(crate) mod oidc;
pub(crate) mod password;
pub(crate) mod policy;
pub(crate) mod token;
