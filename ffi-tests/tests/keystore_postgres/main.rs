//! A keystore in Postgres, with a real server that is stopped, frozen, and whose connections are cut.

mod faults;
mod life;
mod many;
mod place;
mod programs;
mod trust;
