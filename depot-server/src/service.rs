//! Rules that know no ecosystem and no HTTP.

pub(crate) mod alarms;
pub(crate) mod authority;
pub(crate) mod commit;
pub(crate) mod downloads;
pub(crate) mod issuing;
pub(crate) mod login;
pub(crate) mod mint;
pub(crate) mod names;
pub(crate) mod statistics;
pub(crate) mod subjects;
mod throttle;
pub(crate) mod tokens;
mod twins;
pub(crate) mod users;
