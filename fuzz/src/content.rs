//! Message content from arbitrary bytes.

use prost::Message as _;
use sanswire::content::{
    Building, Content, Draft, Forward, View, build, envelope, kind, read, report, unwrap,
};
use sanswire::wire::Jid;
use sanswire_proto::whatsapp::Message;

/// Whatever decodes has a view, which can be written as JSON and read again; what can be reported of what can be
/// reported is all of it; what is handed on is never more than it was.
pub fn content(input: &[u8]) {
    if let Some(reported) = report::content(input) {
        assert_eq!(report::content(&reported).as_ref(), Some(&reported), "not all of it is reported again");
    }
    let Ok(message) = Message::decode(input) else { return };
    let view = read(&message);
    let json = serde_json::to_string(&view).expect("views are JSON");
    assert!(serde_json::from_str::<View>(&json).is_ok(), "a view does not read: {json}");
    let _ = envelope(&message);
    let inner = unwrap(&message);
    if !inner.flags.too_deep {
        assert_eq!(read(inner.message).content, view.content, "the wrapper changes what it says");
    }
    forward(input, inner.message, &view);
}

fn forward(input: &[u8], inner: &Message, view: &View) {
    let me = Jid::pn("15550000001", 0);
    let chat = Jid::pn("15550000002", 0);
    let with = Building { now_ms: 0, secret: [1; 32], iv: [2; 12], me: &me, chat: &chat, parent: None };
    let forward = Forward { message: input.into(), ..Forward::default() };
    let Ok(message) = build(&Draft::new(Content::Forward(forward)), &with) else { return };
    assert!(!kind(inner).is_empty(), "nothing was handed on");
    let again = read(&message);
    assert!(again.context.quote.is_none(), "the quote was handed on");
    assert!(again.context.forwarding_score > 0, "it does not count as handed on");
    assert!(again.context.forwarding_score >= view.context.forwarding_score, "the count went down");
    assert_eq!(unwrap(&message).secret(), Some([1; 32]), "the secret was handed on");
}
