//! One account driven by the published whatsapp-rust, its storage in memory so that it survives a restart.

use std::sync::Arc;

use whatsapp_rust::TokioRuntime;
use whatsapp_rust::anyhow;
use whatsapp_rust::async_trait;
use whatsapp_rust::bot::{Bot, BotHandle};
use whatsapp_rust::http::{HttpClient, HttpRequest, HttpResponse};
use whatsapp_rust::prelude::{Client, Event, EventHandler, Jid, MessageExt as _};
use whatsapp_rust::transport::TokioWebSocketTransportFactory;
use whatsapp_rust::wacore::store::{DevicePropsOverride, InMemoryBackend};
use whatsapp_rust::wacore::types::presence::ReceiptType;

use crate::command::{Server, bare};
use crate::journal::Journal;
use crate::{LIMIT, Outcome};

/// The account.
pub(crate) struct Theirs {
    name: String,
    url: String,
    system: Option<&'static str>,
    backend: Arc<InMemoryBackend>,
    /// Its address, once paired.
    pub(crate) jid: String,
    log: Arc<Journal<Seen>>,
    running: Option<BotHandle>,
}

/// What concerns us of what its application sees.
enum Seen {
    Qr(String),
    Connected,
    Text(Text),
    Delivered(Vec<String>),
    Undecryptable,
    Refused(String),
}

/// A message, of others or of another device of the account.
struct Text {
    id: String,
    text: String,
    /// Its phone told it what it could not read.
    by_phone: bool,
}

impl Theirs {
    /// `tls` and `system`: how it connects, and what it says it runs on. Its own `rust` makes the server give
    /// the first client the phone's place (reference 14 §6.3).
    pub(crate) fn new(server: &Server, name: &str, tls: bool, system: Option<&'static str>) -> Self {
        let url = if tls { server.url.replacen("ws://", "wss://", 1) } else { server.url.clone() };
        Self {
            name: name.to_owned(),
            url,
            system,
            backend: Arc::new(InMemoryBackend::new()),
            jid: String::new(),
            log: Arc::new(Journal::new(name)),
            running: None,
        }
    }

    /// Connects, pairing first if it never did, until its application may send.
    pub(crate) async fn connect(&mut self, server: &Server) -> Outcome {
        let before = self.log.len();
        self.running = Some(self.bot().await?.spawn());
        if self.jid.is_empty() {
            let code = |seen: &Seen| if let Seen::Qr(code) = seen { Some(code.clone()) } else { None };
            let qr = self.log.until("QR code", LIMIT, |log| log.iter().find_map(code)).await?;
            self.jid = bare(&server.scan(&qr).await?);
        }
        self.connected_after(before).await
    }

    /// How many entries the log has: for waits that want later ones only.
    pub(crate) fn seen(&self) -> usize {
        self.log.len()
    }

    /// Waits for a connection that is newer than this entry, and shows the user as online. whatsapp-rust leaves
    /// that to its application; until then its receipts are `inactive` and no sender learns of delivery.
    pub(crate) async fn connected_after(&self, before: usize) -> Outcome {
        let find =
            |log: &[Seen]| log.iter().skip(before).any(|seen| matches!(seen, Seen::Connected)).then_some(());
        self.log.until("open connection", LIMIT, find).await?;
        self.client()?.presence().set_available().await?;
        Ok(())
    }

    pub(crate) async fn disconnect(&mut self) -> Outcome {
        self.running.take().ok_or("not connected")?.shutdown().await;
        Ok(())
    }

    /// Sends a text; the id under which it went out.
    pub(crate) async fn send(&self, to: &str, text: &str) -> Outcome<String> {
        let to: Jid = to.parse()?;
        let sent = self
            .client()?
            .send_text(to, text)
            .await
            .map_err(|error| format!("{} send: {error}", self.name))?;
        Ok(sent.message_id)
    }

    pub(crate) async fn receives(&self, text: &str) -> Outcome {
        let shown = |log: &[Seen]| log.iter().any(|seen| seen.says(text)).then_some(());
        self.log.until(&format!("message “{text}”"), LIMIT, shown).await
    }

