//! Linking with a passkey: the application's authenticator vouches for the user, who then compares codes.
//! Reference 02 §4.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Serialize};

use super::pair;
use super::pairing::attempt::{PasskeyAttempt, PasskeyStage};
use super::pairing::passkey::{PrimaryIdentity, Prologue};
use crate::crypto::{KeyPair, Secret};
use crate::directory::own;
use crate::engine::{Continuation, Outcome, Phase, Stop, Turn};
use crate::error::OpError;
use crate::event::{Event, LinkEvent};
use crate::limits::{LINK_CODE_PAIR_S, PASSKEY_LIMIT_S};
use crate::ops::{Answer, CallId, Start};
use crate::timer::Timer;
use crate::wire::{Jid, Node, NodeRef};

/// Answers [`LinkEvent::PasskeyWanted`] with what the authenticator signed, or declines. The answer comes when the
/// server has taken it; the phone's part follows as [`LinkEvent::PasskeyCode`].
///
/// Fails with [`OpError::OutOfTurn`] when no passkey is wanted, with [`OpError::Argument`] when the raw id is not
/// base64url, and as the server says; after a failure of the server the attempt is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasskeyResponse {
    /// The assertion; none: the user declines, and the attempt is over.
    #[serde(default)]
    pub assertion: Option<Assertion>,
}

/// A WebAuthn assertion as browsers give it in JSON; binary fields are unpadded base64url.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assertion {
    /// The credential's id as text.
    pub id: String,
    /// The credential's id.
    #[serde(rename = "rawId")]
    pub raw_id: String,
    /// `public-key`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What was signed, and the signature.
    pub response: AssertionResponse,
}

/// The part of an assertion that was signed. All fields are unpadded base64url.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssertionResponse {
    /// JSON with the challenge.
    #[serde(rename = "clientDataJSON")]
    pub client_data: String,
    /// The authenticator's own statement.
    #[serde(rename = "authenticatorData")]
    pub authenticator_data: String,
    /// The signature over both.
    pub signature: String,
    /// The account that the authenticator knows.
    #[serde(rename = "userHandle", default, skip_serializing_if = "Option::is_none")]
    pub user_handle: Option<String>,
}

/// Says whether the code of [`LinkEvent::PasskeyCode`] is the one that the phone shows; if so, the phone links this
/// device.
///
/// Fails with [`OpError::OutOfTurn`] when no code is on show, and as the server says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasskeyConfirm {
    /// The codes are the same; otherwise the attempt is over.
    pub same: bool,
}

/// `passkey_prologue_request`: the server wants a passkey. Without options it is asked for them.
pub(crate) fn wanted(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    if cx.memory.phase != Phase::Registering || !is_from_server(node) {
        return Ok(());
    }
    match options(node) {
        Some(request) => ask_application(cx, request),
        None => {
            let iq = query("get", Node::new("passkey_request_options"));
            cx.ask(iq, cx.config.timing.query(), Arc::new(Options));
        }
    }
    Ok(())
}

/// The options that the request lacked.
#[derive(Debug)]
struct Options;

impl Continuation for Options {
    fn answer(&self, cx: &mut Turn<'_>, outcome: &Outcome) -> Result<(), Stop> {
        match outcome.result().and_then(options) {
            Some(request) => ask_application(cx, request),
            None if matches!(outcome, Outcome::Disconnected) => {}
            None => {
                cx.emit(Event::Link(LinkEvent::PasskeyFailed {
                    error: outcome.error(),
                    continuation: false,
                }));
            }
        }
        Ok(())
    }
}

/// A new attempt; the server's newest request counts.
fn ask_application(cx: &mut Turn<'_>, request: String) {
    let number = cx.memory.passkeys.wrapping_add(1);
    cx.remember(move |memory| {
        memory.passkeys = number;
        memory.passkey = Some(PasskeyAttempt { number, stage: PasskeyStage::Wanted });
    });
    cx.arm(Timer::Passkey, Duration::from_secs(PASSKEY_LIMIT_S));
    let valid_s = u32::try_from(PASSKEY_LIMIT_S).unwrap_or(u32::MAX);
    cx.emit(Event::Link(LinkEvent::PasskeyWanted { request, valid_s }));
}

