//! The configuration file.

pub mod edit;
