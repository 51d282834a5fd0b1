//! What a call may need that is no text, at most, and what is counted of it where its provider gives no numbers.
//!
//! | endpoint | set aside |
//! |---|---|
//! | rerank | a search for each 100 documents, of which each begun 500 bytes are one: no provider cuts shorter |

use super::request::Scan;
use crate::domain::{Pieces, Usage};

/// Documents that are one search.
const DOCUMENTS_A_SEARCH: u64 = 100;
/// A document of so many tokens counts as one; a longer one is cut into several.
const DOCUMENT_TOKENS: u64 = 500;

/// What a call may need.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Needs {
    /// The most that it may use of what is billed by the piece.
    pub(super) pieces: Pieces,
    /// What is counted without the provider's numbers.
    pub(super) guess: Usage,
}

impl Needs {
    /// Writes it down with what else was read of the request.
    pub(super) fn fill(self, scan: &mut Scan) {
        scan.pieces = self.pieces;
        scan.guess = self.guess;
    }
}

/// A rerank of so many documents, in a body of so many bytes.
pub(super) fn rerank(documents: u64, body: u64) -> Needs {
    let searches = |documents: u64| Pieces {
        searches: documents.div_ceil(DOCUMENTS_A_SEARCH).max(1),
        ..Pieces::default()
    };
    Needs {
        pieces: searches(documents.saturating_add(body / DOCUMENT_TOKENS)),
        guess: Usage {
            pieces: searches(documents),
            estimated: true,
            ..Usage::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_a_hundred_documents_and_long_ones_count_as_several() {
        for (documents, body, most, guess) in [
            (0, 10, 1, 1),
            (100, 400, 1, 1),
            (101, 400, 2, 2),
            (3, 50_000, 2, 1),
        ] {
            let needs = rerank(documents, body);
            let searches = (needs.pieces.searches, needs.guess.pieces.searches);
            assert_eq!(searches, (most, guess), "{documents} {body}");
        }
    }
}
