//! How values become bytes: a version byte, then bincode 2 through serde. The only file that knows bincode.
//!
//! A value written by a newer release is a clear error, never a guess. Lists of numbers that are stored as such (the
//! kinds of [`super::entry::Entry`]) only ever grow at their end.

use bincode::config::{Configuration, standard};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::CodecError;

/// The version that this release writes.
const VERSION: u8 = 1;

const CONFIG: Configuration = standard();

/// Appends the encoded value.
pub(super) fn encode_into<T: Serialize + ?Sized>(
    value: &T,
    out: &mut Vec<u8>,
) -> Result<(), CodecError> {
    out.push(VERSION);
    bincode::serde::encode_into_std_write(value, out, CONFIG)
        .map(drop)
        .map_err(|error| CodecError::Malformed(error.to_string()))
}

/// The encoded value.
pub(super) fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CodecError> {
    let mut out = Vec::with_capacity(128);
    encode_into(value, &mut out)?;
    Ok(out)
}

/// Reads a value that fills `bytes` exactly.
pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let (&version, body) = bytes.split_first().ok_or(CodecError::Empty)?;
    match version {
        VERSION => {}
        newer if newer > VERSION => {
            return Err(CodecError::Newer {
                found: newer,
                known: VERSION,
            });
        }
        other => {
            return Err(CodecError::Malformed(format!(
                "it has format version {other}, which never existed"
            )));
        }
    }
    match bincode::serde::decode_from_slice(body, CONFIG) {
        Ok((value, read)) if read == body.len() => Ok(value),
        Ok((_, read)) => Err(CodecError::Malformed(format!(
            "{} bytes too many",
            body.len() - read
        ))),
        Err(error) => Err(CodecError::Malformed(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_newer_version_is_a_clear_error() {
        let mut bytes = encode("text").unwrap();
        bytes[0] = VERSION + 1;
        let error = decode::<String>(&bytes).unwrap_err();
        assert_eq!(error, CodecError::Newer { found: 2, known: 1 });
        assert!(error.to_string().contains("start the newer release"));
    }

    #[test]
    fn nothing_and_too_much_are_errors() {
        assert_eq!(decode::<String>(&[]), Err(CodecError::Empty));
        let mut bytes = encode("text").unwrap();
        bytes.push(0);
        assert!(decode::<String>(&bytes).is_err());
        assert!(decode::<String>(&[0, 1]).is_err());
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes(value: (String, Option<u64>, Vec<i32>)) {
            prop_assert_eq!(decode::<(String, Option<u64>, Vec<i32>)>(&encode(&value).unwrap()), Ok(value));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            drop(decode::<(String, Vec<String>)>(&bytes));
        }
    }
}
