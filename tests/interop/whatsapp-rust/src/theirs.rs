//! One account driven by the published whatsapp-rust, its storage in memory so that it survives a restart.

use std::collections::BTreeSet;
use std::sync::Arc;

use whatsapp_rust::anyhow;
use whatsapp_rust::async_trait;
use whatsapp_rust::bot::{Bot, BotHandle};
use whatsapp_rust::http::{HttpClient, HttpRequest, HttpResponse};
use whatsapp_rust::prelude::{Client, Event, EventHandler, Jid, MessageInfo, RawNodeLease, wa};
use whatsapp_rust::transport::TokioWebSocketTransportFactory;
use whatsapp_rust::wacore::store::{DevicePropsOverride, InMemoryBackend};
use whatsapp_rust::wacore::types::presence::ReceiptType;
use whatsapp_rust::{OwnedNodeRef, PollVoteCiphertext, RevokeType, TokioRuntime};

use crate::command::{Server, bare};
use crate::journal::Journal;
use crate::said::{Said, chosen, is_vote};
use crate::{LIMIT, Outcome};

/// The account.
pub(crate) struct Theirs {
    name: String,
    url: String,
    system: Option<&'static str>,
    backend: Arc<InMemoryBackend>,
    /// Its address, once paired.
    pub(crate) jid: String,
    /// The same with the device.
    pub(crate) device: String,
    log: Arc<Journal<Seen>>,
    running: Option<BotHandle>,
    stanzas: Option<RawNodeLease>,
}

/// What concerns us of what its application sees.
enum Seen {
    Qr(String),
    Connected,
    Message(Message),
    Receipt { read: bool, by: Jid, ids: Vec<String> },
    Stanza(Stanza),
    Undecryptable,
    Refused(String),
}

/// A message, of others or of another device of the account.
#[derive(Clone)]
pub(crate) struct Message {
    id: String,
    said: Said,
    /// Its phone told it what it could not read.
    by_phone: bool,
    info: Arc<MessageInfo>,
    whole: Arc<wa::Message>,
}

