//! Uploads: bodies in parts, with files that are not held in memory.
//!
//! The parts are read as they come, until it is known what is asked for: of a recording the model, of images to be edited
//! everything, for `n` and `quality` may stand behind them and decide what is set aside. What came by then waits in a
//! [`Spool`]. With one candidate the rest streams right through; with several it is read to its end first, so that it can be
//! sent again. It goes on byte for byte, but for the model's name where the channel calls it otherwise.

mod parts;
mod spool;

use std::cell::RefCell;
use std::ops::Range;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use actix_web::body::{BodyStream, BoxBody, SizedStream};
use actix_web::http::header::HeaderValue;
use actix_web::web::Payload;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::{Map, Value};

use self::parts::Parts;
use self::spool::{Reader, Spool};
use super::media::{self, Pictures};
use super::request::{ModelAt, Request, Scan};
use crate::domain::{Code, Endpoint, Error, Result};

/// So much text may stand behind the file of an upload that streams right through: it is set aside without having been seen.
const TEXT_BEHIND: usize = 4 * 1024;

/// What is allowed of an upload.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// The most that it may have, in bytes.
    pub(crate) bytes: u64,
    /// How long a client may be silent in the middle of it.
    pub(crate) idle: Duration,
    /// Where it may wait.
    pub(crate) dir: PathBuf,
}

/// An upload, as far as it has come.
#[derive(Debug)]
pub(crate) struct Upload {
    content_type: HeaderValue,
    /// How long it is, if its client says so.
    declared: Option<u64>,
    spool: Spool,
    /// Where the model's name stands.
    model: Range<u64>,
    rest: RefCell<Option<Rest>>,
    /// All of it is there.
    is_whole: bool,
    /// What is wrong with it, found while it was being sent.
    fault: Rc<RefCell<Option<Error>>>,
}

/// What is still to come.
struct Rest {
    payload: Payload,
    parts: Parts,
    /// How much has come.
    came: u64,
    limits: Limits,
}

impl std::fmt::Debug for Rest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rest")
            .field("came", &self.came)
            .finish_non_exhaustive()
    }
}

impl Rest {
    /// The next bytes, read as parts too; `None`: that was all.
    async fn next(&mut self) -> Result<Option<Bytes>> {
        let next = tokio::time::timeout(self.limits.idle, self.payload.next()).await;
        let next = next.map_err(|_| {
            Error::new(
                Code::InvalidRequest,
                "The request body stood still for too long. Send it again.",
            )
        })?;
        let Some(piece) = next else {
            return self.parts.finish().map(|()| None);
        };
        let piece = piece.map_err(|_| {
            Error::new(
                Code::InvalidRequest,
                "The request body broke off or could not be read. Send it again.",
            )
        })?;
        self.came = self
            .came
            .saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if self.came > self.limits.bytes {
            return Err(too_large(self.limits.bytes));
        }
        self.parts.push(&piece)?;
        Ok(Some(piece))
    }
}

fn too_large(limit: u64) -> Error {
    let message = format!(
        "The upload is larger than the {limit} bytes that this gateway takes. Send less, or have the limit raised."
    );
    Error::new(Code::RequestTooLarge, message)
}

impl Upload {
    /// Reads an upload to `endpoint` until it is known what it asks for.
    ///
    /// # Errors
    /// `invalid_request_error`, `request_too_large`; `api_error` when it cannot be kept.
    pub(crate) async fn read(
        endpoint: Endpoint,
        content_type: Option<&HeaderValue>,
        declared: Option<u64>,
        payload: Payload,
        limits: Limits,
    ) -> Result<(Request, Self)> {
        if declared.is_some_and(|length| length > limits.bytes) {
            return Err(too_large(limits.bytes));
        }
        let content_type = content_type
            .cloned()
            .unwrap_or_else(|| HeaderValue::from_static(""));
        let parts = Parts::new(content_type.to_str().unwrap_or_default())?;
        let mut spool = Spool::new(limits.dir.clone());
        let mut rest = Rest {
            payload,
            parts,
            came: 0,
            limits,
        };
        let mut ended = false;
        while !ended && !is_known(endpoint, &rest.parts)? {
            match rest.next().await? {
                Some(piece) => spool.push(piece).await.map_err(Error::internal)?,
                None => ended = true,
            }
        }
        let (request, model) = ask(endpoint, &rest.parts, declared.unwrap_or(rest.limits.bytes))?;
        rest.parts.allow_more_text(TEXT_BEHIND);
        let upload = Self {
            content_type,
            declared,
            spool,
            model,
            rest: RefCell::new((!ended).then_some(rest)),
            is_whole: ended,
            fault: Rc::default(),
        };
        Ok((request, upload))
    }

    /// Reads what is still to come, so that it can be sent more than once.
    pub(crate) async fn read_to_end(&mut self) -> Result<()> {
        let Some(mut rest) = self.rest.get_mut().take() else {
            return Ok(());
        };
        while let Some(piece) = rest.next().await? {
            self.spool.push(piece).await.map_err(Error::internal)?;
        }
        self.is_whole = true;
        Ok(())
    }

    /// Its kind, with the boundary.
    pub(crate) fn content_type(&self) -> &HeaderValue {
        &self.content_type
    }

    /// What was wrong with it, if it was that which kept it from being sent.
    pub(crate) fn fault(&self) -> Option<Error> {
        self.fault.borrow_mut().take()
    }

