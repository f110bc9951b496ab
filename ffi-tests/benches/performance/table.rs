//! The tables: what was measured, and what is to be reached.

use std::time::Duration;

use ffi_tests::counting_proxy::Passed;

/// What was to be measured.
pub enum Measured<T> {
    /// It was.
    Here(T),
    /// It was not, for this reason.
    Not(String),
}

/// A line about the way to a server.
pub struct WireRow {
    pub what: String,
    pub measured: Measured<Passed>,
    /// Flights and connections at most.
    pub target: Option<(usize, usize)>,
}

/// A line about time, or anything else that is one value.
pub struct ValueRow {
    pub what: String,
    pub measured: Measured<String>,
    /// What is to be reached, and whether it was.
    pub target: Option<(String, bool)>,
}

const WIDTH: usize = 60;
const VALUE: usize = 50;

/// Prints the lines about the way to a server.
pub fn print_wire(rows: &[WireRow]) {
    let title = "on the way to the server";
    let head = ["flights", "conn.", "sent", "received"].map(|word| format!("{word:>9}"));
    println!("\n{title:<WIDTH$}{}   to reach", head.concat());
    for row in rows {
        let values = match &row.measured {
            Measured::Not(reason) => format!("  not measured: {reason}"),
            Measured::Here(passed) => [
                passed.flights,
                passed.connections,
                passed.sent,
                passed.received,
            ]
            .map(|number| format!("{number:>9}"))
            .concat(),
        };
        println!("{:<WIDTH$}{values}   {}", row.what, row.verdict());
    }
}

/// Prints the other lines.
pub fn print_times(rows: &[ValueRow]) {
    println!(
        "\n{:<WIDTH$}{:<38} to reach",
        "in this process", "  measured"
    );
    for row in rows {
        let value = match &row.measured {
            Measured::Not(reason) => format!("not measured: {reason}"),
            Measured::Here(value) => value.clone(),
        };
        let target = row.target.as_ref();
        let target = target.map(|(target, reached)| format!("{target}: {}", word(*reached)));
        let target = target.unwrap_or_default();
        println!("{:<WIDTH$}{value:<VALUE$} {target}", row.what);
    }
    println!();
}

impl WireRow {
    fn verdict(&self) -> String {
        match (&self.measured, self.target) {
            (Measured::Here(passed), Some((flights, connections))) => {
                let reached = passed.flights <= flights && passed.connections <= connections;
                let target = match (flights, connections) {
                    (1, 0) => "1 flight".to_owned(),
                    (flights, 0) => format!("{flights} flights"),
                    (flights, connections) => format!("<= {flights} flights on {connections}"),
                };
                format!("{target}: {}", word(reached))
            }
            _ => String::new(),
        }
    }
}

fn word(reached: bool) -> &'static str {
    match reached {
        true => "ok",
        false => "MISSED",
    }
}

/// The middle one of several times.
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// A time with a fitting unit.
pub fn shown(time: Duration) -> String {
    let nanoseconds = time.as_nanos() as f64;
    match time {
        time if time < Duration::from_micros(10) => format!("{nanoseconds:.0} ns"),
        time if time < Duration::from_millis(10) => format!("{:.1} us", nanoseconds / 1e3),
        _ => format!("{:.1} ms", nanoseconds / 1e6),
    }
}
