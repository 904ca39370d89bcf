//! Passing requests on, on real sockets.

/// Each of these tests for [`Proxy::forward`](downtime::upstream::Proxy::forward) alone, and through the whole
/// gateway, where plain requests are relayed as bytes.
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
                    super::$name(crate::proxy::peer::Way::Gateway).await;
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