/// What a message looked like before it was opened.
#[derive(Clone)]
pub(crate) struct Stanza {
    id: String,
    /// Types of its ciphertexts.
    pub(crate) kinds: Vec<String>,
    /// Number of the sender key that a group's ciphertext names.
    pub(crate) sender_key: Option<u64>,
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
            device: String::new(),
            log: Arc::new(Journal::new(name)),
            running: None,
            stanzas: None,
        }
    }

    /// Connects, pairing first if it never did, until its application may send.
    pub(crate) async fn connect(&mut self, server: &Server) -> Outcome {
        let before = self.log.len();
        let running = self.bot().await?.spawn();
        self.stanzas = Some(running.client().acquire_raw_node_forwarding());
        self.running = Some(running);
        if self.jid.is_empty() {
            let code = |seen: &Seen| if let Seen::Qr(code) = seen { Some(code.clone()) } else { None };
            let qr = self.log.until("QR code", LIMIT, |log| log.iter().find_map(code)).await?;
            self.device = server.scan(&qr).await?;
            self.jid = bare(&self.device);
        }
        self.connected_after(before).await
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.running.is_some()
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
        self.stanzas = None;
        self.running.take().ok_or("not connected")?.shutdown().await;
        Ok(())
    }

    /// Sends a text; the id under which it went out.
    pub(crate) async fn send(&self, to: &str, text: &str) -> Outcome<String> {
        let sent = self.client()?.send_text(jid(to)?, text).await;
        Ok(sent.map_err(|error| format!("{} send: {error}", self.name))?.message_id)
    }

    pub(crate) async fn react(&self, chat: &str, key: wa::MessageKey, emoji: &str) -> Outcome<String> {
        Ok(self.client()?.send_reaction(jid(chat)?, key, emoji).await?.message_id)
    }

    /// Replaces a text of its own.
    pub(crate) async fn edit(&self, chat: &str, id: &str, text: &str) -> Outcome<String> {
        let content = wa::Message { conversation: Some(text.to_owned()), ..wa::Message::default() };
        Ok(self.client()?.edit_message(jid(chat)?, id, content).await?)
    }

    /// Deletes a message of its own, or as an admin of the group one of this sender.
    pub(crate) async fn revoke(&self, chat: &str, id: &str, of: Option<Jid>) -> Outcome {
        let kind = match of {
            None => RevokeType::Sender,
            Some(original_sender) => RevokeType::Admin { original_sender },
        };
        Ok(self.client()?.revoke_message(jid(chat)?, id, kind).await?)
    }

    /// Who wrote a message that it was shown.
    pub(crate) fn author_of(&self, id: &str) -> Outcome<Jid> {
        Ok(self.message(id)?.info.source.sender.to_non_ad())
    }

    /// Asks for one of the options; the poll's id and the secret that its votes are sealed under.
    pub(crate) async fn poll(
        &self,
        chat: &str,
        name: &str,
        options: &[String],
    ) -> Outcome<(String, Vec<u8>)> {
        let (sent, secret) = self.client()?.polls().create(jid(chat)?, name, options, 1).await?;
        Ok((sent.message_id, secret))
    }

    /// Votes in a poll that it was shown.
    pub(crate) async fn vote(&self, chat: &str, poll: &str, options: &[String]) -> Outcome<String> {
        let poll = self.message(poll)?;
        let secret = poll.whole.message_context_info.as_option().and_then(|info| info.message_secret.clone());
        let secret = secret.ok_or("the poll has no secret")?;
        let creator = poll.info.source.sender.to_non_ad();
        let client = self.client()?;
        let sent = client.polls().vote(jid(chat)?, &poll.id, &creator, &secret, options).await?;
        Ok(sent.message_id)
    }

    /// What each option of a poll of its own has come to: the number of voters.
    pub(crate) async fn tally(&self, poll: &str, secret: &[u8], options: &[String]) -> Outcome<Vec<usize>> {
        let votes = self.votes(poll);
        let mut ballots = Vec::new();
        for vote in &votes {
            ballots.push((&vote.info.source.sender, ciphertext(vote)?));
        }
        // The creator goes by the name that the voters know it under: its LID where theirs is one.
        let client = self.client()?;
        let lid = votes.iter().any(|vote| vote.info.source.sender.is_lid());
        let me = if lid { client.lid() } else { client.pn() }.ok_or("not logged in")?;
        let tally = client.polls().aggregate_votes(options, &ballots, secret, poll, &me).await?;
        Ok(tally.iter().map(|option| option.voters.len()).collect())
    }

    /// What the last vote in a poll of its own chose.
    pub(crate) async fn chosen(&self, poll: &str, secret: &[u8], options: &[String]) -> Outcome<Vec<String>> {
        let vote = self.votes(poll).pop().ok_or("nobody voted")?;
        let client = self.client()?;
        let voter = &vote.info.source.sender;
        let me = if voter.is_lid() { client.lid() } else { client.pn() }.ok_or("not logged in")?;
        let hashes = client.polls().decrypt_vote(ciphertext(&vote)?, secret, poll, &me, voter).await?;
        chosen(options, &hashes)
    }

    /// Tells the sender of a message that the user read it.
    pub(crate) async fn read(&self, id: &str) -> Outcome {
        let source = &self.message(id)?.info.source;
        let sender = source.is_group.then(|| source.sender.to_non_ad());
        Ok(self.client()?.mark_as_read(&source.chat, sender.as_ref(), &[id]).await?)
    }

    /// Forgets its sessions with these devices.
    pub(crate) async fn lose_sessions(&self, devices: &[&str]) -> Outcome {
        let devices: Vec<Jid> = devices.iter().map(|device| jid(device)).collect::<Outcome<_>>()?;
        Ok(self.client()?.signal().delete_sessions(&devices).await?)
    }

    /// Forgets the sender key of whoever wrote this message of a group; that there was one is insisted on.
    pub(crate) async fn lose_sender_key(&self, id: &str) -> Outcome {
        let source = self.message(id)?.info.source.clone();
        let signal = self.client()?;
        if !signal.signal().has_sender_key(&source.chat, &source.sender).await? {
            return Err(format!("{} has no sender key of {}", self.name, source.sender).into());
        }
        Ok(signal.signal().delete_sender_key(&source.chat, &source.sender).await?)
    }

    /// Names a message that it was shown, as it does itself.
    pub(crate) fn key_of(&self, id: &str) -> Outcome<wa::MessageKey> {
        let source = &self.message(id)?.info.source;
        Ok(wa::MessageKey {
            remote_jid: Some(source.chat.to_string()),
            from_me: Some(source.is_from_me),
            id: Some(id.to_owned()),
            participant: source.is_group.then(|| source.sender.to_non_ad().to_string()),
        })
    }

    pub(crate) async fn shows(&self, said: &Said) -> Outcome {
        let shown = |log: &[Seen]| log.iter().any(|seen| seen.says(said)).then_some(());
        self.log.until(&format!("{said:?}"), LIMIT, shown).await
    }

    /// Waits until a device of this account has confirmed the message, or somebody read it.
    pub(crate) async fn confirmed(&self, id: &str, read: bool, by: &[String]) -> Outcome {
        let has = |seen: &Seen| {
            matches!(seen, Seen::Receipt { read: kind, by: who, ids } if *kind == read
                && ids.iter().any(|known| known == id)
                && (by.is_empty() || by.contains(&who.to_non_ad().to_string())))
        };
        let confirmed = |log: &[Seen]| log.iter().any(has).then_some(());
        let what = if read { "reading" } else { "delivery" };
        self.log.until(&format!("{what} of {id} by {by:?}"), LIMIT, confirmed).await
    }

    /// Waits until a message could not be read at first.
    pub(crate) async fn undecryptable(&self, before: usize) -> Outcome {
        let broken = |seen: &Seen| matches!(seen, Seen::Undecryptable);
        let found = |log: &[Seen]| log.iter().skip(before).any(broken).then_some(());
        self.log.until("message that cannot be read", LIMIT, found).await
    }

    /// What was said to it in the order in which it was shown.
    ///
    /// A message that cannot be read it asks for twice, from the sender and from its own phone, and it shows both
    /// answers under one id: the application is to tell them apart. Here the phone's does not count then.
    pub(crate) fn said(&self) -> Vec<Said> {
        let messages = self.messages();
        let counts = |message: &&Message| {
            !message.by_phone || !messages.iter().any(|other| !other.by_phone && other.id == message.id)
        };
        messages.iter().filter(counts).map(|message| message.said.clone()).collect()
    }

    /// How many messages it showed a second time because its phone had answered too.
    pub(crate) fn shown_for_the_phone_too(&self) -> usize {
        self.messages().len() - self.said().len()
    }

    /// Codes with which the server refused its stanzas.
    pub(crate) fn refusals(&self) -> Vec<String> {
        let refusal = |seen: &Seen| if let Seen::Refused(code) = seen { Some(code.clone()) } else { None };
        self.log.read(|log| log.iter().filter_map(refusal).collect())
    }

    /// How a message that it was shown came in.
    pub(crate) fn stanza(&self, id: &str) -> Outcome<Stanza> {
        let stanza = |seen: &Seen| match seen {
            Seen::Stanza(stanza) if stanza.id == id => Some(stanza.clone()),
            _ => None,
        };
        Ok(self.log.read(|log| log.iter().find_map(stanza)).ok_or_else(|| format!("no stanza {id}"))?)
    }

    fn messages(&self) -> Vec<Message> {
        self.log.read(|log| log.iter().filter_map(Seen::message).cloned().collect())
    }

    fn message(&self, id: &str) -> Outcome<Message> {
        let found = self.messages().into_iter().find(|message| message.id == id);
        Ok(found.ok_or_else(|| format!("{} was shown no {id}", self.name))?)
    }

    fn votes(&self, poll: &str) -> Vec<Message> {
        self.messages().into_iter().filter(|message| is_vote(&message.said, poll)).collect()
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
    fn message(&self) -> Option<&Message> {
        if let Self::Message(message) = self { Some(message) } else { None }
    }

    fn says(&self, wanted: &Said) -> bool {
        self.message().is_some_and(|message| message.said == *wanted)
    }
}

