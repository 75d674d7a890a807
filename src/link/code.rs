//! Linking by a code that the user types into the phone, while QR codes are on show as well. Reference 02 §3.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::pair;
use super::pairing::attempt::CodeAttempt;
use super::pairing::code::{self, Attempt, CODE_LIFETIME, FinishRandom, HelloVerdict, LinkCode};
use super::pairing::code_stanza::{self, CodeNotice, CompanionHello};
use crate::crypto::{KeyPair, PublicKey};
use crate::directory::own;
use crate::engine::{Continuation, Outcome, Phase, Stop, Turn};
use crate::error::OpError;
use crate::event::{Event, LinkEvent};
use crate::limits::{LINK_CODE_ANSWER_S, LINK_CODE_PAIR_S};
use crate::ops::{Answer, CallId, Start};
use crate::timer::Timer;
use crate::wire::{Jid, NodeRef};

/// Asks for a code with which a phone links this device. Possible while QR codes are on show (after the first
/// [`LinkEvent::QrCode`]); whichever the phone takes first links it. Not repeated by itself after any failure.
///
/// Fails with [`OpError::Argument`] for a number, code or name that cannot be, [`OpError::OutOfTurn`] when the
/// device is linked or a code is live already, [`OpError::Disconnected`] when no QR code is on show, and
/// [`OpError::Refused`] when the server does not want it: 400 malformed or too often for this number, 403
/// forbidden, 429 too often, 452 only QR codes, 500. Reference 02 §3.2.
///
/// The code is forgotten when the connection or the client ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairCode {
    /// The phone's number with country code; what is not a digit is left out.
    pub phone: String,
    /// A code of one's own, eight characters of the alphabet `1`–`9`, `A`–`Z` without I, O and U, with or without a
    /// dash; a random one by default.
    #[serde(default)]
    pub code: Option<String>,
    /// Have the phone show a notification that leads to the input of the code. Default: yes.
    #[serde(default = "yes")]
    pub notify: bool,
    /// What the phone says it links, as `Browser (OS)`; that of the profile by default.
    #[serde(default)]
    pub display: Option<String>,
}

const fn yes() -> bool {
    true
}

/// A code to be typed into the phone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownCode {
    /// `XXXX-XXXX`.
    pub code: String,
    /// How long it can be used, in seconds.
    pub valid_s: u32,
}

impl PairCode {
    /// What the call says, if it can be carried out now: number, code, name to display.
    fn check(&self, cx: &mut Turn<'_>) -> Result<(String, LinkCode, String), OpError> {
        let busy = |why: &str| Err(OpError::OutOfTurn(why.to_string()));
        if cx.memory.me.is_some() {
            return busy("this device is linked already");
        }
        if cx.memory.link_code.is_some() {
            return busy("a link code is live already");
        }
        if cx.memory.phase != Phase::Registering {
            return Err(OpError::Disconnected);
        }
        let wrong = |error: code::LinkCodeError| OpError::Argument(error.to_string());
        let number = code::phone_number(&self.phone).map_err(wrong)?;
        let code = match &self.code {
            Some(text) => LinkCode::custom(&text.replacen('-', "", 1)).map_err(wrong)?,
            None => LinkCode::from_random(cx.entropy.bytes()),
        };
        let display = self.display.clone().unwrap_or_else(|| cx.config.profile.display());
        code::check_display(&display).map_err(wrong)?;
        Ok((number, code, display))
    }
}

impl Start for PairCode {
    fn start(&self, cx: &mut Turn<'_>, call: CallId) -> Result<(), Stop> {
        let credentials = own::credentials(cx)?;
        let checked = match credentials {
            Some(credentials) => self.check(cx).map(|checked| (credentials, checked)),
            None => Err(OpError::Disconnected),
        };
        let (credentials, (number, code, display)) = match checked {
            Ok(checked) => checked,
            Err(error) => {
                cx.reply(call, Err(error));
                return Ok(());
            }
        };
        let ephemeral = KeyPair::from_private(cx.entropy.bytes());
        let wrapped = code.wrap(&ephemeral.public, &cx.entropy.bytes(), &cx.entropy.bytes());
        let hello = CompanionHello {
            number: &number,
            wrapped_ephemeral: &wrapped,
            noise: &credentials.noise.public,
            client_type: cx.config.profile.client_type(),
            display: &display,
            notify: self.notify,
        };
        let of = ephemeral.public;
        cx.ask(hello.build(), answer_limit(), Arc::new(Greeted { call, of }));
        let (used, since) = (Attempt { reference: None, hellos: 0 }, cx.now.mono);
        let attempt = CodeAttempt { code, number, ephemeral, used, since };
        cx.remember(move |memory| memory.link_code = Some(attempt));
        Ok(())
    }
}

/// The server's answer to the code: its reference.
#[derive(Debug)]
struct Greeted {
    call: CallId,
    of: PublicKey,
}

impl Continuation for Greeted {
    fn answer(&self, cx: &mut Turn<'_>, outcome: &Outcome) -> Result<(), Stop> {
        let reference = outcome.result().and_then(code_stanza::parse_reference);
        let Some(mut attempt) = live(cx, &self.of) else {
            // The connection has ended, or a QR code was faster.
            cx.reply(self.call, Err(OpError::Disconnected));
            return Ok(());
        };
        let Some(reference) = reference else {
            cx.remember(|memory| memory.link_code = None);
            cx.reply(self.call, Err(outcome.error()));
            return pair::attempt_over(cx);
        };
        let left = CODE_LIFETIME.saturating_sub(cx.now.mono.since(attempt.since));
        let valid_s = u32::try_from(left.as_secs()).unwrap_or(u32::MAX);
        let shown = ShownCode { code: attempt.code.shown(), valid_s };
        attempt.used.reference = Some(reference);
        cx.remember(move |memory| memory.link_code = Some(attempt));
        cx.arm(Timer::LinkCode, left);
        cx.emit(Event::Link(LinkEvent::Code { code: shown.code.clone(), valid_s }));
        cx.reply(self.call, Ok(Answer::PairCode(shown)));
        Ok(())
    }
}

