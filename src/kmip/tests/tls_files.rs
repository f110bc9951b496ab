//! TLS files: every way they can be wrong is named, with the file.

use super::fake_server::Authority;
use crate::kmip::*;
use std::path::{Path, PathBuf};

/// A directory that goes when the test ends.
struct Files(PathBuf);

impl Files {
    fn new(name: &str) -> Files {
        let path = std::env::temp_dir().join(format!("kmip-tls-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Files(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn problem(ca: &Path, cert: Option<&Path>, key: Option<&Path>) -> String {
    let files = TlsFiles {
        ca: ca.into(),
        client_cert: cert.map(Into::into),
        client_key: key.map(Into::into),
        server_name: None,
    };
    files
        .load()
        .map_or_else(|error| error.to_string(), |_| "fine".to_owned())
}

#[test]
fn good_files_are_loaded() {
    let (files, authority) = (Files::new("good"), Authority::new());
    let (cert, key) = authority.issue("alice");
    let ca = files.write("ca.pem", &authority.pem());
    let both = files.write("both.pem", &format!("{cert}{key}"));
    let (cert, key) = (files.write("cert.pem", &cert), files.write("key.pem", &key));
    assert_eq!(problem(&ca, Some(&cert), Some(&key)), "fine");
    assert_eq!(problem(&ca, Some(&both), None), "fine");
    assert_eq!(problem(&ca, None, None), "fine");
}

#[test]
fn bad_files_are_named_with_the_fix() {
    let (files, authority) = (Files::new("bad"), Authority::new());
    let (cert, key) = authority.issue("alice");
    let ca = files.write("ca.pem", &authority.pem());
    let (cert, key) = (files.write("cert.pem", &cert), files.write("key.pem", &key));
    let other = files.write("other.pem", &authority.issue("bob").1);
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let encrypted = files.write("encrypted.pem", encrypted);
    let garbage = files.write("garbage.pem", "\u{0}\u{1}");
    let cut = files.write("cut.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n");
    let absent = files.0.join("absent.pem");
    let expect = |said: String, file: &Path, words: &str| {
        assert!(
            said.starts_with(&file.display().to_string()) && said.contains(words),
            "{said}"
        );
    };
    expect(problem(&absent, None, None), &absent, "cannot be read");
    expect(
        problem(&garbage, None, None),
        &garbage,
        "holds no certificate",
    );
    expect(
        problem(&cut, None, None),
        &cut,
        "broken PEM: a block has no end line",
    );
    expect(
        problem(&ca, Some(&cert), Some(&cert)),
        &cert,
        "holds no private key",
    );
    expect(
        problem(&ca, Some(&cert), Some(&encrypted)),
        &encrypted,
        "openssl pkey",
    );
    expect(
        problem(&ca, Some(&cert), Some(&other)),
        &other,
        "the key of another certificate than",
    );
    expect(
        problem(&ca, None, Some(&key)),
        &key,
        "without a client certificate",
    );
}

/// A key after openssl has worked on it.
fn openssl(arguments: &[&str], key: &Path, to: &Path) {
    let mut command = std::process::Command::new("openssl");
    let done = command
        .args(arguments)
        .arg("-in")
        .arg(key)
        .arg("-out")
        .arg(to);
    let done = done.output().unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// What comes of a key, with its certificate in a file of its own or in the same.
fn said_of(ca: &Path, key: &Path, cert: Option<&Path>, passphrase: Option<&str>) -> String {
    let tls = TlsFiles {
        ca: ca.to_owned(),
        client_cert: Some(cert.unwrap_or(key).into()),
        client_key: cert.map(|_| key.into()),
        server_name: None,
    };
    let read = |file: &Path| zeroize::Zeroizing::new(std::fs::read(file).unwrap());
    let contents = TlsContents {
        ca: read(ca).to_vec(),
        client_cert: tls.client_cert.as_deref().map(read),
        client_key: tls.client_key.as_deref().map(read),
        passphrase: passphrase.map(|it| zeroize::Zeroizing::new(it.to_owned())),
    };
    let configured = tls.configure(&contents);
    configured.map_or_else(|error| error.to_string(), |_| "fine".to_owned())
}

#[test]
fn encrypted_keys_are_opened_by_their_passphrase_alone() {
    let (files, authority) = (Files::new("encrypted"), Authority::new());
    let (cert, key) = authority.issue("alice");
    let ca = files.write("ca.pem", &authority.pem());
    let cert_file = files.write("cert.pem", &cert);
    let plain = files.write("key.pem", &key);
    let opened = |key: &Path, cert: Option<&Path>, passphrase: Option<&str>| {
        said_of(&ca, key, cert, passphrase)
    };
    let topk8 = ["pkcs8", "-topk8", "-passout", "pass:open sesame"];
    for (name, more) in [
        (
            "pbkdf2",
            &["-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA256"][..],
        ),
        (
            "sha512",
            &["-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA512"],
        ),
        ("scrypt", &["-scrypt", "-scrypt_N", "1024"]),
    ] {
        let key = files.0.join(name);
        openssl(&[&topk8[..], more].concat(), &plain, &key);
        let said = |passphrase| opened(&key, Some(&cert_file), passphrase);
        assert_eq!(said(Some("open sesame")), "fine", "{name}");
        assert!(said(Some("sesame")).ends_with("that this passphrase does not open"));
        assert!(said(None).contains("client_key_passphrase_file"), "{name}");
        let both = cert.clone() + &std::fs::read_to_string(&key).unwrap();
        let both = files.write("both.pem", &both);
        assert_eq!(opened(&both, None, Some("open sesame")), "fine", "{name}");
    }
    let weak = [
        "-v1",
        "PBE-SHA1-3DES",
        "-provider",
        "legacy",
        "-provider",
        "default",
    ];
    let (pbes1, legacy) = (files.0.join("pbes1"), files.0.join("legacy"));
    openssl(&[&topk8[..], &weak].concat(), &plain, &pbes1);
    let traditional = ["ec", "-aes256", "-passout", "pass:open sesame"];
    openssl(&traditional, &plain, &legacy);
    for key in [&pbes1, &legacy] {
        let said = opened(key, Some(&cert_file), Some("open sesame"));
        assert!(
            said.contains("convert it with openssl pkcs8 -topk8 -v2"),
            "{said}"
        );
    }
    let said = opened(&plain, Some(&cert_file), Some("anything"));
    assert!(said.contains("without a passphrase"), "{said}");
}

#[test]
fn an_expired_certificate_is_found_before_the_server_finds_it() {
    let (files, authority) = (Files::new("expired"), Authority::new());
    let mut parameters = rcgen::CertificateParams::new(vec!["alice".to_owned()]).unwrap();
    parameters.not_after = rcgen::date_time_ymd(2020, 2, 3);
    let (cert, key) = authority.issue_with(parameters);
    let ca = files.write("ca.pem", &authority.pem());
    let (cert, key) = (files.write("cert.pem", &cert), files.write("key.pem", &key));
    let said = problem(&ca, Some(&cert), Some(&key));
    assert!(
        said.ends_with("holds a certificate that expired on 2020-02-03T00:00:00Z"),
        "{said}"
    );
}
