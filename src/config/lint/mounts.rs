//! Warns of files that are mount points. They cannot be replaced, and if the original is, the mount still shows the old file.

use super::LintInput;

pub(super) fn lint(input: &LintInput<'_>) {
    let periods_file = &input.document.periods_file;
    if input.context.is_mount_point {
        let message = "this file is mounted by itself: if an editor replaces it, as most do, the gateway never sees the change";
        let help = match periods_file {
            Some(_) => "mount its directory instead",
            None => {
                "mount its directory instead; until then, commands such as `downtime start` cannot edit it"
            }
        };
        input.warn(0..0, message, help);
    }
    if let Some(file) = periods_file.as_ref().filter(|_| input.context.is_periods_file_mount_point) {
        let message = format!(
            "the periods file {} is mounted by itself: commands such as `downtime start` cannot edit it, and if an editor \
             replaces it, the gateway never sees the change",
            file.get_ref()
        );
        input.warn(file.span(), message, "mount its directory instead");
    }
}
