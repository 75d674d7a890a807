//! As much HTTP/1.1 as the admin endpoint and the WebSocket upgrade need.

use std::io;

use serde_json::Value;
use smol::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::listener::Stream;

/// One request with its body.
pub(super) struct Request {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// The body of an answer.
pub(super) struct Body {
    kind: &'static str,
    bytes: Vec<u8>,
}

impl Body {
    pub(super) fn text(text: &str) -> Self {
        Self { kind: "text/plain; charset=utf-8", bytes: text.as_bytes().to_vec() }
    }

    pub(super) fn json(value: &Value) -> Self {
        Self { kind: "application/json", bytes: format!("{value}\n").into_bytes() }
    }
}

impl Request {
    /// Reads one request. `held` keeps what was read beyond it. `None` at the end of the stream.
    pub(super) async fn read(stream: &mut impl Stream, held: &mut Vec<u8>) -> io::Result<Option<Self>> {
        let head_end = loop {
            if let Some(at) = find(held, b"\r\n\r\n") {
                break at;
            }
            if held.len() > HEAD_MAX {
                return Err(io::ErrorKind::InvalidData.into());
            }
            if !fill(stream, held).await? {
                return if held.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        };
        let head: Vec<u8> = held.drain(..head_end + 4).collect();
        let text = String::from_utf8_lossy(&head).into_owned();
        let mut lines = text.split("\r\n");
        let mut words = lines.next().unwrap_or_default().split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut request =
            Self { method: method.to_owned(), target: target.to_owned(), headers, body: Vec::new() };
        request.body = request.read_body(stream, held).await?;
        Ok(Some(request))
    }

    async fn read_body(&self, stream: &mut impl Stream, held: &mut Vec<u8>) -> io::Result<Vec<u8>> {
        if self.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        let chunked =
            self.header("transfer-encoding").is_some_and(|v| v.to_ascii_lowercase().contains("chunked"));
        if chunked {
            return read_chunks(stream, held).await;
        }
        let len: usize = self.header("content-length").and_then(|len| len.parse().ok()).unwrap_or(0);
        take(stream, held, len).await
    }

    /// The path without query.
    pub(super) fn path(&self) -> &str {
        self.target.split(['?', '#']).next().unwrap_or_default()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The key of a WebSocket upgrade, if this is one.
    pub(super) fn websocket_key(&self) -> Option<String> {
        let upgrade = self.header("upgrade")?.to_ascii_lowercase();
        (self.method == "GET" && upgrade.contains("websocket"))
            .then(|| self.header("sec-websocket-key").map(str::to_owned))
            .flatten()
    }

    pub(super) fn keeps_alive(&self) -> bool {
        !self.header("connection").is_some_and(|value| value.to_ascii_lowercase().contains("close"))
    }

    pub(super) async fn answer(&self, stream: &mut impl Stream, status: u16, body: &Body) -> io::Result<()> {
        let head = format!(
            "HTTP/1.1 {status} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n",
            reason(status),
            body.kind,
            body.bytes.len()
        );
        let mut bytes = head.into_bytes();
        if self.method != "HEAD" {
            bytes.extend_from_slice(&body.bytes);
        }
        stream.write_all(&bytes).await?;
        stream.flush().await
    }
}

/// Reads a chunked body to its end.
async fn read_chunks(stream: &mut impl Stream, held: &mut Vec<u8>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = take_line(stream, held).await?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(|_| io::ErrorKind::InvalidData)?;
        if size == 0 {
            while !take_line(stream, held).await?.is_empty() {}
            return Ok(body);
        }
        if body.len() + size > BODY_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        body.extend(take(stream, held, size).await?);
        take_line(stream, held).await?;
    }
}

async fn take_line(stream: &mut impl Stream, held: &mut Vec<u8>) -> io::Result<String> {
    loop {
        if let Some(end) = find(held, b"\r\n") {
            let line: Vec<u8> = held.drain(..end + 2).take(end).collect();
            return Ok(String::from_utf8_lossy(&line).into_owned());
        }
        if held.len() > HEAD_MAX || !fill(stream, held).await? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

async fn take(stream: &mut impl Stream, held: &mut Vec<u8>, len: usize) -> io::Result<Vec<u8>> {
    if len > BODY_MAX {
        return Err(io::ErrorKind::InvalidData.into());
    }
    while held.len() < len {
        if !fill(stream, held).await? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(held.drain(..len).collect())
}

/// Reads some more; false at the end of the stream.
async fn fill(stream: &mut impl Stream, held: &mut Vec<u8>) -> io::Result<bool> {
    let mut chunk = [0; 4096];
    let read = stream.read(&mut chunk).await?;
    held.extend_from_slice(chunk.get(..read).unwrap_or_default());
    Ok(read > 0)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        413 => "Content Too Large",
        422 => "Unprocessable Content",
        426 => "Upgrade Required",
        _ => "Status",
    }
}

/// Longest head of a request.
const HEAD_MAX: usize = 16 * 1024;
/// Longest body that is read; what an endpoint takes may be less.
const BODY_MAX: usize = 64 * 1024;
