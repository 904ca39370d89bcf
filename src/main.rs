//! The `downtime` command.

fn main() {}
