//! Changes of the file and its template together count as one edit.

use std::fs::{create_dir, rename};
use std::mem::take;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::links::swap;
use super::load::under_load;
use super::watching::{Behaviour, Watching};
use super::{DOWN, assert_settled, let_pass};
use crate::support::http::Client;
use crate::support::process::{ConfigDirectory, GatewayProcess, listening};
use crate::support::until;

pub(crate) const BEHAVIOURS: &[Behaviour] = behaviours![
    two_files_put_in_place_by_renames_are_one_edit,
    two_files_written_in_place_are_one_edit,
    two_files_switched_by_one_link_are_one_edit,
    switching_a_link_while_the_files_are_read_never_mixes_versions,
    a_file_and_a_template_that_follows_it_are_one_edit,
];

/// Returns the config and the template of a version. Both contain its number.
fn files(version: usize) -> [(&'static str, String); 2] {
    let response = format!("[response]\ntemplate = \"page.html\"\nmessage = \"{version}\"\n");
    let config = listening(&format!("{response}{DOWN}"));
    [("downtime.toml", config), ("page.html", format!("<p>{version} {{{{ message }}}}</p>"))]
}

fn directory_with_version(version: usize) -> ConfigDirectory {
    let directory = ConfigDirectory::with("");
    for (name, text) in files(version) {
        directory.write(name, &text);
    }
    directory
}

/// Requests the page and returns its version, or the page itself if it mixes versions.
fn served_version(client: &mut Client) -> Result<usize, String> {
    let page = client.request("GET", "/", &[]).text().to_owned();
    let versions = page.strip_prefix("<p>").and_then(|rest| rest.strip_suffix("</p>"));
    match versions.and_then(|versions| versions.split_once(' ')) {
        Some((template, config)) if template == config => config.parse().map_err(|_| page),
        _ => Err(page),
    }
}

/// Changes within this time count as made together. It is well below the quiet time.
const TOGETHER: Duration = Duration::from_millis(50);
/// How often a change is tried if the machine is too slow to make it within [`TOGETHER`].
const MAX_ATTEMPTS: usize = 20;

/// A gateway that starts with version 0, and the pages that mixed versions.
struct VersionedSite {
    gateway: GatewayProcess,
    mixes: Mutex<Vec<String>>,
}

impl VersionedSite {
    fn start(watching: Watching, directory: ConfigDirectory) -> Self {
        Self { gateway: watching.on(directory), mixes: Mutex::default() }
    }

    fn directory(&self) -> &ConfigDirectory {
        &self.gateway.directory
    }

    /// Makes changes while clients send requests.
    fn under_load(&self, changes: impl FnOnce()) {
        let ask =
            |client: &mut Client| self.mixes.lock().expect("no panic").extend(served_version(client).err());
        under_load(&self.gateway, || ask, changes);
    }

    /// Makes a change to a version, waits until it is served, and returns the result.
    fn change_to(&self, version: usize, change: impl FnOnce()) -> ChangeResult {
        self.mixes.lock().expect("no panic").clear();
        let counts = || [" applied ", "ERROR"].map(|what| self.gateway.log().count(what));
        let before = counts();
        let begun = Instant::now();
        change();
        let taken = begun.elapsed();
        self.await_version(version);
        assert_settled(&self.gateway);
        let [reloads, errors] = std::array::from_fn(|index| counts()[index] - before[index]);
        ChangeResult { taken, reloads, errors, mixes: take(&mut self.mixes.lock().expect("no panic")) }
    }

    /// Waits until a version is served.
    fn await_version(&self, wanted: usize) {
        let mut client = self.gateway.connect();
        until("the version", || (served_version(&mut client) == Ok(wanted)).then_some(()));
    }
}

/// The result of a change.
#[derive(Debug)]
struct ChangeResult {
    taken: Duration,
    reloads: usize,
    errors: usize,
    mixes: Vec<String>,
}

impl ChangeResult {
    /// Asserts that both changes were applied as one edit.
    fn assert_one_edit(&self) {
        assert!((self.reloads, self.errors) == (1, 0) && self.mixes.is_empty(), "{self:?}");
    }

    /// Like [`ChangeResult::assert_one_edit`] if the changes were made within [`TOGETHER`]; otherwise returns false.
    fn assert_one_edit_if_together(&self) -> bool {
        let together = self.taken < TOGETHER;
        if together {
            self.assert_one_edit();
        }
        together
    }
}

/// Prepares both files, then changes one right after the other, in both orders.
fn change_both(
    watching: Watching,
    prepare: impl Fn(&ConfigDirectory, &str, &str),
    change: impl Fn(&ConfigDirectory, &str, &str),
) {
    let site = VersionedSite::start(watching, directory_with_version(0));
    let mut versions = 1..;
    let mut attempt = |order: usize| {
        let version = versions.next().expect("an unlimited range");
        let mut files = files(version);
        files.rotate_left(order);
        for (name, text) in &files {
            prepare(site.directory(), name, text);
        }
        let change = || files.iter().for_each(|(name, text)| change(site.directory(), name, text));
        site.change_to(version, change).assert_one_edit_if_together()
    };
    site.under_load(|| {
        for order in [0, 1].repeat(watching.times(3, 1)) {
            assert!(
                (0..MAX_ATTEMPTS).any(|_| attempt(order)),
                "the machine is too busy to change both files together"
            );
        }
    });
}

fn two_files_put_in_place_by_renames_are_one_edit(watching: Watching) {
    let beside = |name: &str| format!(".new.{name}");
    change_both(
        watching,
        |directory, name, text| directory.write(&beside(name), text),
        |directory, name, _| rename(directory.join(&beside(name)), directory.join(name)).expect("renamed"),
    );
}

fn two_files_written_in_place_are_one_edit(watching: Watching) {
    change_both(watching, |_, _, _| {}, ConfigDirectory::write);
}

/// Makes a directory whose files are links through the link `..data`, as in Kubernetes.
fn linked(files: &[(&str, String)]) -> ConfigDirectory {
    let directory = ConfigDirectory::with("");
    make_version(&directory, 0, files);
    swap(&directory, "..v0", "..data");
    for (name, _) in files {
        swap(&directory, &format!("..data/{name}"), name);
    }
    directory
}

fn make_version(directory: &ConfigDirectory, version: usize, files: &[(&str, String)]) {
    create_dir(directory.join(&format!("..v{version}"))).expect("made");
    for (name, text) in files {
        directory.write(&format!("..v{version}/{name}"), text);
    }
}

fn two_files_switched_by_one_link_are_one_edit(watching: Watching) {
    let site = VersionedSite::start(watching, linked(&files(0)));
    site.under_load(|| {
        for version in 1..=watching.times(3, 2) {
            make_version(site.directory(), version, &files(version));
            let swap = || swap(site.directory(), &format!("..v{version}"), "..data");
            site.change_to(version, swap).assert_one_edit();
        }
    });
}

/// Like [`files`], but with a config that takes long enough to read for a switch meanwhile.
fn long_files(version: usize) -> [(&'static str, String); 2] {
    let paths: Vec<_> = (0..3000).map(|number| format!("\"/exempt/{number}\"")).collect();
    let exempt = format!("[exempt]\nexact = [{}]\n", paths.join(", "));
    files(version)
        .map(|(name, text)| if name == "downtime.toml" { (name, text + &exempt) } else { (name, text) })
}

fn read_now(gateway: &GatewayProcess) {
    gateway.process.signal(Signal::HUP);
    gateway.log().wait_for("received SIGHUP: reading");
}

fn switching_a_link_while_the_files_are_read_never_mixes_versions(watching: Watching) {
    const SWAPS: u32 = 20;
    let site = VersionedSite::start(watching, linked(&long_files(0)));
    make_version(site.directory(), 1, &long_files(1));
    read_now(&site.gateway);
    let begun = Instant::now();
    site.gateway.log().wait_for("unchanged");
    let reading = begun.elapsed();
    site.under_load(|| {
        for number in 0..SWAPS {
            let (old, new) = (number % 2, (number + 1) % 2);
            swap(site.directory(), &format!("..v{old}"), "..data");
            read_now(&site.gateway);
            // The link is switched at another moment of the reading each time.
            let_pass(&site.gateway, reading * number / SWAPS);
            swap(site.directory(), &format!("..v{new}"), "..data");
        }
        site.await_version(0);
    });
    assert_eq!(*site.mixes.lock().expect("no panic"), [""; 0]);
}

fn a_file_and_a_template_that_follows_it_are_one_edit(watching: Watching) {
    let site = VersionedSite::start(watching, ConfigDirectory::with(DOWN));
    let attempt = |version: usize| {
        for (name, text) in files(version) {
            site.directory()
                .write(&format!(".new.{name}"), &text.replace("page.html", &format!("page{version}.html")));
        }
        let put = |from: &str, to: &str| {
            rename(site.directory().join(from), site.directory().join(to)).expect("renamed");
        };
        let change = || {
            put(".new.downtime.toml", "downtime.toml");
            put(".new.page.html", &format!("page{version}.html"));
        };
        site.change_to(version, change).assert_one_edit_if_together()
    };
    assert!((1..=MAX_ATTEMPTS).any(attempt), "the machine is too busy to change both files together");
}
