//! WebSocket (ng-control.md 1.5, operations.md 9.2): the hand-shake, and the messages of each sub-protocol.

use super::Site;
use super::ask::{Question, ask};
use super::routes::{self, Reply};
use futures_util::stream::FuturesUnordered;
use futures_util::{SinkExt, StreamExt};
use hyper::header::{CONNECTION, HeaderMap, HeaderName, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use hyper::{Method, StatusCode};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role, WebSocketConfig};

/// Requests of one connection that may wait for their replies, and their bytes; then nothing more is read until one is answered.
const OUTSTANDING: usize = 1024;
const OUTSTANDING_BYTES: usize = 4 << 20;

/// Bytes read at once. A request is seldom longer.
const READ_BUFFER: usize = 16 << 10;

/// Bytes that may wait for a slow reader.
const WRITE_LIMIT: usize = 16 << 20;

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SubProtocol {
    /// Cookie, space, dictionary.
    Ng,
    /// A dictionary.
    NgPlain,
    /// A command line.
    Cli,
    /// Anything; it comes back.
    Echo,
}

const NAMES: [(&str, SubProtocol); 4] = [
    ("ng.rtpengine.com", SubProtocol::Ng),
    ("ng-plain.rtpengine.com", SubProtocol::NgPlain),
    ("cli.rtpengine.com", SubProtocol::Cli),
    ("echo.rtpengine.com", SubProtocol::Echo),
];

/// A request for a WebSocket.
#[derive(Debug)]
pub(super) enum HandShake {
    /// It is to be answered like this.
    Agreed(Box<Reply>, SubProtocol),
    /// It cannot be had.
    Refused(Box<Reply>),
}

/// Looks at a request. `None`: it does not ask for a WebSocket.
pub(super) fn hand_shake(method: &Method, headers: &HeaderMap) -> Option<HandShake> {
    if !lists(headers, &UPGRADE, "websocket") || !lists(headers, &CONNECTION, "upgrade") {
        return None;
    }
    let refused = |status, text: &str| Some(HandShake::Refused(Box::new(routes::failure(status, text))));
    if *method != Method::GET {
        return refused(StatusCode::BAD_REQUEST, "a WebSocket is asked for with GET\n");
    }
    if headers.get("sec-websocket-version").is_none_or(|version| version != "13") {
        let mut reply = routes::failure(StatusCode::UPGRADE_REQUIRED, "WebSocket version 13 only\n");
        reply.headers_mut().insert("sec-websocket-version", hyper::header::HeaderValue::from_static("13"));
        return Some(HandShake::Refused(Box::new(reply)));
    }
    let Some(key) = headers.get("sec-websocket-key").filter(|key| !key.is_empty()) else {
        return refused(StatusCode::BAD_REQUEST, "no Sec-WebSocket-Key\n");
    };
    let known =
        words(headers, &SEC_WEBSOCKET_PROTOCOL).find_map(|word| NAMES.iter().find(|(name, _)| word == *name));
    let Some((name, protocol)) = known else {
        return refused(StatusCode::NOT_FOUND, "not found\n");
    };
    let reply = routes::switching(&derive_accept_key(key.as_bytes()), name)?;
    Some(HandShake::Agreed(Box::new(reply), *protocol))
}

/// The comma-separated words of all headers of a name.
fn words<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',').map(str::trim))
}

fn lists(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    words(headers, name).any(|other| other.eq_ignore_ascii_case(word))
}

