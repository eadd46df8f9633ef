//! Files of records and their formats.

use serde_json::Value;

/// A file of records.
#[derive(Debug, Clone, PartialEq)]
pub struct FileSource {
    /// The path as the job names it.
    pub path: String,
    /// The format of the file.
    pub format: Format,
    /// JSON Pointer to the array of records; empty for the whole document.
    pub pointer: String,
    /// The character between the cells of a CSV file; none for the default of the format.
    pub delimiter: Option<u8>,
    /// The encoding of a CSV file.
    pub encoding: Encoding,
    /// The sheet of an XLSX file; none for the first.
    pub sheet: Option<String>,
}

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values with a header row (RFC 4180).
    Csv,
    /// Tab-separated values with a header row.
    Tsv,
    /// One JSON document.
    Json,
    /// One JSON object on each line.
    JsonLines,
    /// A sheet of an Excel workbook, with a header row.
    Xlsx,
}

/// The encoding of a text. A byte order mark at its beginning takes precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// UTF-8.
    #[default]
    Utf8,
    /// Windows-1252, which includes ISO 8859-1.
    Windows1252,
    /// UTF-16; little-endian without a byte order mark.
    Utf16,
}

impl FileSource {
    /// The file at `path`, in the format of its ending.
    ///
    /// # Errors
    /// One sentence if the ending is unknown.
    pub fn of_path(path: &str) -> Result<Self, String> {
        Self::read(path, &Value::Null)
    }

    pub(super) fn read(path: &str, more: &Value) -> Result<Self, String> {
        let format = match more["format"].as_str() {
            Some(word) => Format::from_word(word),
            None => Format::of_ending(path),
        };
        let format = format.ok_or_else(|| {
            format!("the ending of `{path}` does not say its format; add format: csv, tsv, json, jsonl or xlsx")
        })?;
        check_options(format, more)?;
        Ok(Self {
            path: path.to_owned(),
            format,
            pointer: more["pointer"].as_str().unwrap_or_default().to_owned(),
            delimiter: more["delimiter"].as_str().map(read_delimiter).transpose()?,
            encoding: Encoding::from_word(more["encoding"].as_str().unwrap_or("utf-8"))?,
            sheet: more["sheet"].as_str().map(str::to_owned),
        })
    }

    /// The character between the cells of a row.
    pub fn separator(&self) -> u8 {
        self.delimiter.unwrap_or(if self.format == Format::Tsv { b'\t' } else { b',' })
    }
}

/// Refuses options that belong to files of another format.
fn check_options(format: Format, more: &Value) -> Result<(), String> {
    let table_of_text: &[Format] = &[Format::Csv, Format::Tsv];
    let known = [
        ("pointer", &[Format::Json][..], "JSON"),
        ("delimiter", table_of_text, "CSV"),
        ("encoding", table_of_text, "CSV"),
        ("sheet", &[Format::Xlsx][..], "XLSX"),
    ];
    let misplaced = known.iter().find(|(name, formats, _)| more.get(*name).is_some() && !formats.contains(&format));
    match misplaced {
        Some((name, _, files)) => Err(format!("`{name}` is only for {files} files; remove it")),
        None => Ok(()),
    }
}

fn read_delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"tab" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n') => Ok(*byte),
        _ => Err(format!("`{text}` cannot be a delimiter; write one character, such as \";\", or tab")),
    }
}

impl Format {
    fn from_word(word: &str) -> Option<Self> {
        match word {
            "csv" => Some(Self::Csv),
            "tsv" => Some(Self::Tsv),
            "json" => Some(Self::Json),
            "jsonl" => Some(Self::JsonLines),
            "xlsx" => Some(Self::Xlsx),
            _ => None,
        }
    }

    /// The format with this ending of a file name; none if it is unknown.
    pub fn of_ending(path: &str) -> Option<Self> {
        match path.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "tsv" | "tab" => Some(Self::Tsv),
            "json" | "geojson" => Some(Self::Json),
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            "xlsx" | "xlsm" => Some(Self::Xlsx),
            _ => None,
        }
    }
}

impl Encoding {
    fn from_word(word: &str) -> Result<Self, String> {
        match word {
            "utf-8" => Ok(Self::Utf8),
            "windows-1252" => Ok(Self::Windows1252),
            "utf-16" => Ok(Self::Utf16),
            _ => Err(format!("`{word}` is not an encoding; write utf-8, windows-1252 or utf-16")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(more: Value) -> Result<FileSource, String> {
        FileSource::read(more["path"].as_str().unwrap(), &more)
    }

    #[test]
    fn a_file_is_read_by_its_ending_unless_it_says_more() {
        assert_eq!(FileSource::of_path("a/b.NDJSON").unwrap().format, Format::JsonLines);
        assert_eq!(FileSource::of_path("b.xlsx").unwrap().format, Format::Xlsx);
        let separator = |more| read(more).unwrap().separator();
        assert_eq!(separator(json!({"path": "a.csv"})), b',');
        assert_eq!(separator(json!({"path": "a.tsv"})), b'\t');
        assert_eq!(separator(json!({"path": "a.dat", "format": "csv", "delimiter": ";"})), b';');
        assert_eq!(separator(json!({"path": "a.csv", "delimiter": "tab"})), b'\t');
        assert_eq!(read(json!({"path": "a.csv", "encoding": "utf-16"})).unwrap().encoding, Encoding::Utf16);
    }

    #[test]
    fn what_does_not_belong_to_the_format_is_refused() {
        assert!(FileSource::of_path("x.dat").unwrap_err().contains("add format"));
        for (name, value, path) in [
            ("pointer", "/a", "x.csv"),
            ("delimiter", ";", "x.json"),
            ("encoding", "utf-8", "x.xlsx"),
            ("sheet", "a", "x.csv"),
        ] {
            let message = read(json!({"path": path, (name): value})).unwrap_err();
            assert!(message.starts_with(&format!("`{name}` is only for ")), "{message}");
        }
    }

    #[test]
    fn a_delimiter_is_one_character() {
        for delimiter in ["", ";;", "\"", "\n", "é"] {
            let message = read(json!({"path": "a.csv", "delimiter": delimiter})).unwrap_err();
            assert!(message.contains("cannot be a delimiter"), "{delimiter:?}: {message}");
        }
    }
}
