//! One binary for all tests that cross crates: linking a second one would cost more than running this one.

#![allow(clippy::unwrap_used, reason = "tests")]

mod accounts;
mod chance;
mod configuration;
mod crash;
mod damage;
mod doctor;
mod example_tree;
#[cfg(target_os = "linux")]
mod faults;
mod harness;
mod keeping;
mod mounted;
mod online;
mod python;
mod routes;
mod tidy;
mod trusted;
mod wire;
