//! Tests of the shipped library.
