//! Link settings of the shipped library.

fn main() {
    // aws-lc registers a thread-exit destructor that lies in our image: after a real dlclose, the
    // exit of a thread would jump into unmapped memory. The library therefore stays mapped.
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
}
