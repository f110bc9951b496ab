//! What comes out of the library when a server fails: an error in time, with a reason in the log, and nothing lasting.

mod alterations;
mod catalogue;
mod connections;
mod departure;
mod isolation;
mod making;
mod objects;
mod offsets;
mod repetition;
mod replies;
mod signatures;
mod stage;
mod table;
mod tls11;
mod web;
mod words;
