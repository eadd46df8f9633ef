//! Limits of sources. A larger row, line or document is refused, and the message names the limit.

use values::json::Bounds;

/// Bytes of one row of a CSV file, and with it of one cell.
pub const MAX_ROW_BYTES: u64 = 16 << 20;
/// Separators in one row of a CSV file, those in quotes included: the position of each cell takes 8 bytes.
pub const MAX_ROW_SEPARATORS: u64 = 1_000_000;
/// Columns of a table: the maximum of a sheet in Excel.
pub const MAX_COLUMNS: usize = 16_384;
/// Bytes of all names in the header of a table. Every record repeats them.
pub const MAX_HEADER_BYTES: usize = 1 << 20;
/// Cells without a column that a message shows of a row.
pub const MAX_EXTRA_CELLS: usize = 100;
/// Bytes of one line of a JSON Lines file.
pub const MAX_LINE_BYTES: usize = 16 << 20;
/// Bytes of a JSON document, which is in memory while its records are read.
pub const MAX_DOCUMENT_BYTES: u64 = 512 << 20;
/// Bytes of memory that one record of a JSON file takes, and the JSON in one cell. The text `[1,1]` takes
/// about 50 times its length.
pub const MAX_RECORD_MEMORY: usize = 128 << 20;

/// The bounds of one record of a JSON file, or of the JSON in a cell.
pub fn record_bounds() -> Bounds {
    Bounds { memory: MAX_RECORD_MEMORY, ..Bounds::default() }
}
