//! The response around the items: what it is, what it used, and the settings it repeats from its request.

use serde_json::{Value, json};

use super::settings;
use crate::domain::Usage;
use crate::gateway::dialect::crossing::Head;
use crate::gateway::dialect::crossing::answer::Finish;
use crate::gateway::dialect::crossing::effort::Depth;

/// The `response` with its output so far; `finish` is `None` while it is being written.
pub(super) fn response(
    head: &Head,
    finish: Option<&Finish>,
    output: Vec<Value>,
    used: Option<&Usage>,
) -> Value {
    let request = &*head.request;
    let cut = finish.and_then(incomplete);
    let status = match (finish, cut) {
        (None, _) => "in_progress",
        (Some(_), None) => "completed",
        (Some(_), Some(_)) => "incomplete",
    };
    let mut text = settings::text(request);
    text.entry("format")
        .or_insert_with(|| json!({"type": "text"}));
    let choice = request.tool_choice.as_ref().map(settings::tool_choice);
    json!({
        "id": format!("resp_{}", head.id),
        "object": "response",
        "created_at": head.created,
        "status": status,
        "background": false,
        "error": null,
        "incomplete_details": cut.map(|reason| json!({"reason": reason})),
        "instructions": settings::instructions(request).0,
        "max_output_tokens": request.max_output,
        "model": head.model,
        "output": output,
        "parallel_tool_calls": request.parallel_calls.unwrap_or(true),
        "previous_response_id": null,
        "prompt_cache_key": request.cache_key,
        "reasoning": {
            "effort": request.reasoning.depth.and_then(Depth::word),
            "summary": request.reasoning.shown.filter(|shown| *shown).map(|_| "auto"),
        },
        "store": false,
        "temperature": request.sampling.temperature,
        "text": text,
        "tool_choice": choice.unwrap_or_else(|| json!("auto")),
        "tools": settings::tools(&request.tools),
        "top_logprobs": request.logprobs.unwrap_or(0),
        "top_p": request.sampling.top_p,
        "truncation": "disabled",
        "usage": used.map(usage),
        "user": request.user,
        "metadata": request.metadata,
    })
}

/// Why a response is not complete; `None`: it is.
pub(super) fn incomplete(finish: &Finish) -> Option<&'static str> {
    match finish {
        Finish::Stop | Finish::StopSequence(_) | Finish::Calls => None,
        Finish::Length => Some("max_output_tokens"),
        Finish::Filtered => Some("content_filter"),
    }
}

fn usage(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.prompt,
        "input_tokens_details": {
            "cached_tokens": usage.cached,
            "cache_write_tokens": usage.cache_write,
        },
        "output_tokens": usage.completion,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.total(),
    })
}
