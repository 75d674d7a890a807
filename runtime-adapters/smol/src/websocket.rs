//! The two halves of an open WebSocket.

use async_tungstenite::tungstenite::error::ProtocolError;
use async_tungstenite::tungstenite::{Error, Message};
use async_tungstenite::{WebSocketReceiver, WebSocketSender, WebSocketStream};
use bytes::Bytes;
use sanswire_driver::ConnectError;
use smol::stream::StreamExt;

use crate::connect::Stream;

/// Receives.
pub struct Reader(WebSocketReceiver<Box<dyn Stream>>);

/// Sends.
pub struct Writer(WebSocketSender<Box<dyn Stream>>);

pub(crate) fn halves(socket: WebSocketStream<Box<dyn Stream>>) -> (Reader, Writer) {
    let (writer, reader) = socket.split();
    (Reader(reader), Writer(writer))
}

impl sanswire_driver::Reader for Reader {
    async fn read(&mut self) -> Result<Option<Bytes>, ConnectError> {
        while let Some(message) = self.0.next().await {
            if let Message::Binary(bytes) = message.map_err(failure)? {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }
}

impl sanswire_driver::Writer for Writer {
    async fn write(&mut self, bytes: Bytes) -> Result<(), ConnectError> {
        unless_closed(self.0.send(Message::Binary(bytes)).await)
    }

    async fn close(&mut self) -> Result<(), ConnectError> {
        unless_closed(self.0.close(None).await)
    }
}

/// What is sent after the peer said goodbye is lost without a complaint: the reader tells of the end.
fn unless_closed(written: Result<(), Error>) -> Result<(), ConnectError> {
    match written {
        Err(
            Error::ConnectionClosed | Error::AlreadyClosed | Error::Protocol(ProtocolError::SendAfterClosing),
        ) => Ok(()),
        written => written.map_err(failure),
    }
}

fn failure(error: Error) -> ConnectError {
    match error {
        Error::Io(error) => ConnectError::Socket(error),
        error => ConnectError::WebSocket(error.to_string()),
    }
}
