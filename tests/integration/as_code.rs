//! Channels and models that the configuration file sets: there after a start, and to be changed nowhere else.

use std::path::Path;

use serde_json::{Value, json};

use super::harness::{Binary, Console, KeyClient, Script, Upstream, chat};

const ADMIN: [(&str, &str); 3] = [
    ("REAL200_ADMIN_USERNAME", "ada"),
    ("REAL200_ADMIN_PASSWORD", "correct horse battery"),
    ("PROVIDER_KEY", "sk-from-the-environment"),
];

fn write(dir: &Path, text: &str) {
    std::fs::create_dir_all(dir.join("config")).unwrap();
    std::fs::write(dir.join("config/real200.toml"), text).unwrap();
}

fn start(dir: &Path) -> (Binary, Console) {
    let binary = Binary::serve(dir, &[], &ADMIN);
    let admin = Console::log_in(binary.base(), "ada", "correct horse battery");
    (binary, admin)
}

fn stop(binary: Binary) {
    binary.signal("TERM");
    let (code, log) = binary.wait();
    assert_eq!(code, Some(0), "{log}");
}

fn channel(admin: &Console, name: &str) -> Option<Value> {
    let all = admin.get("/api/channels").expect(200);
    let mut items = all["items"].as_array().unwrap().iter();
    items.find(|channel| channel["name"] == name).cloned()
}

fn model(admin: &Console, name: &str) -> Value {
    let all = admin.get("/api/models").expect(200);
    let mut items = all["items"].as_array().unwrap().iter();
    items.find(|model| model["name"] == name).cloned().unwrap()
}

fn file(base_url: &str, weight: u32) -> String {
    format!(
        r#"
[[channel]]
name = "coded"
kind = "openai"
base_url = "{base_url}"
credential_env = "PROVIDER_KEY"
models = ["m"]
weight = {weight}
price_multiplier = 1.5
headers = {{ X-Tenant = "blue" }}
overrides = '{{"user": null}}'

[[model]]
name = "m"
input_usd_per_mtok = 0.25
output_usd_per_mtok = 1
context_tokens = 2000000
"#
    )
}

#[test]
fn channels_and_models_of_the_file_are_there_read_only_and_keep_their_ids() {
    let upstream = Upstream::start(|_| Script::chat("hi", 1_000_000, 0));
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &file(&upstream.base_url(), 2));
    let (binary, admin) = start(dir.path());
    // No echo channel is made where the file names one.
    assert_eq!(admin.get("/api/channels").expect(200)["total"], 1);
    let coded = channel(&admin, "coded").unwrap();
    assert_eq!(
        (&coded["source"], &coded["config_file"], &coded["weight"]),
        (&json!("config"), &json!("config/real200.toml"), &json!(2))
    );
    assert_eq!(
        (&coded["price_multiplier"], &coded["overrides"]),
        (&json!(1.5), &json!({"user": null}))
    );
    let priced = model(&admin, "m");
    assert_eq!(
        (
            &priced["source"],
            &priced["input_usd_per_mtok"],
            &priced["config_file"]
        ),
        (
            &json!("config"),
            &json!(0.25),
            &json!("config/real200.toml")
        )
    );
    let key = admin.post("/api/keys", &json!({})).expect(201)["key"].clone();
    let call = |binary: &Binary| {
        let client = KeyClient::new(binary.base(), key.as_str().unwrap());
        client.chat(&chat("m", "x")).expect(200);
    };
    call(&binary);
    let request = &upstream.requests()[0];
    assert_eq!(
        request.header("authorization"),
        Some("Bearer sk-from-the-environment")
    );
    assert_eq!(request.header("x-tenant"), Some("blue"));
    assert_eq!(admin.calls()[0]["cost_usd"], 0.375);

    // To be changed in the file only; a test and its list of models are no changes.
    let path = format!("/api/channels/{}", coded["id"].as_str().unwrap());
    let price = json!({"input_usd_per_mtok": 1, "output_usd_per_mtok": 1});
    for refused in [
        admin.patch(&path, &json!({"status": "disabled"})),
        admin.delete(&path),
        admin.put("/api/models/m", &price),
        admin.delete("/api/models/m"),
    ] {
        assert_eq!(refused.status, 409, "{}", refused.body);
        assert!(
            refused.body.contains("config/real200.toml"),
            "{}",
            refused.body
        );
    }
    admin.post(&format!("{path}/test"), &json!({})).expect(200);
    let changes = admin
        .get("/api/audit")
        .body
        .matches("\"configuration\"")
        .count();
    stop(binary);

    // A start with the same file changes nothing, one with another what is different, and the id stays.
    let (binary, admin) = start(dir.path());
    assert_eq!(
        admin
            .get("/api/audit")
            .body
            .matches("\"configuration\"")
            .count(),
        changes
    );
    stop(binary);
    write(dir.path(), &file(&upstream.base_url(), 3));
    let (binary, admin) = start(dir.path());
    let changed = channel(&admin, "coded").unwrap();
    assert_eq!(
        (&changed["id"], &changed["weight"]),
        (&coded["id"], &json!(3))
    );
    call(&binary);
    stop(binary);

    // What is no longer in the file is gone; the call log keeps its name. What comes back is who it was.
    write(dir.path(), "");
    let (binary, admin) = start(dir.path());
    assert!(channel(&admin, "coded").is_none());
    assert_eq!(admin.calls()[0]["channel_name"], "coded");
    stop(binary);
    write(dir.path(), &file(&upstream.base_url(), 2));
    let (binary, admin) = start(dir.path());
    assert_eq!(channel(&admin, "coded").unwrap()["id"], coded["id"]);
    call(&binary);
    stop(binary);
}

