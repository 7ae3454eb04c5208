//! One connection: HTTP/1.1 requests in order, or a WebSocket.

use super::ask::{Question, ask};
use super::patient::Patient;
use super::routes::{self, Reply, Route, route};
use super::websocket::{self, HandShake};
use super::{BODY_LIMIT, Site};
use crate::flow::Level;
use crate::report::log;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use openssl::ssl::Ssl;
use rtpengine_common::ng::split;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use tokio_openssl::SslStream;

/// Why a connection ends without a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Dropped {
    #[error("no Content-Type or no Content-Length")]
    NoType,
    #[error("the request did not arrive in time, or not at all")]
    Incomplete,
}

/// A body that was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BadBody {
    TooLong,
    Incomplete,
}

/// Serves a connection until it ends. The permit is held as long.
pub(super) async fn serve(
    stream: TcpStream,
    tls: bool,
    site: Arc<Site>,
    agent: SocketAddr,
    permit: OwnedSemaphorePermit,
) {
    log::http(Level::Debug, || format!("New connection from {agent}"));
    if !tls {
        return talk(stream, site, agent, permit).await;
    }
    let Some(Ok(ssl)) = site.tls.as_ref().map(|acceptor| Ssl::new(acceptor.context())) else { return };
    let Ok(mut stream) = SslStream::new(ssl, stream) else { return };
    match timeout(site.idle, Pin::new(&mut stream).accept()).await {
        Ok(Ok(())) => talk(stream, site, agent, permit).await,
        Ok(Err(error)) => log::http(Level::Debug, || format!("TLS with {agent} failed: {error}")),
        Err(_) => log::http(Level::Debug, || format!("TLS with {agent} took too long")),
    }
}

async fn talk<S>(stream: S, site: Arc<Site>, agent: SocketAddr, permit: OwnedSemaphorePermit)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let stream = Patient::new(stream, site.patience());
    let permit = Arc::new(permit);
    let service = service_fn(|request| handle(request, Arc::clone(&site), agent, Arc::clone(&permit)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(site.idle)
        .max_buf_size(site.buffer)
        .half_close(true)
        .title_case_headers(true)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Err(error) = connection.await {
        log::http(Level::Debug, || format!("Connection from {agent} ended: {error}"));
    }
}

async fn handle(
    mut request: Request<Incoming>,
    site: Arc<Site>,
    agent: SocketAddr,
    permit: Arc<OwnedSemaphorePermit>,
) -> Result<Reply, Dropped> {
    match websocket::hand_shake(request.method(), request.headers()) {
        None => {}
        Some(HandShake::Refused(reply)) => return Ok(*reply),
        Some(HandShake::Agreed(reply, protocol)) => {
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                // The hand-shake has been answered once this is ready; if that failed there is nothing to serve.
                if let Ok(upgraded) = upgrade.await {
                    websocket::serve(TokioIo::new(upgraded), protocol, site, agent).await;
                }
                drop(permit);
            });
            return Ok(*reply);
        }
    }
    if *request.method() != Method::POST {
        let route = route(request.method(), request.uri().path(), None);
        return Ok(respond(route, Vec::new(), &site, agent).await);
    }
    let content_type = routes::post_type(request.headers());
    let path = request.uri().path().to_owned();
    // Taken in any case: unread bytes would make the end of the connection look like a failure to the client.
    let Ok(body) = timeout(site.patience(), collect(request.into_body())).await else {
        return Err(Dropped::Incomplete);
    };
    let Some(content_type) = content_type else { return Err(Dropped::NoType) };
    match body {
        Ok(body) => {
            let route = route(&Method::POST, &path, Some(&content_type));
            Ok(respond(route, body, &site, agent).await)
        }
        Err(BadBody::TooLong) => Ok(routes::failure(StatusCode::PAYLOAD_TOO_LARGE, "request too long\n")),
        Err(BadBody::Incomplete) => Err(Dropped::Incomplete),
    }
}

/// Collects a body. What exceeds the limit is read and dropped.
async fn collect(mut body: Incoming) -> Result<Vec<u8>, BadBody> {
    let mut bytes = Vec::new();
    let mut too_long = false;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| BadBody::Incomplete)?;
        let Ok(data) = frame.into_data() else { continue };
        too_long |= bytes.len() + data.len() > BODY_LIMIT;
        if !too_long {
            bytes.extend_from_slice(&data);
        }
    }
    if too_long { Err(BadBody::TooLong) } else { Ok(bytes) }
}

async fn respond(route: Route, body: Vec<u8>, site: &Site, agent: SocketAddr) -> Reply {
    let (question, form): (_, fn(Vec<u8>) -> Reply) = match route {
        Route::Ping => return routes::text("pong\n"),
        Route::Options => return routes::options(),
        Route::NotFound => return routes::not_found(),
        Route::Ng if split(&body).is_none() => return routes::no_cookie(),
        Route::NgPlain(content_type) => {
            let answer = ask(&site.router, Question::NgPlain(body), agent).await;
            return answer.map_or_else(busy, |answer| routes::ng_plain(content_type, answer));
        }
        Route::Ng => (Question::Ng(body), routes::ng),
        Route::Metrics => (Question::Metrics, routes::text),
        Route::CliPath(line) => (Question::Cli(super::command_line(line)), routes::text),
        Route::CliBody => (Question::Cli(super::command_line(body)), routes::text),
    };
    ask(&site.router, question, agent).await.map_or_else(busy, form)
}

/// The request was dropped because the relay does not keep up: the client may try again.
fn busy() -> Reply {
    routes::failure(StatusCode::SERVICE_UNAVAILABLE, "busy\n")
}
