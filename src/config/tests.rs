//! What the configuration takes, and what it says of what it does not.

use super::*;

fn merged(file: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    let environment = variables
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect();
    merge(file.parse().unwrap(), &environment).map_err(|e| e.to_string())
}

#[test]
fn the_environment_goes_before_the_file_and_the_file_before_the_defaults() {
    let config = merged(
        "[server]\nlisten = \"0.0.0.0:80\"\ndrain_seconds = 5",
        &[
            ("REAL200_SERVER__LISTEN", "127.0.0.1:9"),
            ("REAL200_DATA_DIR", "/srv/real200"),
            ("REAL200_SERVER__TRUSTED_PROXIES", "[\"10.0.0.0/8\"]"),
        ],
    )
    .unwrap();
    assert_eq!(config.server.listen, SocketAddr::from(([127, 0, 0, 1], 9)));
    assert_eq!(config.server.drain_seconds, 5);
    assert_eq!(config.server.trusted_proxies.len(), 1);
    assert_eq!(config.data_dir.0, Path::new("/srv/real200"));
    assert_eq!(config.ledger, LedgerConfig::default());
}

#[test]
fn an_unknown_key_names_the_nearest_known_one() {
    assert_eq!(
        merged("[server]\nlisten_on = 1", &[]).unwrap_err(),
        "unknown configuration key server.listen_on; did you mean server.listen?"
    );
    assert_eq!(
        merged("", &[("REAL200_DATADIR", "/x")]).unwrap_err(),
        "unknown variable REAL200_DATADIR; did you mean REAL200_DATA_DIR?"
    );
    assert_eq!(
        merged("", &[("REAL200_LISTEN", "127.0.0.1:9")]).unwrap_err(),
        "unknown variable REAL200_LISTEN; did you mean REAL200_SERVER__LISTEN?"
    );
    assert_eq!(
        merged("listen = \"127.0.0.1:9\"", &[]).unwrap_err(),
        "unknown configuration key listen; did you mean server.listen?"
    );
    for other in ["REAL200_MASTER_KEY", "REAL200_UI"] {
        assert!(merged("", &[(other, "text")]).is_ok());
    }
}

#[test]
fn an_address_is_taken_as_well_as_a_block() {
    let config = merged(
        "[server]\ntrusted_proxies = [\"127.0.0.1\", \"10.0.0.0/8\"]",
        &[("REAL200_OUTBOUND__ALLOW_PRIVATE", "[\"::1\"]")],
    )
    .unwrap();
    let shown: Vec<_> = config.server.trusted_proxies.iter().collect();
    assert_eq!(format!("{shown:?}"), "[127.0.0.1/32, 10.0.0.0/8]");
    assert_eq!(config.outbound.allow_private, ["::1/128".parse().unwrap()]);
    let error = merged("[server]\ntrusted_proxies = [\"localhost\"]", &[]).unwrap_err();
    assert!(
        error.contains("\"localhost\" is no address") && error.contains("trusted_proxies"),
        "{error}"
    );
}

#[test]
fn a_value_of_the_wrong_type_is_an_error_with_its_place() {
    let error = merged("[server]\ndrain_seconds = \"soon\"", &[]).unwrap_err();
    assert!(
        error.contains("drain_seconds") && !error.contains('\n'),
        "{error}"
    );
}

#[test]
fn the_example_file_says_what_the_defaults_are() {
    let example: toml::Table = include_str!("../../config/real200.toml").parse().unwrap();
    assert_eq!(merge(example, &Vec::new()).unwrap(), Config::default());
}

#[test]
fn half_an_admin_is_refused() {
    let environment = vec![("REAL200_ADMIN_USERNAME".to_owned(), "ada".to_owned())];
    assert!(bootstrap(&environment).is_err());
}
