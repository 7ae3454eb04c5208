//! Which method, path and content type means what (ng-control.md 1.4, operations.md 9.1), and the forms of the responses.

use bytes::Bytes;
use http_body_util::Full;
use hyper::ext::ReasonPhrase;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue,
};
use hyper::{Method, Response, StatusCode};

/// A response with its whole body.
pub(super) type Reply = Response<Full<Bytes>>;

/// The content type of ng dictionaries.
const NG: &str = "application/x-rtpengine-ng";
const JSON: &str = "application/json";
const TEXT: &str = "text/plain";

/// A content type must be shorter.
const CONTENT_TYPE_LIMIT: usize = 64;

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// `pong`.
    Ping,
    /// The figures.
    Metrics,
    /// A CLI command from the path.
    CliPath(Vec<u8>),
    /// A CLI command from the body.
    CliBody,
    /// An ng unit with cookie.
    Ng,
    /// An ng dictionary; the response has the content type of the request.
    NgPlain(&'static str),
    /// Which origins, methods and headers are allowed.
    Options,
    /// Nothing that is here.
    NotFound,
}

/// The route of a request; `content_type` as [`post_type`] gives it.
pub(super) fn route(method: &Method, path: &str, content_type: Option<&str>) -> Route {
    match *method {
        Method::OPTIONS => Route::Options,
        Method::GET => match path {
            "/ping" => Route::Ping,
            "/metrics" => Route::Metrics,
            _ => path.strip_prefix("/cli/").map_or(Route::NotFound, |line| Route::CliPath(unescape(line))),
        },
        Method::POST => match (path, content_type.unwrap_or_default()) {
            ("/cli", TEXT) => Route::CliBody,
            ("/ng", NG) => Route::Ng,
            ("/ng-plain", NG) => Route::NgPlain(NG),
            ("/ng-plain", JSON) => Route::NgPlain(JSON),
            _ => Route::NotFound,
        },
        _ => Route::NotFound,
    }
}

/// The content type of a POST without parameters, in small letters. `None`: a header is missing or too long, and the connection is to be
/// closed without a response (ng-control.md 1.4 rule 1).
pub(super) fn post_type(headers: &HeaderMap) -> Option<String> {
    headers.get(CONTENT_LENGTH)?;
    let value = headers.get(CONTENT_TYPE)?.as_bytes();
    if value.len() >= CONTENT_TYPE_LIMIT {
        return None;
    }
    let kind = value.split(|byte| *byte == b';').next().unwrap_or_default();
    Some(String::from_utf8_lossy(kind.trim_ascii()).to_ascii_lowercase())
}

/// A path with `+` and `%XX` decoded; a `%` without two digits stands for itself.
fn unescape(path: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => out.push(b' '),
            b'%' => match after.split_first_chunk() {
                Some((&[high, low], after)) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                    out.push(digit(high) << 4 | digit(low));
                    rest = after;
                }
                Some(_) | None => out.push(b'%'),
            },
            byte => out.push(*byte),
        }
    }
    out
}

/// The value of a hexadecimal digit.
fn digit(byte: u8) -> u8 {
    (byte as char).to_digit(16).and_then(|value| u8::try_from(value).ok()).unwrap_or(0)
}

