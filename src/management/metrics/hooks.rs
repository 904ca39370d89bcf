//! Metrics of commands and webhooks.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::Metrics;
use crate::management::RunningGateway;

/// What has become of commands and webhooks.
#[derive(Debug)]
pub(super) struct HookMetrics {
    commands: (u64, u64),
    webhooks: (u64, u64),
    disabled: i64,
}

impl HookMetrics {
    pub(super) fn new(gateway: &RunningGateway) -> Self {
        Self {
            commands: gateway.hooks.commands(),
            webhooks: gateway.hooks.webhooks(),
            disabled: gateway.hooks.disabled_webhooks(),
        }
    }
}

impl Collector for HookMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut out = Metrics(&mut encoder);
        for (name, help, count) in [
            ("hooks_succeeded", "Number of commands of [hooks] that succeeded", self.commands.0),
            ("hooks_failed", "Number of commands of [hooks] that failed or were not run", self.commands.1),
            ("webhooks_delivered", "Number of messages that webhooks have taken", self.webhooks.0),
            ("webhooks_failed", "Number of messages for webhooks that were given up", self.webhooks.1),
        ] {
            out.counter(name, help, count)?;
        }
        out.gauge(
            "webhooks_disabled",
            "Number of webhooks whose receivers want no more messages",
            self.disabled,
        )
    }
}
