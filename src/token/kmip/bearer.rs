//! When a bearer token ends, if it is a JSON Web Token that says so (RFC 7519).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::Deserialize;
use zeroize::Zeroizing;

/// The last second of the year 9999: what is later cannot be written as a date.
const LAST: f64 = 253_402_300_799.0;

#[derive(Deserialize)]
struct Claims {
    exp: f64,
}

/// The claim `exp`. It is not verified: that is the server's part.
pub fn end(token: &str) -> Option<SystemTime> {
    let mut parts = token.split('.');
    let (_header, claims, _signature) = (parts.next()?, parts.next()?, parts.next()?);
    let json = Zeroizing::new(Base64UrlUnpadded::decode_vec(claims).ok()?);
    let claims: Claims = serde_json::from_slice(&json).ok()?;
    let seconds = Some(claims.exp).filter(|seconds| (0.0..=LAST).contains(seconds))?;
    Some(UNIX_EPOCH + Duration::from_secs_f64(seconds))
}

/// What to tell people of a token that has ended.
pub fn warning(end: SystemTime) -> Option<String> {
    let ended = end <= SystemTime::now();
    ended.then(|| {
        let end = humantime::format_rfc3339_seconds(end);
        format!("the bearer token ended on {end}; get a new one")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        let claims = Base64UrlUnpadded::encode_string(claims.as_bytes());
        format!("eyJhbGciOiJIUzI1NiJ9.{claims}.c2lnbmF0dXJl")
    }

    #[test]
    fn the_end_of_a_token_is_read() {
        let read = |claims| end(&token(claims)).map(|it| it.duration_since(UNIX_EPOCH).unwrap());
        let secs = |secs| Some(Duration::from_secs(secs));
        assert_eq!(read(r#"{"sub":"a","exp":1300819380}"#), secs(1_300_819_380));
        assert_eq!(read(r#"{"exp":1.5}"#), Some(Duration::from_millis(1500)));
        for claims in [
            "{}",
            r#"{"exp":"soon"}"#,
            r#"{"exp":-1}"#,
            r#"{"exp":1e300}"#,
            "[]",
        ] {
            assert_eq!(read(claims), None, "{claims}");
        }
        for other in ["", "opaque", "a.b", "a.!.c"] {
            assert_eq!(end(other), None, "{other}");
        }
    }

    #[test]
    fn a_token_that_has_ended_is_told_of() {
        let past = UNIX_EPOCH + Duration::from_secs(1_300_819_380);
        assert_eq!(
            warning(past).unwrap(),
            "the bearer token ended on 2011-03-22T18:43:00Z; get a new one"
        );
        assert_eq!(warning(SystemTime::now() + Duration::from_secs(60)), None);
        assert_eq!(
            warning(end(&token(r#"{"exp":253402300799}"#)).unwrap()),
            None
        );
    }
}
