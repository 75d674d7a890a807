//! What travels under another message's secret, and bots' answers. Reference 07 §3.6, §9.

use prost::Message as _;
use sanswire::content::Content;
use sanswire::content::secret::{UseCase, bot_secret, seal};
use sanswire::wire::{Jid, Node, OwnedJid, Server};
use sanswire_proto::whatsapp::message::{EncReactionMessage, ReactionMessage};
use sanswire_proto::whatsapp::{Message, MessageContextInfo, MessageKey, MessageSecretMessage};
use sanswire_sim::script::{Peer, Script, own_number};

use super::{bob, undecryptable};

const SECRET: [u8; 32] = [7; 32];
const IV: [u8; 12] = [9; 12];

fn bob_lid() -> OwnedJid {
    Jid::lid("100000000000002", 0)
}

/// A text with a secret.
fn secretive(peer: &mut Peer, id: &str) -> Node<'static> {
    let info = MessageContextInfo { message_secret: Some(SECRET.to_vec().into()), ..Default::default() };
    let message = Message {
        conversation: Some("react to this".into()),
        message_context_info: Some(Box::new(info)),
        ..Message::default()
    };
    peer.message(id, &message)
}

/// Bob's sealed reaction to his own message `target`, under this name of his.
fn reaction(peer: &mut Peer, id: &str, target: &str, name: &OwnedJid) -> Node<'static> {
    let plain = ReactionMessage { text: Some("👍".into()), ..ReactionMessage::default() }.encode_to_vec();
    let sealed = seal(UseCase::Reaction, &SECRET, target, [name, name], &IV, &plain).unwrap();
    let key = MessageKey {
        remote_jid: Some(own_number().bare().to_string()),
        from_me: Some(true),
        id: Some(target.into()),
        participant: None,
    };
    let sealed = EncReactionMessage {
        target_message_key: Some(key),
        enc_payload: Some(sealed.into()),
        enc_iv: Some(IV.to_vec().into()),
    };
    let message = Message { enc_reaction_message: Some(Box::new(sealed)), ..Message::default() };
    peer.message(id, &message)
}

#[test]
fn a_sealed_reaction_is_opened_under_either_name_of_its_author() {
    for name in [bob(0), bob_lid()] {
        let mut script = Script::ready(1);
        let mut peer = script.peer(bob(0));
        let text = secretive(&mut peer, "T").attr("sender_lid", bob_lid());
        script.send(&text);
        let sealed = reaction(&mut peer, "R", "T", &name);
        script.send(&sealed);
        let received = script.received()[1];
        let Content::Reaction(told) = &received.content else { panic!("{:?}", received.content) };
        assert_eq!((told.emoji.as_str(), told.to.id.as_str(), told.to.from_me), ("👍", "T", false));
        assert!(received.details.unsealed);
        assert_eq!(received.sender_alt, Some(bob_lid()), "known from before");
        assert_eq!(received.conversation(), &bob_lid());
    }
}

#[test]
fn what_was_opened_is_the_same_after_a_restart() {
    let mut script = Script::ready(2);
    script.confirms = false;
    let mut peer = script.peer(bob(0));
    let text = secretive(&mut peer, "T");
    script.send(&text);
    let sealed = reaction(&mut peer, "R", "T", &bob(0));
    script.send(&sealed);
    let before = script.received()[1].clone();
    let told = script.events.len();
    script.restart();
    let again = script.events[told..].iter().find_map(|envelope| match &envelope.event {
        sanswire::event::Event::Message(received) if received.id == "R" => Some(received),
        _ => None,
    });
    assert_eq!(again, Some(&before));
}

#[test]
fn without_the_secret_it_stays_sealed() {
    let mut script = Script::ready(3);
    let mut peer = script.peer(bob(0));
    let sealed = reaction(&mut peer, "R", "T", &bob(0));
    script.send(&sealed);
    assert!(matches!(script.received()[0].content, Content::Sealed(_)));
    assert!(!script.received()[0].details.unsealed);
}

#[test]
fn a_bot_answers_under_the_secret_of_what_it_was_asked() {
    let bot: OwnedJid = Jid::new("867051314767696", Server::Bot, 0);
    let mut script = Script::ready(4);
    // What this account asked came from its phone, as a copy.
    let me = own_number().with_device(0).into_owned();
    let mut phone = script.peer(me.clone());
    let asked = secretive(&mut phone, "Q").attr("recipient", bot.clone());
    script.send(&asked);
    let plain = Message { conversation: Some("an answer".into()), ..Message::default() }.encode_to_vec();
    let key = bot_secret(&SECRET);
    let payload = seal(UseCase::BotReply, key.expose(), "B", [&me, &bot], &IV, &plain).unwrap();
    let sealed = MessageSecretMessage {
        version: Some(1),
        enc_iv: Some(IV.to_vec().into()),
        enc_payload: Some(payload.into()),
    };
    let reply = |target: &'static str| {
        let enc = Node::new("enc").attr("v", "2").attr("type", "msmsg").bytes(sealed.encode_to_vec());
        let meta =
            Node::new("meta").attr("target_id", target).attr("target_sender_jid", me.bare().into_owned());
        let node = Node::new("message").attr("id", "B").attr("from", bot.clone()).attr("t", "1700000000");
        node.child(meta).child(enc)
    };
    script.sent();
    script.send(&reply("unknown"));
    let ack = script.sent().remove(0);
    assert_eq!((ack.tag.as_ref(), ack.get("error").as_deref()), ("ack", Some("495")));
    assert_eq!(undecryptable(&script)[0].error, "MissingMessageSecret");
    script.send(&reply("Q"));
    let received = script.received().into_iter().find(|received| received.id == "B").unwrap();
    let Content::Text(text) = &received.content else { panic!("{:?}", received.content) };
    assert_eq!(text.body, "an answer");
    assert_eq!(received.details.meta.get("target_id").map(String::as_str), Some("Q"));
}
