//! What the library costs: flights and bytes on the way to a server, and time; beside what is to be reached.
//!
//! A target that is missed is said in the table. It fails nothing: machines differ, and those
//! counts that may not are pinned by the test `flights`.

mod concurrency;
mod hsm;
mod keystore;
mod listing;
mod loading;
mod memory;
mod million_keys;
mod servers;
mod signing;
mod size;
mod table;
mod wire;

use std::process::{Command, ExitCode, ExitStatus};
use std::time::Duration;

use ffi_tests::late_configuration::LateConfiguration;
use ffi_tests::own_process::Surroundings;
use ffi_tests::process::wait_for;

use servers::Servers;
use table::{print_times, print_wire};

/// Set in the process that measures: there the configuration is where the library looks for it.
const INSIDE: &str = "KMIP_P11_BENCH";
/// The run takes some minutes, most of them for a million keys; a hang ends here.
const LIMIT: Duration = Duration::from_secs(1800);

fn main() -> ExitCode {
    match std::env::var(INSIDE).as_deref() {
        Ok("all") => measure(),
        Ok("listings") => {
            let (wire, times) = listing::rows();
            print_wire(&wire);
            print_times(&times);
        }
        Ok("memory") => return outside("memory here"),
        Ok("memory here") => print_times(&memory::rows()),
        Ok("keystore") => print_times(&keystore::rows()),
        Ok("keystore signatures") => keystore::sign_here(),
        Ok("million keys") => print_times(&million_keys::rows()),
        Ok("a keystore") => million_keys::measure_here(),
        Ok("hsm") => hsm::sign_here(),
        Ok("hsm rows") => print_times(&hsm::rows()),
        Ok("start") => loading::start_here(),
        Ok("listing") => listing::list_here(),
        Ok("threads") => loading::count_threads_here(),
        _ => return outside("all"),
    }
    ExitCode::SUCCESS
}

/// The measuring process, with a place for its configurations.
fn outside(part: &str) -> ExitCode {
    let place = LateConfiguration::default();
    let mut inside = inside(part);
    inside.envs(place.environment());
    let mut child = inside.spawn().expect("this program can be started");
    let ended = wait_for(LIMIT, || child.try_wait().expect("our own child"));
    if ended.is_none() {
        let _ = child.kill();
        let _ = child.wait();
        eprintln!("the benchmark hangs");
    }
    match ended.as_ref().is_some_and(ExitStatus::success) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// This program once more, in another part.
fn inside(part: &str) -> Command {
    let program = std::env::current_exe().expect("this program has a path");
    let mut command = Command::new(program);
    command.env(INSIDE, part);
    command
}

fn measure() {
    let servers = Servers::start();
    let mut wire = vec![];
    eprintln!("measuring the way to the server ...");
    wire.extend(wire::rows(&servers));
    eprintln!("measuring listings ...");
    let (listings, listing_times) = listing::rows();
    wire.extend(listings);
    print_wire(&wire);
    let mut times = listing_times;
    eprintln!("measuring signatures ...");
    times.extend(signing::rows(&servers));
    eprintln!("measuring keystores ...");
    times.extend(keystore::rows());
    eprintln!("measuring an HSM slot ...");
    times.extend(hsm::rows());
    eprintln!("measuring threads ...");
    times.push(concurrency::row());
    eprintln!("measuring memory and start ...");
    times.extend(memory::rows());
    times.extend(loading::rows());
    eprintln!("making a million keys ...");
    times.extend(million_keys::rows());
    eprintln!("building the library as it is packaged ...");
    times.push(size::row());
    print_times(&times);
}