/// `link_code_companion_reg`: a phone has entered a code, or the server wants another one. Reference 02 §3.3, §3.4.
pub(crate) fn notified(cx: &mut Turn<'_>, node: NodeRef<'_>) -> Result<(), Stop> {
    let from_server = node.get_jid("from").is_some_and(|from| from == Jid::SERVER);
    let attempt = cx.memory.link_code.clone().filter(|_| from_server);
    let notice = node.find("link_code_companion_reg").and_then(CodeNotice::parse);
    match (attempt, notice) {
        (Some(attempt), Some(CodeNotice::RefreshCode { reference, manual })) => {
            if attempt.used.reference.as_ref() != Some(&reference) {
                return Ok(());
            }
            give_up(cx, &attempt, LinkEvent::CodeRefresh { manual })
        }
        (Some(attempt), Some(CodeNotice::PrimaryHello { wrapped, identity, reference })) => {
            let age = cx.now.mono.since(attempt.since);
            match attempt.used.judge(&reference, &wrapped, &identity, age) {
                HelloVerdict::Accept => finish(cx, attempt, &wrapped, &identity, &reference),
                HelloVerdict::Ignore => Ok(()),
                HelloVerdict::Abandon => {
                    let error = OpError::OutOfTurn("the code was used too often".to_string());
                    give_up(cx, &attempt, LinkEvent::CodeFailed { error })
                }
            }
        }
        _ => Ok(()),
    }
}

/// Answers the phone. The new secret is durable before the bundle leaves, as pair-success may follow at once.
fn finish(
    cx: &mut Turn<'_>,
    mut attempt: CodeAttempt,
    wrapped: &[u8],
    primary: &[u8],
    reference: &[u8],
) -> Result<(), Stop> {
    let Some(credentials) = own::credentials(cx)? else { return Ok(()) };
    let random =
        FinishRandom { salt: cx.entropy.bytes(), nonce: cx.entropy.bytes(), share: cx.entropy.bytes() };
    let CodeAttempt { code, ephemeral, .. } = &attempt;
    let made = code::finish(code, ephemeral, &credentials.identity, wrapped, primary, &random);
    let finish = match made {
        Ok(finish) => finish,
        Err(error) => {
            let error = OpError::Malformed(error.to_string());
            return give_up(cx, &attempt, LinkEvent::CodeFailed { error });
        }
    };
    attempt.used.hellos = attempt.used.hellos.saturating_add(1);
    let then = Finished { of: attempt.ephemeral.public, hello: attempt.used.hellos };
    let identity = &credentials.identity.public;
    let iq = code_stanza::companion_finish(&attempt.number, &finish, identity, reference);
    cx.ask(iq, answer_limit(), Arc::new(then));
    pair::replace_secret(cx, finish.adv_secret.clone())?;
    cx.arm(Timer::LinkCode, Duration::from_secs(LINK_CODE_PAIR_S));
    cx.remember(move |memory| memory.link_code = Some(attempt));
    Ok(())
}

/// The server's answer to the bundle: nothing but that it has it.
#[derive(Debug)]
struct Finished {
    of: PublicKey,
    hello: u32,
}

impl Continuation for Finished {
    fn answer(&self, cx: &mut Turn<'_>, outcome: &Outcome) -> Result<(), Stop> {
        let last = live(cx, &self.of).filter(|attempt| attempt.used.hellos == self.hello);
        match (outcome, last) {
            (Outcome::Result(_) | Outcome::Disconnected, _) | (_, None) => Ok(()),
            (failed, Some(attempt)) => give_up(cx, &attempt, LinkEvent::CodeFailed { error: failed.error() }),
        }
    }
}

/// The code is too old, or the phone that used it was not heard of again.
pub(super) fn expired(cx: &mut Turn<'_>) -> Result<(), Stop> {
    match cx.memory.link_code.clone() {
        Some(attempt) => give_up(cx, &attempt, LinkEvent::CodeRefresh { manual: false }),
        None => Ok(()),
    }
}

/// Forgets the code. A secret that a phone may have got to know with it is replaced.
fn give_up(cx: &mut Turn<'_>, attempt: &CodeAttempt, why: LinkEvent) -> Result<(), Stop> {
    cx.emit(Event::Link(why));
    cx.disarm(Timer::LinkCode);
    cx.remember(|memory| memory.link_code = None);
    if attempt.used.hellos > 0 {
        let fresh = crate::crypto::Secret::new(cx.entropy.bytes());
        pair::replace_secret(cx, fresh)?;
    }
    pair::attempt_over(cx)
}

/// The attempt that a request was made for, if it is still the one.
fn live(cx: &Turn<'_>, of: &PublicKey) -> Option<CodeAttempt> {
    cx.memory.link_code.clone().filter(|attempt| attempt.ephemeral.public == *of)
}

const fn answer_limit() -> Duration {
    Duration::from_secs(LINK_CODE_ANSWER_S)
}
