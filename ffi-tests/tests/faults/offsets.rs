//! A connection that ends once, at each byte of the answer to Sign: the signature comes over a fresh one, and only once more is asked.

use cryptoki_sys::CKM_ECDSA;
use ffi_tests::fake_server::Fault;
use ffi_tests::here;
use ffi_tests::signature::digest;
use kmip_p11::kmip::Operation;

use crate::stage::{MESSAGE, staged};

/// The answer to Sign is shorter.
const ENDLESS: usize = 1024;
/// The answer to Sign is longer: header, identifier and a P-256 signature.
const SHORTEST: usize = 150;

/// Walks the answer until it arrives whole, and the end of its connection no longer matters.
#[track_caller]
fn walk(test: &str, step: usize, fault: fn(usize) -> Fault) {
    staged(test, |stage| {
        stage.lists_again(3);
        let session = stage.session();
        let key = session.private_key("web");
        let sign = || session.sign(CKM_ECDSA, key, &digest("sha256", MESSAGE));
        for offset in (0..ENDLESS).step_by(step) {
            stage.server.count_anew();
            stage.server.misbehave_times(1, fault(offset));
            let signed = sign();
            assert!(signed.is_ok(), "at {offset}: {signed:x?}\n{}", stage.log());
            let asked = stage.server.tally().of(Operation::SIGN);
            if asked == 1 {
                assert!(offset >= SHORTEST, "the answer is not that short: {offset}");
                return;
            }
            assert_eq!(asked, 2, "at {offset}");
        }
        panic!("no answer came whole in {ENDLESS} bytes");
    });
}

#[test]
fn closed_at_every_byte_of_a_signature() {
    walk(here!(), 1, Fault::CloseAfter);
}

#[test]
fn reset_at_every_third_byte_of_a_signature() {
    walk(here!(), 3, Fault::ResetAfter);
}
