//! `scrub`: reads every file again.

use super::{ADMIN, AdminAnswer, Said, Tell};
use crate::{
    app::Depot,
    python::scrub::{self, Options},
};

pub(super) fn scrub(
    depot: &Depot,
    takes_out: bool,
    rate: Option<u64>,
    tell: Tell<'_>,
) -> Result<AdminAnswer, String> {
    let options = Options {
        quarantine: &depot.config.quarantine(),
        takes_out,
        rate,
        who: ADMIN,
        tell: &|words| tell(Said::Progress(words)),
    };
    let scrubbed = scrub::scrub(&depot.hosted.repository, &options);
    scrubbed.map(|scrubbed| AdminAnswer::Scrubbed { scrubbed }).map_err(|error| error.to_string())
}
