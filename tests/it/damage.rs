//! Damage to what a stopped server left on its disk: the next start serves every file, forgets no revocation, and
//! takes uploads. Only the tree is irreplaceable; all else is built again from it.

mod fixture;
mod journal;
mod rebuild;
mod record;
mod store;
mod tokens;
mod torn;
