//! Calls of the Anthropic and Gemini dialects to providers that speak them: the bytes pass, the usage is the provider's.

use serde_json::{Value, json};

use super::harness::{Script, TestGateway, Upstream, eventually};

/// A channel of this kind to the scripted provider.
fn channel(gateway: &TestGateway, kind: &str, upstream: &Upstream, models: &[&str]) {
    let body = json!({"name": kind, "kind": kind, "base_url": upstream.base_url(), "credential": "provider-secret", "models": models});
    gateway.admin().post("/api/channels", &body).expect(201);
}

fn last_call(gateway: &TestGateway) -> Value {
    eventually("the call", || gateway.admin().calls().into_iter().next())
}

fn message_events() -> Vec<Value> {
    vec![
        json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "content": [],
               "stop_reason": null, "usage": {"input_tokens": 10, "cache_creation_input_tokens": 5, "cache_read_input_tokens": 100, "output_tokens": 1}}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "ping"}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null}, "usage": {"output_tokens": 7}}),
        json!({"type": "message_stop"}),
    ]
}

fn events(script: Script, events: &[Value]) -> Script {
    events.iter().fold(script, |script, event| {
        let kind = event["type"].as_str().unwrap();
        script.chunk(&format!("event: {kind}\ndata: {event}\n\n"))
    })
}