/// Writes its events down, in order.
struct Tap(Arc<Journal<Seen>>);

impl EventHandler for Tap {
    fn handle_event(&self, event: Arc<Event>) {
        for message in event.messages() {
            if let Some(said) = Said::by_theirs(&message.info.id, &message.message) {
                self.0.push(Seen::Message(Message {
                    id: message.info.id.to_string(),
                    said,
                    by_phone: message.info.unavailable_request_id.is_some(),
                    info: Arc::clone(&message.info),
                    whole: Arc::clone(&message.message),
                }));
            }
        }
        match &*event {
            Event::PairingQrCode(qr) => self.0.push(Seen::Qr(qr.code.clone())),
            Event::Connected(_) => self.0.push(Seen::Connected),
            Event::UndecryptableMessage(_) => self.0.push(Seen::Undecryptable),
            Event::Receipt(receipt) => {
                let read = receipt.r#type == ReceiptType::Read;
                if read || receipt.r#type == ReceiptType::Delivered {
                    let ids = receipt.message_ids.iter().map(ToString::to_string).collect();
                    self.0.push(Seen::Receipt { read, by: receipt.source.sender.clone(), ids });
                }
            }
            Event::RawNode(node) if node.tag() == "message" => {
                if let Some(stanza) = stanza(node) {
                    self.0.push(Seen::Stanza(stanza));
                }
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

/// The ciphertexts of a message, for this device: beside the body, or with the key inside `participants`.
fn stanza(node: &OwnedNodeRef) -> Option<Stanza> {
    let id = node.get_attr("id")?.as_str().into_owned();
    let mut kinds = BTreeSet::new();
    let mut sender_key = None;
    for enc in node.get_children_by_tag("enc") {
        let kind = enc.get_attr("type")?.as_str().into_owned();
        if kind == "skmsg" {
            sender_key = enc.content_bytes().and_then(sender_key_id);
        }
        kinds.insert(kind);
    }
    Some(Stanza { id, kinds: kinds.into_iter().collect(), sender_key })
}

/// Field 1 of a sender-key message, a varint behind the version byte. Reference 04 §2.
fn sender_key_id(message: &[u8]) -> Option<u64> {
    let mut value = 0;
    let bytes = message.get(1..).filter(|rest| rest.first() == Some(&0x08))?;
    for (index, byte) in bytes.iter().skip(1).take(9).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn ciphertext(vote: &Message) -> Outcome<PollVoteCiphertext<'_>> {
    let update = vote.whole.poll_update_message.as_option().and_then(|update| update.vote.as_option());
    let sealed = update.ok_or("a vote without content")?;
    let enc_payload = sealed.enc_payload.as_deref().ok_or("a vote without payload")?;
    Ok(PollVoteCiphertext { enc_payload, enc_iv: sealed.enc_iv.as_deref().ok_or("a vote without iv")? })
}

fn jid(address: &str) -> Outcome<Jid> {
    Ok(address.parse()?)
}

/// Nothing here has media: whoever asks for a download is told so.
struct NoHttp;

#[async_trait]
impl HttpClient for NoHttp {
    async fn execute(&self, request: HttpRequest) -> anyhow::Result<HttpResponse> {
        anyhow::bail!("no HTTP here: {} {}", request.method, request.url)
    }
}
