//! The checks, a few lines each: a request, and what the specification says of the answer.

mod attributes;
mod life;
mod lookup;
mod objects;
mod signing;
mod usage;

use crate::outcome::Outcome;
use crate::scene::Scene;

/// A check and its name in the matrix.
pub type Check = (&'static str, fn(&Scene) -> Outcome);

/// In the order of the matrix.
pub const CHECKS: [Check; 54] = [
    ("Discover Versions", lookup::discover_versions),
    ("Query", lookup::query),
    ("Create, AES-256", objects::create),
    ("Create Key Pair, RSA-2048", objects::create_rsa),
    ("Create Key Pair, P-256", objects::create_p256),
    ("Create Key Pair, P-384", objects::create_p384),
    ("Create Key Pair, P-521", objects::create_p521),
    ("Create Key Pair, Ed25519", objects::create_ed25519),
    ("Create Key Pair, ML-DSA-65", objects::create_ml_dsa),
    ("Register, private key", objects::register_private),
    ("Register, public key", objects::register_public),
    ("Register, certificate", objects::register_certificate),
    ("Register, AES-256", objects::register_symmetric),
    ("Import, AES-256", objects::import),
    ("Re-key Key Pair, RSA-2048", objects::rekey),
    ("Locate, Name", lookup::by_name),
    ("Locate, Object Type and Name", lookup::by_type),
    (
        "Locate, Cryptographic Algorithm and Name",
        lookup::by_algorithm,
    ),
    ("Locate, State and Name", lookup::by_state),
    ("Locate, Object Group", lookup::by_group),
    ("Locate, of what is not there", lookup::by_unknown_name),
    ("Locate, Maximum Items", lookup::limited),
    ("Locate, Offset Items", lookup::offset),
    ("Get, no format asked", objects::get_plain),
    ("Get, RSA public key as X.509", objects::get_x509),
    ("Get, RSA public key as PKCS#1", objects::get_pkcs1),
    ("Get, RSA private key as PKCS#8", objects::get_pkcs8),
    ("Get, of what is not there", objects::get_absent),
    ("Get, wrapped in AES Key Wrap", objects::get_wrapped),
    ("Get Attributes, all", attributes::all),
    ("Get Attributes, named", attributes::named),
    ("Get Attribute List", attributes::list),
    ("Add Attribute", attributes::add),
    ("Set Attribute", attributes::set),
    ("Modify Attribute", attributes::modify),
    ("Delete Attribute, by value", attributes::delete),
    ("Delete Attribute, by name", attributes::delete_named),
    ("Activate", life::activate),
    ("Revoke", life::revoke),
    ("Destroy", life::destroy),
    ("Sign, RSA, data", signing::rsa_data),
    ("Sign, RSA, digested data", signing::rsa_digest),
    ("Sign, P-256, data", signing::p256_data),
    ("Sign, P-256, digested data", signing::p256_digest),
    ("Sign, Ed25519, data", signing::ed25519_data),
    ("Sign, ML-DSA-65, data", signing::ml_dsa_data),
    ("Signature Verify, RSA", signing::verify),
    ("Encrypt and Decrypt, AES-CBC", usage::encrypt),
    ("MAC, HMAC-SHA256", usage::mac),
    ("MAC Verify, HMAC-SHA256", usage::mac_verify),
    ("Hash, SHA-256", usage::hash),
    ("RNG Retrieve", usage::random),
    ("a batch, one item of which is refused", lookup::mixed_batch),
    (
        "a batch of 16 items, each answer in its place",
        lookup::long_batch,
    ),
];