#[test]
fn a_message_goes_to_anthropic_as_it_came_and_comes_back_as_it_was_said() {
    let upstream = Upstream::start(|_| events(Script::stream(), &message_events()).end());
    let gateway = TestGateway::start();
    channel(&gateway, "anthropic", &upstream, &["claude-x"]);
    let client = gateway.new_client();
    let body = json!({"model": "claude-x", "max_tokens": 50, "stream": true, "x_unknown": {"kept": [1.0]},
                      "messages": [{"role": "user", "content": "Hi"}]});
    let request = client
        .request("POST", "/v1/messages")
        .header("anthropic-beta", "some-beta")
        .body(body.to_string());
    let answer = request.send().unwrap().text().unwrap();
    let said: String = message_events()
        .iter()
        .map(|event| {
            format!(
                "event: {}\ndata: {event}\n\n",
                event["type"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(answer, said);
    let got = &upstream.requests()[0];
    assert_eq!(
        (got.path.as_str(), &got.text),
        ("/v1/messages", &body.to_string())
    );
    for (name, value) in [
        ("x-api-key", "provider-secret"),
        ("anthropic-version", "2023-06-01"),
        ("anthropic-beta", "some-beta"),
    ] {
        assert_eq!(got.header(name), Some(value), "{name}");
    }
    let call = last_call(&gateway);
    let usage = json!({"prompt_tokens": 115, "cached_tokens": 100, "cache_write_tokens": 5, "completion_tokens": 7});
    for (name, tokens) in usage.as_object().unwrap() {
        assert_eq!(&call["usage"][name], tokens, "{name} in {call}");
    }
    assert_eq!(
        (&call["status"], &call["endpoint"]),
        (&json!("ok"), &json!("messages"))
    );
}

#[test]
fn a_message_stream_that_ends_early_or_with_an_error_is_an_error_of_its_dialect() {
    let upstream = Upstream::start(|request| {
        let begun = events(Script::stream(), &message_events()[..4]);
        if request.text.contains("overload") {
            let error = json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
            events(begun, &[error]).end()
        } else {
            begun.end()
        }
    });
    let gateway = TestGateway::start();
    channel(&gateway, "anthropic", &upstream, &["claude-x"]);
    let client = gateway.new_client();
    let ask = |words: &str| {
        let body = json!({"model": "claude-x", "max_tokens": 50, "stream": true, "messages": [{"role": "user", "content": words}]});
        client.post("/v1/messages", &body)
    };
    let cut = ask("cut");
    cut.expect_broken();
    assert!(
        cut.body
            .contains("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\""),
        "{}",
        cut.body
    );
    let told = ask("overload");
    assert!(
        told.body.contains("overloaded_error") && !told.body.contains("api_error"),
        "{}",
        told.body
    );
    eventually("both calls", || {
        (gateway.admin().calls().len() == 2).then_some(())
    });
    for call in gateway.admin().calls() {
        assert_eq!(call["status"], "error", "{call}");
        assert_eq!(call["usage"]["prompt_tokens"], 115, "{call}");
    }
}

#[test]
fn errors_on_the_way_have_the_shape_of_the_dialect() {
    let gateway = TestGateway::start();
    let client = gateway.new_client();
    let body = json!({"model": "none", "max_tokens": 5, "messages": [], "contents": []});
    let anthropic = client.post("/v1/messages", &body);
    assert_eq!(
        (anthropic.status, &anthropic.json()["error"]["type"]),
        (404, &json!("not_found_error"))
    );
    let google = client.post("/v1beta/models/none:generateContent", &body);
    assert_eq!(
        (google.status, &google.json()["error"]["status"]),
        (404, &json!("NOT_FOUND"))
    );
    let stranger = gateway.client("sk-real200-wrong");
    assert_eq!(
        stranger
            .post("/v1beta/models/none:countTokens", &body)
            .status,
        401
    );
}

fn chunk(text: &str, finish: Option<&str>, written: u64) -> Value {
    let mut candidate =
        json!({"content": {"role": "model", "parts": [{"text": text}]}, "index": 0});
    if let Some(finish) = finish {
        candidate["finishReason"] = finish.into();
    }
    json!({"candidates": [candidate], "modelVersion": "gemini-x",
           "usageMetadata": {"promptTokenCount": 8, "cachedContentTokenCount": 3, "candidatesTokenCount": written, "thoughtsTokenCount": 20, "totalTokenCount": 28 + written}})
}

fn gemini() -> Upstream {
    Upstream::start(|request| {
        if request.path.contains("stream") {
            Script::stream()
                .frame(&chunk("Hel", None, 1))
                .frame(&chunk("lo", Some("STOP"), 2))
                .end()
        } else {
            Script::json(200, &chunk("Hello", Some("STOP"), 2))
        }
    })
}

#[test]
fn gemini_calls_pass_whole_streamed_and_as_an_array() {
    let upstream = gemini();
    let gateway = TestGateway::start();
    channel(&gateway, "gemini", &upstream, &["gemini-x"]);
    let client = gateway.new_client();
    let body = json!({"contents": [{"role": "user", "parts": [{"text": "Hi"}]}], "x_unknown": 1});
    let whole = client
        .post("/v1beta/models/gemini-x:generateContent", &body)
        .expect(200);
    assert_eq!(whole, chunk("Hello", Some("STOP"), 2));
    let streamed = client.post(
        "/v1beta/models/gemini-x:streamGenerateContent?alt=sse",
        &body,
    );
    assert_eq!(streamed.frames().len(), 2, "{}", streamed.body);
    let array = client.post("/v1beta/models/gemini-x:streamGenerateContent", &body);
    assert_eq!(array.header("content-type"), Some("application/json"));
    assert_eq!(
        array.json(),
        json!([chunk("Hel", None, 1), chunk("lo", Some("STOP"), 2)])
    );
    let requests = upstream.requests();
    let paths: Vec<&str> = requests
        .iter()
        .map(|request| request.path.as_str())
        .collect();
    let streaming = "/v1/models/gemini-x:streamGenerateContent?alt=sse";
    assert_eq!(
        paths,
        ["/v1/models/gemini-x:generateContent", streaming, streaming]
    );
    for request in &requests {
        assert_eq!(request.header("x-goog-api-key"), Some("provider-secret"));
        assert_eq!(request.json(), body);
    }
    eventually("three calls", || {
        (gateway.admin().calls().len() == 3).then_some(())
    });
    for call in gateway.admin().calls() {
        let usage = &call["usage"];
        assert_eq!(
            (
                &usage["prompt_tokens"],
                &usage["cached_tokens"],
                &usage["completion_tokens"],
                &usage["reasoning_tokens"]
            ),
            (&json!(8), &json!(3), &json!(22), &json!(20)),
            "{call}"
        );
        assert_eq!(
            (&call["status"], &call["model"]),
            (&json!("ok"), &json!("gemini-x"))
        );
    }
}

#[test]
fn a_gemini_stream_without_a_finish_is_broken() {
    let upstream = Upstream::start(|_| Script::stream().frame(&chunk("Hel", None, 1)).end());
    let gateway = TestGateway::start();
    channel(&gateway, "gemini", &upstream, &["gemini-x"]);
    let body = json!({"contents": [{"parts": [{"text": "Hi"}]}]});
    let answer = gateway.new_client().post(
        "/v1beta/models/gemini-x:streamGenerateContent?alt=sse",
        &body,
    );
    answer.expect_broken();
    assert!(answer.body.contains("\"code\":502"), "{}", answer.body);
}

#[test]
fn a_quota_lowers_the_output_of_both_dialects() {
    let upstream = Upstream::start(|_| Script::json(200, &chunk("Hello", Some("STOP"), 2)));
    let gateway = TestGateway::start();
    channel(&gateway, "gemini", &upstream, &["gemini-x"]);
    let key = gateway.key(&json!({"quota": {"total_tokens": 400}}));
    let client = gateway.client(key["key"].as_str().unwrap());
    let body = json!({"contents": [{"parts": [{"text": "Hi"}]}], "generationConfig": {"temperature": 0.5}});
    let answer = client.post("/v1beta/models/gemini-x:generateContent", &body);
    let limit: u64 = answer
        .header("x-real200-max-output-tokens")
        .unwrap()
        .parse()
        .unwrap();
    answer.expect(200);
    let config = &upstream.requests()[0].json()["generationConfig"];
    assert_eq!(
        (&config["maxOutputTokens"], &config["temperature"]),
        (&json!(limit), &json!(0.5))
    );
    assert!((1..400).contains(&limit), "{limit}");
}

#[test]
fn tokens_are_counted_by_the_provider_or_here_and_cost_nothing() {
    let upstream = Upstream::start(|request| {
        assert!(
            request.path.ends_with("/messages/count_tokens"),
            "{}",
            request.path
        );
        Script::json(200, &json!({"input_tokens": 4711}))
    });
    let gateway = TestGateway::start();
    channel(&gateway, "anthropic", &upstream, &["claude-x"]);
    let key = gateway.key(&json!({"quota": {"total_tokens": 1}}));
    let client = gateway.client(key["key"].as_str().unwrap());
    let count = |model: &str| {
        let body =
            json!({"model": model, "messages": [{"role": "user", "content": "one two three"}]});
        client.post("/v1/messages/count_tokens", &body).expect(200)["input_tokens"]
            .as_u64()
            .unwrap()
    };
    assert_eq!(count("claude-x"), 4711);
    assert!((3..20).contains(&count("echo")));
    let body = json!({"contents": [{"parts": [{"text": "one two three"}]}]});
    let counted = client
        .post("/v1beta/models/echo:countTokens", &body)
        .expect(200);
    assert!((3..20).contains(&counted["totalTokens"].as_u64().unwrap()));
    eventually("three calls", || {
        (gateway.admin().calls().len() == 3).then_some(())
    });
    for call in gateway.admin().calls() {
        assert_eq!(
            (&call["endpoint"], &call["usage"]["total_tokens"]),
            (&json!("count_tokens"), &json!(0)),
            "{call}"
        );
    }
}

#[test]
fn a_deployment_in_azure_is_found_by_its_path_and_version() {
    let upstream = Upstream::start(|_| Script::chat("Hello", 3, 1));
    let gateway = TestGateway::start();
    let body = json!({"name": "azure", "kind": "azure-openai", "base_url": format!("http://127.0.0.1:{}", upstream.port()), "api_version": "2030-01-01",
                      "credential": "provider-secret", "models": ["m"], "model_map": {"m": "my deployment"}});
    gateway.admin().post("/api/channels", &body).expect(201);
    let chat = json!({"model": "m", "messages": []});
    gateway.new_client().chat(&chat).expect(200);
    let got = &upstream.requests()[0];
    assert_eq!(
        got.path,
        "/openai/deployments/my%20deployment/chat/completions?api-version=2030-01-01"
    );
    assert_eq!(got.header("api-key"), Some("provider-secret"));
}

#[test]
fn the_echo_speaks_every_dialect_and_models_are_listed_as_google_does() {
    let gateway = TestGateway::start();
    let client = gateway.new_client();
    let body = json!({"model": "echo", "max_tokens": 50, "messages": [{"role": "user", "content": "one two"}]});
    let message = client.post("/v1/messages", &body).expect(200);
    assert_eq!(message["content"][0]["text"], "one two");
    let body = json!({"contents": [{"role": "user", "parts": [{"text": "one two"}]}]});
    let content = client
        .post("/v1beta/models/echo:generateContent", &body)
        .expect(200);
    assert_eq!(
        content["candidates"][0]["content"]["parts"][0]["text"],
        "one two"
    );
    let body = json!({"content": {"parts": [{"text": "one two"}]}});
    let embedded = client
        .post("/v1beta/models/echo:embedContent", &body)
        .expect(200);
    assert_eq!(
        embedded["embedding"]["values"].as_array().unwrap().len(),
        256
    );
    let models = client.get("/v1beta/models").expect(200);
    assert_eq!(models["models"][0]["name"], "models/echo");
    assert_eq!(
        client.get("/v1beta/models/echo").expect(200)["displayName"],
        "echo"
    );
}

/// Google's newer SDKs ask at `/v1`, and for embeddings in batches only.
#[test]
fn what_google_is_asked_is_answered_at_v1_and_in_batches() {
    let upstream = Upstream::start(|request| {
        if request.path.ends_with(":batchEmbedContents") {
            Script::json(
                200,
                &json!({"embeddings": [{"values": [0.5]}, {"values": [0.25]}]}),
            )
        } else {
            Script::json(200, &chunk("Hello", Some("STOP"), 2))
        }
    });
    let gateway = TestGateway::start();
    let body = json!({"name": "g", "kind": "gemini", "base_url": upstream.base_url(), "credential": "provider-secret",
                      "models": ["mine"], "model_map": {"mine": "theirs"}});
    gateway.admin().post("/api/channels", &body).expect(201);
    let client = gateway.new_client();
    let content = json!({"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]});
    client
        .post("/v1/models/mine:generateContent", &content)
        .expect(200);
    let text = |text: &str| json!({"model": "models/mine", "content": {"parts": [{"text": text}]}});
    let batch = json!({"requests": [text("one"), text("two")]});
    for version in ["v1", "v1beta"] {
        let path = format!("/{version}/models/mine:batchEmbedContents");
        let embedded = client.post(&path, &batch).expect(200);
        assert_eq!(embedded["embeddings"].as_array().unwrap().len(), 2);
    }
    let got = &upstream.requests()[1];
    assert_eq!(got.path, "/v1/models/theirs:batchEmbedContents");
    for request in got.json()["requests"].as_array().unwrap() {
        assert_eq!(request["model"], "models/theirs", "as its path says");
    }
    let echoed = client
        .post("/v1/models/echo:batchEmbedContents", &batch)
        .expect(200);
    assert_eq!(echoed["embeddings"].as_array().unwrap().len(), 2);
    assert_eq!(client.get("/v1/models/mine:generateContent").status, 405);
}

#[test]
fn models_are_listed_as_the_sdk_that_asks_reads_them() {
    let gateway = TestGateway::start();
    let client = gateway.new_client();
    let ask = |path: &str, header: &str| {
        let answer = client
            .request("GET", path)
            .header(header, "x")
            .send()
            .unwrap();
        answer.json::<Value>().unwrap()
    };
    let openai = client.get("/v1/models").expect(200);
    assert_eq!(
        (&openai["object"], &openai["data"][0]["object"]),
        (&json!("list"), &json!("model"))
    );
    let anthropic = ask("/v1/models", "anthropic-version");
    assert_eq!(
        (&anthropic["has_more"], &anthropic["last_id"]),
        (&json!(false), &json!("echo"))
    );
    assert_eq!(
        anthropic["data"][0],
        ask("/v1/models/echo", "anthropic-version")
    );
    assert_eq!(anthropic["data"][0]["display_name"], "echo");
    let google = client.get("/v1beta/models").expect(200);
    assert_eq!(
        google,
        ask("/v1beta/models", "anthropic-version"),
        "the path says it"
    );
}

/// Everything but the client's dialect is the same: what a person says, and what comes back.
#[test]
fn a_client_of_any_dialect_reaches_a_channel_of_any_other() {
    let anthropic = Upstream::start(|request| {
        assert_eq!(
            request.json()["messages"][0]["role"],
            "user",
            "{}",
            request.text
        );
        if request.json()["stream"] == true {
            events(Script::stream(), &message_events()).end()
        } else {
            Script::json(
                200,
                &json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": [{"type": "text", "text": "Hello"}],
                "stop_reason": "end_turn", "usage": {"input_tokens": 10, "cache_creation_input_tokens": 5, "cache_read_input_tokens": 100, "output_tokens": 7}}),
            )
        }
    });
    let google = gemini();
    let openai = Upstream::start(|request| {
        if request.json()["stream"] == true {
            Script::stream().word("Hello").stop().usage(115, 7).done()
        } else {
            Script::chat("Hello", 115, 7)
        }
    });
    let gateway = TestGateway::start();
    channel(&gateway, "anthropic", &anthropic, &["claude-x"]);
    channel(&gateway, "gemini", &google, &["gemini-x"]);
    channel(&gateway, "openai", &openai, &["gpt-x"]);
    let client = gateway.new_client();
    let mut calls = 0;
    for model in ["claude-x", "gemini-x", "gpt-x"] {
        for stream in [false, true] {
            let turns = json!([{"role": "user", "content": "Hi"}]);
            let chat = json!({"model": model, "stream": stream, "messages": turns});
            let answer = client.post("/v1/chat/completions", &chat);
            assert!(
                answer.status == 200 && answer.body.contains("Hel"),
                "{model}: {}",
                answer.body
            );
            assert_eq!(
                answer.body.contains("[DONE]"),
                stream,
                "{model}: {}",
                answer.body
            );
            let message =
                json!({"model": model, "stream": stream, "max_tokens": 50, "messages": turns});
            let answer = client.post("/v1/messages", &message);
            assert!(
                answer.status == 200 && answer.body.contains("\"end_turn\""),
                "{model}: {}",
                answer.body
            );
            assert_eq!(
                answer.body.contains("message_stop"),
                stream,
                "{model}: {}",
                answer.body
            );
            // A channel of OpenAI's speaks responses itself.
            if model != "gpt-x" {
                let response = json!({"model": model, "stream": stream, "input": "Hi"});
                let answer = client.post("/v1/responses", &response);
                calls += 1;
                assert!(
                    answer.status == 200 && answer.body.contains("\"completed\""),
                    "{model}: {}",
                    answer.body
                );
                assert_eq!(
                    answer.body.contains("response.completed"),
                    stream,
                    "{model}: {}",
                    answer.body
                );
            }
            let content = json!({"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]});
            let method = if stream {
                "streamGenerateContent?alt=sse"
            } else {
                "generateContent"
            };
            let answer = client.post(&format!("/v1beta/models/{model}:{method}"), &content);
            assert!(
                answer.status == 200 && answer.body.contains("\"STOP\""),
                "{model}: {}",
                answer.body
            );
            calls += 3;
        }
    }
    eventually("all calls", || {
        (gateway.admin().calls().len() == calls).then_some(())
    });
    for call in gateway.admin().calls() {
        let wanted = match call["model"].as_str().unwrap() {
            "gemini-x" => json!([8, 22]),
            _ => json!([115, 7]),
        };
        let usage = &call["usage"];
        assert_eq!(
            json!([usage["prompt_tokens"], usage["completion_tokens"]]),
            wanted,
            "{call}"
        );
        assert_eq!(
            (&call["status"], &usage["estimated"]),
            (&json!("ok"), &json!(false)),
            "{call}"
        );
        let asked = match call["model"].as_str().unwrap() {
            "claude-x" => "messages",
            "gemini-x" => "generate_content",
            _ => "chat",
        };
        assert_eq!(call["attempts"][0]["endpoint"], asked, "{call}");
    }
}
