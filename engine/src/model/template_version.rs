//! Names a version of a filter template.

/// A version of a filter template. A job result stores which versions it uses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TemplateVersion {
    /// Key of the template.
    pub key: String,
    /// The number of the version, from 1.
    pub version: u32,
}
