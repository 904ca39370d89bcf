//! `downtime extend`.

use jiff::Timestamp;

use crate::working_directory::{CommandOutput, WorkingDirectory};

const UNTIL: &str =
    "[[period]]\nname = \"db\"\nstart = 2020-01-01T00:00:00Z\nend = 2500-01-01T00:00:00Z # sharp\n";
const OPEN: &str = "[[period]]\nname = \"open\"\nstart = 2020-01-01T00:00:00Z\n";
const SERIES: &str = "[[period]]\nname = \"night\"\ncron = \"0 0 1 * *\"\nfor = \"40days\"\nmessage = \"Nightly \\\"work\\\".\"\npaths = [\"/shop/**\"]\nredirect = false\n";

fn extend(file: &str, arguments: &[&str]) -> (WorkingDirectory, CommandOutput) {
    let directory = WorkingDirectory::with(file);
    let run = directory.run(&[&["extend"], arguments].concat());
    (directory, run)
}

#[test]
fn the_end_of_the_only_active_period_moves_later() {
    let later = "\"db\" now ends at 2500-01-01 02:00:00 +00:00 instead of 2500-01-01 00:00:00 +00:00\n";
    for arguments in [&["--by", "2h"][..], &["--until", "2500-01-01T02:00:00Z"], &["db", "--by", "120m"]] {
        let (directory, run) = extend(UNTIL, arguments);
        run.prints_with_warnings(0, &["edited ", later, "down until 2500-01-01 02:00:00"]);
        assert_eq!(directory.text(), UNTIL.replace("T00:00:00Z # sharp", "T02:00:00Z # sharp"));
    }
    let (directory, run) =
        extend(&UNTIL.replace("end = 2500-01-01T00:00:00Z", "for = \"900y\""), &["--by", "1h"]);
    run.prints_with_warnings(0, &["\"db\" now ends at 29"]);
    let period = directory.period(0);
    assert!(period.contains_key("end") && !period.contains_key("for"), "{period}");
}

#[test]
fn an_open_ended_period_only_takes_a_time() {
    let (directory, run) = extend(OPEN, &["--by", "1h"]);
    run.refuses(1, &["\"open\" is open-ended: --by has no end to add to", "use --until TIME"]);
    assert_eq!(directory.text(), OPEN);
    let (directory, run) = extend(OPEN, &["--until", "2500-01-01T00:00:00Z"]);
    run.prints_with_warnings(0, &["\"open\" now ends at 2500-01-01 00:00:00 +00:00; it was open-ended\n"]);
    assert_eq!(directory.text(), format!("{OPEN}end = 2500-01-01T00:00:00Z\n"));
    let (_, run) = extend(OPEN, &["--until", "2021-01-01T00:00:00Z"]);
    run.refuses(1, &["--until is in the past: 2021-01-01"]);
}

#[test]
fn an_end_is_not_moved_earlier() {
    let (directory, run) = extend(UNTIL, &["--until", "2499-01-01T00:00:00Z"]);
    run.refuses(
        1,
        &[
            "2499-01-01 00:00:00 +00:00 is earlier than 2500-01-01",
            "only moves an end later; to end it now, run `downtime end db`",
        ],
    );
    assert_eq!(directory.text(), UNTIL);
    let (directory, run) = extend(UNTIL, &["--until", "2500-01-01T00:00:00Z"]);
    run.prints_with_warnings(0, &["\"db\" still ends at 2500-01-01 00:00:00 +00:00\n"]);
    assert_eq!(directory.text(), UNTIL);
}

#[test]
fn of_several_active_periods_one_must_be_named() {
    let both = [UNTIL, OPEN].concat();
    let (_, run) = extend(&both, &["--by", "1h"]);
    run.refuses(1, &["several periods are active: \"db\", \"open\"", "`downtime extend NAME`"]);
    let (directory, run) = extend(&both, &["db", "--by", "1h"]);
    run.prints_with_warnings(0, &["\"db\" now ends at 2500-01-01 01:00:00"]);
    assert!(directory.text().ends_with(OPEN));
    let (_, run) = extend(&both, &["opem", "--by", "1h"]);
    run.refuses(1, &["no period is named \"opem\"", "did you mean `downtime extend open`?"]);
}

#[test]
fn a_period_without_a_name_is_extended_by_its_line() {
    let unnamed = UNTIL.replace("name = \"db\"\n", "");
    let (directory, run) = extend(&[&unnamed, OPEN, &unnamed].concat(), &["--by", "1h"]);
    let message = "several periods are active: the period at line 1, \"open\", the period at line 7";
    let command = "choose one of them, as in `downtime extend --line 1 --sha256 ";
    run.refuses(1, &[message, command]);
    let (_, hash) = run.stderr.split_once(command).unwrap();
    let hash = hash.get(..12).unwrap();
    let ended = directory.run(&["extend", "--line", "7", "--sha256", hash, "--by", "1h"]);
    ended.prints_with_warnings(0, &["the period at line 7 now ends at 2500-01-01 01:00:00"]);
    assert!(directory.text().starts_with(&[&unnamed, OPEN].concat()));
    let lines =
        "`downtime --check` shows the line of each period; then run `downtime extend --line LINE --sha256 ";
    let stale = directory.run(&["extend", "--line", "1", "--sha256", hash, "--by", "1h"]);
    stale.refuses(1, &["the file has changed, so line 1 may be another period: nothing was written", lines]);
    let (_, now) = stale.stderr.split_once(lines).unwrap();
    let now = now.get(..12).unwrap();
    directory
        .run(&["extend", "--line", "2", "--sha256", now, "--by", "1h"])
        .refuses(1, &["no period begins at line 2", lines]);
    directory
        .run(&["extend", "--line", "1", "--sha256", now, "--by", "1h"])
        .prints_with_warnings(0, &["line 1 now ends at"]);
}

#[test]
fn a_period_that_is_not_active_is_refused() {
    let later = OPEN.replace("2020", "2999");
    let (_, run) = extend(&later, &["--by", "1h"]);
    run.refuses(1, &["nothing to extend: no period is active", "run `downtime start`"]);
    let (_, run) = extend(&later, &["open", "--by", "1h"]);
    run.refuses(1, &["\"open\" is not active now"]);
}

#[test]
fn an_occurrence_of_a_series_continues_as_a_period_of_its_own() {
    let (directory, run) = extend(SERIES, &["--by", "1h"]);
    run.prints_with_warnings(0, &["\"night\" continues until ", "an unscheduled downtime continues where"]);
    assert!(directory.text().starts_with(SERIES));
    let added = directory.period(1);
    let keys: Vec<_> = added.keys().map(String::as_str).collect();
    assert_eq!(keys, ["end", "message", "paths", "redirect", "start", "unscheduled"]);
    let series = directory.period(0);
    for key in ["message", "paths", "redirect"] {
        assert_eq!(added[key], series[key]);
    }
    let times = |period: &toml::Table| {
        ["start", "end"].map(|key| period[key].to_string().parse::<Timestamp>().unwrap())
    };
    let [start, end] = times(&added);
    assert_eq!(end.duration_since(start).as_hours(), 1);
    let again = directory.run(&["extend", "night", "--by", "1h"]);
    again.prints_with_warnings(0, &["now ends at"]);
    assert_eq!(directory.text().matches("[[period]]").count(), 2, "the continuation is extended");
    let [same_start, later_end] = times(&directory.period(1));
    assert_eq!((same_start, later_end.duration_since(end).as_hours()), (start, 1));
}
