//! The parts of a multipart body (RFC 7578), read as its bytes go by: what its text fields say and where they stand, so that
//! the body itself can go on as it came.
//!
//! The crates for this give the parts and not their places, and would have to make the body anew. In exchange for doing it
//! here it is strict: what two readers could take for different things (bytes before the first part, a field that stands twice
//! or has a file's name, a name with escapes, an encoding of its own) is refused, so that no provider reads another model or
//! number than this gateway does.

use std::ops::Range;

use actix_web::http::header::{ContentDisposition, DispositionParam, HeaderValue};
use memchr::memmem;

use crate::domain::{Code, Error, Result};

/// The most that the headers of one part may have, in bytes.
const HEADERS: usize = 8 * 1024;
/// The most that all text fields may have together, in bytes.
const TEXT: usize = 1024 * 1024;
/// How much is kept of the beginning of the first file.
const HEAD: usize = 64;
const PARTS: usize = 256;

/// What was read so far.
#[derive(Debug)]
pub(super) struct Parts {
    /// What parts two parts: a line break, two dashes, the boundary.
    delimiter: Vec<u8>,
    at: At,
    /// Bytes that came and are not read yet.
    window: Vec<u8>,
    /// Where in the body the window begins.
    offset: u64,
    fields: Vec<Field>,
    text: usize,
    most_text: usize,
    count: usize,
    files: u64,
    file_bytes: u64,
    head: Vec<u8>,
}

/// A text field.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) value: Vec<u8>,
    /// Where the value stands in the body.
    pub(super) place: Range<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    /// Before the first delimiter.
    Start,
    /// Behind a delimiter.
    Delimiter,
    Headers,
    /// In the value of the last field.
    Text,
    File,
    /// Behind the last delimiter.
    End,
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(Code::InvalidRequest, message)
}

impl Parts {
    /// Of a body with this `Content-Type`.
    pub(super) fn new(content_type: &str) -> Result<Self> {
        let wanted = || {
            invalid(
                "The request body is not multipart/form-data with a boundary. Send the file and the fields as a form, and let the client set Content-Type.",
            )
        };
        let mime: mime::Mime = content_type.parse().map_err(|_| wanted())?;
        // Where two are named, we and the provider could each cut at another.
        let boundaries = mime.params().filter(|(name, _)| *name == "boundary");
        if boundaries.count() > 1 {
            return Err(invalid(
                "The Content-Type names more than one boundary. Name one, or let the client set Content-Type together with the body.",
            ));
        }
        let boundary = mime
            .get_param("boundary")
            .map(|boundary| boundary.as_str())
            .filter(|boundary| (1..=70).contains(&boundary.len()))
            .filter(|_| mime.essence_str() == "multipart/form-data")
            .ok_or_else(wanted)?;
        Ok(Self {
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            at: At::Start,
            window: Vec::new(),
            offset: 0,
            fields: Vec::new(),
            text: 0,
            most_text: TEXT,
            count: 0,
            files: 0,
            file_bytes: 0,
            head: Vec::new(),
        })
    }

