//! nginx with php-fpm in front of the gateway and behind it, as `docs/recipes/sites.md` says.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread;

use libtest_mimic::{Failed, Trial};

use super::{NEEDED, RECIPES, block, block_of, in_own_network, write_identity};
use crate::debian;

const DOCUMENT: &str = include_str!("../../../docs/recipes/sites.md");

/// Asks as a visitor with the address 127.0.0.2.
const SCRIPT: &str = r#"
ip link set lo up
trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT
"$DOWNTIME" -c downtime.toml &
"$@" &
ask() {
    curl --silent --insecure --interface 127.0.0.2 --resolve example.com:443:127.0.0.1 "$@"
}
until ask --fail --output /dev/null https://example.com/; do jobs %2 >/dev/null || exit; done
ask --output /dev/null --write-out "%{http_code} %header{location}\n" https://example.com/wp-admin
ask https://example.com/wp-admin/
ask https://example.com/a/page?b=1
"#;

pub(super) fn trial() -> Trial {
    let [recipe, ..] = RECIPES;
    Trial::ignorable_test(
        "recipes::nginx_in_front_and_behind_tells_php_the_visitor_and_nobody_its_port",
        move || {
            let programs = [&NEEDED[..], &[recipe.program]].concat();
            debian::with(&programs, || {
                let directory = tempfile::tempdir()?;
                write_files(directory.path())?;
                start_php(&directory.path().join("php.sock"))?;
                let mut proxy = vec![recipe.program.0];
                proxy.extend(recipe.arguments);
                let output = in_own_network(SCRIPT, directory.path(), &proxy)?;
                let printed = String::from_utf8_lossy(&output.stdout);
                let log = String::from_utf8_lossy(&output.stderr);
                let lines: Vec<_> = printed.lines().collect();
                let expected = [
                    "301 /wp-admin/",
                    "127.0.0.2 https /wp-admin/index.php /wp-admin/",
                    "127.0.0.2 https /index.php /a/page?b=1",
                ];
                assert_eq!(lines, expected, "{log}");
                Ok(())
            })
        },
    )
}

fn write_files(directory: &Path) -> Result<(), Failed> {
    let [recipe, ..] = RECIPES;
    let (_, section) = DOCUMENT.split_once("\n## WordPress\n").ok_or("no section")?;
    let (_, site) = section.split_once("\n[site]\n").ok_or("no [site]")?;
    let (site, _) = site.split_once("```\n").ok_or("its end")?;
    let (_, both) = DOCUMENT.split_once("\n### With nginx and php-fpm\n").ok_or("no section")?;
    fs::write(directory.join("downtime.toml"), format!("{}[site]\n{site}", block_of(both, "toml")))?;
    let blocks = format!("{}{}", block(recipe.language), block_of(both, recipe.language));
    let proxy = (recipe.complete)(&blocks, directory)
        .replace("/etc/ssl", &directory.display().to_string())
        .replace("/var/www/html", &directory.join("html").display().to_string())
        .replace("/run/php/php-fpm.sock", &directory.join("php.sock").display().to_string())
        // The configuration is not in the directory of the package.
        .replace("include snippets/", "include /etc/nginx/snippets/");
    // What the snippet includes is beside the configuration.
    fs::copy("/etc/nginx/fastcgi.conf", directory.join("fastcgi.conf"))?;
    fs::write(directory.join("proxy"), proxy)?;
    write_identity(directory)?;
    for script in ["html/index.php", "html/wp-admin/index.php"] {
        let script = directory.join(script);
        fs::create_dir_all(script.parent().ok_or("no directory")?)?;
        fs::write(script, "")?;
    }
    Ok(())
}

/// Answers requests over FastCGI, in place of php-fpm, with what PHP would learn of them.
fn start_php(socket: &Path) -> std::io::Result<()> {
    let listener = UnixListener::bind(socket)?;
    thread::spawn(move || listener.incoming().flatten().try_for_each(answer));
    Ok(())
}

/// Reads the records of a request up to the end of its body, which is an empty one of the type 5. Those of the type 4 have the
/// parameters.
fn answer(mut stream: UnixStream) -> std::io::Result<()> {
    let mut parameters = Vec::new();
    loop {
        let mut header = [0; 8];
        stream.read_exact(&mut header)?;
        let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
        let mut content = vec![0; length + usize::from(header[6])];
        stream.read_exact(&mut content)?;
        match header[1] {
            4 => parameters.extend_from_slice(&content[..length]),
            5 if length == 0 => break,
            _ => {}
        }
    }
    let names = ["REMOTE_ADDR", "HTTP_X_FORWARDED_PROTO", "SCRIPT_NAME", "REQUEST_URI"];
    let values = names.map(|name| parameter(&parameters, name));
    let answer = format!("Content-Type: text/plain\r\n\r\n{}\n", values.join(" "));
    let length = u16::try_from(answer.len()).expect("a short answer").to_be_bytes();
    stream.write_all(&[1, 6, 0, 1, length[0], length[1], 0, 0])?;
    stream.write_all(answer.as_bytes())?;
    stream.write_all(&[1, 3, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
}

/// Returns a value of parameters in the form of FastCGI: the lengths of a name and of its value, each in one byte or in four with
/// the highest bit set, and then both.
fn parameter(mut parameters: &[u8], wanted: &str) -> String {
    while !parameters.is_empty() {
        let [name, value] = [(); 2].map(|()| {
            let size = if parameters[0] < 0x80 { 1 } else { 4 };
            let (length, rest) = parameters.split_at(size);
            parameters = rest;
            length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)) & 0x7fff_ffff
        });
        let (pair, rest) = parameters.split_at(name + value);
        if pair[..name] == *wanted.as_bytes() {
            return String::from_utf8_lossy(&pair[name..]).into_owned();
        }
        parameters = rest;
    }
    String::new()
}
