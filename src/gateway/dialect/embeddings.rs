//! OpenAI embeddings: never streamed, nothing written, the prompt is all that counts.
//! Reference: OpenAI API reference, "Embeddings".

use super::told::Written;

pub(super) fn read_written(_: &[u8], _: &mut Written) {}
