//! `downtime init`.

use std::fs;

use crate::working_directory::WorkingDirectory;

const SHIPPED: &str = include_str!("../../../downtime.toml");

#[test]
fn the_shipped_file_and_its_schema_are_written() {
    let directory = WorkingDirectory::empty();
    directory.run(&["init"]).prints(
        0,
        &[
            "created ./downtime.toml and ./.schema/downtime.json, with which editors check it\n",
            "created ./templates/downtime.html, the built-in page, for a `template` of your own\n",
            "next, set `upstream` or `root` in [site] and run `downtime --check`\n",
        ],
    );
    assert_eq!(directory.text(), SHIPPED);
    let schema = fs::read_to_string(directory.path().join(".schema/downtime.json")).unwrap();
    assert_eq!(schema, directory.run(&["schema"]).stdout);
    directory.run(&["--check"]).prints(0, &["state     up"]);
}

#[test]
fn an_existing_file_stays_as_it_is() {
    let directory = WorkingDirectory::with("# mine\n");
    directory.run(&["init"]).refuses(1, &["./downtime.toml exists already"]);
    assert_eq!(directory.text(), "# mine\n");
    assert!(!directory.path().join(".schema").exists());
}

#[test]
fn the_template_that_the_shipped_file_names_is_written() {
    let directory = WorkingDirectory::empty();
    directory.run(&["init"]);
    let example = "#template = \"templates/downtime.html\"\n";
    let (before, after) = SHIPPED.split_once(example).unwrap();
    fs::write(directory.path().join("downtime.toml"), format!("{before}{}{after}", &example[1..])).unwrap();
    directory.run(&["--check", "--deny", "warnings"]).prints(0, &["state     up"]);
}

#[test]
fn an_existing_template_stays_as_it_is() {
    let directory = WorkingDirectory::empty();
    let template = directory.path().join("templates/downtime.html");
    fs::create_dir(template.parent().unwrap()).unwrap();
    fs::write(&template, "mine").unwrap();
    let printed = directory.run(&["init"]).stdout;
    assert!(printed.contains("created ./downtime.toml") && !printed.contains("built-in page"), "{printed}");
    assert_eq!(fs::read_to_string(template).unwrap(), "mine");
}

#[test]
fn the_option_names_the_file_and_so_does_the_next_command() {
    let directory = WorkingDirectory::empty();
    directory.run(&["-c", "site.toml", "init"]).prints(0, &["run `downtime -c site.toml --check`"]);
    assert_eq!(fs::read_to_string(directory.path().join("site.toml")).unwrap(), SHIPPED);
    directory
        .run(&["-c", "none/site.toml", "init"])
        .refuses(1, &["none/site.toml could not be created", "nothing was changed"]);
}

#[test]
fn its_help_names_the_only_file_that_it_writes_by_default() {
    let help = WorkingDirectory::empty().run(&["init", "--help"]).stdout;
    assert!(help.contains("[default: ./downtime.toml]") && !help.contains("/etc"), "{help}");
    let directory = WorkingDirectory::empty();
    directory.run(&["init", "-c", "site.toml"]).prints(0, &["run `downtime -c site.toml --check`"]);
}

#[test]
fn commands_without_a_file_take_its_option_and_do_not_show_it() {
    let directory = WorkingDirectory::empty();
    for command in [&["schema"][..], &["man"], &["completions", "bash"]] {
        let help = directory.run(&[command, &["--help"]].concat()).stdout;
        assert!(help.contains("Usage: ") && !help.contains("--config"), "{help}");
        for option in ["-c", "--config"] {
            directory.run(&[&[option, "none.toml"], command].concat()).prints(0, &[]);
            directory.run(&[command, &[option, "none.toml"]].concat()).prints(0, &[]);
        }
    }
}

#[test]
fn the_error_for_a_missing_file_names_the_command() {
    WorkingDirectory::empty().run(&["status"]).refuses(1, &["create one with `downtime init`"]);
}
