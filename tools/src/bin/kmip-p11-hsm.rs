//! The process of a vendor's PKCS#11 module: what `hsm.process = true` starts, so that a crash or a
//! hang of the module is not one of the program that signs.
//!
//! It gets a socket as its standard input, and ends with it. There it says which words it knows, is told
//! what to load, and gets a stream for each call that is made at the same time.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use kmip_p11::token::hsm::device::{Device, Opening, Request, VOCABULARY};
use kmip_p11::token::hsm::{Local, frame};

fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kmip-p11-hsm: {error}; this program is started by libkmip_p11.so");
            ExitCode::from(2)
        }
    }
}

fn serve() -> io::Result<()> {
    let control = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    frame::write(&control, &VOCABULARY, None)?;
    let Some(Opening {
        module,
        token,
        sessions,
    }) = frame::read(&control, None)?
    else {
        return Ok(());
    };
    let device = Arc::new(Local::new(module, token, sessions));
    while let Some(stream) = frame::receive_stream(&control)? {
        let device = Arc::clone(&device);
        thread::Builder::new().spawn(move || answer(&stream, &device))?;
    }
    // Whoever asked is gone, and calls may hang: nothing is waited for.
    std::process::exit(0)
}

/// Answers one request after the other, until the stream ends.
fn answer(stream: &UnixStream, device: &Local) {
    while let Ok(Some(request)) = frame::read::<Request>(stream, None) {
        if frame::write(stream, &device.ask(&request), None).is_err() {
            break;
        }
    }
}