/// A response with the headers that all have.
fn response(status: StatusCode, content_type: Option<&'static str>, body: Vec<u8>) -> Reply {
    let length = body.len();
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    if let Some(content_type) = content_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    for (name, value) in [
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (ACCESS_CONTROL_MAX_AGE, "86400"),
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (ACCESS_CONTROL_ALLOW_HEADERS, "Content-Type"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Text with status 200.
pub(super) fn text(body: impl Into<Vec<u8>>) -> Reply {
    response(StatusCode::OK, Some(TEXT), body.into())
}

/// An ng unit with status 200.
pub(super) fn ng(body: Vec<u8>) -> Reply {
    response(StatusCode::OK, Some(NG), body)
}

/// An ng dictionary with status 200.
pub(super) fn ng_plain(content_type: &'static str, body: Vec<u8>) -> Reply {
    response(StatusCode::OK, Some(content_type), body)
}

/// The response to OPTIONS.
pub(super) fn options() -> Reply {
    response(StatusCode::OK, None, Vec::new())
}

/// The response to what is not here.
pub(super) fn not_found() -> Reply {
    failure(StatusCode::NOT_FOUND, "not found\n")
}

/// The response to an ng unit without cookie: status 600.
pub(super) fn no_cookie() -> Reply {
    let status = StatusCode::from_u16(600).unwrap_or(StatusCode::BAD_REQUEST);
    let mut reply = failure(status, "error\n");
    reply.extensions_mut().insert(ReasonPhrase::from_static(b"Error"));
    reply
}

/// A failure with an explanation.
pub(super) fn failure(status: StatusCode, text: &str) -> Reply {
    response(status, Some(TEXT), text.into())
}

/// Agreement to a WebSocket.
pub(super) fn switching(accept: &str, protocol: &'static str) -> Option<Reply> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(hyper::header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(hyper::header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(hyper::header::SEC_WEBSOCKET_ACCEPT, HeaderValue::from_str(accept).ok()?);
    headers.insert(hyper::header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(path: &str, content_type: &str) -> Route {
        route(&Method::POST, path, Some(content_type))
    }

    #[test]
    fn the_table_of_the_specification() {
        let get = |path| route(&Method::GET, path, None);
        assert_eq!(get("/ping"), Route::Ping);
        assert_eq!(get("/metrics"), Route::Metrics);
        assert_eq!(get("/cli/list+totals"), Route::CliPath(b"list totals".into()));
        assert_eq!(get("/cli/list%20totals%0a"), Route::CliPath(b"list totals\n".into()));
        assert_eq!(get("/cli/%zz%4"), Route::CliPath(b"%zz%4".into()));
        assert_eq!(get("/cli/"), Route::CliPath(b"".into()));
        for path in ["/", "/cli", "/ng", "/Ping", "/ping/", "*", ""] {
            assert_eq!(get(path), Route::NotFound, "{path}");
        }
        assert_eq!(post("/cli", TEXT), Route::CliBody);
        assert_eq!(post("/ng", NG), Route::Ng);
        assert_eq!(post("/ng-plain", NG), Route::NgPlain(NG));
        assert_eq!(post("/ng-plain", JSON), Route::NgPlain(JSON));
        for (path, kind) in [("/cli", NG), ("/ng", JSON), ("/ng", TEXT), ("/ng-plain", TEXT), ("/ping", TEXT)]
        {
            assert_eq!(post(path, kind), Route::NotFound, "{path} {kind}");
        }
        assert_eq!(route(&Method::OPTIONS, "/whatever", None), Route::Options);
        for method in [Method::PUT, Method::HEAD, Method::DELETE, Method::PATCH] {
            assert_eq!(route(&method, "/ping", None), Route::NotFound, "{method}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_escaped_comes_back(line in proptest::collection::vec(proptest::num::u8::ANY, 0..100)) {
            let escaped: String = line.iter().map(|byte| format!("%{byte:02X}")).collect();
            proptest::prop_assert_eq!(unescape(&escaped), line);
        }

        #[test]
        fn any_path_has_a_route(path in "\\PC*") {
            proptest::prop_assert!(unescape(&path).len() <= path.len());
            route(&Method::GET, &format!("/cli/{path}"), None);
        }
    }

    #[test]
    fn a_post_needs_a_short_type_and_a_length() {
        let headers = |pairs: &[(hyper::header::HeaderName, &str)]| {
            let pairs =
                pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()));
            pairs.collect::<HeaderMap>()
        };
        let with_length = |kind: &str| post_type(&headers(&[(CONTENT_TYPE, kind), (CONTENT_LENGTH, "1")]));
        assert_eq!(with_length("Application/JSON; charset=utf-8").as_deref(), Some(JSON));
        assert_eq!(with_length(&"x".repeat(63)).map(|kind| kind.len()), Some(63));
        assert_eq!(with_length(&"x".repeat(64)), None);
        assert_eq!(post_type(&headers(&[(CONTENT_TYPE, NG)])), None);
        assert_eq!(post_type(&headers(&[(CONTENT_LENGTH, "5")])), None);
    }

    #[test]
    fn every_response_allows_other_origins() {
        for response in [text("x"), ng(vec![]), options(), not_found(), no_cookie()] {
            assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
            assert_eq!(response.headers()[ACCESS_CONTROL_MAX_AGE], "86400");
            assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_METHODS], "GET, POST");
            assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_HEADERS], "Content-Type");
        }
        assert_eq!(no_cookie().status().as_u16(), 600);
        assert!(!options().headers().contains_key(CONTENT_TYPE));
    }
}
