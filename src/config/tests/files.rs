//! Finding the file, and judging it and the files that it names.

use std::os::unix::fs::PermissionsExt;

use super::*;

/// A directory with the minimal configuration and the TLS files it names.
fn set_up() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let at = |name| directory.path().join(name);
    fs::write(at("config.toml"), MINIMAL.replace("/keys/", "")).unwrap();
    for name in ["ca.pem", "client.pem", "client.key"] {
        fs::write(at(name), "").unwrap();
        set_mode(&at(name), 0o600);
    }
    set_mode(&at("config.toml"), 0o644);
    directory
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// The message about loading, with the directory's name taken out.
fn load(directory: &tempfile::TempDir) -> Result<Config, String> {
    let loaded = Config::load_from(&directory.path().join("config.toml"));
    let name = format!("{}/", directory.path().display());
    loaded.map_err(|error| error.to_string().replace(&name, ""))
}

#[test]
fn a_good_directory_loads() {
    let directory = set_up();
    let config = load(&directory).unwrap();
    assert_eq!(config.path, directory.path().join("config.toml"));
    assert_eq!(
        only_slot(&config).1.tls.client_key,
        Some(directory.path().join("client.key"))
    );
}

#[test]
fn a_configuration_that_others_may_write_is_refused() {
    let directory = set_up();
    set_mode(&directory.path().join("config.toml"), 0o664);
    let owner = rustix::process::geteuid().as_raw();
    assert_eq!(
        load(&directory).unwrap_err(),
        format!(
            "config.toml: mode 0664, owner uid {owner}: others may change it: run \"chmod go-w config.toml\""
        )
    );
}

#[test]
fn a_missing_tls_file_is_named_with_its_place() {
    let directory = set_up();
    fs::remove_file(directory.path().join("ca.pem")).unwrap();
    assert_eq!(
        load(&directory).unwrap_err(),
        "config.toml:5:15: slot \"prod\": kmip.tls.ca: ca.pem: No such file or directory (os error 2); \
         correct the path or put the file there"
    );
}

#[test]
fn a_private_key_that_all_may_read_is_refused() {
    let directory = set_up();
    set_mode(&directory.path().join("client.key"), 0o644);
    let message = load(&directory).unwrap_err();
    let start = "config.toml:7:23: slot \"prod\": kmip.tls.client_key: client.key: mode 0644, ";
    assert!(message.starts_with(start), "{message}");
    assert!(
        message.contains("others may read this private key: run \"chmod "),
        "{message}"
    );
}

#[test]
fn every_secret_that_all_may_read_is_refused() {
    for (key, secret) in [
        ("kmip.tls.client_key_passphrase_file", "passphrase"),
        ("kmip.password_file", "password"),
        ("kmip.device.password_file", "password"),
        ("kmip.bearer_token_file", "bearer token"),
    ] {
        let directory = set_up();
        let config = directory.path().join("config.toml");
        let text = MINIMAL
            .replace("/keys/", "")
            .replace("\"kmip1", "\"https://kmip1");
        let line = format!("{text}kmip.username = \"a\"\n{key} = \"secret\"\n");
        fs::write(&config, line).unwrap();
        let missing = load(&directory).unwrap_err();
        assert!(
            missing.contains(&format!(": {key}: secret: No such file")),
            "{missing}"
        );
        fs::write(directory.path().join("secret"), "").unwrap();
        set_mode(&directory.path().join("secret"), 0o604);
        let message = load(&directory).unwrap_err();
        assert!(message.starts_with("config.toml:9:"), "{message}");
        let what = format!(": {key}: secret: mode 0604, ");
        assert!(message.contains(&what), "{message}");
        let readable = format!("others may read this {secret}: run \"chmod ");
        assert!(message.contains(&readable), "{message}");
        set_mode(&directory.path().join("secret"), 0o600);
        load(&directory).unwrap();
    }
}

#[test]
fn certificates_that_others_may_write_are_refused() {
    for name in ["ca.pem", "client.pem", "client.key"] {
        let directory = set_up();
        set_mode(&directory.path().join(name), 0o620);
        assert!(
            load(&directory)
                .unwrap_err()
                .contains("others may change it"),
            "{name}"
        );
    }
}

#[test]
fn a_huge_file_is_refused() {
    let directory = set_up();
    let file = fs::File::options()
        .write(true)
        .open(directory.path().join("config.toml"))
        .unwrap();
    file.set_len(LONGEST_FILE + 1).unwrap();
    assert!(load(&directory).unwrap_err().contains("file too large"));
}

#[test]
fn a_cache_has_a_directory_by_default() {
    let (root, user) = (
        rustix::process::Uid::ROOT,
        rustix::process::Uid::from_raw(7),
    );
    let mut environment = environment(Path::new(""), Path::new("/h"));
    assert_eq!(environment.cache(user), Ok("/h/.cache/kmip-p11".into()));
    assert_eq!(environment.cache(root), Ok("/var/cache/kmip-p11".into()));
    environment.xdg_cache_home = Some("/c".into());
    assert_eq!(environment.cache(user), Ok("/c/kmip-p11".into()));
    environment.raised = true;
    assert!(environment.cache(user).is_err());
    assert_eq!(environment.cache(root), Ok("/var/cache/kmip-p11".into()));
}

fn environment(config: &Path, home: &Path) -> Environment {
    let (config, home) = (Some(config.into()), Some(home.into()));
    Environment {
        config,
        home,
        ..Environment::default()
    }
}

fn sought(config: &str, home: &Path) -> Result<PathBuf, String> {
    let candidates = environment(Path::new(config), home).search_path();
    found(candidates).map_err(|error| error.to_string())
}

#[test]
fn the_variable_does_not_fall_through() {
    let home = Path::new("/nonexistent");
    assert_eq!(
        sought("/nonexistent/c.toml", home),
        Err("KMIP_P11_CONFIG names \"/nonexistent/c.toml\", which does not exist: correct or unset it".into())
    );
    assert_eq!(
        sought("c.toml", home),
        Err("KMIP_P11_CONFIG is \"c.toml\": write an absolute path".into())
    );
}

#[test]
fn the_home_directory_is_searched() {
    let home = tempfile::tempdir().unwrap();
    let below = home.path().join(".config/kmip-p11");
    fs::create_dir_all(&below).unwrap();
    fs::write(below.join("config.toml"), MINIMAL).unwrap();
    assert_eq!(sought("", home.path()), Ok(below.join("config.toml")));
}

#[test]
fn a_link_that_leads_nowhere_is_taken() {
    let home = tempfile::tempdir().unwrap();
    let below = home.path().join(".config/kmip-p11");
    fs::create_dir_all(&below).unwrap();
    std::os::unix::fs::symlink("/nonexistent", below.join("config.toml")).unwrap();
    assert_eq!(sought("", home.path()), Ok(below.join("config.toml")));
}

#[test]
fn all_places_are_listed_if_there_is_no_file() {
    let candidates = environment(Path::new(""), Path::new("/nonexistent")).search_path();
    let without_system = candidates
        .into_iter()
        .filter(|it| it.source != Source::System)
        .collect();
    assert_eq!(
        found(without_system).unwrap_err().to_string(),
        "there is no configuration file; looked at: KMIP_P11_CONFIG (not set), XDG_CONFIG_HOME (not set), \
         /nonexistent/.config/kmip-p11/config.toml (from HOME)"
    );
}