    /// The body, for a provider that calls the model so. What has not come yet can be sent once only: then it is gone.
    pub(crate) fn body(&self, model: &str) -> BoxBody {
        let rest = self.rest.borrow_mut().take();
        let (was, is) = (
            self.model.end - self.model.start,
            u64::try_from(model.len()).unwrap_or(u64::MAX),
        );
        let whole = if self.is_whole {
            Some(self.spool.len())
        } else {
            self.declared
        };
        let length = whole.map(|length| length.saturating_sub(was).saturating_add(is));
        let sending = Sending {
            reader: self.spool.reader(),
            model: Some((self.model.clone(), Bytes::copy_from_slice(model.as_bytes()))),
            at: 0,
            rest,
            fault: Rc::clone(&self.fault),
        };
        let pieces = Box::pin(stream::try_unfold(sending, Sending::next));
        match length {
            Some(length) => BoxBody::new(SizedStream::new(length, pieces)),
            None => BoxBody::new(BodyStream::new(pieces)),
        }
    }

    /// Whether it can be sent from its beginning.
    pub(crate) fn can_be_sent_again(&self) -> bool {
        self.is_whole
    }
}

/// A body that is being sent.
struct Sending {
    reader: Reader,
    /// Where the model's name stands, and what is written there; `None`: it has been.
    model: Option<(Range<u64>, Bytes)>,
    at: u64,
    rest: Option<Rest>,
    fault: Rc<RefCell<Option<Error>>>,
}

/// Why a body could not be sent to its end.
#[derive(Debug, thiserror::Error)]
#[error("the upload could not be sent to its end")]
pub(crate) struct Unsent;

impl Sending {
    async fn next(mut self) -> std::result::Result<Option<(Bytes, Self)>, Unsent> {
        if let Some((place, name)) = self.model.take_if(|(place, _)| place.start <= self.at) {
            self.at = place.end;
            return Ok(Some((name, self)));
        }
        let end = self
            .model
            .as_ref()
            .map_or(u64::MAX, |(place, _)| place.start);
        let waited = self.reader.read(self.at, end).await;
        let waited = waited.map_err(|error| self.fail(Error::internal(error)))?;
        if !waited.is_empty() {
            self.at = self
                .at
                .saturating_add(u64::try_from(waited.len()).unwrap_or(u64::MAX));
            return Ok(Some((waited, self)));
        }
        let next = match &mut self.rest {
            Some(rest) => rest.next().await,
            None => Ok(None),
        };
        match next {
            Ok(Some(piece)) => Ok(Some((piece, self))),
            Ok(None) => Ok(None),
            Err(error) => Err(self.fail(error)),
        }
    }

    fn fail(&self, error: Error) -> Unsent {
        *self.fault.borrow_mut() = Some(error);
        Unsent
    }
}

/// Whether enough has come to know what is asked for.
fn is_known(endpoint: Endpoint, parts: &Parts) -> Result<bool> {
    let may_begin = endpoint != Endpoint::ImageEdits && parts.files() > 0;
    Ok(parts.is_over() || (may_begin && parts.get("model")?.is_some()))
}

/// What is asked for, and where the model's name stands. The fields stand in for a body, so that what they say is counted.
fn ask(endpoint: Endpoint, parts: &Parts, length: u64) -> Result<(Request, Range<u64>)> {
    let invalid =
        |param: &str, message: String| Error::new(Code::InvalidRequest, message).param(param);
    let field = parts.fields().iter().find(|field| field.name == "model");
    let (Some(field), Some(model)) = (field, parts.get("model")?) else {
        return Err(invalid(
            "model",
            "The field model is missing. Name a model; GET /v1/models lists them.".to_owned(),
        ));
    };
    if model.is_empty() || model.len() > 256 {
        return Err(invalid(
            "model",
            "model must have 1 to 256 characters.".to_owned(),
        ));
    }
    let number = |name: &str| {
        let read = parts
            .get(name)?
            .filter(|text| !text.is_empty())
            .map(|text| {
                let wanted = || invalid(name, format!("{name} must be a whole number."));
                text.parse::<u64>().map_err(|_| wanted())
            });
        read.transpose()
    };
    let stream = match parts.get("stream")? {
        None | Some("" | "false" | "False" | "0") => false,
        Some("true" | "True" | "1") => true,
        Some(_) => {
            return Err(invalid(
                "stream",
                "stream must be true or false.".to_owned(),
            ));
        }
    };
    let mut scan = Scan {
        model: model.to_owned(),
        model_at: ModelAt::Path,
        stream,
        has_fields: true,
        ..Scan::default()
    };
    let needs = if endpoint == Endpoint::ImageEdits {
        let pictures = Pictures {
            count: number("n")?,
            size: parts.get("size")?,
            quality: parts.get("quality")?,
            partial: number("partial_images")?,
            format: parts.get("output_format")?,
            stream,
        };
        media::edits(parts.files(), pictures)?
    } else if parts.is_over() {
        media::recording(parts.file_bytes(), parts.head(), 0)
    } else {
        media::recording(length, parts.head(), TEXT_BEHIND)
    };
    needs.fill(&mut scan);
    let mut fields = Map::new();
    for field in parts.fields() {
        let value = String::from_utf8_lossy(&field.value).into_owned();
        fields.insert(field.name.clone(), Value::String(value));
    }
    let request = Request {
        body: Bytes::from(Value::Object(fields).to_string()),
        scan,
    };
    Ok((request, field.place.clone()))
}
