//! OpenAI embeddings and moderations, and reranks: never streamed, nothing written, the prompt is all that counts.
//! Reference: OpenAI API reference, "Embeddings" and "Moderations".

use super::told::Written;

pub(super) fn read_written(_: &[u8], _: &mut Written) {}
