//! The `depot` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    depot_cli::main(std::env::args_os())
}
