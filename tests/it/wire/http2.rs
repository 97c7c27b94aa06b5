//! HTTP/2 (attack 30): not spoken where nobody can agree on it, and under limits where it is.

mod floods;
mod frames;
mod plain;
mod secure;
mod waits;
