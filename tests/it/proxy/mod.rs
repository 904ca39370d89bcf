//! Forwarding requests over real sockets.

/// Makes two tests of each function: one of [`Proxy::forward`](downtime::upstream::Proxy::forward), and one of the whole
/// gateway, which relays plain requests as bytes.
macro_rules! both_ways {
    ($($name:ident,)*) => {
        mod forwarded {
            $(
                #[tokio::test(flavor = "local")]
                async fn $name() {
                    super::$name(crate::proxy::peer::Way::Forward).await;
                }
            )*
        }

        mod through_the_gateway {
            $(
                #[tokio::test(flavor = "local")]
                async fn $name() {
                    super::$name(crate::proxy::peer::Way::InProcessGateway).await;
                }
            )*
        }
    };
}

mod failures;
mod fields;
mod framing;
mod peer;
mod tls;
mod upgrades;
