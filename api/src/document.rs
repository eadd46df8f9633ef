//! The walls in front of a GraphQL document.
//!
//! async-graphql validates a document in time and memory that can grow with the
//! square of its size, or with two to the power of its fragments. So its text is
//! counted before it is parsed, and what was parsed is measured before it is
//! validated: 733 bytes must not cost seconds.

mod size;
mod tokens;

use async_graphql::parser::{self, types::ExecutableDocument};
use async_graphql::{Pos, ServerError};

use crate::refusal::{Code, Refusal};

/// How much one document may be. Strings count as one token, whatever their length.
#[derive(Debug, Clone, Copy)]
pub struct Walls {
    /// Bytes of the text.
    pub bytes: usize,
    /// Names, punctuation, numbers and strings.
    pub tokens: usize,
    /// Brackets inside each other.
    pub brackets: usize,
    /// Operations and fragments.
    pub definitions: usize,
    /// Fields, fragments and spreads, as written.
    pub selections: usize,
    /// The same, with every fragment put in where it is spread.
    pub expanded: usize,
    /// Fields with another name than their own.
    pub aliases: usize,
    /// Directives, anywhere.
    pub directives: usize,
    /// Fields inside each other.
    pub depth: usize,
    /// Fields inside each other below `__schema` and `__type`.
    pub schema_depth: usize,
    /// Lists of the schema (fields of types of fields of …) inside each other.
    pub schema_lists: usize,
}

/// The walls that are built. The largest document that tools are known to send is
/// the introspection of the whole schema; it fits twice.
pub const WALLS: Walls = Walls {
    bytes: 512 * 1024,
    tokens: 10_000,
    brackets: 64,
    definitions: 50,
    selections: 1_000,
    expanded: 2_000,
    aliases: 100,
    directives: 50,
    depth: 10,
    schema_depth: 20,
    schema_lists: 2,
};

/// Parses a document that stays inside the walls.
///
/// # Errors
/// Says which wall it met (`TOO_LARGE`, `TOO_COMPLEX`), or where it cannot be read (`BAD_REQUEST`).
pub fn read(text: &str, walls: &Walls) -> Result<ExecutableDocument, ServerError> {
    refuse_above("bytes", text.len(), walls.bytes, Code::TooLarge)?;
    let counted = tokens::count(text);
    too_complex("tokens", counted.tokens, walls.tokens)?;
    too_complex("brackets inside each other", counted.depth, walls.brackets)?;
    let document = parser::parse_query(text).map_err(unreadable)?;
    measure(&document, walls)?;
    Ok(document)
}

fn measure(document: &ExecutableDocument, walls: &Walls) -> Result<(), ServerError> {
    let definitions = document.operations.iter().len() + document.fragments.len();
    too_complex("operations and fragments", definitions, walls.definitions)?;
    let written = size::written(document);
    too_complex("fields and spreads", written.selections, walls.selections)?;
    too_complex("aliases", written.aliases, walls.aliases)?;
    too_complex("directives", written.directives, walls.directives)?;
    let size = size::expanded(document).map_err(Refusal::into_server_error)?;
    too_complex("fields, with its fragments put in,", size.selections, walls.expanded)?;
    too_complex("fields inside each other", size.depth, walls.depth)?;
    too_complex("fields of the schema inside each other", size.schema_depth, walls.schema_depth)?;
    too_complex("lists of the schema inside each other", size.schema_lists, walls.schema_lists)
}

fn too_complex(what: &str, is: usize, most: usize) -> Result<(), ServerError> {
    refuse_above(what, is, most, Code::TooComplex)
}

fn refuse_above(what: &str, is: usize, most: usize, code: Code) -> Result<(), ServerError> {
    if is <= most {
        return Ok(());
    }
    Err(Refusal::new(code, format!("The document has more than {most} {what}; at most {most} are allowed."))
        .into_server_error())
}

fn unreadable(error: parser::Error) -> ServerError {
    let positions: Vec<Pos> = error.positions().collect();
    let mut refused = Refusal::bad(format!("The document cannot be read: {error}")).into_server_error();
    refused.locations = positions;
    refused
}

#[cfg(test)]
mod tests;
