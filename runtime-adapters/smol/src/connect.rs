//! From an address to an open WebSocket.

use async_tungstenite::tungstenite::client::{ClientRequestBuilder, IntoClientRequest};
use async_tungstenite::tungstenite::http::Uri;
use async_tungstenite::tungstenite::protocol::WebSocketConfig;
use async_tungstenite::{WebSocketStream, client_async_with_config};
use futures_rustls::TlsConnector;
use rustls::pki_types::ServerName;
use sanswire::Target;
use sanswire_driver::{ConnectError, MESSAGE_BYTES_MAX, Tls};
use smol::io::{AsyncRead, AsyncWrite};
use smol::net::TcpStream;

/// A byte stream, plain or inside TLS.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

pub(crate) async fn open(
    target: &Target,
    tls: &Tls,
) -> Result<WebSocketStream<Box<dyn Stream>>, ConnectError> {
    let address = || ConnectError::Address(target.url.clone());
    let uri: Uri = target.url.parse().map_err(|_| address())?;
    let secure = match uri.scheme_str() {
        Some("wss") => true,
        Some("ws") => false,
        _ => return Err(address()),
    };
    let host = uri.host().ok_or_else(address)?.trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let request = ClientRequestBuilder::new(uri).with_header("Origin", target.origin.as_str());
    let request =
        request.into_client_request().map_err(|error| ConnectError::WebSocket(error.to_string()))?;

    let tcp = TcpStream::connect((host.as_str(), port)).await?;
    tcp.set_nodelay(true)?;
    let stream: Box<dyn Stream> = if secure {
        let name = ServerName::try_from(host).map_err(|_| address())?;
        let inside = TlsConnector::from(tls.client_config()?).connect(name, tcp).await;
        Box::new(inside.map_err(|error| ConnectError::Tls(error.to_string()))?)
    } else {
        Box::new(tcp)
    };
    let limits = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    let upgraded = client_async_with_config(request, stream, Some(limits)).await;
    upgraded.map(|(socket, _)| socket).map_err(|error| ConnectError::WebSocket(error.to_string()))
}
