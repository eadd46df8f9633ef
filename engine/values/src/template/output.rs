//! The output of a template: a text with a limit.

use std::io;

use handlebars::Output;

/// Collects text up to a limit.
pub(super) struct Bounded {
    pub(super) text: String,
    limit: usize,
}

impl Bounded {
    pub(super) fn new(limit: usize) -> Bounded {
        Bounded { text: String::new(), limit }
    }
}

impl Output for Bounded {
    fn write(&mut self, part: &str) -> Result<(), io::Error> {
        if self.text.len() + part.len() > self.limit {
            return Err(io::Error::other(too_long(self.limit)));
        }
        self.text.push_str(part);
        Ok(())
    }
}

pub(super) fn too_long(limit: usize) -> String {
    format!("The output of the template is longer than the {limit} bytes allowed")
}
