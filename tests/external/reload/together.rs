//! The file and its template change together: that is one edit.

use std::fs::{create_dir, rename};
use std::mem::take;
use std::sync::Mutex;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::links::swap;
use super::load::under_load;
use super::watching::{Behaviour, Watching};
use super::{DOWN, assert_settled};
use crate::support::http::Client;
use crate::support::process::{Folder, Gateway, listening};
use crate::support::until;

pub(crate) const BEHAVIOURS: &[Behaviour] = behaviours![
    two_files_put_in_place_by_renames_are_one_edit,
    two_files_written_in_place_are_one_edit,
    two_files_exchanged_by_one_link_are_one_edit,
    a_link_that_is_swapped_while_the_files_are_read_leads_to_no_mix,
    a_file_that_names_a_template_which_follows_it_is_one_edit,
];

/// The config and the template of a version; each names it.
fn files(version: usize) -> [(&'static str, String); 2] {
    let response = format!("[response]\ntemplate = \"page.html\"\nmessage = \"{version}\"\n");
    let config = listening(&format!("{response}{DOWN}"));
    [("downtime.toml", config), ("page.html", format!("<p>{version} {{{{ message }}}}</p>"))]
}

fn folder_of(version: usize) -> Folder {
    let folder = Folder::with("");
    for (name, text) in files(version) {
        folder.write(name, &text);
    }
    folder
}

/// The version of a page, or the page itself where it is a mix.
fn version(client: &mut Client) -> Result<usize, String> {
    let page = client.request("GET", "/", &[]).text().to_owned();
    let versions = page.strip_prefix("<p>").and_then(|rest| rest.strip_suffix("</p>"));
    match versions.and_then(|versions| versions.split_once(' ')) {
        Some((template, config)) if template == config => config.parse().map_err(|_| page),
        _ => Err(page),
    }
}

/// What is changed within this is changed together: well below what counts as quiet.
const TOGETHER: Duration = Duration::from_millis(50);
/// So often a change is made again in which the machine paused: of that nothing can be said.
const ATTEMPTS: usize = 20;

/// A gateway on version 0, and the pages that clients got of it since and that were a mix.
struct Site {
    gateway: Gateway,
    watching: Watching,
    mixes: Mutex<Vec<String>>,
}

impl Site {
    fn start(watching: Watching, folder: Folder) -> Self {
        Self { gateway: watching.on(folder), watching, mixes: Mutex::default() }
    }

    fn folder(&self) -> &Folder {
        &self.gateway.folder
    }

    /// Makes changes while clients ask.
    fn asked_meanwhile(&self, changes: impl FnOnce()) {
        let ask = |client: &mut Client| self.mixes.lock().expect("no panic").extend(version(client).err());
        under_load(&self.gateway, || ask, changes);
    }

    /// Makes a change to a version, and says what came of it.
    fn change_to(&self, version: usize, change: impl FnOnce()) -> Came {
        self.mixes.lock().expect("no panic").clear();
        let said = || [" applied ", "ERROR"].map(|what| self.gateway.log().count(what));
        let before = said();
        let begun = Instant::now();
        change();
        let taken = begun.elapsed();
        let seen = self.await_version(version);
        assert!(seen < self.watching.in_time(), "{version}: {seen:?}\n{}", self.gateway.log().text());
        assert_settled(&self.gateway);
        let [reloads, errors] = std::array::from_fn(|of| said()[of] - before[of]);
        Came { taken, reloads, errors, mixes: take(&mut self.mixes.lock().expect("no panic")) }
    }

    /// How long it takes until a version is served.
    fn await_version(&self, wanted: usize) -> Duration {
        let mut client = self.gateway.connect();
        until("a version", || (version(&mut client) == Ok(wanted)).then_some(())).1
    }
}

/// What came of a change.
#[derive(Debug)]
struct Came {
    taken: Duration,
    reloads: usize,
    errors: usize,
    mixes: Vec<String>,
}

impl Came {
    /// Asserts that both files were taken as one edit.
    fn assert_one_edit(&self) {
        assert!((self.reloads, self.errors) == (1, 0) && self.mixes.is_empty(), "{self:?}");
    }

    /// As [`Came::assert_one_edit`], unless the machine paused between the files: then it says nothing, and gives false.
    fn is_one_edit(&self) -> bool {
        let together = self.taken < TOGETHER;
        if together {
            self.assert_one_edit();
        }
        together
    }
}

/// Has both files changed by `change`, one right after the other and in either order.
fn change_both(
    watching: Watching,
    prepare: impl Fn(&Folder, &str, &str),
    change: impl Fn(&Folder, &str, &str),
) {
    let site = Site::start(watching, folder_of(0));
    let mut versions = 1..;
    let mut attempt = |order: usize| {
        let version = versions.next().expect("endless");
        let mut files = files(version);
        files.rotate_left(order);
        for (name, text) in &files {
            prepare(site.folder(), name, text);
        }
        let change = || files.iter().for_each(|(name, text)| change(site.folder(), name, text));
        site.change_to(version, change).is_one_edit()
    };
    site.asked_meanwhile(|| {
        for order in [0, 1].repeat(watching.times(3, 1)) {
            assert!(
                (0..ATTEMPTS).any(|_| attempt(order)),
                "the machine is too busy to change both files together"
            );
        }
    });
}

fn two_files_put_in_place_by_renames_are_one_edit(watching: Watching) {
    let beside = |name: &str| format!(".new.{name}");
    change_both(
        watching,
        |folder, name, text| folder.write(&beside(name), text),
        |folder, name, _| rename(folder.join(&beside(name)), folder.join(name)).expect("renamed"),
    );
}

fn two_files_written_in_place_are_one_edit(watching: Watching) {
    change_both(watching, |_, _, _| {}, Folder::write);
}

/// A folder whose files lead through the link `..data`, as Kubernetes makes them.
fn linked(files: &[(&str, String)]) -> Folder {
    let folder = Folder::with("");
    make_version(&folder, 0, files);
    swap(&folder, "..v0", "..data");
    for (name, _) in files {
        swap(&folder, &format!("..data/{name}"), name);
    }
    folder
}

fn make_version(folder: &Folder, version: usize, files: &[(&str, String)]) {
    create_dir(folder.join(&format!("..v{version}"))).expect("made");
    for (name, text) in files {
        folder.write(&format!("..v{version}/{name}"), text);
    }
}

fn two_files_exchanged_by_one_link_are_one_edit(watching: Watching) {
    let site = Site::start(watching, linked(&files(0)));
    site.asked_meanwhile(|| {
        for version in 1..=watching.times(3, 2) {
            make_version(site.folder(), version, &files(version));
            let swap = || swap(site.folder(), &format!("..v{version}"), "..data");
            site.change_to(version, swap).assert_one_edit();
        }
    });
}

/// As [`files`], with so much to read that the time between the files is worth speaking of.
fn long_files(version: usize) -> [(&'static str, String); 2] {
    let paths: Vec<_> = (0..3000).map(|number| format!("\"/exempt/{number}\"")).collect();
    let exempt = format!("[exempt]\nexact = [{}]\n", paths.join(", "));
    files(version)
        .map(|(name, text)| if name == "downtime.toml" { (name, text + &exempt) } else { (name, text) })
}

fn read_now(gateway: &Gateway) {
    gateway.process.signal(Signal::HUP);
    gateway.log().wait_for("received SIGHUP: reading");
}

fn a_link_that_is_swapped_while_the_files_are_read_leads_to_no_mix(watching: Watching) {
    const SWAPS: u32 = 20;
    let site = Site::start(watching, linked(&long_files(0)));
    make_version(site.folder(), 1, &long_files(1));
    read_now(&site.gateway);
    let begun = Instant::now();
    site.gateway.log().wait_for("unchanged");
    let reading = begun.elapsed();
    site.asked_meanwhile(|| {
        for number in 0..SWAPS {
            let (old, new) = (number % 2, (number + 1) % 2);
            swap(site.folder(), &format!("..v{old}"), "..data");
            read_now(&site.gateway);
            sleep(reading * number / SWAPS);
            swap(site.folder(), &format!("..v{new}"), "..data");
        }
        site.await_version(0);
    });
    assert_eq!(*site.mixes.lock().expect("no panic"), [""; 0]);
}

fn a_file_that_names_a_template_which_follows_it_is_one_edit(watching: Watching) {
    let site = Site::start(watching, Folder::with(DOWN));
    let attempt = |version: usize| {
        for (name, text) in files(version) {
            site.folder()
                .write(&format!(".new.{name}"), &text.replace("page.html", &format!("page{version}.html")));
        }
        let put =
            |from: &str, to: &str| rename(site.folder().join(from), site.folder().join(to)).expect("renamed");
        let change = || {
            put(".new.downtime.toml", "downtime.toml");
            put(".new.page.html", &format!("page{version}.html"));
        };
        site.change_to(version, change).is_one_edit()
    };
    assert!((1..=ATTEMPTS).any(attempt), "the machine is too busy to change both files together");
}
