//! Many edits: each is seen, once and in time (rows W1 and W3).

use std::fs::OpenOptions;
use std::io::Write;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::latencies::Latencies;
use super::watching::{Behaviour, Watching};
use super::{assert_applied, assert_says, assert_settled, await_message, saying};
use crate::support::process::Gateway;

pub(crate) const BEHAVIOURS: &[Behaviour] = behaviours![
    every_file_put_in_place_by_a_rename_is_applied_once_and_in_time,
    every_file_written_in_place_is_applied_once_and_in_time,
    of_edits_faster_than_they_can_be_applied_the_last_wins,
    a_file_written_in_pieces_is_applied_whole_and_no_piece_of_it,
];

pub(crate) const FULL: &[Behaviour] = behaviours![
    a_thousand_renames_are_applied_once_and_in_time,
    a_thousand_writes_in_place_are_applied_once_and_in_time,
];

fn every_edit_is_applied_once(watching: Watching, count: usize, edit: impl Fn(&Gateway, &str)) -> Latencies {
    let gateway = watching.start("");
    let latencies = Latencies::of(&gateway, 1..=count, edit);
    latencies.assert_in_time(watching);
    assert_applied(&gateway, count);
    latencies
}

fn every_file_put_in_place_by_a_rename_is_applied_once_and_in_time(watching: Watching) {
    every_edit_is_applied_once(watching, watching.times(50, 5), Gateway::edit);
}

fn a_thousand_renames_are_applied_once_and_in_time(watching: Watching) {
    eprintln!("renames: {}", every_edit_is_applied_once(watching, 1000, Gateway::edit));
}

fn every_file_written_in_place_is_applied_once_and_in_time(watching: Watching) {
    every_edit_is_applied_once(watching, watching.times(20, 5), Gateway::edit_in_place);
}

fn a_thousand_writes_in_place_are_applied_once_and_in_time(watching: Watching) {
    eprintln!("writes in place: {}", every_edit_is_applied_once(watching, 1000, Gateway::edit_in_place));
}

fn of_edits_faster_than_they_can_be_applied_the_last_wins(watching: Watching) {
    let gateway = watching.start("");
    let bursts = watching.times(5, 3);
    for burst in 0..bursts {
        for number in 0..50 {
            gateway.edit(&saying(&format!("edit {burst} {number}")));
        }
        await_message(&gateway, &format!("edit {burst} 49"));
    }
    assert_settled(&gateway);
    let last = format!("edit {} 49", bursts - 1);
    assert_says(&gateway, &last);
    assert_eq!(gateway.log().count("ERROR"), 0, "{}", gateway.log().text());
}

const PACE: Duration = Duration::from_millis(50);
/// Below what counts as quiet, with room for the time that a write takes.
const STEADY: Duration = Duration::from_millis(95);

/// Writes line by line, as slowly as `PACE`; whether the machine let it keep that pace.
fn write_in_pieces(gateway: &Gateway, text: &str) -> bool {
    let path = gateway.folder.join("downtime.toml");
    let mut file = OpenOptions::new().write(true).truncate(true).open(path).expect("opened");
    let mut last = Instant::now();
    let mut steady = true;
    for line in text.split_inclusive('\n') {
        sleep(PACE);
        file.write_all(line.as_bytes()).expect("written");
        steady &= last.elapsed() < STEADY;
        last = Instant::now();
    }
    steady
}

fn a_file_written_in_pieces_is_applied_whole_and_no_piece_of_it(watching: Watching) {
    let gateway = watching.start(&saying("before"));
    for attempt in 0..20 {
        let message = format!("whole {attempt}");
        // Each line ends a config that is valid by itself.
        let server = "[server]\nlisten = [\"127.0.0.1:0\"]\n";
        let text = format!("# first\n{server}[response]\nmessage = \"{message}\"\n{}# last\n", super::DOWN);
        let counts = || [" applied ", "ERROR"].map(|what| gateway.log().count(what));
        let [applied, errors] = counts();
        let steady = write_in_pieces(&gateway, &text);
        await_message(&gateway, &message);
        assert_settled(&gateway);
        // A pause of 100 ms is quiet: then a piece may be applied, and this says nothing.
        if steady {
            assert_eq!(counts(), [applied + 1, errors], "{}", gateway.log().text());
            return;
        }
    }
    panic!("the machine is too busy to write at a steady pace");
}
