//! `downtime`: a gateway in front of a website that shows visitors a down page during maintenance.
//!
//! A small pure core decides. Everything that touches a clock, a file or a socket is at the edge and hands it values.
//!
//! - A request goes through [`server`] and [`gateway`], which takes one [`snapshot`], reads the [`clock`] once, and asks
//!   for one [`decision`]. The response comes from [`filters`] (with the [`page`]), from the [`files`], or from [`upstream`].
//!   HTTP/1.1 is written once, in [`http1`], for clients and upstreams; [`server`] translates HTTP/2 to it.
//! - An edit of the file goes through [`watch`], which loads it by [`config`] and [`store`], into the next [`snapshot`].
//! - The two meet in [`snapshot::Snapshots`], the cell that holds the current snapshot. Operators look at it from the side,
//!   through [`management`], [`admin`] and [`cli`].
//!
//! A module imports only modules above it in this table, so there are no cycles. A test compares the last column with the
//! code.
//!
//! | module | subject | imports |
//! |---|---|---|
//! | [`child`] | starting other programs | |
//! | [`clock`] | the only place that reads the clock | |
//! | [`counters`] | counts of requests, one set for each thread | |
//! | [`descriptors`] | how many descriptors may be open, and who gets them | |
//! | [`escape`] | text of others, made safe for terminals and logs | |
//! | [`guesses`] | counts of wrong secrets | |
//! | [`hex`] | bytes as hexadecimal digits | |
//! | [`log_interval`] | events that are logged once a minute | |
//! | [`plural`] | numbers of things, in messages | |
//! | [`thread_exit`] | notice of a thread that has ended | |
//! | [`tls`] | certificates: read, checked, chosen by server name; the settings of TLS | |
//! | [`invalid_value`] | the error for an invalid value, with its help | |
//! | [`http1`] | HTTP/1.1 as values: heads, fields, framing | |
//! | [`matching`] | paths, globs, networks, scopes, exemptions, bypasses, the client's address | hex, http1, invalid_value |
//! | [`files`] | static files below a directory | descriptors, escape, hex, http1, log_interval, matching |
//! | [`schedule`] | periods, series, outages, the state at a given time | matching |
//! | [`page`] | the down page in each representation: template, negotiation, CSP, CORS | escape, http1, invalid_value |
//! | [`decision`] | pass, unavailable or redirect, and why | http1, invalid_value, matching, page, schedule |
//! | [`store`] | reading a file that others write, and replacing it as a whole | |
//! | [`config`] | text to a valid config or diagnostics; edits of the text | decision, escape, files, hex, http1, invalid_value, matching, page, plural, schedule, store, tls |
//! | [`logging`] | the log of the process | config, escape, plural |
//! | [`summary`] | a config at a given time, described for people and programs | config, decision, escape, matching, plural, schedule, tls |
//! | [`snapshot`] | everything that requests are decided on; the cell that holds the current one | config, decision, descriptors, files, matching, page, schedule, summary |
//! | [`preview`] | the down page as visitors will see it during a period | config, decision, matching, page, schedule, snapshot |
//! | [`watch`] | file events and polls to the next snapshot | clock, config, logging, schedule, snapshot, store, summary |
//! | [`filters`] | the warp filters: status path, page for testers, gate, site | config, counters, decision, http1, matching, page, schedule, snapshot |
//! | [`net`] | the connections of clients and upstreams as byte streams | descriptors, http1, log_interval |
//! | [`upstream`] | forwarding to the site behind the gateway, and the connections to it | clock, config, counters, descriptors, escape, http1, log_interval, matching, net, plural, tls |
//! | [`hooks`] | commands and webhooks that learn of changes | child, clock, config, descriptors, escape, hex, http1, net, plural, schedule, snapshot, summary, tls |
//! | [`server`] | listening sockets, one runtime per core, the connections of clients | clock, config, escape, http1, log_interval, net, plural, thread_exit, tls |
//! | [`gateway`] | the service for visitors: decide, then respond or forward | clock, config, counters, decision, escape, files, filters, guesses, http1, logging, matching, net, page, plural, server, snapshot, upstream |
//! | [`management`] | the service for operators: health, readiness, status, metrics; its client | clock, config, counters, descriptors, escape, filters, hooks, http1, logging, matching, net, plural, schedule, server, snapshot, summary, tls, upstream, watch |
//! | [`editing`] | edits of periods and bypasses: planned, validated, written, awaited in the gateway | clock, config, decision, escape, http1, management, matching, schedule, store, summary |
//! | [`admin`] | the service for operators who plan downtimes: access, pages | clock, config, decision, editing, escape, guesses, hex, http1, logging, management, matching, net, page, preview, schedule, server, store, summary, thread_exit |
//! | [`cli`] | the command line, one file per command | admin, child, clock, config, counters, decision, descriptors, editing, escape, filters, gateway, hooks, http1, invalid_value, logging, management, matching, net, page, plural, preview, schedule, server, snapshot, store, summary, thread_exit, tls, upstream, watch |

pub mod admin;
pub mod child;
pub mod cli;
pub mod clock;
pub mod config;
pub mod counters;
pub mod decision;
pub mod descriptors;
pub mod editing;
pub mod escape;
pub mod files;
pub mod filters;
pub mod gateway;
pub mod guesses;
pub mod hex;
pub mod hooks;
pub mod http1;
pub mod invalid_value;
pub mod log_interval;
pub mod logging;
pub mod management;
pub mod matching;
pub mod net;
pub mod page;
pub mod plural;
pub mod preview;
pub mod schedule;
pub mod server;
pub mod snapshot;
pub mod store;
pub mod summary;
pub mod thread_exit;
pub mod tls;
pub mod upstream;
pub mod watch;