/// Serves a connection until it ends.
pub(super) async fn serve<S>(stream: S, protocol: SubProtocol, site: Arc<Site>, agent: SocketAddr)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .max_message_size(Some(super::BODY_LIMIT))
        .max_frame_size(Some(super::BODY_LIMIT))
        .max_write_buffer_size(WRITE_LIMIT);
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
    let mut waiting = FuturesUnordered::new();
    let mut bytes = 0;
    loop {
        let room = waiting.len() < OUTSTANDING && bytes < OUTSTANDING_BYTES;
        tokio::select! {
            message = socket.next(), if room => {
                let payload = match message {
                    Some(Ok(Message::Text(text))) => text.as_bytes().to_vec(),
                    Some(Ok(Message::Binary(binary))) => binary.to_vec(),
                    // Answered by the library, with the next turn or the next message.
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_) | Message::Frame(_))) => continue,
                    Some(Err(Error::Capacity(_))) => return refuse_size(socket).await,
                    Some(Err(_)) | None => return,
                };
                let length = payload.len();
                bytes += length;
                let site = &site;
                waiting.push(async move { (length, answer(site, protocol, payload, agent).await) });
            }
            Some((length, reply)) = waiting.next(), if !waiting.is_empty() => {
                bytes -= length;
                if let Some(reply) = reply
                    && socket.send(Message::Binary(reply.into())).await.is_err()
                {
                    return;
                }
            }
        }
    }
}

async fn answer(site: &Site, protocol: SubProtocol, payload: Vec<u8>, agent: SocketAddr) -> Option<Vec<u8>> {
    let question = match protocol {
        SubProtocol::Ng => Question::Ng(payload),
        SubProtocol::NgPlain => Question::NgPlain(payload),
        SubProtocol::Cli => Question::Cli(super::command_line(payload)),
        SubProtocol::Echo => return Some(payload),
    };
    ask(&site.router, question, agent).await
}

async fn refuse_size<S: AsyncRead + AsyncWrite + Unpin>(mut socket: WebSocketStream<S>) {
    let frame = CloseFrame { code: CloseCode::Size, reason: "message too long".into() };
    // The client may be gone already.
    let _ = socket.close(Some(frame)).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::{HeaderValue, SEC_WEBSOCKET_ACCEPT};

    fn request(change: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let usual = [
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-protocol", "echo.rtpengine.com"),
        ];
        for (name, value) in usual.iter().chain(change) {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn status(headers: &HeaderMap) -> Option<u16> {
        hand_shake(&Method::GET, headers).map(|outcome| match outcome {
            HandShake::Agreed(reply, _) | HandShake::Refused(reply) => reply.status().as_u16(),
        })
    }

    #[test]
    fn the_example_of_rfc_6455_is_agreed_to() {
        let Some(HandShake::Agreed(reply, SubProtocol::Echo)) = hand_shake(&Method::GET, &request(&[]))
        else {
            panic!("refused");
        };
        assert_eq!(reply.status().as_u16(), 101);
        assert_eq!(reply.headers()[SEC_WEBSOCKET_ACCEPT], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!(reply.headers()[SEC_WEBSOCKET_PROTOCOL], "echo.rtpengine.com");
    }

    #[test]
    fn the_first_known_sub_protocol_is_taken() {
        let headers = request(&[("sec-websocket-protocol", "chat, ng-plain.rtpengine.com,ng.rtpengine.com")]);
        let Some(HandShake::Agreed(reply, protocol)) = hand_shake(&Method::GET, &headers) else {
            panic!("refused");
        };
        assert_eq!(protocol, SubProtocol::NgPlain);
        assert_eq!(reply.headers()[SEC_WEBSOCKET_PROTOCOL], "ng-plain.rtpengine.com");
    }

    #[test]
    fn what_cannot_be_had_is_refused() {
        assert_eq!(status(&request(&[("sec-websocket-protocol", "janus-protocol")])), Some(404));
        assert_eq!(status(&request(&[("sec-websocket-protocol", "")])), Some(404));
        assert_eq!(status(&request(&[("sec-websocket-version", "8")])), Some(426));
        assert_eq!(status(&request(&[("sec-websocket-key", "")])), Some(400));
        assert_eq!(status(&request(&[("upgrade", "h2c")])), None);
        assert_eq!(status(&request(&[("connection", "close")])), None);
        let mut without = request(&[]);
        without.remove(SEC_WEBSOCKET_PROTOCOL);
        assert_eq!(status(&without), Some(404));
        assert!(matches!(hand_shake(&Method::POST, &request(&[])), Some(HandShake::Refused(_))));
    }
}