    /// Takes the next bytes of the body.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<()> {
        self.window.extend_from_slice(bytes);
        while self.step()? {}
        Ok(())
    }

    /// The body has ended.
    pub(super) fn finish(&self) -> Result<()> {
        if self.at == At::End {
            Ok(())
        } else {
            Err(invalid(
                "The request body ends before its last part does. Send it again.",
            ))
        }
    }

    /// Whether the last delimiter has come.
    pub(super) fn is_over(&self) -> bool {
        self.at == At::End
    }

    /// From now on text fields may have so many bytes together.
    pub(super) fn allow_more_text(&mut self, bytes: usize) {
        self.most_text = self.text.saturating_add(bytes);
    }

    /// The fields that have been read to their end.
    pub(super) fn fields(&self) -> &[Field] {
        let whole = self.fields.len() - usize::from(self.at == At::Text);
        self.fields.get(..whole).unwrap_or_default()
    }

    /// A field's text, if it is there.
    pub(super) fn get(&self, name: &str) -> Result<Option<&str>> {
        let Some(field) = self.fields().iter().find(|field| field.name == name) else {
            return Ok(None);
        };
        std::str::from_utf8(&field.value)
            .map(Some)
            .map_err(|_| invalid(format!("{name} is not UTF-8.")).param(name))
    }

    /// How many files there are.
    pub(super) fn files(&self) -> u64 {
        self.files
    }

    /// How many bytes they have together.
    pub(super) fn file_bytes(&self) -> u64 {
        self.file_bytes
    }

    /// How the first of them begins.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Reads on as far as the window goes; `false`: more has to come first.
    fn step(&mut self) -> Result<bool> {
        match self.at {
            At::Start => {
                let first = self.delimiter.get(2..).unwrap_or_default();
                let seen = self.window.len().min(first.len());
                if self.window.get(..seen) != first.get(..seen) {
                    return Err(invalid(
                        "The request body does not begin with its boundary. Let the client set Content-Type together with the body.",
                    ));
                }
                if seen < first.len() {
                    return Ok(false);
                }
                self.consume(seen);
                self.at = At::Delimiter;
            }
            At::Delimiter => {
                self.at = match self.window.get(..2) {
                    None => return Ok(false),
                    Some(b"\r\n") => At::Headers,
                    Some(b"--") => At::End,
                    Some(_) => {
                        return Err(invalid(
                            "A boundary of the request body is not followed by a line break.",
                        ));
                    }
                };
                self.consume(2);
            }
            At::Headers => {
                // A part without any header has nothing but the blank line.
                let end = memmem::find(&self.window, b"\r\n\r\n");
                if end.unwrap_or(self.window.len()) > HEADERS {
                    return Err(invalid("A part of the request body has too long headers."));
                }
                let Some(end) = end else { return Ok(false) };
                let headers: Vec<u8> = self.window.drain(..end + 4).collect();
                self.offset = self.offset.saturating_add(len(&headers));
                self.begin(&headers)?;
            }
            At::Text | At::File => {
                let found = memmem::find(&self.window, &self.delimiter);
                let safe = match found {
                    Some(end) => end,
                    None => self.window.len().saturating_sub(self.delimiter.len() - 1),
                };
                let bytes: Vec<u8> = self.window.drain(..safe).collect();
                self.offset = self.offset.saturating_add(len(&bytes));
                self.take(&bytes)?;
                if found.is_none() {
                    return Ok(false);
                }
                self.consume(self.delimiter.len());
                self.at = At::Delimiter;
            }
            At::End => {
                if !self.window.trim_ascii().is_empty() {
                    return Err(invalid(
                        "The request body goes on behind its last boundary.",
                    ));
                }
                self.consume(self.window.len());
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn consume(&mut self, bytes: usize) {
        self.window.drain(..bytes.min(self.window.len()));
        self.offset = self
            .offset
            .saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// A part begins.
    fn begin(&mut self, headers: &[u8]) -> Result<()> {
        self.count += 1;
        if self.count > PARTS {
            return Err(invalid("The request body has too many parts."));
        }
        let (name, is_file) = read_headers(headers)?;
        if is_file {
            self.files += 1;
            self.at = At::File;
            return Ok(());
        }
        if !name.ends_with("[]") && self.fields.iter().any(|field| field.name == name) {
            return Err(
                invalid(format!("The field {name} is given twice. Send it once.")).param(name),
            );
        }
        self.fields.push(Field {
            name,
            value: Vec::new(),
            place: self.offset..self.offset,
        });
        self.at = At::Text;
        Ok(())
    }

    /// Bytes of the part that has begun.
    fn take(&mut self, bytes: &[u8]) -> Result<()> {
        if self.at == At::File {
            self.file_bytes = self.file_bytes.saturating_add(len(bytes));
            if self.files == 1 {
                let room = HEAD.saturating_sub(self.head.len());
                self.head
                    .extend_from_slice(bytes.get(..room).unwrap_or(bytes));
            }
            return Ok(());
        }
        self.text = self.text.saturating_add(bytes.len());
        if self.text > self.most_text {
            return Err(invalid(
                "The text fields of the request body are too long, or too long for fields behind a file. Send less, and send the fields before the file.",
            ));
        }
        if let Some(field) = self.fields.last_mut() {
            field.value.extend_from_slice(bytes);
            field.place.end = field.place.end.saturating_add(len(bytes));
        }
        Ok(())
    }
}

fn len(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// A part's name, and whether it is a file.
fn read_headers(block: &[u8]) -> Result<(String, bool)> {
    let unclear = || {
        invalid(
            "A part of the request body has headers that cannot be read: each needs one Content-Disposition: form-data with a name of letters, digits, '_', '-', '.' and brackets.",
        )
    };
    let mut lines = [httparse::EMPTY_HEADER; 16];
    let Ok(httparse::Status::Complete((_, headers))) = httparse::parse_headers(block, &mut lines)
    else {
        return Err(unclear());
    };
    let mut disposition = None;
    for header in headers {
        if header.name.eq_ignore_ascii_case("content-disposition") {
            if disposition.replace(header.value).is_some() {
                return Err(unclear());
            }
        } else if header
            .name
            .eq_ignore_ascii_case("content-transfer-encoding")
        {
            let plain = ["binary", "8bit", "7bit"];
            let value = header.value.trim_ascii();
            if !plain
                .iter()
                .any(|plain| value.eq_ignore_ascii_case(plain.as_bytes()))
            {
                return Err(unclear());
            }
        }
    }
    let value = HeaderValue::from_bytes(disposition.ok_or_else(unclear)?).map_err(|_| unclear())?;
    let disposition = ContentDisposition::from_raw(&value).map_err(|_| unclear())?;
    let (mut name, mut is_file) = (None, false);
    for param in &disposition.parameters {
        match param {
            DispositionParam::Name(own) => {
                if name.replace(own.clone()).is_some() {
                    return Err(unclear());
                }
            }
            DispositionParam::Filename(_) | DispositionParam::FilenameExt(_) => is_file = true,
            DispositionParam::Unknown(..) | DispositionParam::UnknownExt(..) => {
                return Err(unclear());
            }
        }
    }
    let plain = |name: &String| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.[]".contains(&byte);
        (1..=64).contains(&name.len()) && name.bytes().all(plain)
    };
    // An escape that is taken out here may be left in elsewhere.
    let literal = |name: &String| {
        let quoted = format!("name=\"{name}\"");
        let bare = format!("name={name}");
        memmem::find(value.as_bytes(), quoted.as_bytes()).is_some()
            || value.as_bytes().ends_with(bare.as_bytes())
    };
    let name = name
        .filter(plain)
        .filter(literal)
        .filter(|_| disposition.is_form_data())
        .ok_or_else(unclear)?;
    Ok((name, is_file))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=b0";

    fn part(disposition: &str, value: &str) -> String {
        format!("--b0\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{value}\r\n")
    }

    fn read(body: &str) -> Result<Parts> {
        let mut parts = Parts::new(TYPE)?;
        parts.push(body.as_bytes())?;
        parts.finish().map(|()| parts)
    }

    #[test]
    fn fields_are_read_and_their_places_known() {
        let body = [
            part(r#"name="file"; filename="a.mp3""#, "\r\n--b\r\nID3"),
            part(r#"name="model""#, "whisper-1"),
            part(r#"name="include[]""#, "logprobs"),
            part(r#"name="include[]""#, "more"),
            "--b0--\r\n".to_owned(),
        ]
        .concat();
        let parts = read(&body).unwrap();
        assert_eq!(parts.get("model").unwrap(), Some("whisper-1"));
        let place = parts.fields()[0].place.clone();
        let place = usize::try_from(place.start).unwrap()..usize::try_from(place.end).unwrap();
        assert_eq!(&body[place], "whisper-1");
        assert_eq!(
            (parts.files(), parts.file_bytes(), parts.head()),
            (1, 10, &b"\r\n--b\r\nID3"[..])
        );
        assert_eq!(parts.fields().len(), 3);
    }

    #[test]
    fn what_two_readers_could_take_for_different_things_is_refused() {
        let model = part(r#"name="model""#, "m");
        let end = "--b0--\r\n";
        for body in [
            format!("x{model}{end}"),
            format!("\r\n{model}{end}"),
            format!("{model}{model}{end}"),
            format!("{model}{end}x"),
            model.clone(),
            part(r#"name="mo\del""#, "m") + end,
            part(r#"name="model"; name="x""#, "m") + end,
            part(r#"name*=UTF-8''model"#, "m") + end,
            part(r#"filename="x""#, "m") + end,
            format!(
                "--b0\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\nm\r\n{end}"
            ),
            format!(
                "--b0\r\nContent-Disposition: form-data; name=\"model\"\r\nContent-Transfer-Encoding: base64\r\n\r\nbQ==\r\n{end}"
            ),
            format!("--b0\r\n\r\nm\r\n{end}"),
            format!("--b0 \r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n{end}"),
            String::new(),
        ] {
            let error = read(&body).unwrap_err();
            assert_eq!(error.code, Code::InvalidRequest, "{body}");
        }
        for kind in [
            "application/json",
            "multipart/form-data",
            "multipart/mixed; boundary=b0",
        ] {
            assert!(Parts::new(kind).is_err(), "{kind}");
        }
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let long = "x".repeat(TEXT + 1);
        assert!(read(&(part(r#"name="prompt""#, &long) + "--b0--")).is_err());
        let mut parts = Parts::new(TYPE).unwrap();
        parts.push(part(r#"name="model""#, "m").as_bytes()).unwrap();
        parts.allow_more_text(3);
        assert!(
            parts
                .push(part(r#"name="prompt""#, "more than three").as_bytes())
                .is_err()
        );
        assert!(
            Parts::new(TYPE)
                .unwrap()
                .push(format!("--b0\r\nX: {}", "x".repeat(HEADERS)).as_bytes())
                .is_err()
        );
    }

    proptest! {
        #[test]
        fn it_is_the_same_for_every_way_of_cutting_the_bytes(value in "[\\r\\n\\-b0x]{0,40}", cuts in prop::collection::vec(1usize..30, 1..20)) {
            prop_assume!(!value.contains("\r\n--b0"));
            let body = [
                part(r#"name="file"; filename="a""#, &value),
                part(r#"name="model""#, "m"),
                "--b0--\r\n".to_owned(),
            ].concat();
            let mut parts = Parts::new(TYPE).unwrap();
            let mut rest = body.as_bytes();
            for cut in cuts.into_iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, behind) = rest.split_at(cut.min(rest.len()));
                parts.push(piece).unwrap();
                rest = behind;
            }
            parts.finish().unwrap();
            prop_assert_eq!(parts.get("model").unwrap(), Some("m"));
            prop_assert_eq!(parts.file_bytes(), value.len() as u64);
            let place = parts.fields()[0].place.clone();
            let place = usize::try_from(place.start).unwrap()..usize::try_from(place.end).unwrap();
            prop_assert_eq!(&body.as_bytes()[place], b"m");
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut parts = Parts::new(TYPE).unwrap();
            let _ = parts.push(b"--b0\r\n").and_then(|()| parts.push(&bytes));
        }
    }
}
