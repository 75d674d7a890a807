//! The two halves of an open WebSocket.

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use sanswire_driver::ConnectError;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::connect::Stream;

type Socket = WebSocketStream<Box<dyn Stream>>;

/// Receives.
pub struct Reader(SplitStream<Socket>);

/// Sends.
pub struct Writer(SplitSink<Socket, Message>);

pub(crate) fn halves(socket: Socket) -> (Reader, Writer) {
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
        unless_closed(self.0.send(Message::Close(None)).await)
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
