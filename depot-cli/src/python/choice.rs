//! What of the command line, and of the lists that it names, says what is chosen.

use super::{inputs::Asked, solve::Choice};
use crate::{args::ChoiceArgs, exit::UsageError};

/// What may be chosen, and what is wanted of it.
pub(super) fn read(args: &ChoiceArgs, asked: &Asked) -> Result<Choice, UsageError> {
    let mut formats = asked.formats.clone();
    for value in &args.only_binary {
        formats.only_binary(value).map_err(|why| UsageError(format!("--only-binary: {why}")))?;
    }
    for value in &args.no_binary {
        formats.no_binary(value).map_err(|why| UsageError(format!("--no-binary: {why}")))?;
    }
    Ok(Choice {
        pre: args.pre || asked.pre,
        formats,
        sdist: args.sdist,
        all_files: args.all_files,
        all_versions: args.all_versions,
        no_deps: args.no_deps,
    })
}
