//! Search terms: text that a line has anywhere, its payload included.

use rusqlite::Connection;

use crate::{
    delivery::{Attempt, Query},
    spool::{attempts, error::Error, line::LineRow, payload::PayloadReader},
};

/// The terms of a query, each of which a line must contain.
pub(super) struct SearchTerms<'q> {
    /// In lower case.
    terms: &'q [String],
    connection: &'q Connection,
    payloads: PayloadReader<'q>,
}

impl<'q> SearchTerms<'q> {
    pub(super) fn new(query: &'q Query, connection: &'q Connection) -> Self {
        Self { terms: &query.words, connection, payloads: PayloadReader::new(connection) }
    }

    /// Whether the line contains all terms.
    pub(super) fn match_line(&mut self, line: &LineRow<'_>) -> Result<bool, Error> {
        for term in self.terms {
            if !self.is_in(line, term.as_bytes())? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn is_in(&mut self, line: &LineRow<'_>, term: &[u8]) -> Result<bool, Error> {
        if line.any_text(|text| contains(text, term))? {
            return Ok(true);
        }
        if let Some(Attempt { fault, .. }) = self.last_attempt(line)?
            && [&fault.code, &fault.message].iter().any(|text| contains(text.as_bytes(), term))
        {
            return Ok(true);
        }
        Ok(self.payloads.read(line.location()?)?.is_ok_and(|payload| contains(payload, term)))
    }

    /// The last attempt of an event that is not settled: its error is the line's error.
    pub(super) fn last_attempt(&self, line: &LineRow<'_>) -> rusqlite::Result<Option<Attempt>> {
        if line.is_settled()? { Ok(None) } else { attempts::last(self.connection, line.id()?) }
    }
}

/// Whether `text` contains `term` (in lower case), ignoring the case of ASCII letters.
///
/// `memchr::memmem` compares case, and to change the case of a payload would copy it: candidates are found by the first
/// byte.
fn contains(text: &[u8], term: &[u8]) -> bool {
    let Some(first) = term.first() else { return true };
    memchr::memchr2_iter(*first, first.to_ascii_uppercase(), text)
        .map_while(|at| text.get(at..at + term.len()))
        .any(|candidate| candidate.eq_ignore_ascii_case(term))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_is_found_at_any_place_and_in_any_case() {
        let text = r#"{"event":"Order Completed","userId":"ÄDA"}"#.as_bytes();
        for term in ["", "{", "\"}", "order completed", "deR c", "completed\"", "Äda", "userid"] {
            assert!(contains(text, term.to_ascii_lowercase().as_bytes()), "{term}");
        }
        for term in ["order  ", "ada", "\"}}", "äda"] {
            assert!(!contains(text, term.to_ascii_lowercase().as_bytes()), "{term}");
        }
    }
}
