//! What readers see at one mount, whichever repositories stand behind it.

pub(crate) mod listing;
