//! A long run: the file and its template are rewritten in every way, valid and invalid, while clients send requests.
//!
//! `DOWNTIME_SOAK_EDITS` sets the number of edits (10000), `DOWNTIME_SOAK_SECONDS` their duration (600), and
//! `DOWNTIME_SOAK_SEED` the seed of their random choices: a run prints its seed, so that it can be repeated.

use std::fs::{create_dir, remove_file};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

use super::latencies::Latencies;
use super::links::swap;
use super::load::{MAX_GROWTH_KIB, under_load};
use super::watching::{Behaviour, Watching};
use super::{DOWN, REJECTED, let_pass};
use crate::support::http::Client;
use crate::support::process::{ConfigDirectory, GatewayProcess, listening};
use crate::support::until;

pub(crate) const FULL: &[Behaviour] =
    behaviours![no_request_fails_and_no_last_edit_is_missed_during_a_long_run_of_edits];

fn no_request_fails_and_no_last_edit_is_missed_during_a_long_run_of_edits(watching: Watching) {
    let random = Random(setting("SEED", RandomState::new().build_hasher().finish()));
    let edits = u32::try_from(setting("EDITS", 10_000)).expect("a count");
    let pace = Duration::from_secs(setting("SECONDS", 600)) / edits;
    eprintln!("soak: DOWNTIME_SOAK_SEED={}", random.0);
    let gateway = watching.on(directory());
    let mut soak = Soak::new(&gateway, random);
    let ((), requests) = under_load(&gateway, expect_no_older_edit, || soak.run(edits, pace));
    soak.assert_flat();
    let latencies = Latencies::from(soak.latencies);
    let [applied, rejected] = [" applied ", REJECTED].map(|line| gateway.log().count(line));
    eprintln!(
        "soak: {edits} edits, {applied} applied and {rejected} rejected; {requests} requests, none failed"
    );
    eprintln!(
        "soak: latencies of the last edits: {latencies}; resources at the end: {:?}",
        soak.usages.last()
    );
    latencies.assert_in_time(watching);
}

fn setting(name: &str, default: u64) -> u64 {
    let value = std::env::var(format!("DOWNTIME_SOAK_{name}"));
    value.map_or(default, |value| value.parse().expect("a number"))
}

/// SplitMix64, which works with any seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).expect("below a usize")
    }

    fn one_in(&mut self, bound: usize) -> bool {
        self.below(bound) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

const INVALID_CONFIGS: [&str; 5] = [
    "",
    "message = 5\n",
    "[response]\nmessage = \"not closed\n",
    "[response]\nmesage = \"mistyped\"\n",
    "[[period]]\n",
];
const INVALID_TEMPLATES: [&str; 3] = ["<p>{{ mesage }}</p>", "<p>{% if %}</p>", "<p>{{ message }</p>"];

fn config(number: u32) -> String {
    listening(&format!("[response]\ntemplate = \"page.html\"\nmessage = \"{number}\"\n{DOWN}"))
}

fn template(number: u32) -> String {
    format!("<p>{number} {{{{ message }}}}</p>")
}

fn directory() -> ConfigDirectory {
    let directory = ConfigDirectory::with("");
    create_dir(directory.join("targets")).expect("made");
    directory.write("downtime.toml", &config(0));
    directory.write("page.html", &template(0));
    directory
}

/// Requests the page, and returns the numbers of the edits that made its template and its config.
fn served_edits(client: &mut Client) -> (u32, u32) {
    let response = client.request("GET", "/", &[]);
    assert_eq!((response.status, response.downtime()), (503, Some("planned")));
    let page = response.text();
    let numbers = page.strip_prefix("<p>").and_then(|rest| rest.strip_suffix("</p>")?.split_once(' '));
    let numbers = numbers.and_then(|(template, config)| Some((template.parse().ok()?, config.parse().ok()?)));
    numbers.unwrap_or_else(|| panic!("unexpected page: {page}"))
}

fn expect_no_older_edit() -> impl FnMut(&mut Client) {
    let mut last = (0, 0);
    move |client| {
        let (template, config) = served_edits(client);
        assert!(last.0 <= template && last.1 <= config, "{:?} after {last:?}", (template, config));
        last = (template, config);
    }
}

/// How an edit writes a file.
#[derive(Clone, Copy)]
enum WriteMethod {
    InPlace,
    Rename,
    Recreate,
    SwapLink,
}

/// The resources that a gateway uses.
#[derive(Clone, Copy, Debug)]
struct Usage {
    kib: usize,
    descriptors: usize,
}

/// The state of the run, and its measurements.
struct Soak<'g> {
    gateway: &'g GatewayProcess,
    random: Random,
    edits: u32,
    /// The numbers of the edits that made the current template and config, or `None` if it is invalid.
    template: Option<u32>,
    config: Option<u32>,
    latencies: Vec<Duration>,
    usages: Vec<Usage>,
}

