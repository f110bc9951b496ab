//! kmip-p11.
