//! Tests of the whole room: against a server of our own, a server of another's, and another implementation of the encoding.

mod connections;
mod encoding;
mod fake_server;
mod faults;
mod halving;
mod live;
mod live_cosmian;
mod mutation;
mod negotiation;
mod oracle;
mod replies;
mod samples;
mod several_servers;
mod tls_files;
