//! The module `collections`: records that Ropewalk keeps for the organization.

mod key;
mod lookup;
mod write;

ropewalk_sdk::module![write::Write, lookup::Lookup];
