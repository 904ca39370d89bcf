//! `downtime`: the gateway that keeps a site's visitors well served while the site itself is down.

pub mod alarm;
pub mod answer;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod decision;
pub mod exempt;
pub mod file;
pub mod filters;
pub mod gateway;
pub mod load;
pub mod logging;
pub mod network;
pub mod page;
pub mod path;
pub mod period;
pub mod schedule;
pub mod server;
pub mod snapshot;
pub mod store;
pub mod summary;
pub mod template;
pub mod upstream;
pub mod watch;
pub mod zone;
