//! What is read of a request, and what is refused.

use super::*;

fn read(endpoint: Endpoint, body: &str) -> Result<Scan> {
    Request::read(endpoint, Bytes::copy_from_slice(body.as_bytes())).map(|request| request.scan)
}

#[test]
fn the_fields_that_matter_are_found_wherever_they_stand() {
    let body = r#" {"messages":[{"role":"user","content":"\"model\":\"no\""}], "n": 3,"max_tokens":7, "mod\u0065l" : "gpt-4o", "stream":true,"stream_options":{"include_usage":false,"x":1}} "#;
    let scan = read(Endpoint::Chat, body).unwrap();
    assert_eq!(
        (
            scan.model.as_str(),
            scan.stream,
            scan.choices,
            scan.output_limit
        ),
        ("gpt-4o", true, 3, Some(7))
    );
    assert_eq!(scan.include_usage, Some(false));
    let ModelAt::Body(at) = scan.model_at else {
        panic!("{:?}", scan.model_at)
    };
    assert_eq!(&body[at], "\"gpt-4o\"");
    assert_eq!(
        &body[scan.stream_options_at.unwrap()],
        r#"{"include_usage":false,"x":1}"#
    );
}

#[test]
fn the_tier_that_is_asked_for_is_read() {
    for (word, tier) in [
        (r#""priority""#, ServiceTier::Priority),
        (r#""flex""#, ServiceTier::Flex),
        (r#""auto""#, ServiceTier::Standard),
        ("null", ServiceTier::Standard),
    ] {
        let body = format!(r#"{{"model":"m","service_tier":{word}}}"#);
        assert_eq!(read(Endpoint::Chat, &body).unwrap().tier, tier, "{word}");
    }
}

#[test]
fn null_is_as_if_it_was_not_there() {
    let body = r#"{"model":"m","stream":null,"max_tokens":null,"n":null,"stream_options":null}"#;
    let scan = read(Endpoint::Chat, body).unwrap();
    assert_eq!(
        (
            scan.stream,
            scan.output_limit,
            scan.choices,
            scan.include_usage
        ),
        (false, None, 1, None)
    );
    assert_eq!(
        scan.null_limit_at.map(|(field, at)| (field, &body[at])),
        Some((Field::MaxTokens, "null"))
    );
}

#[test]
fn what_cannot_be_taken_names_its_field() {
    for (body, param) in [
        ("", None),
        ("[]", None),
        ("\"x\"", None),
        ("{\"model\":\"m\"", None),
        ("{\"model\":\"m\"} x", None),
        ("{}", Some("model")),
        (r#"{"model":null}"#, Some("model")),
        (r#"{"model":7}"#, Some("model")),
        (r#"{"model":""}"#, Some("model")),
        (r#"{"model":"a","model":"b"}"#, Some("model")),
        (r#"{"model":"a","mod\u0065l":"b"}"#, Some("model")),
        (r#"{"model":"m","stream":"yes"}"#, Some("stream")),
        (r#"{"model":"m","max_tokens":-1}"#, Some("max_tokens")),
        (
            r#"{"model":"m","max_completion_tokens":1.5}"#,
            Some("max_completion_tokens"),
        ),
        (r#"{"model":"m","n":"2"}"#, Some("n")),
        (
            r#"{"model":"m","stream_options":true}"#,
            Some("stream_options"),
        ),
    ] {
        let error = read(Endpoint::Chat, body).unwrap_err();
        assert_eq!(
            (error.code, error.param.as_deref()),
            (Code::InvalidRequest, param),
            "{body}"
        );
    }
    assert_eq!(
        read(Endpoint::Responses, r#"{"model":"m","background":true}"#)
            .unwrap_err()
            .param
            .as_deref(),
        Some("background")
    );
}

#[test]
fn the_prompt_that_is_elsewhere_is_noticed() {
    assert!(
        read(
            Endpoint::Responses,
            r#"{"model":"m","previous_response_id":"r"}"#
        )
        .unwrap()
        .hidden_prompt
    );
    assert!(
        !read(
            Endpoint::Responses,
            r#"{"model":"m","previous_response_id":null}"#
        )
        .unwrap()
        .hidden_prompt
    );
    assert!(
        !read(Endpoint::Completions, r#"{"model":"m","prompt":"p"}"#)
            .unwrap()
            .hidden_prompt
    );
}

#[test]
fn each_prompt_of_a_list_is_answered() {
    for (prompt, choices) in [
        (r#""a""#, 2),
        (r#"["a"]"#, 2),
        (r#"["a", "b", "c"]"#, 6),
        ("[1, 2, 3]", 2),
        ("[[1, 2], [3]]", 4),
        ("[]", 2),
        ("null", 2),
    ] {
        let body = format!(r#"{{"model":"m","n":2,"prompt":{prompt}}}"#);
        let scan = read(Endpoint::Completions, &body).unwrap();
        assert_eq!(scan.choices, choices, "{prompt}");
    }
}

#[test]
fn deep_nesting_is_no_danger() {
    let deep = format!(
        r#"{{"model":"m","x":{}{}}}"#,
        "[".repeat(200_000),
        "]".repeat(200_000)
    );
    let _ = read(Endpoint::Chat, &deep);
}
