//! Documents that were parsed before: a client sends the same few documents again and again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::ServerError;
use async_graphql::parser::types::ExecutableDocument;

use super::{DOCUMENT_LIMITS, read};

/// How many documents are kept. When there are more, all are dropped.
const DOCUMENTS: usize = 64;
/// How many bytes a document may have to be kept. Parsed, it takes up to a hundred times as much.
const BYTES: usize = 2 * 1024;

/// The documents that were parsed before, and that were within the limits.
#[derive(Default)]
pub(crate) struct ParsedDocuments(Mutex<HashMap<String, Arc<ExecutableDocument>>>);

impl ParsedDocuments {
    /// The parsed document.
    ///
    /// # Errors
    /// As of [`read`].
    pub(crate) fn read(&self, text: &str) -> Result<ExecutableDocument, ServerError> {
        if text.len() > BYTES {
            return read(text, &DOCUMENT_LIMITS);
        }
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(text).cloned();
        if let Some(known) = known {
            return Ok(known.as_ref().clone());
        }
        let document = read(text, &DOCUMENT_LIMITS)?;
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= DOCUMENTS {
            all.clear();
        }
        all.insert(text.to_owned(), Arc::new(document.clone()));
        Ok(document)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(document: &ExecutableDocument) -> String {
        format!(
            "{:?}",
            document.operations.iter().map(|(name, operation)| (name.cloned(), operation.clone())).collect::<Vec<_>>()
        )
    }

    #[test]
    fn a_document_that_was_parsed_before_is_the_same_and_few_are_kept() {
        let documents = ParsedDocuments::default();
        let text = "query a($n: Int = 3) { jobs(first: $n) { nodes { key } } }";
        let parsed = read(text, &DOCUMENT_LIMITS).unwrap();
        for _ in 0..2 {
            assert_eq!(shape(&documents.read(text).unwrap()), shape(&parsed));
        }
        for number in 0..3 * DOCUMENTS {
            documents.read(&format!("{{ job(key: \"{number}\") {{ key }} }}")).unwrap();
            assert!(documents.0.lock().unwrap().len() <= DOCUMENTS);
        }
        let long = format!("{{ job(key: \"{}\") {{ key }} }}", "k".repeat(BYTES));
        documents.read(&long).unwrap();
        assert!(!documents.0.lock().unwrap().contains_key(&long));
        for _ in 0..2 {
            assert!(documents.read("{ job(").is_err(), "what is refused is refused again");
        }
    }
}
