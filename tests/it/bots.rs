//! Bots: asked directly, called into a conversation, and answering in parts. Reference 05 §13, 07 §3.6.

use prost::Message as _;
use sanswire::content::secret::{UseCase, bot_secret, seal};
use sanswire::content::{BotPrompt, Content, Context, Draft, Text};
use sanswire::event::SendState;
use sanswire::messaging::SendMessage;
use sanswire::wire::{Jid, Node, OwnedJid, Server};
use sanswire_proto::whatsapp::{Message, MessageSecretMessage};
use sanswire_sim::script::{Peer, Script, own_lid, own_number};

fn bot() -> OwnedJid {
    Jid::new("867051314767696", Server::Bot, 0)
}

fn bob() -> OwnedJid {
    Jid::pn("15550000002", 0)
}

fn prompt(to: OwnedJid, inline: bool) -> SendMessage {
    let context = Context { bot: Some(Box::new(BotPrompt { persona: None, inline })), ..Context::default() };
    SendMessage::new(to, Draft { content: Content::Text(Text::new("what is a ratchet?")), context })
        .with_id("Q")
}

/// The message that went out, once all questions for devices and keys are answered.
fn written(script: &mut Script, peers: &[&Peer]) -> Node<'static> {
    script.answer_directory(peers);
    script.sent_tagged("message").pop().unwrap()
}

fn secret_of(message: &Message) -> Option<[u8; 32]> {
    message.message_context_info.as_ref()?.message_secret.as_deref()?.try_into().ok()
}

