//! Many edits, each applied once and in time.

use std::fs::OpenOptions;
use std::io::Write;
use std::time::{Duration, Instant};

use super::latencies::Latencies;
use super::watching::{Behaviour, Watching};
use super::{assert_applied, assert_message, assert_settled, await_message, config_with_message, let_pass};
use crate::support::process::GatewayProcess;

pub(crate) const BEHAVIOURS: &[Behaviour] = behaviours![
    each_rename_into_place_is_applied_once_and_in_time,
    each_write_in_place_is_applied_once_and_in_time,
    the_last_of_many_fast_edits_is_applied,
    a_file_that_is_written_in_pieces_is_applied_only_when_it_is_complete,
];

pub(crate) const FULL: &[Behaviour] = behaviours![
    a_thousand_renames_are_each_applied_once_and_in_time,
    a_thousand_writes_in_place_are_each_applied_once_and_in_time,
];

fn assert_each_edit_is_applied_once(
    watching: Watching,
    count: usize,
    edit: impl Fn(&GatewayProcess, &str),
) -> Latencies {
    let gateway = watching.start("");
    let latencies = Latencies::measure(&gateway, 1..=count, edit);
    latencies.assert_in_time(watching);
    assert_applied(&gateway, count);
    latencies
}

fn each_rename_into_place_is_applied_once_and_in_time(watching: Watching) {
    assert_each_edit_is_applied_once(watching, watching.times(50, 5), GatewayProcess::edit);
}

fn a_thousand_renames_are_each_applied_once_and_in_time(watching: Watching) {
    eprintln!("renames: {}", assert_each_edit_is_applied_once(watching, 1000, GatewayProcess::edit));
}

fn each_write_in_place_is_applied_once_and_in_time(watching: Watching) {
    assert_each_edit_is_applied_once(watching, watching.times(20, 5), GatewayProcess::edit_in_place);
}

fn a_thousand_writes_in_place_are_each_applied_once_and_in_time(watching: Watching) {
    eprintln!(
        "writes in place: {}",
        assert_each_edit_is_applied_once(watching, 1000, GatewayProcess::edit_in_place)
    );
}

fn the_last_of_many_fast_edits_is_applied(watching: Watching) {
    let gateway = watching.start("");
    let bursts = watching.times(5, 3);
    for burst in 0..bursts {
        for number in 0..50 {
            gateway.edit(&config_with_message(&format!("edit {burst} {number}")));
        }
        await_message(&gateway, &format!("edit {burst} 49"));
    }
    assert_settled(&gateway);
    let last = format!("edit {} 49", bursts - 1);
    assert_message(&gateway, &last);
    assert_eq!(gateway.log().count("ERROR"), 0, "{}", gateway.log().text());
}

const PACE: Duration = Duration::from_millis(50);
/// The longest pause that is still shorter than the quiet time, with a margin for a write.
const MAX_PAUSE: Duration = Duration::from_millis(95);

/// Writes line by line at [`PACE`]. Returns true if no pause was longer than [`MAX_PAUSE`].
fn write_in_pieces(gateway: &GatewayProcess, text: &str) -> bool {
    let path = gateway.directory.join("downtime.toml");
    let mut file = OpenOptions::new().write(true).truncate(true).open(path).expect("opened");
    let mut last = Instant::now();
    let mut steady = true;
    for line in text.split_inclusive('\n') {
        let_pass(gateway, PACE);
        file.write_all(line.as_bytes()).expect("written");
        steady &= last.elapsed() < MAX_PAUSE;
        last = Instant::now();
    }
    steady
}

fn a_file_that_is_written_in_pieces_is_applied_only_when_it_is_complete(watching: Watching) {
    let gateway = watching.start(&config_with_message("before"));
    for attempt in 0..20 {
        let message = format!("whole {attempt}");
        // The file is a valid config after each line.
        let server = "[server]\nlisten = [\"127.0.0.1:0\"]\n";
        let text = format!("# first\n{server}[response]\nmessage = \"{message}\"\n{}# last\n", super::DOWN);
        let counts = || [" applied ", "ERROR"].map(|what| gateway.log().count(what));
        let [applied, errors] = counts();
        let steady = write_in_pieces(&gateway, &text);
        await_message(&gateway, &message);
        assert_settled(&gateway);
        // After a longer pause the gateway may apply a piece, and the attempt proves nothing.
        if steady {
            assert_eq!(counts(), [applied + 1, errors], "{}", gateway.log().text());
            return;
        }
    }
    panic!("the machine is too busy to write at a steady pace");
}
