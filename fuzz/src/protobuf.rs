//! Each protobuf that comes from outside: what decodes has one encoding, and that decodes to it.

use prost::Message;
use sanswire_proto::whatsapp::*;

/// Decodes `bytes` as the message of this number, and checks that its encoding is stable.
pub fn stable(number: u8, bytes: &[u8]) {
    let checks = CHECKS;
    checks[usize::from(number) % checks.len()](bytes);
}

fn check<M: Message + Default>(bytes: &[u8]) {
    let Ok(message) = M::decode(bytes) else { return };
    let once = message.encode_to_vec();
    let again = M::decode(once.as_slice()).expect("what was encoded decodes");
    assert_eq!(again.encode_to_vec(), once, "it says something else the second time");
}

/// The order is part of the seeds: new ones go to the end.
const CHECKS: [fn(&[u8]); 32] = [
    check::<sanswire_proto::whatsapp::Message>,
    check::<HandshakeMessage>,
    check::<CertChain>,
    check::<NoiseCertificate>,
    check::<ClientPayload>,
    check::<AdvSignedDeviceIdentityHmac>,
    check::<AdvSignedDeviceIdentity>,
    check::<AdvDeviceIdentity>,
    check::<AdvSignedKeyIndexList>,
    check::<AdvKeyIndexList>,
    check::<DeviceListMetadata>,
    check::<ClientPairingProps>,
    check::<ProloguePayload>,
    check::<PrimaryEphemeralIdentity>,
    check::<EncryptedPairingRequest>,
    check::<PairingRequest>,
    check::<HistorySync>,
    check::<Conversation>,
    check::<WebMessageInfo>,
    check::<SyncdPatch>,
    check::<SyncdSnapshot>,
    check::<SyncdMutations>,
    check::<SyncActionData>,
    check::<SyncActionValue>,
    check::<VerifiedNameCertificate>,
    check::<BizIdentityInfo>,
    check::<MediaRetryNotification>,
    check::<ServerErrorReceipt>,
    check::<SenderKeyDistributionMessage>,
    check::<RoutingInfo>,
    check::<MsgOpaqueData>,
    check::<GlobalSettings>,
];
