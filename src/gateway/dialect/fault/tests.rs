//! Errors as providers send them, and whose they are.

use super::*;

const ASKED: Asked<'_> = Asked {
    model: "m-1",
    body: br#"{"model":"public","tools":[{"name":"get_weather"}],"previous_response_id":"resp_1","file":"file-abc"}"#,
};

#[test]
fn whose_fault_it_is_stands_in_the_words() {
    use Blame::{Channel, Client, Credential, Limit, Model};
    for (status, said, whose) in [
        // The account.
        (
            Some(400),
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API."}}"#,
            Credential,
        ),
        (
            Some(400),
            r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}}"#,
            Credential,
        ),
        (
            Some(400),
            r#"{"error":{"code":400,"message":"API key expired. Please renew the API key.","status":"INVALID_ARGUMENT"}}"#,
            Credential,
        ),
        (
            Some(400),
            r#"{"error":{"code":400,"message":"User location is not supported for the API use.","status":"FAILED_PRECONDITION"}}"#,
            Credential,
        ),
        (
            Some(403),
            r#"{"error":{"code":403,"message":"Gemini API has not been used","status":"PERMISSION_DENIED","details":[{"reason":"SERVICE_DISABLED"}]}}"#,
            Credential,
        ),
        (
            Some(429),
            r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}"#,
            Credential,
        ),
        (
            Some(400),
            r#"{"error":{"message":"x","type":"invalid_request_error","code":"billing_hard_limit_reached"}}"#,
            Credential,
        ),
        (
            Some(400),
            r#"{"code":"Arrearage","message":"Access denied, please make sure your account is in good standing."}"#,
            Credential,
        ),
        (
            Some(403),
            r#"{"code":"AccessDenied","message":"Access denied."}"#,
            Credential,
        ),
        (
            Some(403),
            r#"{"error":{"message":"Country, region, or territory not supported","type":"request_forbidden","code":"unsupported_country_region_territory"}}"#,
            Credential,
        ),
        (
            Some(403),
            r#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"User is not authorized"}"#,
            Credential,
        ),
        // The name that is set up.
        (
            Some(404),
            r#"{"error":{"message":"The model `m-1` does not exist or you do not have access to it.","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#,
            Model,
        ),
        (
            Some(404),
            r#"{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}"#,
            Model,
        ),
        (
            Some(404),
            r#"{"type":"error","error":{"type":"not_found_error","message":"model: m-1"}}"#,
            Model,
        ),
        (
            Some(404),
            r#"{"error":{"message":"model 'm-1' not found, try pulling it first","type":"not_found_error"}}"#,
            Model,
        ),
        (
            Some(404),
            r#"{"object":"error","message":"The model `m-1` does not exist.","type":"NotFoundError","param":null,"code":404}"#,
            Model,
        ),
        (
            Some(404),
            r#"{"error":{"code":404,"message":"models/m-1 is not found for API version v1beta","status":"NOT_FOUND"}}"#,
            Model,
        ),
        (
            Some(400),
            r#"{"message":"The provided model identifier is invalid."}"#,
            Model,
        ),
        (
            Some(403),
            r#"{"message":"You don't have access to the model with the specified model ID."}"#,
            Model,
        ),
        (
            Some(400),
            r#"{"error":{"message":"Model Not Exist","type":"invalid_request_error"}}"#,
            Model,
        ),
        (
            Some(400),
            r#"{"error":{"message":"m-1 is not a valid model ID","code":400}}"#,
            Model,
        ),
        // What the caller named.
        (
            Some(404),
            r#"{"error":{"message":"Previous response with id 'resp_1' not found.","type":"invalid_request_error","param":"previous_response_id","code":"previous_response_not_found"}}"#,
            Client,
        ),
        (
            Some(404),
            r#"{"type":"error","error":{"type":"not_found_error","message":"File not found: file-abc"}}"#,
            Client,
        ),
        (
            Some(404),
            r#"{"error":{"message":"Tool 'get_weather' not found for model m-1"}}"#,
            Client,
        ),
        (
            Some(404),
            r#"{"error":{"message":"The model `get_weather` does not exist","code":"model_not_found"}}"#,
            Client,
        ),
        (
            Some(403),
            r#"{"error":{"code":403,"message":"You do not have permission to access the File file-abc or it may not exist.","status":"PERMISSION_DENIED"}}"#,
            Client,
        ),
        (
            Some(400),
            r#"{"error":{"message":"Invalid value: 'your credit balance is too low'","type":"invalid_request_error"}}"#,
            Client,
        ),
        (
            Some(403),
            r#"{"error":{"code":403,"message":"Your input was flagged","metadata":{"reasons":["violence"]}}}"#,
            Client,
        ),
        (
            Some(400),
            r#"{"error":{"code":"content_filter","message":"The response was filtered"}}"#,
            Client,
        ),
        // What servers call their own.
        (
            Some(501),
            r#"{"error":{"code":501,"message":"This server does not support embeddings.","type":"not_supported_error"}}"#,
            Client,
        ),
        (
            Some(500),
            r#"{"error":{"code":500,"message":"image input is not supported - hint: provide the mmproj","type":"server_error"}}"#,
            Client,
        ),
        (
            Some(500),
            r#"{"error":{"code":500,"message":"input is too large to process. increase the physical batch size","type":"server_error"}}"#,
            Client,
        ),
        (
            Some(500),
            r#"{"error":{"code":500,"message":"[json.exception.type_error.302] type must be number","type":"server_error"}}"#,
            Client,
        ),
        (
            Some(500),
            r#"{"error":{"message":"bad field","type":"invalid_request_error"}}"#,
            Client,
        ),
        (Some(505), "", Client),
        (Some(500), r#"{"error":{"message":"boom"}}"#, Channel),
        (
            Some(503),
            r#"{"error":{"message":"The model `m-1` was not found in memory"}}"#,
            Channel,
        ),
        (Some(404), "404 page not found", Channel),
        (Some(429), r#"{"error":{"message":"slow down"}}"#, Limit),
        // Behind a good status.
        (
            None,
            r#"{"type":"response.failed","response":{"status":"failed","error":{"code":"invalid_prompt","message":"x"}}}"#,
            Client,
        ),
        (
            None,
            r#"{"type":"response.failed","response":{"error":{"code":"image_too_large","message":"x"}}}"#,
            Client,
        ),
        (
            None,
            r#"{"type":"response.failed","response":{"error":{"code":"invalid_image_url","message":"x"}}}"#,
            Client,
        ),
        (
            None,
            r#"{"type":"response.failed","response":{"error":{"code":"server_error","message":"x"}}}"#,
            Channel,
        ),
        (
            None,
            r#"{"type":"response.failed","response":{"error":{"code":"vector_store_timeout","message":"x"}}}"#,
            Channel,
        ),
        (
            None,
            r#"{"type":"response.failed","response":{"error":{"code":"rate_limit_exceeded","message":"x"}}}"#,
            Limit,
        ),
        (
            None,
            r#"{"type":"error","code":"context_length_exceeded","message":"x","param":null}"#,
            Client,
        ),
        (
            None,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"x"}}"#,
            Client,
        ),
        (
            None,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#,
            Channel,
        ),
        (
            None,
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"x"}}"#,
            Limit,
        ),
        (
            None,
            r#"[{"error":{"code":503,"message":"x","status":"UNAVAILABLE"}}]"#,
            Channel,
        ),
        (None, r#"{"error":{"code":400,"message":"x"}}"#, Client),
        (None, r#"{"error":{"message":"boom"}}"#, Channel),
    ] {
        assert_eq!(
            blame(status, said.as_bytes(), ASKED),
            whose,
            "{status:?} {said}"
        );
    }
}

#[test]
fn a_name_is_not_found_within_a_longer_one() {
    assert!(has_word("the model `m` is", "m"));
    assert!(has_word("models/m is", "m"));
    assert!(has_word("model m.", "m"));
    assert!(!has_word("the model", "m"));
    assert!(!has_word("gpt-4o-mini", "gpt-4o"));
}
