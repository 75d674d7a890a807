//! What is told beside the reference's cases. Reference 07 §2, 08 §6.

use sanswire::OpError;
use sanswire::contacts::ContactAddresses;
use sanswire::event::{Event, NewsletterEvent};
use sanswire::ops::Answer;
use sanswire::wire::{Jid, Node, OwnedJid, Server};
use sanswire_sim::script::Script;

use super::{bob, notification, undecryptable};

fn channel() -> OwnedJid {
    Jid::new("120363111111111111", Server::Newsletter, 0)
}

#[test]
fn joining_leaving_and_muting_a_channel_are_told() {
    let mut script = Script::ready(1);
    let push = |operation: &'static str, data: String| {
        let json = format!("{{\"data\":{{{data}}}}}");
        let update = Node::new("update").attr("op_name", operation).text(json);
        notification("mex", Jid::SERVER, operation).child(update)
    };
    let id = channel();
    script.send(&push(
        "NotificationNewsletterJoin",
        format!("\"xwa2_notify_newsletter_on_join\":{{\"id\":\"{id}\",\"state\":{{\"type\":\"ACTIVE\"}}}}"),
    ));
    script.send(&push(
        "NotificationNewsletterUserSettingChange",
        format!("\"xwa2_notify_newsletter_on_mute_change\":{{\"id\":\"{id}\",\"mute\":\"ON\"}}"),
    ));
    script.send(&push(
        "NotificationNewsletterLeave",
        format!("\"xwa2_notify_newsletter_on_leave\":{{\"id\":\"{id}\",\"role\":\"GUEST\"}}"),
    ));
    let told = script.select(|event| if let Event::Newsletter(event) = event { Some(event) } else { None });
    let [
        NewsletterEvent::Joined { newsletter, json },
        NewsletterEvent::Muted { newsletter: muted, mute },
        NewsletterEvent::Left { newsletter: left, role },
    ] = &told[..]
    else {
        panic!("{told:?}")
    };
    assert_eq!([newsletter, muted, left], [&id; 3]);
    assert!(json.contains("ACTIVE"));
    assert_eq!((mute.as_str(), role.as_deref()), ("ON", Some("GUEST")));
}

#[test]
fn a_user_name_comes_with_its_message() {
    let mut script = Script::ready(2);
    let mut peer = script.peer(bob(0));
    let text = peer.text("A", "hi").attr("sender_username", "bob.builds");
    script.send(&text);
    assert_eq!(script.received()[0].details.username.as_deref(), Some("bob.builds"));
}

#[test]
fn of_an_unreadable_reaction_nothing_is_to_be_shown() {
    for hide in [false, true] {
        let mut script = Script::ready(3);
        let peer = script.peer(bob(0));
        let enc = Node::new("enc")
            .attr("v", "2")
            .attr("type", "msg")
            .attr_opt("decrypt-fail", hide.then_some("hide"))
            .bytes(vec![0x33; 60]);
        script.send(&peer.envelope("A").child(enc));
        assert_eq!(undecryptable(&script)[0].hide, hide);
    }
}

#[test]
fn the_other_address_of_a_user_is_looked_up_without_the_server() {
    let mut script = Script::ready(4);
    let lid = Jid::lid("100000000000002", 0).into_owned();
    let mut peer = script.peer(bob(0));
    let text = peer.text("A", "hi").attr("sender_lid", lid.clone());
    script.send(&text);
    script.sent();
    let stranger = Jid::lid("100000000000009", 0).into_owned();
    let mut look_up = |user: OwnedJid| {
        let call = script.call(ContactAddresses { user });
        assert!(script.sent().is_empty());
        match script.reply(call) {
            Some(Ok(Answer::ContactAddresses(addresses))) => {
                Ok((addresses.pn.clone(), addresses.lid.clone()))
            }
            Some(Err(error)) => Err(error.clone()),
            other => panic!("{other:?}"),
        }
    };
    for one in [bob(0), bob(5), lid.clone()] {
        assert_eq!(look_up(one), Ok((Some(bob(0)), Some(lid.clone()))));
    }
    assert_eq!(look_up(stranger.clone()), Ok((None, Some(stranger))));
    assert!(matches!(look_up(channel()), Err(OpError::Argument(_))));
}
