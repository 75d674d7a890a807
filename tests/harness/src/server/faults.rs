//! Faults that a test arms and that strike when their moment comes.

use sanswire::wire::{Content, Node};

use super::{DeviceRef, Server, Stanza};

/// One kind of trouble.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Flip a bit in the last byte of the next message's ciphertext, which breaks its MAC.
    CorruptCiphertext,
    /// Send the next stanza twice.
    DuplicateDelivery,
    /// Send the next stanza after the one that follows it.
    ReorderDelivery,
    /// Leave the next iq of this namespace unanswered.
    WithholdAnswer(String),
    /// Refuse the next iq of this namespace with a code.
    RefuseIq(String, u64),
    /// Serve the next bundle of this device with a broken signed prekey signature.
    BadBundleSignature,
    /// Leave the next bundle fetch's users of this device out as unknown.
    BundleMissing,
    /// Refuse the next login with this reason.
    LoginFailure(u64),
    /// Break the HMAC of the next pair-success.
    BadPairingHmac,
    /// Break the account signature of the next pair-success.
    BadAccountSignature,
    /// The phone that types the next link code answers with the ref of another one.
    StaleLinkRef,
    /// The next companion that a phone could link is not linked by it, without a word.
    PhoneRefusesLink,
    /// The next request for a passkey lacks its options.
    OmitPasskeyOptions,
    /// Refuse the next message with this error code in its ack.
    RefuseMessage(u64),
    /// Accept the next message but lose its ack.
    LoseAck,
    /// The next message comes without its ciphertext, as `<unavailable>` of this type; the phone has it.
    Unavailable(String),
    /// Leave the next stanza of this tag unsent until the next connection.
    WithholdStanza(String),
    /// Send only this many bytes of the next frame, then close the connection.
    CutFrame(usize),
}

/// Whom a fault may strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The next device it fits.
    Anyone,
    /// One device only.
    Device(DeviceRef),
}

/// Armed faults, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Armed>);

#[derive(Debug)]
struct Armed {
    fault: Fault,
    target: Target,
    times: u32,
    /// How many occasions pass before the first strike.
    skips: u32,
}

impl Server {
    /// Arms a fault to strike `times` times.
    pub fn arm(&mut self, fault: Fault, target: Target, times: u32) {
        if times > 0 {
            self.faults.0.push(Armed { fault, target, times, skips: 0 });
        }
    }

    /// Arms a fault to strike once, after it has let so many occasions pass.
    pub fn arm_after(&mut self, skips: u32, fault: Fault, target: Target) {
        self.faults.0.push(Armed { fault, target, times: 1, skips });
    }

    /// Disarms everything.
    pub fn heal(&mut self) {
        self.faults.0.clear();
    }
}

impl Faults {
    /// Takes one strike of the first armed fault that `fits`.
    fn take<T>(&mut self, at: Option<DeviceRef>, fits: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        let index = self.0.iter().position(|armed| {
            let aimed =
                armed.target == Target::Anyone || at.is_some_and(|at| armed.target == Target::Device(at));
            aimed && fits(&armed.fault).is_some()
        })?;
        let armed = self.0.get_mut(index)?;
        if let Some(left) = armed.skips.checked_sub(1) {
            armed.skips = left;
            return None;
        }
        let strike = fits(&armed.fault);
        armed.times -= 1;
        if armed.times == 0 {
            self.0.remove(index);
        }
        strike
    }

    fn strikes(&mut self, at: Option<DeviceRef>, fault: &Fault) -> bool {
        self.take(at, |armed| (armed == fault).then_some(())).is_some()
    }

    pub(crate) fn duplicate(&mut self, at: DeviceRef) -> bool {
        self.strikes(Some(at), &Fault::DuplicateDelivery)
    }

    pub(crate) fn reorder(&mut self, at: DeviceRef) -> bool {
        self.strikes(Some(at), &Fault::ReorderDelivery)
    }