    /// Waits until a device of the recipient has confirmed the message.
    pub(crate) async fn delivered(&self, id: &str) -> Outcome {
        let has = |seen: &Seen| matches!(seen, Seen::Delivered(ids) if ids.iter().any(|known| known == id));
        let confirmed = |log: &[Seen]| log.iter().any(has).then_some(());
        self.log.until(&format!("delivery of {id}"), LIMIT, confirmed).await
    }

    /// Waits until a message could not be read at first.
    pub(crate) async fn undecryptable(&self, before: usize) -> Outcome {
        let broken = |seen: &Seen| matches!(seen, Seen::Undecryptable);
        let found = |log: &[Seen]| log.iter().skip(before).any(broken).then_some(());
        self.log.until("message that cannot be read", LIMIT, found).await
    }

    /// Texts in the order in which they were shown.
    ///
    /// A message that cannot be read it asks for twice, from the sender and from its own phone, and it shows both
    /// answers under one id: the application is to tell them apart. Here the phone's does not count then.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.log.read(|log| {
            let texts: Vec<&Text> = log.iter().filter_map(Seen::text).collect();
            let counts = |text: &&&Text| {
                !text.by_phone || !texts.iter().any(|other| !other.by_phone && other.id == text.id)
            };
            texts.iter().filter(counts).map(|text| text.text.clone()).collect()
        })
    }

    /// How many messages it showed a second time because its phone had answered too.
    pub(crate) fn shown_for_the_phone_too(&self) -> usize {
        self.log.read(|log| log.iter().filter_map(Seen::text).count()) - self.texts().len()
    }

    /// Codes with which the server refused its stanzas.
    pub(crate) fn refusals(&self) -> Vec<String> {
        let refusal = |seen: &Seen| if let Seen::Refused(code) = seen { Some(code.clone()) } else { None };
        self.log.read(|log| log.iter().filter_map(refusal).collect())
    }

    fn client(&self) -> Outcome<Arc<Client>> {
        Ok(self.running.as_ref().ok_or("not connected")?.client())
    }

    async fn bot(&self) -> Outcome<Bot> {
        let transport = TokioWebSocketTransportFactory::new().with_url(self.url.clone());
        let mut builder = Bot::builder()
            .with_backend_arc(self.backend.clone())
            .with_transport_factory(transport)
            .with_http_client(NoHttp)
            .with_runtime(TokioRuntime)
            .with_version((2, 3000, 0))
            .with_push_name(self.name.clone())
            .with_event_handler(Tap(Arc::clone(&self.log)));
        if let Some(system) = self.system {
            builder = builder.with_device_props(DevicePropsOverride::new().with_os(system));
        }
        Ok(builder.build().await?)
    }
}

impl Seen {
    fn text(&self) -> Option<&Text> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    fn says(&self, wanted: &str) -> bool {
        self.text().is_some_and(|text| text.text == wanted)
    }
}

/// Writes its events down, in order.
struct Tap(Arc<Journal<Seen>>);

impl EventHandler for Tap {
    fn handle_event(&self, event: Arc<Event>) {
        for message in event.messages() {
            let (info, text) = (&message.info, message.message.text_content());
            if let Some(text) = text {
                let by_phone = info.unavailable_request_id.is_some();
                self.0.push(Seen::Text(Text { id: info.id.to_string(), text: text.to_owned(), by_phone }));
            }
        }
        match &*event {
            Event::PairingQrCode(qr) => self.0.push(Seen::Qr(qr.code.clone())),
            Event::Connected(_) => self.0.push(Seen::Connected),
            Event::UndecryptableMessage(_) => self.0.push(Seen::Undecryptable),
            Event::Receipt(receipt) if receipt.r#type == ReceiptType::Delivered => {
                self.0.push(Seen::Delivered(receipt.message_ids.iter().map(ToString::to_string).collect()));
            }
            Event::ServerAck(ack) => {
                if let Some(code) = &ack.error {
                    self.0.push(Seen::Refused(code.clone()));
                }
            }
            Event::LoggedOut(_) => self.0.fail("logged out".to_owned()),
            _ => {}
        }
    }
}

/// Nothing here has media: whoever asks for a download is told so.
struct NoHttp;

#[async_trait]
impl HttpClient for NoHttp {
    async fn execute(&self, request: HttpRequest) -> anyhow::Result<HttpResponse> {
        anyhow::bail!("no HTTP here: {} {}", request.method, request.url)
    }
}
