//! Attacks on what depot promises, each tried in all the variants that are known, and counted.
//!
//! Paths that climb, hostile HTTP and the like are in `hostile` and in the suite of the wire; forged tokens in `tokens`.

mod filesystem;
mod injection;
mod metadata;
mod names;
mod overwrites;
mod secrets;
mod tls;
mod versions;