impl<'g> Soak<'g> {
    fn new(gateway: &'g GatewayProcess, random: Random) -> Self {
        Self {
            gateway,
            random,
            edits: 0,
            template: Some(0),
            config: Some(0),
            latencies: Vec::new(),
            usages: Vec::new(),
        }
    }

    /// Makes this number of edits in bursts with this average pace, and sometimes checks the served page.
    fn run(&mut self, edits: u32, pace: Duration) {
        let begun = Instant::now();
        while self.edits < edits {
            self.edit();
            if self.random.one_in(3) {
                let due = begun + pace * self.edits;
                let_pass(self.gateway, due.saturating_duration_since(Instant::now()));
            }
            if self.random.one_in(25) {
                self.expect_last();
                self.expect_kept();
            }
        }
        self.expect_last();
    }

    fn edit(&mut self) {
        let valid = !self.random.one_in(4);
        if self.random.one_in(4) { self.edit_template(valid) } else { self.edit_config(valid) }
    }

    fn edit_template(&mut self, valid: bool) {
        self.edits += 1;
        self.template = valid.then_some(self.edits);
        let text = self.template.map_or_else(|| self.random.pick(&INVALID_TEMPLATES).to_owned(), template);
        let method = self.random.pick(&[WriteMethod::InPlace, WriteMethod::Rename]);
        self.put("page.html", &text, method);
    }

    fn edit_config(&mut self, valid: bool) {
        self.edits += 1;
        self.config = valid.then_some(self.edits);
        let text = self.config.map_or_else(|| self.random.pick(&INVALID_CONFIGS).to_owned(), config);
        let method = self.random.pick(&[
            WriteMethod::InPlace,
            WriteMethod::Rename,
            WriteMethod::Recreate,
            WriteMethod::SwapLink,
        ]);
        self.put("downtime.toml", &text, method);
    }

    fn put(&mut self, name: &str, text: &str, method: WriteMethod) {
        let directory = &self.gateway.directory;
        match method {
            WriteMethod::InPlace => directory.write(name, text),
            WriteMethod::Rename => directory.replace(name, text),
            WriteMethod::Recreate => {
                remove_file(directory.join(name)).expect("removed");
                // The file is missing for as long as an editor may take.
                let_pass(self.gateway, Duration::from_millis(self.random.below(150) as u64));
                directory.write(name, text);
            }
            WriteMethod::SwapLink => {
                // A new target, as the link may lead to an earlier one.
                let target = format!("targets/{}.toml", self.edits);
                directory.write(&target, text);
                swap(directory, &target, name);
            }
        }
    }

    /// Replaces invalid files, and expects the current files to be served.
    fn expect_last(&mut self) {
        if self.template.is_none() {
            self.edit_template(true);
        }
        if self.config.is_none() {
            self.edit_config(true);
        }
        let last = (self.template, self.config);
        let mut client = self.gateway.connect();
        let is_served = || {
            let (template, config) = served_edits(&mut client);
            ((Some(template), Some(config)) == last).then_some(())
        };
        self.latencies.push(until("the last edit", is_served).1);
        self.measure();
    }

    /// Makes an invalid edit, and expects the previous version to be served.
    fn expect_kept(&mut self) {
        let kept = (self.template, self.config);
        let log = self.gateway.log();
        let rejected = log.count(REJECTED);
        if self.random.one_in(2) {
            self.edit_template(false);
        } else {
            self.edit_config(false);
        }
        until("a rejection", || (log.count(REJECTED) > rejected).then_some(()));
        let (template, config) = served_edits(&mut self.gateway.connect());
        assert_eq!((Some(template), Some(config)), kept);
    }

    fn measure(&mut self) {
        let process = &self.gateway.process;
        self.usages.push(Usage { kib: process.resident_kib(), descriptors: process.descriptors() });
    }

    /// Asserts that the gateway uses no more resources than in the first tenth of the run. On a busy machine, closed connections wait for
    /// a worker, so the least of the last tenth counts for descriptors.
    fn assert_flat(&self) {
        let tenth = self.usages.len().div_ceil(10);
        let (first, rest) = self.usages.split_at(tenth);
        let last = rest.get(rest.len().saturating_sub(tenth)..).unwrap_or_default();
        let kib = |usages: &[Usage]| usages.iter().map(|usage| usage.kib).max();
        let usage = |kib, descriptors| Some(Usage { kib: kib?, descriptors: descriptors? });
        let before = usage(kib(first), first.iter().map(|usage| usage.descriptors).max());
        let after = usage(kib(rest), last.iter().map(|usage| usage.descriptors).min());
        let (Some(before), Some(after)) = (before, after) else { return };
        eprintln!("soak: at most {before:?} at first, then {after:?}");
        assert!(after.kib < before.kib + MAX_GROWTH_KIB, "{:?}", self.usages);
        assert!(after.descriptors <= before.descriptors + MAX_MORE_DESCRIPTORS, "{:?}", self.usages);
    }
}

/// The number of descriptors that come and go as the gateway reads files and watches directories again.
const MAX_MORE_DESCRIPTORS: usize = 8;
