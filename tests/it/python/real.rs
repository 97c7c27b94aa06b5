//! Real projects, as they were recorded: what is solved for each target, beside what uv makes of the same index.
//!
//! `fixtures/real/roots.txt` has the cases, `solutions.json` what uv said, `record.py` says where the projects are from.

mod cases;
mod recorded;
