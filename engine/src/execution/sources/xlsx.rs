//! XLSX: a sheet of an Excel workbook. Its first row that is not empty is the header.

mod archive;
mod cell;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::{Read, Seek};

use calamine::{Reader, SheetType, Xlsx, XlsxError};
use serde_json::{Map, Value};

use crate::execution::outcome::LineError;
use crate::execution::sources::table::check_header;
use crate::execution::sources::{FileReading, Row};
use crate::model::fault::did_you_mean;
use crate::model::source::limits::{MAX_COLUMNS, MAX_ROW_BYTES};

/// How many cells are read between two checks of the deadline.
const CELLS_BETWEEN_CHECKS: usize = 1024;

pub(super) fn read(
    mut file: impl Read + Seek,
    reading: &FileReading<'_>,
    mut each: impl FnMut(Row) -> Result<(), LineError>,
) -> Result<(), LineError> {
    let fault = |fault: String| reading.fault(&fault);
    let unreadable = |error: XlsxError| fault(format!("cannot be read as a workbook: {error}"));
    archive::check(&mut file).map_err(fault)?;
    let mut workbook = Xlsx::new(file).map_err(unreadable)?;
    let sheet = choose_sheet(&workbook, reading.source.sheet.as_deref()).map_err(fault)?;
    let mut cells = workbook.worksheet_cells_reader(&sheet).map_err(unreadable)?;
    let mut table = Table { reading, names: Vec::new(), number: 0, row: BTreeMap::new(), bytes: 0 };
    let mut count = 0;
    while let Some(cell) = cells.next_cell().map_err(unreadable)? {
        count += 1;
        if count % CELLS_BETWEEN_CHECKS == 0 {
            reading.deadline.check()?;
        }
        let (row, column) = cell.get_position();
        if row != table.number {
            table.end_row(&mut each)?;
            table.number = row;
        }
        match cell::value(cell.get_value(), reading.zone) {
            Ok(Value::Null) => {}
            value => table.add(column, value)?,
        }
    }
    table.end_row(&mut each)
}

fn choose_sheet(workbook: &Xlsx<impl Read + Seek>, wanted: Option<&str>) -> Result<String, String> {
    let sheets = workbook.sheets_metadata().iter().filter(|sheet| sheet.typ == SheetType::WorkSheet);
    let names: Vec<_> = sheets.map(|sheet| sheet.name.as_str()).collect();
    match wanted {
        None => names.first().map(|name| (*name).to_owned()).ok_or_else(|| "has no sheet with cells".to_owned()),
        Some(wanted) if names.contains(&wanted) => Ok(wanted.to_owned()),
        Some(wanted) => match did_you_mean(wanted, names.iter().copied()).as_str() {
            "" => Err(format!("has no sheet `{wanted}`; it has {}", listed(&names))),
            near => Err(format!("has no sheet `{wanted}`{near}")),
        },
    }
}

fn listed(names: &[&str]) -> String {
    const MOST: usize = 20;
    let shown: Vec<_> = names.iter().take(MOST).map(|name| format!("`{name}`")).collect();
    format!("{}{}", shown.join(", "), if names.len() > MOST { ", …" } else { "" })
}

/// The table of a sheet, with the row that is being read.
struct Table<'a> {
    reading: &'a FileReading<'a>,
    /// The header; empty until it was read.
    names: Vec<String>,
    /// The place of the row in the sheet, from 0.
    number: u32,
    /// Its cells that are not empty, or why they cannot be read.
    row: BTreeMap<usize, Result<Value, String>>,
    /// The bytes of its texts.
    bytes: usize,
}

impl Table<'_> {
    fn add(&mut self, column: u32, cell: Result<Value, String>) -> Result<(), LineError> {
        let column = column as usize;
        if column >= MAX_COLUMNS {
            return Err(self.reading.fault(&format!("has more than {MAX_COLUMNS} columns, which no sheet can have")));
        }
        self.bytes += cell.as_ref().ok().and_then(Value::as_str).map_or(0, str::len);
        if self.bytes as u64 > MAX_ROW_BYTES {
            return Err(self.reading.fault(&format!("row {} is longer than {MAX_ROW_BYTES} bytes", self.number + 1)));
        }
        self.row.insert(column, cell);
        Ok(())
    }

    fn end_row(&mut self, each: &mut impl FnMut(Row) -> Result<(), LineError>) -> Result<(), LineError> {
        self.bytes = 0;
        let row = std::mem::take(&mut self.row);
        match (row.is_empty(), self.names.is_empty()) {
            (true, _) => Ok(()),
            (false, true) => self.read_header(row).map_err(|fault| self.reading.fault(&fault)),
            (false, false) => each(self.read_row(row)),
        }
    }

    fn read_header(&mut self, row: BTreeMap<usize, Result<Value, String>>) -> Result<(), String> {
        let columns = row.last_key_value().map_or(0, |(last, _)| last + 1);
        let mut names = vec![String::new(); columns];
        for (column, cell) in row {
            names[column] = match cell? {
                Value::String(name) => name,
                other => other.to_string(),
            };
        }
        check_header(&names, self.reading.types)?;
        self.names = names;
        Ok(())
    }

    /// Every column is in the record; those of empty cells are null.
    fn read_row(&self, row: BTreeMap<usize, Result<Value, String>>) -> Row {
        let mut record: Map<_, _> = self.names.iter().map(|name| (name.clone(), Value::Null)).collect();
        let mut fault = None;
        for (column, cell) in row {
            let name = self.names.get(column).cloned().unwrap_or_else(|| format!("column {}", column + 1));
            if column >= self.names.len() {
                fault.get_or_insert_with(|| format!("has a value in column {}, which has no name", column + 1));
            }
            match cell {
                Ok(value) => {
                    record.insert(name, value);
                }
                Err(message) => {
                    fault.get_or_insert_with(|| format!("has {message} in column `{name}`"));
                    record.insert(name, Value::String(message));
                }
            }
        }
        Row { number: u64::from(self.number) + 1, record: Value::Object(record), fault }
    }
}
