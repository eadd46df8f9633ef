//! The bounds of a workbook, checked before it is unpacked.

use std::io::{BufReader, Read, Seek, SeekFrom};

use zip::ZipArchive;

/// How many bytes the parts of a workbook may have when they are unpacked: as many as a JSON document.
/// No part grows beyond the size that the archive declares.
const MAX_UNPACKED: u64 = 512 * 1024 * 1024;
/// How many bytes its shared texts may have, which are all kept in memory.
const MAX_TEXTS: u64 = 128 * 1024 * 1024;
/// How many parts it may have.
const MAX_PARTS: usize = 10_000;
/// How a file begins that holds an old or an encrypted workbook.
const OLE: [u8; 8] = *b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
/// How many bytes a text takes at least: `<si/>`.
const LEAST_TEXT: u64 = 5;
/// The attribute by which shared texts say how many they are.
const COUNT: &[u8] = b"uniqueCount";

/// Checks that a workbook can be unpacked.
///
/// # Errors
/// The rest of a sentence that begins with the name of the file.
pub(super) fn check(file: &mut (impl Read + Seek)) -> Result<(), String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    let mut first = Vec::new();
    file.by_ref().take(OLE.len() as u64).read_to_end(&mut first).map_err(unreadable)?;
    file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    if first == OLE {
        return Err("is protected by a password or is an old .xls workbook; save it as .xlsx without a password".into());
    }
    let no_workbook = |error| format!("is not an XLSX workbook: {error}");
    let mut archive = ZipArchive::new(&mut *file).map_err(no_workbook)?;
    if archive.len() > MAX_PARTS {
        return Err(format!("has {} parts; a workbook of at most {MAX_PARTS} can be read", archive.len()));
    }
    let mut unpacked = 0_u64;
    for index in 0..archive.len() {
        let part = archive.by_index_raw(index).map_err(no_workbook)?;
        let size = part.size();
        let name = part.name().map_err(no_workbook)?.to_ascii_lowercase();
        drop(part);
        unpacked = unpacked.saturating_add(size);
        if unpacked > MAX_UNPACKED {
            return Err(format!("has more than {MAX_UNPACKED} bytes when it is unpacked; save the sheet as CSV"));
        }
        if name.ends_with("sharedstrings.xml") {
            check_texts(size, archive.by_index(index).map_err(no_workbook)?)?;
        }
    }
    file.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    Ok(())
}

/// Checks how many shared texts a part announces: calamine allocates memory for all of them before it reads the first,
/// and a process that asks for too much memory is killed.
fn check_texts(size: u64, part: impl Read) -> Result<(), String> {
    if size > MAX_TEXTS {
        return Err(format!("has more than {MAX_TEXTS} bytes of texts; save the sheet as CSV"));
    }
    let mut text = Vec::new();
    BufReader::new(part).read_to_end(&mut text).map_err(|error| format!("cannot be unpacked: {error}"))?;
    if text.contains(&0) {
        return Err("has texts in an encoding other than UTF-8; save it again with Excel".to_owned());
    }
    let mut announced = text.windows(COUNT.len()).enumerate().filter(|(_, word)| *word == COUNT);
    match announced.any(|(at, _)| number_after(&text[at + COUNT.len()..]) > size / LEAST_TEXT) {
        true => Err("announces more texts than it has; save it again with Excel".to_owned()),
        false => Ok(()),
    }
}

/// The number in ` = "123"`.
fn number_after(text: &[u8]) -> u64 {
    let begins =
        text.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'=' | b'"' | b'\'' | b'+'));
    let digits = text[begins.unwrap_or(text.len())..].iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0_u64, |number, digit| number.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
}
