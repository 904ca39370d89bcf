//! The command line, as the real binary has it.

mod check;
mod edits;
mod end;
mod input;
mod start;
mod status;
mod usage;
