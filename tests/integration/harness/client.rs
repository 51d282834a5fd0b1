//! One client type for each kind of caller: a person in the console, a program with an API key.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::cookie::Jar;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn read(mut response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut bytes = Vec::new();
        // A body that breaks off is looked at as far as it came.
        let _ = response.read_to_end(&mut bytes);
        Self {
            status,
            headers,
            body: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("not JSON ({e}): {}", self.body))
    }

    /// The JSON of an answer with this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        if self.body.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }

    /// The `code` of an error with this status.
    #[track_caller]
    pub(crate) fn expect_error(self, status: u16) -> String {
        let body = self.expect(status);
        body["error"]["code"]
            .as_str()
            .unwrap_or_else(|| panic!("no error code in {body}"))
            .to_owned()
    }

    /// A stream that began well and ended in an error frame.
    #[track_caller]
    pub(crate) fn expect_broken(&self) {
        let last = self.frames().last().copied().unwrap_or_default();
        assert!(
            self.status == 200 && last.contains("\"error\""),
            "{}",
            self.body
        );
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The `data:` of each frame of a streamed answer.
    pub(crate) fn frames(&self) -> Vec<&str> {
        self.body
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
            .collect()
    }
}

fn http() -> reqwest::blocking::ClientBuilder {
    Client::builder()
        .timeout(Duration::from_secs(60))
        .pool_max_idle_per_host(0)
}

/// A person's browser at the console API.
pub(crate) struct Console {
    http: Client,
    base: String,
}

impl Console {
    pub(crate) fn anonymous(base: &str) -> Self {
        Self {
            http: http()
                .cookie_provider(Arc::new(Jar::default()))
                .build()
                .unwrap(),
            base: base.to_owned(),
        }
    }

    pub(crate) fn log_in(base: &str, username: &str, password: &str) -> Self {
        let console = Self::anonymous(base);
        console
            .post(
                "/api/session",
                &json!({"username": username, "password": password}),
            )
            .expect(200);
        console
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.http
            .request(method.parse().unwrap(), format!("{}{path}", self.base))
    }

    pub(crate) fn send(request: RequestBuilder) -> Reply {
        Reply::read(request.send().unwrap())
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        Self::send(self.request("GET", path))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        Self::send(self.request("POST", path).json(body))
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) -> Reply {
        Self::send(self.request("PATCH", path).json(body))
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Reply {
        Self::send(self.request("PUT", path).json(body))
    }

    pub(crate) fn delete(&self, path: &str) -> Reply {
        Self::send(self.request("DELETE", path))
    }

    /// The newest calls of the log.
    pub(crate) fn calls(&self) -> Vec<Value> {
        self.get("/api/logs").expect(200)["items"]
            .as_array()
            .unwrap()
            .clone()
    }

    /// All calls of the log, the newest first.
    pub(crate) fn all_calls(&self) -> Vec<Value> {
        let (mut calls, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self
                .get(&format!("/api/logs?limit=200{cursor}"))
                .expect(200);
            calls.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return calls,
            }
        }
    }

    /// A call of the log by its `x-request-id`.
    pub(crate) fn call(&self, id: &str) -> Value {
        self.get(&format!("/api/logs/{id}")).expect(200)
    }
}

/// A program with an API key.
#[derive(Clone)]
pub(crate) struct KeyClient {
    http: Client,
    base: String,
    key: String,
}

impl KeyClient {
    pub(crate) fn new(base: &str, key: &str) -> Self {
        Self {
            http: http().build().unwrap(),
            base: base.to_owned(),
            key: key.to_owned(),
        }
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.http
            .request(method.parse().unwrap(), format!("{}{path}", self.base))
            .bearer_auth(&self.key)
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        Reply::read(self.request("GET", path).send().unwrap())
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Reply {
        Reply::read(self.open(path, body))
    }

    /// The answer's head has come; its body is still to be read.
    pub(crate) fn open(&self, path: &str, body: &Value) -> Response {
        self.request("POST", path).json(body).send().unwrap()
    }

    pub(crate) fn chat(&self, body: &Value) -> Reply {
        self.post("/v1/chat/completions", body)
    }

    /// Sends a call and looks at nothing that comes back: dropping the connection is the client's going away.
    pub(crate) fn send(&self, path: &str, body: &Value) -> TcpStream {
        let address = self.base.strip_prefix("http://").unwrap();
        let (key, body) = (&self.key, body.to_string());
        let mut connection = TcpStream::connect(address).unwrap();
        write!(
            connection,
            "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        connection
    }
}
