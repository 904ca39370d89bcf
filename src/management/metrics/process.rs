//! Metrics of the process, named as Prometheus' own client libraries name them. Those that the system does not tell are left
//! out.

use std::{fmt, fs};

use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use rustix::param::page_size;
use rustix::time::{ClockId, clock_gettime};

use super::{Metrics, count};
use crate::descriptors::descriptor_limit;

/// Metrics of the process and its version.
#[derive(Debug)]
pub(super) struct ProcessMetrics {
    /// The time at which the process started.
    pub(super) started_at: Timestamp,
}

impl Collector for ProcessMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut out = Metrics(&mut encoder);
        out.metric(
            "process_cpu_seconds",
            "User and system CPU time in seconds",
            &ConstCounter::new(cpu_seconds()),
        )?;
        for (name, help, value) in [
            ("process_resident_memory_bytes", "Resident memory in bytes", memory_bytes(1)),
            ("process_virtual_memory_bytes", "Virtual memory in bytes", memory_bytes(0)),
            // One is that of the directory itself.
            (
                "process_open_fds",
                "Number of open descriptors",
                entries("/proc/self/fd").map(|count| count - 1),
            ),
            (
                "process_max_fds",
                "Limit of open descriptors",
                descriptor_limit().and_then(|limit| limit.current),
            ),
            ("process_threads", "Number of threads", entries("/proc/self/task")),
        ] {
            if let Some(value) = value {
                out.gauge(name, help, count(value))?;
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "exact for 285,000 years")]
        let started_at = self.started_at.as_millisecond() as f64 / 1000.0;
        let help = "Time at which the process started, in seconds since 1970";
        out.metric("process_start_time_seconds", help, &ConstGauge::new(started_at))?;
        let help = "1, with the version as a label";
        let mut info = encoder.encode_descriptor("downtime_build_info", help, None, MetricType::Gauge)?;
        info.encode_family(&[("version", env!("CARGO_PKG_VERSION"))])?.encode_gauge(&1_i64)
    }
}

fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    #[expect(clippy::cast_precision_loss, reason = "exact for 285 million years")]
    let (seconds, nanoseconds) = (time.tv_sec as f64, time.tv_nsec as f64);
    seconds + nanoseconds / 1e9
}

/// Returns a field of `statm` (proc_pid_statm(5)), in bytes.
fn memory_bytes(field: usize) -> Option<u64> {
    let pages: u64 = fs::read_to_string("/proc/self/statm").ok()?.split(' ').nth(field)?.parse().ok()?;
    Some(pages * page_size() as u64)
}

fn entries(directory: &str) -> Option<u64> {
    Some(fs::read_dir(directory).ok()?.count() as u64).filter(|count| *count > 0)
}
