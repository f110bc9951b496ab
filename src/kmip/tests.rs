//! Tests of the whole room: against a server of our own, a server of another's, and another implementation of the encoding.

mod connections;
mod encoding;
mod encoding_forms;
mod fake_server;
mod faults;
mod halving;
mod http;
mod http_faults;
mod http_server;
mod live;
mod live_cosmian;
mod live_header;
mod live_operations;
mod mutation;
mod negotiation;
mod oracle;
mod oracle_operations;
mod over_https;
mod pykmip_codec;
mod replies;
mod replies_of_usage;
mod requests;
pub(in crate::kmip) mod samples;
mod several_servers;
mod tls_files;
