//! `depot-server init`.

use std::io;

use anyhow::Context as _;

use super::{args::InitArgs, print, say};
use crate::{config, private};

pub(super) fn init(args: &InitArgs) -> anyhow::Result<()> {
    let path = &args.config;
    let shown = path.display();
    let text = config::template();
    let written = if args.force {
        private::replace(path, text.as_bytes())
    } else {
        private::write_new(path, text.as_bytes())
    };
    match written {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            anyhow::bail!("`{shown}` is there already, and was left as it is: `--force` replaces it");
        }
        written => written.with_context(|| format!("cannot write `{shown}`"))?,
    }
    print(&shown.to_string());
    let named = match path.to_str() {
        Some(config::DEFAULT_NAME) => String::new(),
        _ => format!(" --config {shown}"),
    };
    say(&format!(
        "depot-server: every setting stands in it, commented out; change what you want, see what that means with\n\
         `depot-server config{named}`, and start with `depot-server serve{named}`"
    ));
    Ok(())
}
