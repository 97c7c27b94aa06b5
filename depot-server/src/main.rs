//! The `depot-server` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    depot_server::command::main(std::env::args_os())
}