#[test]
fn what_an_admin_made_stays_the_admins() {
    let dir = tempfile::tempdir().unwrap();
    let (binary, admin) = start(dir.path());
    let own = json!({"name": "coded", "kind": "openai", "base_url": "http://127.0.0.1:1/v1", "models": ["other"]});
    let own = admin.post("/api/channels", &own).expect(201);
    assert_eq!(
        (&own["source"], &own["config_file"]),
        (&json!("own"), &json!(null))
    );
    stop(binary);
    write(dir.path(), &file("http://127.0.0.1:1/v1", 1));
    let (binary, admin) = start(dir.path());
    let path = format!("/api/channels/{}", own["id"].as_str().unwrap());
    admin.patch(&path, &json!({"weight": 7})).expect(200);
    stop(binary);
    write(dir.path(), "");
    let (binary, admin) = start(dir.path());
    assert_eq!(admin.get(&path).expect(200)["weight"], 7);
    stop(binary);
}

#[test]
fn a_wrong_entry_keeps_the_gateway_from_starting_with_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let channel = |more: &str| {
        format!("[[channel]]\nname = \"c\"\nkind = \"openai\"\nmodels = [\"m\"]\n{more}\n")
    };
    for (text, words) in [
        (
            channel("wieght = 1"),
            &["channel.wieght", "channel.weight"][..],
        ),
        (
            channel("credential_enf = \"X\""),
            &["did you mean channel.credential_env"],
        ),
        (
            channel("credential_env = \"NOT_THERE\""),
            &["\"c\"", "NOT_THERE is not set"],
        ),
        (
            channel("credential_file = \"missing\""),
            &["credential_file", "missing"],
        ),
        (
            channel("credential = \"x\"\ncredential_env = \"PROVIDER_KEY\""),
            &["give one of credential, credential_env, credential_file"],
        ),
        (
            channel("base_url = \"ftp://x\""),
            &["config/real200.toml", "base_url"],
        ),
        (channel("weight = \"much\""), &["weight", "invalid type"]),
        (
            channel("overrides = { model = \"x\" }"),
            &["overrides.model"],
        ),
        (channel(&channel("")), &["two [[channel]]", "\"c\""]),
        ("[[channel]]\nkind = \"echo\"".to_owned(), &["has no name"]),
        (
            "[[model]]\nname = \"m\"".to_owned(),
            &["[[model]] \"m\"", "input_usd_per_mtok"],
        ),
        (
            "[[modle]]\nname = \"m\"".to_owned(),
            &["unknown configuration key modle; did you mean model?"],
        ),
    ] {
        write(dir.path(), &text);
        let output = Binary::output(dir.path(), &["--listen", "127.0.0.1:0"], &ADMIN);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{text}: {errors}");
        assert_eq!(errors.trim_end().lines().count(), 1, "{errors}");
        for word in words {
            assert!(errors.contains(word), "{word} is not in {errors}");
        }
    }
}
