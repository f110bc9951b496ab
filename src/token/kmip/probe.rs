//! What a connection shows to people who check an installation.

use std::path::Path;

use super::KmipToken;
use super::bearer;
use super::validity::{Validity, of_server, shown_by};
use crate::config::{self, Content};
use crate::error::Result;
use crate::kmip::{Client, Operation, QueryFunction, Request, ServerInfo};
use crate::token::Probe;

/// What logging in needs.
const NEEDED: [Operation; 4] = [
    Operation::LOCATE,
    Operation::GET_ATTRIBUTES,
    Operation::GET,
    Operation::SIGN,
];

impl KmipToken {
    /// Connects, asks what the server is and does, and reads our own certificates.
    pub(super) fn probe_server(&self) -> Result<Probe> {
        let client = self.client()?;
        let answers = client.call_within(self.deadline(), &[query()]);
        answers.map_err(|error| self.failures.call(&error))?;
        let mut probe = Probe {
            facts: vec![("servers", self.servers())],
            warnings: vec![],
        };
        if let Some(version) = client.version() {
            probe.facts.push(("protocol", format!("KMIP {version}")));
        }
        if let Some(info) = client.server_info() {
            tell_server(&mut probe, &info, self.filter.local_use);
        }
        self.tell_group(&mut probe, &client);
        for (server, certificate) in shown_by(&client) {
            let fact = format!("{server}: {certificate}");
            probe.facts.push(("server certificate", fact));
            probe
                .warnings
                .extend(certificate.warning(&of_server(&server)));
        }
        let tls = &self.config.tls;
        if let Some(certificate) = &tls.client_cert {
            tell_certificates(&mut probe, "client certificate", certificate);
        }
        tell_certificates(&mut probe, "certificate authority", &tls.ca);
        if let Some(end) = self.access.token_end() {
            let until = humantime::format_rfc3339_seconds(end);
            let fact = format!("valid until {until}");
            probe.facts.push(("bearer token", fact));
            probe.warnings.extend(bearer::warning(end));
        }
        Ok(probe)
    }

    /// Of several servers, each has to serve, or it will not when it is needed.
    fn tell_group(&self, probe: &mut Probe, client: &Client) {
        let servers = client.servers().len();
        for server in (0..servers).filter(|_| servers > 1) {
            if let Err(error) = client.call_server(server, self.deadline(), &[query()]) {
                probe.warnings.push(error.to_string());
            }
        }
        let status = client.status().into_iter().filter(|_| servers > 1);
        let states = status.map(|one| ("server state", one.to_string()));
        probe.facts.extend(states);
    }

    fn servers(&self) -> String {
        let servers = self.config.servers.iter();
        let servers = servers.map(ToString::to_string);
        servers.collect::<Vec<_>>().join(", ")
    }
}

fn query() -> Request {
    Request::Query {
        functions: vec![
            QueryFunction::QUERY_OPERATIONS,
            QueryFunction::QUERY_SERVER_INFORMATION,
        ],
    }
}

fn tell_server(probe: &mut Probe, info: &ServerInfo, local_use: bool) {
    let versions: Vec<_> = info.versions.iter().map(ToString::to_string).collect();
    if !versions.is_empty() {
        probe.facts.push(("versions offered", versions.join(", ")));
    }
    let capabilities = &info.capabilities;
    if let Some(vendor) = &capabilities.vendor_identification {
        probe.facts.push(("server", vendor.clone()));
    }
    let names: Vec<_> = capabilities
        .operations
        .iter()
        .map(ToString::to_string)
        .collect();
    probe.facts.push(("operations", names.join(", ")));
    // Servers under-report: a missing operation is a hint, its use decides.
    for needed in NEEDED {
        let told = names.is_empty() || capabilities.operations.contains(&needed);
        let spared = needed == Operation::SIGN && local_use;
        if !(told || spared) {
            probe.warnings.push(format!(
                "the server does not list {needed} among its operations"
            ));
        }
    }
}

fn tell_certificates(probe: &mut Probe, what: &'static str, file: &Path) {
    let pem = config::read_trusted(file, Content::Public).map_err(|fault| fault.to_string());
    match pem.and_then(|pem| Validity::of_all(&pem)) {
        Ok(all) => {
            let told = |it: &Validity| (what, it.to_string());
            probe.facts.extend(all.iter().map(told));
            let what = format!("{what} {}", file.display());
            let warnings = all.iter().filter_map(|it| it.warning(&what));
            probe.warnings.extend(warnings);
        }
        Err(error) => probe
            .warnings
            .push(format!("{what} {}: {error}", file.display())),
    }
}
