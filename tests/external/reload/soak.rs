//! A long time of operation: the file and its template are rewritten in every way, valid and not, while clients ask.
//!
//! `DOWNTIME_SOAK_EDITS` says how many edits there are (10000), `DOWNTIME_SOAK_SECONDS` over how long (600), and
//! `DOWNTIME_SOAK_SEED` which: a run is repeated with the seed that it was told with.

use std::fs::{create_dir, remove_file};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::latencies::Latencies;
use super::links::swap;
use super::load::{FLAT, under_load};
use super::watching::{Behaviour, Watching};
use super::{DOWN, REJECTED};
use crate::support::http::Client;
use crate::support::process::{Folder, Gateway, listening};
use crate::support::until;

pub(crate) const FULL: &[Behaviour] =
    behaviours![no_request_fails_and_no_last_edit_is_missed_however_long_the_file_is_rewritten];

fn no_request_fails_and_no_last_edit_is_missed_however_long_the_file_is_rewritten(watching: Watching) {
    let random = Random(setting("SEED", RandomState::new().build_hasher().finish()));
    let edits = u32::try_from(setting("EDITS", 10_000)).expect("a count");
    let pace = Duration::from_secs(setting("SECONDS", 600)) / edits;
    eprintln!("soak: DOWNTIME_SOAK_SEED={}", random.0);
    let gateway = watching.on(folder());
    let mut soak = Soak::of(&gateway, random);
    let ((), asked) = under_load(&gateway, expect_no_older_edit, || soak.run(edits, pace));
    soak.assert_flat();
    let latencies = Latencies::from(soak.latencies);
    let [applied, rejected] = [" applied ", REJECTED].map(|line| gateway.log().count(line));
    eprintln!(
        "soak: {edits} edits, {applied} applied and {rejected} rejected; {asked} requests, none failed"
    );
    eprintln!("soak: the last one awaited: {latencies}; in the end {:?}", soak.usages.last());
    latencies.assert_in_time(watching);
}

fn setting(name: &str, default: u64) -> u64 {
    let value = std::env::var(format!("DOWNTIME_SOAK_{name}"));
    value.map_or(default, |value| value.parse().expect("a number"))
}

/// SplitMix64, which any seed will do for.
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

fn folder() -> Folder {
    let folder = Folder::with("");
    create_dir(folder.join("targets")).expect("made");
    folder.write("downtime.toml", &config(0));
    folder.write("page.html", &template(0));
    folder
}

/// The edits whose template and config a client gets.
fn served(client: &mut Client) -> (u32, u32) {
    let response = client.request("GET", "/", &[]);
    assert_eq!((response.status, response.downtime()), (503, Some("planned")));
    let page = response.text();
    let numbers = page.strip_prefix("<p>").and_then(|rest| rest.strip_suffix("</p>")?.split_once(' '));
    let numbers = numbers.and_then(|(template, config)| Some((template.parse().ok()?, config.parse().ok()?)));
    numbers.unwrap_or_else(|| panic!("no page of ours: {page}"))
}

fn expect_no_older_edit() -> impl FnMut(&mut Client) {
    let mut last = (0, 0);
    move |client| {
        let (template, config) = served(client);
        assert!(last.0 <= template && last.1 <= config, "{:?} after {last:?}", (template, config));
        last = (template, config);
    }
}

/// A way to put a text in place.
#[derive(Clone, Copy)]
enum Way {
    InPlace,
    Rename,
    Recreate,
    SwapLink,
}

/// What a gateway uses.
#[derive(Clone, Copy, Debug)]
struct Usage {
    kib: usize,
    descriptors: usize,
}

/// The files as they are rewritten, and what came of it.
struct Soak<'g> {
    gateway: &'g Gateway,
    random: Random,
    edits: u32,
    /// The edits that the template and the config are of by now; none where one is not valid.
    template: Option<u32>,
    config: Option<u32>,
    latencies: Vec<Duration>,
    usages: Vec<Usage>,
}

impl<'g> Soak<'g> {
    fn of(gateway: &'g Gateway, random: Random) -> Self {
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

    /// Edits so often, in bursts that come to this pace; now and then looks what is served.
    fn run(&mut self, edits: u32, pace: Duration) {
        let begun = Instant::now();
        while self.edits < edits {
            self.edit();
            if self.random.one_in(3) {
                let due = begun + pace * self.edits;
                sleep(due.saturating_duration_since(Instant::now()));
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
        let way = self.random.pick(&[Way::InPlace, Way::Rename]);
        self.put("page.html", &text, way);
    }

    fn edit_config(&mut self, valid: bool) {
        self.edits += 1;
        self.config = valid.then_some(self.edits);
        let text = self.config.map_or_else(|| self.random.pick(&INVALID_CONFIGS).to_owned(), config);
        let way = self.random.pick(&[Way::InPlace, Way::Rename, Way::Recreate, Way::SwapLink]);
        self.put("downtime.toml", &text, way);
    }

    fn put(&mut self, name: &str, text: &str, way: Way) {
        let folder = &self.gateway.folder;
        match way {
            Way::InPlace => folder.write(name, text),
            Way::Rename => folder.replace(name, text),
            Way::Recreate => {
                remove_file(folder.join(name)).expect("removed");
                sleep(Duration::from_millis(self.random.below(150) as u64));
                folder.write(name, text);
            }
            Way::SwapLink => {
                // Not the one that the link may lead to now.
                let target = format!("targets/{}.toml", self.edits);
                folder.write(&target, text);
                swap(folder, &target, name);
            }
        }
    }

    /// Mends what is not valid, and expects the files as they are to be served.
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
            let (template, config) = served(&mut client);
            ((Some(template), Some(config)) == last).then_some(())
        };
        self.latencies.push(until("the last edit", is_served).1);
        self.measure();
    }

    /// Makes an edit that is not valid, and expects what was served before it to stay.
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
        let (template, config) = served(&mut self.gateway.connect());
        assert_eq!((Some(template), Some(config)), kept);
    }

    fn measure(&mut self) {
        let process = &self.gateway.process;
        self.usages.push(Usage { kib: process.resident(), descriptors: process.descriptors() });
    }

    /// Asserts that it uses no more than it did in the first tenth of the time.
    fn assert_flat(&self) {
        let (first, rest) = self.usages.split_at(self.usages.len().div_ceil(10));
        let most = |usages: &[Usage]| {
            let kib = usages.iter().map(|usage| usage.kib).max();
            Some((kib?, usages.iter().map(|usage| usage.descriptors).max()?))
        };
        let (Some((before, few)), Some((after, many))) = (most(first), most(rest)) else { return };
        eprintln!("soak: from {before} to {after} KiB, and from {few} to {many} descriptors at most");
        assert!(after < before + FLAT && many <= few + SOME, "{:?}", self.usages);
    }
}

/// Files are read and folders watched anew at times, so a descriptor more or less says nothing.
const SOME: usize = 8;