impl Start for PasskeyResponse {
    fn start(&self, cx: &mut Turn<'_>, call: CallId) -> Result<(), Stop> {
        let wanted = |attempt: &PasskeyAttempt| matches!(attempt.stage, PasskeyStage::Wanted);
        let Some(attempt) = cx.memory.passkey.clone().filter(wanted) else {
            cx.reply(call, Err(OpError::OutOfTurn("no passkey is wanted".to_string())));
            return Ok(());
        };
        let Some(assertion) = &self.assertion else {
            cx.reply(call, Ok(Answer::PasskeyResponse(())));
            return forget(cx);
        };
        let (Ok(credential_id), Ok(text)) =
            (Base64UrlUnpadded::decode_vec(&assertion.raw_id), serde_json::to_string(assertion))
        else {
            cx.reply(call, Err(OpError::Argument("the raw id is not base64url".to_string())));
            return Ok(());
        };
        step(cx, attempt.number, PasskeyStage::Answered);
        let then = Referred { call, number: attempt.number, credential_id, assertion: text };
        cx.ask(query("get", Node::new("ref")), cx.config.timing.query(), Arc::new(then));
        Ok(())
    }
}

/// The fresh reference under which the phone is spoken to.
#[derive(Debug)]
struct Referred {
    call: CallId,
    number: u32,
    credential_id: Vec<u8>,
    assertion: String,
}

impl Continuation for Referred {
    fn answer(&self, cx: &mut Turn<'_>, outcome: &Outcome) -> Result<(), Stop> {
        let reference = outcome.result().and_then(|iq| iq.find("ref")).and_then(NodeRef::content_bytes);
        let reference = reference.and_then(|bytes| String::from_utf8(bytes.into_owned()).ok());
        let Some(reference) = reference.filter(|_| is_current(cx, self.number)) else {
            return failed(cx, self.number, self.call, outcome.error());
        };
        let ephemeral = KeyPair::from_private(cx.entropy.bytes());
        let nonce = Secret::new(cx.entropy.bytes());
        let prologue = Prologue::new(ephemeral, nonce, cx.config.profile.platform_type(), &reference);
        let body = Node::new("passkey_prologue")
            .child(Node::new("credential_id").bytes(self.credential_id.as_slice()))
            .child(Node::new("webauthn_assertion").bytes(self.assertion.as_bytes()))
            .child(Node::new("prologue_payload").bytes(prologue.payload.clone()));
        let then = Opened { call: self.call, number: self.number };
        cx.ask(query("set", body), cx.config.timing.query(), Arc::new(then));
        step(cx, self.number, PasskeyStage::Opened(Arc::new(prologue)));
        Ok(())
    }
}

/// The server has taken the assertion, or not.
#[derive(Debug)]
struct Opened {
    call: CallId,
    number: u32,
}

impl Continuation for Opened {
    fn answer(&self, cx: &mut Turn<'_>, outcome: &Outcome) -> Result<(), Stop> {
        match outcome {
            Outcome::Result(_) => cx.reply(self.call, Ok(Answer::PasskeyResponse(()))),
            other => return failed(cx, self.number, self.call, other.error()),
        }
        Ok(())
    }
}

/// `crsc_continuation`: the phone has answered our commitment. Only now is it opened.
pub(crate) fn continued(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    if cx.memory.phase != Phase::Registering || !is_from_server(node) {
        return Ok(());
    }
    let Some(PasskeyAttempt { number, stage: PasskeyStage::Opened(prologue) }) = cx.memory.passkey.clone()
    else {
        let error = OpError::OutOfTurn("the phone answers, but was not asked".to_string());
        cx.emit(Event::Link(LinkEvent::PasskeyFailed { error, continuation: true }));
        return Ok(());
    };
    let bytes = node.find("primary_ephemeral_identity").and_then(NodeRef::content_bytes);
    let primary = match PrimaryIdentity::decode(&bytes.unwrap_or_default()) {
        Ok(primary) => primary,
        Err(error) => return over(cx, OpError::Malformed(error.to_string()), true),
    };
    let nonce = Node::new("companion_nonce").bytes(prologue.nonce.expose().to_vec());
    cx.ask(query("set", nonce), cx.config.timing.query(), Arc::new(Revealed { number }));
    step(cx, number, PasskeyStage::Revealed(prologue, primary));
    Ok(())
}

/// The phone has what it needs to show its code.
#[derive(Debug)]
struct Revealed {
    number: u32,
}

impl Continuation for Revealed {
    fn answer(&self, cx: &mut Turn<'_>, outcome: &Outcome) -> Result<(), Stop> {
        let Some(PasskeyAttempt { number, stage: PasskeyStage::Revealed(prologue, primary) }) =
            cx.memory.passkey.clone().filter(|attempt| attempt.number == self.number)
        else {
            return Ok(());
        };
        match outcome {
            Outcome::Result(_) => {
                let code = prologue.verification_code(&primary);
                cx.emit(Event::Link(LinkEvent::PasskeyCode { code }));
                step(cx, number, PasskeyStage::Shown(prologue, primary));
                Ok(())
            }
            other => over(cx, other.error(), true),
        }
    }
}

