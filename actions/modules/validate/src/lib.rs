//! The module `validate`: checks records against a JSON Schema. It is a module of its own, because the library for
//! schemas is larger than all other actions together.

mod random;
mod validate;

ropewalk_sdk::module![validate::Validate];