    /// Breaks the ciphertext of a message on the wire; the queued original stays whole.
    pub(crate) fn spoil(&mut self, at: DeviceRef, node: &mut Stanza) {
        if node.tag != "message" || !self.strikes(Some(at), &Fault::CorruptCiphertext) {
            return;
        }
        if let Content::Nodes(children) = &mut node.content {
            for enc in children.iter_mut().filter(|child| child.tag == "enc") {
                if let Content::Bytes(bytes) = &mut enc.content
                    && let Some(last) = bytes.to_mut().last_mut()
                {
                    *last ^= 1;
                }
            }
        }
    }

    /// Takes the ciphertexts out of a message for good.
    pub(crate) fn empty(&mut self, at: DeviceRef, node: &mut Stanza) {
        if node.tag != "message" {
            return;
        }
        let kind = self.take(Some(at), |armed| match armed {
            Fault::Unavailable(kind) => Some(kind.clone()),
            _ => None,
        });
        if let (Some(kind), Content::Nodes(children)) = (kind, &mut node.content) {
            children.retain(|child| !matches!(child.tag.as_ref(), "enc" | "device-identity"));
            children
                .push(Node::new("unavailable").attr_opt("type", Some(kind).filter(|kind| !kind.is_empty())));
        }
    }

    pub(crate) fn withhold(&mut self, at: Option<DeviceRef>, iq: &Node<'_>) -> bool {
        let xmlns = iq.get("xmlns").unwrap_or_default();
        self.take(at, |armed| matches!(armed, Fault::WithholdAnswer(ns) if *ns == xmlns).then_some(()))
            .is_some()
    }

    pub(crate) fn refuse_iq(&mut self, at: Option<DeviceRef>, iq: &Node<'_>) -> Option<u64> {
        let xmlns = iq.get("xmlns").unwrap_or_default();
        self.take(at, |armed| match armed {
            Fault::RefuseIq(ns, code) if *ns == xmlns => Some(*code),
            _ => None,
        })
    }

    pub(crate) fn withhold_stanza(&mut self, at: DeviceRef, node: &Node<'_>) -> bool {
        self.take(Some(at), |armed| {
            matches!(armed, Fault::WithholdStanza(tag) if *tag == node.tag).then_some(())
        })
        .is_some()
    }

    pub(crate) fn bad_bundle(&mut self, at: DeviceRef) -> bool {
        self.strikes(Some(at), &Fault::BadBundleSignature)
    }

    pub(crate) fn bundle_missing(&mut self, at: DeviceRef) -> bool {
        self.strikes(Some(at), &Fault::BundleMissing)
    }

    pub(crate) fn login_failure(&mut self, at: Option<DeviceRef>) -> Option<u64> {
        self.take(at, |armed| if let Fault::LoginFailure(reason) = armed { Some(*reason) } else { None })
    }

    pub(crate) fn bad_pairing_hmac(&mut self) -> bool {
        self.strikes(None, &Fault::BadPairingHmac)
    }

    pub(crate) fn bad_account_signature(&mut self) -> bool {
        self.strikes(None, &Fault::BadAccountSignature)
    }

    pub(crate) fn stale_link_ref(&mut self) -> bool {
        self.strikes(None, &Fault::StaleLinkRef)
    }

    pub(crate) fn phone_refuses_link(&mut self) -> bool {
        self.strikes(None, &Fault::PhoneRefusesLink)
    }

    pub(crate) fn omit_passkey_options(&mut self) -> bool {
        self.strikes(None, &Fault::OmitPasskeyOptions)
    }

    pub(crate) fn refuse_message(&mut self, at: DeviceRef) -> Option<u64> {
        self.take(Some(at), |armed| if let Fault::RefuseMessage(code) = armed { Some(*code) } else { None })
    }

    pub(crate) fn lose_ack(&mut self, at: DeviceRef) -> bool {
        self.strikes(Some(at), &Fault::LoseAck)
    }

    pub(crate) fn cut_frame(&mut self, at: Option<DeviceRef>) -> Option<usize> {
        self.take(at, |armed| if let Fault::CutFrame(keep) = armed { Some(*keep) } else { None })
    }
}
