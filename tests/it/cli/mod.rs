//! The command line of the real binary.

mod check;
mod edits;
mod end;
mod input;
mod start;
mod status;
mod usage;
