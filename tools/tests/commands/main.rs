//! The real `kmip-ssh` on real servers: what it prints, what it changes, and that logins follow.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod person;

mod disk_cache;
mod doctor_faults;
mod doctor_verdicts;
mod embedded;
mod generate;
mod import;
mod keystore_postgres;
mod keystore_seals;
mod lifecycle;
mod listing;
mod pin;
mod quickstart;
mod secrecy;
mod selection;
mod slots;
mod streams;
mod transfer;
mod transfer_hsm;
mod transfer_keystore;
