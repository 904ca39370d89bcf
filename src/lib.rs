//! `downtime`: the gateway that keeps a site's visitors well served while the site itself is down.
//!
//! A small pure core decides; what touches a clock, a file or a socket stands at the edge and hands it values. A
//! request's way is one straight line: [`server`], [`gateway`], the [`filters`], one look at the
//! [`snapshot`], one reading of the [`clock`], one [`decision`], then the [`page`] or the site. An edit's way is another:
//! [`watch`], [`load`], [`config`], [`snapshot`]. The two meet in the one cell that holds the snapshot, and operators look
//! at it from the side: [`management`].
//!
//! The core, which knows no clock, file or socket:
//!
//! | module | what it has |
//! |---|---|
//! | [`zone`] | local times, and the moments that they name |
//! | [`network`] | addresses and networks |
//! | [`path`] | a request's path: canonical, or not |
//! | [`request`] | the facts of a request that rules and scopes look at |
//! | [`fault`] | what is wrong with a value of the file, and what to write instead |
//! | [`glob`] | globs of paths |
//! | [`scope`] | the hosts, paths and methods that a period covers |
//! | [`occurrence`] | one run of a period: a span of time |
//! | [`readable`] | times and lengths, as people read them |
//! | [`series`] | a cron expression in a zone: its last start, its next one |
//! | [`period`] | one period of downtime: when it is active, and when next |
//! | [`chain`] | occurrences that overlap or touch, and their end for a request that some of them cover |
//! | [`schedule`] | all periods: the state at a moment, the next change |
//! | [`exempt`] | what passes: exact paths, globs, networks |
//! | [`template`] | the page's template, tried before it is used |
//! | [`answer`] | what a period answers: message, template, redirect |
//! | [`decision`] | rules, the facts of a request and a moment: pass, unavailable or redirect, and why |
//! | [`client`] | who the client is, behind trusted proxies |
//! | [`upstream`] | what an upstream is named by |
//! | [`page`] | the down page in each of its forms, rendered ahead of the requests |
//!
//! The file, and what it makes:
//!
//! | module | what it has |
//! |---|---|
//! | [`config`] | text to a config that is valid by construction, or diagnostics; edits, text to text |
//! | [`file`](mod@file) | reading a file that others may be writing |
//! | [`load`](mod@load) | the config file and the files that it names, as one reading |
//! | [`store`] | the config file replaced by an edited one, whole or not at all |
//! | [`summary`] | what a config says of a moment, for people and programs |
//! | [`snapshot`] | all that requests are decided on, immutable; the cell that is swapped |
//! | [`watch`] | file events and polls to a new snapshot |
//!
//! The edge:
//!
//! | module | what it has |
//! |---|---|
//! | [`alarm`] | tells that a thread has ended |
//! | [`clock`] | the one place that reads it |
//! | [`logging`] | the log |
//! | [`filters`] | the routes, one filter a file: the status, the gate, the site as a folder or an upstream |
//! | [`server`] | listening sockets, threads with a runtime each, connections |
//! | [`gateway`] | what visitors get: the filters decide, what passes goes on to the upstream; and a short way for the page |
//! | [`management`] | what operators get: health, readiness, status, metrics; and how commands ask for it |
//! | [`cli`] | the command line, one command a file |
//!
//! Arrows run one way: fault <- zone, network, path, occurrence <- readable, request, glob <- scope, series <- period <-
//! chain <- schedule, exempt <- answer, decision <- config <- load, summary <- snapshot <- watch, filters <- server <- gateway,
//! management <- cli <- main. Beside that line stand template, upstream, client, clock, alarm, file, store and page, which
//! know of the rest only what stands before decision.

pub mod alarm;
pub mod answer;
pub mod chain;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod decision;
pub mod exempt;
pub mod fault;
pub mod file;
pub mod filters;
pub mod gateway;
pub mod glob;
pub mod load;
pub mod logging;
pub mod management;
pub mod network;
pub mod occurrence;
pub mod page;
pub mod path;
pub mod period;
pub mod readable;
pub mod request;
pub mod schedule;
pub mod scope;
pub mod series;
pub mod server;
pub mod snapshot;
pub mod store;
pub mod summary;
pub mod template;
pub mod upstream;
pub mod watch;
pub mod zone;
