//! The call log as CSV (RFC 4180), streamed page by page.

use actix_web::web::{self, Bytes};
use actix_web::{HttpResponse, http::header};
use futures_util::stream;

use crate::domain::Error;
use crate::state::{CallFilter, Cursor, State};

use super::body::Query;
use super::calls::{Call, CallQuery, off_worker};
use super::refusal::{ApiError, Refusal};
use super::viewer::Viewer;

const LINES_AT_ONCE: usize = 500;
const HEAD: &str = "id,started_at,key_name,key_masked,account,endpoint,model,upstream_model,channel,status,http_status,error_code,stream,\
                    client_ip,prompt_tokens,cached_tokens,cache_write_tokens,cache_write_1h_tokens,completion_tokens,reasoning_tokens,\
                    audio_input_tokens,audio_cached_tokens,audio_output_tokens,image_input_tokens,image_cached_tokens,image_output_tokens,\
                    images,audio_seconds,characters,searches,total_tokens,service_tier,estimated,\
                    cost_usd,latency_ms,first_token_ms,overhead_ms\r\n";

enum Step {
    Head,
    Lines(Option<Cursor>),
    End,
}

/// The calls of the same filters as a CSV file.
#[utoipa::path(
    operation_id = "export_calls",get, path = "/api/logs/export.csv", tag = "logs", params(CallQuery), responses((status = 200, body = String, content_type = "text/csv"), (status = "default", body = ApiError)))]
pub(super) async fn export(
    state: web::Data<State>,
    viewer: Viewer,
    query: Query<CallQuery>,
) -> Result<HttpResponse, Refusal> {
    let filter = query.0.filter(&viewer)?;
    let lines = stream::unfold(
        (Step::Head, state, filter),
        |(step, state, filter)| async move {
            match step {
                Step::Head => Some((
                    Ok(Bytes::from_static(HEAD.as_bytes())),
                    (Step::Lines(None), state, filter),
                )),
                Step::Lines(cursor) => {
                    let (text, next) = match lines(&state, &filter, cursor).await {
                        Ok((text, next)) => (
                            Ok(text),
                            next.map_or(Step::End, |cursor| Step::Lines(Some(cursor))),
                        ),
                        Err(refusal) => (Err(actix_web::Error::from(refusal)), Step::End),
                    };
                    Some((text, (next, state, filter)))
                }
                Step::End => None,
            }
        },
    );
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"real200-calls.csv\"",
        ))
        .streaming(Box::pin(lines)))
}

async fn lines(
    state: &State,
    filter: &CallFilter,
    cursor: Option<Cursor>,
) -> Result<(Bytes, Option<Cursor>), Refusal> {
    let (ledger, filter) = (state.ledger.clone(), filter.clone());
    let page = off_worker(move || ledger.calls(&filter, cursor, LINES_AT_ONCE)).await?;
    let mut text = String::new();
    for call in page.calls {
        line(&mut text, &Call::new(call, state)).map_err(Error::internal)?;
    }
    Ok((Bytes::from(text), page.next))
}

fn line(text: &mut String, call: &Call) -> Result<(), serde_json::Error> {
    let number = |value: Option<u16>| value.map(|value| value.to_string()).unwrap_or_default();
    let (usage, other) = (&call.usage, &call.usage.other);
    let cost = call
        .cost_usd
        .as_ref()
        .map(serde_json::to_string)
        .transpose()?
        .unwrap_or_default();
    let cells = [
        call.id.clone(),
        call.started_at.clone(),
        call.key_name.clone(),
        call.key_masked.clone(),
        call.account_username.clone(),
        call.endpoint.to_owned(),
        call.model.clone(),
        call.upstream_model.clone().unwrap_or_default(),
        call.channel_name.clone().unwrap_or_default(),
        call.status.to_owned(),
        number(call.http_status),
        call.error_code.unwrap_or_default().to_owned(),
        call.stream.to_string(),
        call.client_ip.clone().unwrap_or_default(),
        usage.prompt_tokens.to_string(),
        usage.cached_tokens.to_string(),
        usage.cache_write_tokens.to_string(),
        usage.cache_write_1h_tokens.to_string(),
        usage.completion_tokens.to_string(),
        usage.reasoning_tokens.to_string(),
        other.audio_input_tokens.to_string(),
        other.audio_cached_tokens.to_string(),
        other.audio_output_tokens.to_string(),
        other.image_input_tokens.to_string(),
        other.image_cached_tokens.to_string(),
        other.image_output_tokens.to_string(),
        other.images.to_string(),
        other.audio_seconds.to_string(),
        other.characters.to_string(),
        other.searches.to_string(),
        usage.total_tokens.to_string(),
        usage.service_tier.to_owned(),
        usage.estimated.to_string(),
        cost,
        call.latency_ms.to_string(),
        call.first_token_ms
            .map(|ms| ms.to_string())
            .unwrap_or_default(),
        call.overhead_ms.to_string(),
    ];
    text.push_str(&cells.map(|cell| quoted(&cell)).join(","));
    text.push_str("\r\n");
    Ok(())
}

/// A cell that no spreadsheet takes for a formula, quoted where it must be.
fn quoted(cell: &str) -> String {
    let dangerous = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = if dangerous {
        format!("'{cell}")
    } else {
        cell.to_owned()
    };
    if cell.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_no_formula_gets_through() {
        for (cell, expected) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""),
            ("-1+1", "'-1+1"),
        ] {
            assert_eq!(quoted(cell), expected);
        }
    }
}
