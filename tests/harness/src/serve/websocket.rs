//! One WebSocket connection between a client and the server. Reference 14 §2.

use core::time::Duration;
use std::io;
use std::sync::Arc;

use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::handshake::derive_accept_key;
use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use async_tungstenite::tungstenite::protocol::{CloseFrame, Role};
use async_tungstenite::tungstenite::{Error, Message};
use smol::channel::Receiver;
use smol::future::FutureExt as _;
use smol::io::AsyncWriteExt as _;
use smol::stream::StreamExt as _;

use super::hub::{Hub, Outgoing};
use super::listener::{Stream, within};
use crate::server::ConnId;

/// What woke the connection's task.
enum Wake {
    /// Something came from the client; `None`: the stream ended.
    Incoming(Option<Result<Message, Error>>),
    /// The server wants something done; `Err`: it has forgotten the connection.
    Outgoing(Result<Outgoing, smol::channel::RecvError>),
}

/// Finishes the upgrade, then carries frames until either side closes.
pub(super) async fn run(mut stream: impl Stream, held: Vec<u8>, key: &str, hub: &Arc<Hub>) -> io::Result<()> {
    let accept = derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.flush().await?;
    let mut socket = WebSocketStream::from_partially_read(stream, held, Role::Server, None).await;
    let (conn, orders) = hub.open();
    let close = carry(&mut socket, conn, &orders, hub).await;
    // The device is offline from here on, before the closing handshake takes its time.
    hub.closed(conn);
    if let Some(frame) = close {
        within(CLOSING, async {
            drop(socket.close(frame).await);
            while let Some(Ok(_)) = socket.next().await {}
        })
        .await;
    }
    Ok(())
}

/// Carries frames both ways; gives the close frame to say goodbye with, or `None` when the client is gone.
async fn carry<S: Stream>(
    socket: &mut WebSocketStream<S>,
    conn: ConnId,
    orders: &Receiver<Outgoing>,
    hub: &Arc<Hub>,
) -> Option<Option<CloseFrame>> {
    loop {
        let incoming = async { Wake::Incoming(socket.next().await) };
        let outgoing = async { Wake::Outgoing(orders.recv().await) };
        match outgoing.or(incoming).await {
            Wake::Incoming(Some(Ok(Message::Binary(bytes)))) => {
                hub.with(|server, now| server.receive(conn, &bytes, now));
            }
            Wake::Incoming(Some(Ok(Message::Text(_)))) => {
                let reason = CloseFrame { code: CloseCode::Unsupported, reason: "binary only".into() };
                return Some(Some(reason));
            }
            // Pings are answered below this layer while it waits for the next message.
            Wake::Incoming(Some(Ok(Message::Close(_)))) => return Some(None),
            Wake::Incoming(Some(Ok(_))) => {}
            Wake::Incoming(Some(Err(Error::Capacity(_)))) => {
                return Some(Some(CloseFrame { code: CloseCode::Size, reason: "too large".into() }));
            }
            Wake::Incoming(Some(Err(_)) | None) => return None,
            Wake::Outgoing(Ok(Outgoing::Frame(bytes))) => {
                if socket.send(Message::Binary(bytes)).await.is_err() {
                    return None;
                }
            }
            Wake::Outgoing(Ok(Outgoing::Close) | Err(_)) => return Some(None),
        }
    }
}

/// How long the closing handshake may take.
const CLOSING: Duration = Duration::from_secs(2);