/// A part of the bot's answer: sealed under the id of its first part.
fn part(secret: &[u8; 32], id: &str, step: &'static str, first: &str, text: &str) -> Node<'static> {
    let plain = Message { conversation: Some(text.into()), ..Message::default() }.encode_to_vec();
    let iv = [9; 12];
    let me = own_lid().bare().into_owned();
    let key = bot_secret(secret);
    let payload = seal(UseCase::BotReply, key.expose(), first, [&me, &bot()], &iv, &plain).unwrap();
    let sealed = MessageSecretMessage {
        version: Some(1),
        enc_iv: Some(iv.to_vec().into()),
        enc_payload: Some(payload.into()),
    };
    let enc = Node::new("enc").attr("v", "2").attr("type", "msmsg").bytes(sealed.encode_to_vec());
    let edited = (step != "first").then(|| first.to_owned());
    let about = Node::new("bot")
        .attr("edit", step)
        .attr_opt("edit_target_id", edited)
        .attr("sender_timestamp_ms", 1_700_000_000_123_u64);
    Node::new("message")
        .attr("id", id.to_owned())
        .attr("from", bot())
        .attr("t", "1700000000")
        .child(Node::new("meta").attr("target_id", "Q"))
        .child(about)
        .child(enc)
}

#[test]
fn a_bot_is_asked_without_looking_for_its_devices_and_answers_part_by_part() {
    let mut script = Script::ready(1);
    let mut peer = script.peer(bot());
    script.call(prompt(bot(), false));
    let asked_for = |node: &Node<'_>| node.find("usync").is_some() && node.to_string().contains("@bot");
    let before = script.sent();
    assert!(!before.iter().any(asked_for), "{before:?}");
    for iq in before {
        let own =
            sanswire_sim::script::device_lists([(own_lid().bare().into_owned(), vec![own_lid().device()])]);
        script.answer(&iq, Some(own));
    }
    let stanza = written(&mut script, &[&peer]);
    assert_eq!(stanza.get_jid("to"), Some(bot()));
    assert!(stanza.find("tctoken").is_none() && stanza.find("bot").is_none());
    let message = peer.open(&stanza).unwrap();
    let metadata = message.message_context_info.as_ref().unwrap().bot_metadata.as_ref();
    assert!(metadata.unwrap().persona_id().starts_with(bot().user()));
    let secret = secret_of(&message).unwrap();
    script.ack("Q");
    for (id, step, text) in [
        ("B1", "first", "A ratchet"),
        ("B2", "inner", "A ratchet is"),
        ("B3", "last", "A ratchet is a wheel"),
    ] {
        script.send(&part(&secret, id, step, "B1", text));
        let received = script.received().into_iter().next_back().unwrap().clone();
        let Content::Text(said) = &received.content else { panic!("{:?}", received.content) };
        assert_eq!((received.id.as_str(), said.body.as_str()), (id, text));
        assert_eq!((&received.chat, &received.sender), (&bot(), &bot()));
        let told = received.details.bot.unwrap();
        assert_eq!((told.step.as_str(), told.sent_ms), (step, Some(1_700_000_000_123)));
        assert_eq!(told.edits.as_deref(), (step != "first").then_some("B1"));
    }
}

#[test]
fn a_bot_that_is_called_into_a_conversation_gets_a_copy_under_its_own_secret() {
    let mut script = Script::ready(2);
    let (mut person, mut machine) = (script.peer(bob()), script.peer(bot()));
    script.call(prompt(bob(), true));
    let stanza = written(&mut script, &[&person, &machine]);
    assert_eq!(stanza.get_jid("to"), Some(bob()));
    let listed = stanza.find("participants").unwrap().nodes().len();
    assert_eq!(listed, 1, "the bot is none of the recipients");
    let secret = secret_of(&person.open(&stanza).unwrap()).unwrap();
    let to = stanza.find("bot").and_then(|bot| bot.find("to")).unwrap();
    assert_eq!(to.get_jid("jid"), Some(bot()));
    let copy = machine.open(to).unwrap().bot_invoke_message.unwrap().message.unwrap();
    let info = copy.message_context_info.as_ref().unwrap();
    assert_eq!(info.bot_message_secret.as_deref(), Some(&bot_secret(&secret).expose()[..]));
    assert_eq!((secret_of(&copy), copy.extended_text_message.is_some()), (None, true));
    // What it answers is read under the secret of the question.
    script.ack("Q");
    script.send(&part(&secret, "B", "first", "B", "a wheel"));
    assert_eq!(script.received().len(), 1);
}

#[test]
fn a_bot_that_is_called_into_a_group_gets_its_copy_beside_the_one_for_all() {
    let mut script = Script::ready(4);
    let (person, mut machine) = (script.peer(bob()), script.peer(bot()));
    let group = Jid::group("120363000000000001").into_owned();
    script.call(prompt(group.clone(), true));
    let asked = script.asked("w:g2");
    let member = |jid: OwnedJid| Node::new("participant").attr("jid", jid);
    let known = Node::new("group")
        .attr("id", group.user().to_owned())
        .attr("subject", "Engineers")
        .attr("creation", "1700000000")
        .attr("addressing_mode", "pn")
        .children([member(bob()), member(own_number().bare().into_owned())]);
    script.answer(&asked, Some(known));
    let stanza = written(&mut script, &[&person, &machine]);
    assert_eq!(stanza.get_jid("to"), Some(group));
    assert_eq!(stanza.find("enc").unwrap().get("type").as_deref(), Some("skmsg"));
    assert!(stanza.find("device-identity").is_some());
    let listed = stanza.find("participants").unwrap().nodes();
    assert!(listed.iter().all(|to| to.get_jid("jid") != Some(bot())), "{listed:?}");
    let to = stanza.find("bot").and_then(|bot| bot.find("to")).unwrap();
    let copy = machine.open(to).unwrap().bot_invoke_message.unwrap().message.unwrap();
    assert!(copy.message_context_info.unwrap().bot_message_secret.is_some());
    assert!(copy.extended_text_message.is_some());
}

#[test]
fn a_bot_without_keys_does_not_hold_up_the_others() {
    let mut script = Script::ready(3);
    let person = script.peer(bob());
    script.call(prompt(bob(), true));
    let stanza = written(&mut script, &[&person]);
    assert!(stanza.find("bot").is_none() && stanza.find("participants").is_some());
    script.ack("Q");
    let skipped = script.progress().into_iter().find_map(|progress| match &progress.state {
        SendState::Acked { skipped, .. } => Some(skipped.clone()),
        _ => None,
    });
    assert_eq!(skipped, Some(vec![bot()]));
}
