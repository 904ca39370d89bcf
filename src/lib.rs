//! `downtime`: a gateway in front of a website that shows visitors a down page during maintenance.
//!
//! A small pure core decides. Everything that touches a clock, a file or a socket is at the edge and hands it values.
//! A request takes one straight line: [`server`], [`gateway`], [`filters`], one [`snapshot`], one reading of the
//! [`clock`], one [`decision`], then the [`page`], the [`files`] or the [`upstream`]. An edit takes another: [`watch`],
//! [`store`], [`config`], [`snapshot`]. The two meet in the one cell that holds the snapshot. Operators look at it from
//! the side: [`management`] and [`cli`].
//!
//! | module | subject | may import |
//! |---|---|---|
//! | [`invalid_value`] | why a value of the file cannot be used, and what to write instead | |
//! | [`matching`] | paths, globs, networks, scopes, exemptions, the client's address | `invalid_value` |
//! | [`schedule`] | periods, cron series, outages, the state at a moment | `matching` |
//! | [`page`] | the down page in each representation: template, negotiation, CSP, CORS | |
//! | [`decision`] | the rules, a request and the state: pass, unavailable or redirect, and why | `matching`, `schedule`, `page` |
//! | [`store`] | reading a file that others write, and replacing it as a whole | |
//! | [`config`] | text to a valid config or diagnostics, and edits of the text | everything above |
//! | [`summary`] | what a config means at a moment, for people and programs | `config` and above |
//! | [`snapshot`] | everything a request is decided on, immutable; the cell that is swapped | `summary` and above |
//! | [`watch`] | file events and polls to a new snapshot | `snapshot` and above |
//! | [`upstream`] | connections to the site behind the gateway, and the exchange of requests and responses | `config`, `matching` |
//! | [`files`] | static files below a directory | `clock` |
//! | [`filters`] | the warp filters: status path, gate, site | `snapshot`, `upstream`, `files` |
//! | [`server`] | listening sockets, one runtime per core, connections | `config`, `upstream` |
//! | [`gateway`] | what visitors get: decide, then respond or forward | `filters`, `server` and above |
//! | [`management`] | what operators get: health, readiness, status, metrics; and the client that commands use | `watch`, `server` and above |
//! | [`cli`] | the command line, one command a file | everything |
//!
//! [`clock`], [`logging`] and [`thread_exit`] are small tools of the edge, [`hex`] and [`escape`] are for everybody. Arrows
//! point up this table only: there are no cycles between modules.

pub mod cli;
pub mod clock;
pub mod config;
pub mod decision;
pub mod escape;
pub mod files;
pub mod filters;
pub mod gateway;
pub mod hex;
pub mod invalid_value;
pub mod logging;
pub mod management;
pub mod matching;
pub mod page;
pub mod schedule;
pub mod server;
pub mod snapshot;
pub mod store;
pub mod summary;
pub mod thread_exit;
pub mod upstream;
pub mod watch;
