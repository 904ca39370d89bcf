//! The command line of the real binary.

mod bypass;
mod check;
mod edits;
mod end;
mod extend;
mod init;
mod input;
mod manual;
mod periods_file;
mod preview;
mod prune;
mod start;
mod status;
mod usage;