impl Start for PasskeyConfirm {
    fn start(&self, cx: &mut Turn<'_>, call: CallId) -> Result<(), Stop> {
        let Some(PasskeyAttempt { number, stage: PasskeyStage::Shown(prologue, primary) }) =
            cx.memory.passkey.clone()
        else {
            cx.reply(call, Err(OpError::OutOfTurn("no code is on show".to_string())));
            return Ok(());
        };
        if !self.same {
            cx.reply(call, Ok(Answer::PasskeyConfirm(())));
            return forget(cx);
        }
        let Some(credentials) = own::credentials(cx)? else { return Ok(()) };
        let secret = Secret::new(cx.entropy.bytes());
        let iv = cx.entropy.bytes();
        let (noise, identity) = (&credentials.noise.public, &credentials.identity.public);
        match prologue.seal_request(&primary, noise, identity, &secret, &iv) {
            Ok(sealed) => {
                let request = Node::new("encrypted_pairing_request").bytes(sealed);
                cx.ask(
                    query("set", request),
                    cx.config.timing.query(),
                    Arc::new(Requested { call, number, secret }),
                );
                step(cx, number, PasskeyStage::Confirmed);
                Ok(())
            }
            Err(error) => {
                let error = OpError::Malformed(error.to_string());
                cx.reply(call, Err(error.clone()));
                over(cx, error, true)
            }
        }
    }
}

/// The phone gets our keys and the new secret; pair-success comes next.
#[derive(Debug)]
struct Requested {
    call: CallId,
    number: u32,
    secret: Secret<32>,
}

impl Continuation for Requested {
    fn answer(&self, cx: &mut Turn<'_>, outcome: &Outcome) -> Result<(), Stop> {
        match outcome {
            Outcome::Result(_) if is_current(cx, self.number) => {
                pair::replace_secret(cx, self.secret.clone())?;
                cx.arm(Timer::Passkey, Duration::from_secs(LINK_CODE_PAIR_S));
                cx.reply(self.call, Ok(Answer::PasskeyConfirm(())));
                Ok(())
            }
            other => failed(cx, self.number, self.call, other.error()),
        }
    }
}

/// Nobody went on with it in time.
pub(super) fn expired(cx: &mut Turn<'_>) -> Result<(), Stop> {
    match &cx.memory.passkey {
        Some(attempt) => {
            let continued = attempt.stage.is_continued();
            over(cx, OpError::TimedOut, continued)
        }
        None => Ok(()),
    }
}

/// A step failed: whoever called is told, and so are those who listen, if it is still the attempt at hand.
fn failed(cx: &mut Turn<'_>, number: u32, call: CallId, error: OpError) -> Result<(), Stop> {
    cx.reply(call, Err(error.clone()));
    let attempt = cx.memory.passkey.as_ref().filter(|attempt| attempt.number == number);
    match attempt.map(|attempt| attempt.stage.is_continued()) {
        Some(continued) => over(cx, error, continued),
        None => Ok(()),
    }
}

fn over(cx: &mut Turn<'_>, error: OpError, continuation: bool) -> Result<(), Stop> {
    cx.emit(Event::Link(LinkEvent::PasskeyFailed { error, continuation }));
    forget(cx)
}

fn forget(cx: &mut Turn<'_>) -> Result<(), Stop> {
    cx.disarm(Timer::Passkey);
    cx.remember(|memory| memory.passkey = None);
    pair::attempt_over(cx)
}

fn step(cx: &mut Turn<'_>, number: u32, stage: PasskeyStage) {
    cx.remember(move |memory| memory.passkey = Some(PasskeyAttempt { number, stage }));
}

fn is_current(cx: &Turn<'_>, number: u32) -> bool {
    cx.memory.passkey.as_ref().is_some_and(|attempt| attempt.number == number)
}

fn is_from_server(node: NodeRef<'_>) -> bool {
    node.get_jid("from").is_some_and(|from| from == Jid::SERVER)
}

/// The options as JSON text, if they are an object with a challenge.
fn options(node: NodeRef<'_>) -> Option<String> {
    #[derive(Deserialize)]
    struct Shape {
        challenge: String,
    }
    let bytes = node.find("passkey_request_options")?.content_bytes()?;
    let shape: Shape = serde_json::from_slice(&bytes).ok()?;
    let text = String::from_utf8(bytes.into_owned()).ok()?;
    Some(text).filter(|_| !shape.challenge.is_empty())
}

fn query<'a>(kind: &'static str, body: Node<'a>) -> Node<'a> {
    Node::new("iq").attr("xmlns", "md").attr("type", kind).attr("to", Jid::SERVER).child(body)
}
