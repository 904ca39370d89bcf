//! Waits for the head of the response, while the request is sent.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

use http::StatusCode;

use super::Exchange;
use crate::upstream::download::Download;
use crate::upstream::exchange_result::{ExchangeError, NoResponse};
use crate::upstream::response::log_left_out;
use crate::upstream::{ClientError, ForwardError, UpstreamError};

/// The limit for interim responses to one request. An upstream that sends them without end would keep a core busy.
pub(in crate::upstream) const MAX_INTERIM: usize = 32;

/// What ends a wait.
enum ExchangeEvent {
    /// The upstream sent this many bytes; 0 at its end.
    Received(io::Result<usize>),
    /// The client has waited long enough for the upstream to ask for the body.
    AskForBody,
}

/// Returns true if another response follows (RFC 9110, section 15.2). A 101 is the last of HTTP.
fn is_interim(status: StatusCode) -> bool {
    status.is_informational() && status != StatusCode::SWITCHING_PROTOCOLS
}

impl Exchange<'_, '_> {
    /// Sends the request and waits for the response's head. Leaves the head, as it goes to the client, in `to_client`.
    pub(super) async fn await_head(&mut self) -> Result<Download, ExchangeError> {
        let mut has_received = false;
        let mut interim = 0;
        let mut is_kept = true;
        loop {
            match poll_fn(|cx| self.poll_event(cx)).await? {
                ExchangeEvent::Received(Ok(1..)) => has_received = true,
                ExchangeEvent::Received(ended) => {
                    let error = ended.err().or_else(|| self.upload.take_failure());
                    let error = error.unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into());
                    let (has_sent, is_kept) = (self.upload.has_sent(), self.upload.is_kept());
                    return Err(ExchangeError::NoResponse(NoResponse {
                        error,
                        has_sent,
                        is_kept,
                        has_received,
                    }));
                }
                ExchangeEvent::AskForBody => {
                    self.upload.open_gate();
                    let asked = self.client.ask_for_body().await;
                    asked.map_err(|_| ClientError::BrokeOff)?;
                    continue;
                }
            }
            let mut interim_heads = Vec::new();
            let last = loop {
                match self.take_head()? {
                    Some(mut download) if !is_interim(download.status) => {
                        download.idle_limit = download.idle_limit.filter(|_| is_kept);
                        break Some(Ok(download));
                    }
                    Some(_) if interim == MAX_INTERIM => {
                        let error = UpstreamError::Invalid("it sent more than 32 interim responses");
                        break Some(Err(error.into()));
                    }
                    Some(download) => {
                        is_kept &= download.idle_limit.is_some();
                        self.take_interim(&download, &mut interim_heads);
                    }
                    None => break None,
                }
                interim += 1;
            };
            let sent = self.client.send_interim(&interim_heads).await;
            sent.map_err(|_| ClientError::BrokeOff)?;
            if let Some(last) = last {
                return last;
            }
        }
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Result<ExchangeEvent, ForwardError>> {
        let Self { client, upstream, buffers, upload, closing, limits, .. } = self;
        let has_progress = upload.poll(cx, client, upstream, &mut buffers.to_upstream)?;
        if let Some(limit) = limits.before_response(upload, has_progress, client) {
            buffers.deadline.start(limit);
        }
        if let Poll::Ready(read) = buffers.from_upstream.poll_fill(upstream, cx) {
            return Poll::Ready(Ok(ExchangeEvent::Received(read)));
        }
        if upload.is_over()
            && client.poll_watched(cx, &mut buffers.unwatched).is_ready()
            && client.poll_gone_before_response(cx).is_ready()
        {
            return Poll::Ready(Err(ClientError::BrokeOff.into()));
        }
        if upload.poll_gate_expired(cx).is_ready() {
            return Poll::Ready(Ok(ExchangeEvent::AskForBody));
        }
        if let Some((connections, ticks)) = &mut self.contention {
            while ticks.poll_tick(cx).is_ready() {
                connections.close_idle();
            }
        }
        if self.route.is_watched && closing.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(ForwardError::Revoked));
        }
        buffers.deadline.poll_passed(cx).map(|()| Err(limits.error_before_response()))
    }

    /// Appends the head of an interim response (RFC 9110, section 15.2), which is sent together with those that came with it.
    fn take_interim(&mut self, download: &Download, heads: &mut Vec<u8>) {
        if download.status == StatusCode::CONTINUE {
            self.upload.open_gate();
            self.client.mark_asked();
            self.was_asked_for_body = true;
        }
        if self.client.takes_interim() {
            log_left_out(download, self.head);
        }
        heads.append(&mut self.buffers.to_client);
    }
}
