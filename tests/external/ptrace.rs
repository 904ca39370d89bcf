//! Checks that processes can be traced on this machine.

use std::process::Command;
use std::sync::OnceLock;

/// Returns the reason if tests cannot trace although strace is installed.
pub(crate) fn refusal() -> Option<&'static str> {
    static REFUSAL: OnceLock<Option<String>> = OnceLock::new();
    let probe = || {
        if cfg!(not(target_arch = "x86_64")) {
            return Some("the tests name the system calls of x86-64".to_owned());
        }
        let output = Command::new("strace").args(["-D", "-o", "/dev/null", "true"]).output();
        match output.expect("strace") {
            output if output.status.success() => None,
            output => {
                let stderr = String::from_utf8_lossy(&output.stderr);
                Some(format!("strace cannot trace: {}", stderr.trim_end()))
            }
        }
    };
    REFUSAL.get_or_init(probe).as_deref()
}
