//! The routes: one filter a file.

pub mod files;
pub mod proxy;
