//! What travels under another message's secret, the reporting token, and the rest of the vectors of sending.

use prost::Message as _;
use sanswire::content::secret::{AddOn, Sealed, UseCase, bot_secret, derive, open, seal};
use sanswire::content::{
    Answer, CalendarEvent, Comment, Content, ContentError, Context, Draft, Edit, EventResponse, Key, Poll,
    PollOption, PollVote, Reaction, Text, View, envelope, needs_secret_of, option_hash, read, report,
};
use sanswire::signal::{pad, unpad};
use sanswire::wire::{Jid, OwnedJid, Server, ids, participant_hash};
use sanswire_proto::whatsapp::Message;
use serde_json::Value;

use super::{Scene, jid, with};
use crate::vectors::{Case, check, same, to_hex};

/// Cases of the file in which we follow another client than the one that made them, and what comes out.
const DECISIONS: &[(&str, &str, Option<&str>)] = &[
    ("p/poll-decrypt-voter-with-device", "identities are bare: a device is left out", Some("opens")),
    ("p/unpad-pad-inconsistent", "all bytes of the padding have to be equal", None),
    ("p/unpad-zero", "zero is no count of padding", None),
    ("p/pad-00", "one to fifteen bytes, fifteen for zero", Some("6162630f0f0f0f0f0f0f0f0f0f0f0f0f0f0f")),
    ("p/pad-0f", "one to fifteen bytes", Some("6162630f0f0f0f0f0f0f0f0f0f0f0f0f0f0f")),
    ("p/pad-1e", "one to fifteen bytes", Some("6162630e0e0e0e0e0e0e0e0e0e0e0e0e0e")),
    ("p/pad-37", "one to fifteen bytes", Some("61626307070707070707")),
    ("p/pad-f0", "one to fifteen bytes, fifteen for zero", Some("6162630f0f0f0f0f0f0f0f0f0f0f0f0f0f0f")),
];

fn decision(case: &Case) -> Option<Option<&'static str>> {
    DECISIONS.iter().find(|(name, ..)| *name == case.name).map(|(_, _, ours)| *ours)
}

#[test]
fn secrets_tokens_hashes_ids_and_padding_are_as_the_vectors_say() {
    check("sending.json", |case| match case.op() {
        "phash" => phash(case),
        "message_id" => {
            let own = case.input["own_jid"].as_str().map(jid);
            let random: [u8; 16] = case.bytes("random16").try_into().unwrap();
            let seconds = case.input["now_ms"].as_u64().unwrap() / 1000;
            let id = ids::message_id(seconds, own.as_ref(), &random);
            same("id", &id.as_str(), &case.expected["id"].as_str().unwrap())
        }
        "id_device" => {
            let made_by = ids::made_by(case.text("id"));
            same("device", &made_by, &case.expected["device"].as_str().unwrap())
        }
        "secret_key" => secret_key(case),
        "bot_secret" => {
            let secret = bot_secret(&secret(case));
            same("secret", &to_hex(secret.expose()).as_str(), &expected(case, "bot_message_secret"))
        }
        "secret_encrypt" => sealed(case),
        "poll_vote" => poll_vote(case),
        "poll_decrypt" => opened(case, AddOn::PollVote, ["poll_id", "creator", "voter"]),
        "event_response" => event_response(case),
        "event_decrypt" => opened(case, AddOn::EventResponse, ["event_id", "creator", "responder"]),
        "reporting" => reporting(case),
        "reporting_include" => {
            let message = Message::decode(case.bytes("message").as_slice()).unwrap();
            let include = case.expected["include"].as_bool().unwrap();
            same("reporting", &envelope(&message).reporting, &include)
        }
        "pad" => {
            let mut padded = case.bytes("plaintext");
            pad(&mut padded, case.bytes("random1")[0]);
            let ours = decision(case).flatten().unwrap_or_else(|| expected(case, "padded"));
            same("padded", &to_hex(&padded).as_str(), &ours)
        }
        "unpad" => {
            let padded = case.bytes("padded");
            let refused = case.expected["error"] == true || decision(case).is_some();
            let theirs = (!refused).then(|| expected(case, "plaintext").to_owned());
            same("plaintext", &unpad(&padded).ok().map(to_hex), &theirs)
        }
        // Privacy tokens have tests of their own over the same file.
        "tctoken_time" | "cstoken" => Ok(()),
        other => Err(format!("no test of {other}")),
    });
}

fn expected<'a>(case: &'a Case, name: &str) -> &'a str {
    case.expected[name].as_str().unwrap()
}

fn secret(case: &Case) -> [u8; 32] {
    case.bytes("secret").try_into().unwrap()
}

fn phash(case: &Case) -> Result<(), String> {
    let devices = case.input["devices"].as_array().unwrap().iter();
    let devices: Vec<OwnedJid> = devices
        .map(|device| {
            let server = device["server"].as_str().unwrap();
            let number = u16::try_from(device["device"].as_u64().unwrap()).unwrap();
            let bare =
                Jid::parse(&format!("{}@{server}", device["user"].as_str().unwrap())).unwrap().into_owned();
            bare.with_device(number).into_owned()
        })
        .collect();
    same("hash", &participant_hash(&devices).as_str(), &expected(case, "phash"))
}

fn use_case(name: &str) -> UseCase {
    let all = [
        UseCase::PollVote,
        UseCase::EventResponse,
        UseCase::Reaction,
        UseCase::Comment,
        UseCase::MessageEdit,
        UseCase::EventEdit,
        UseCase::PollEdit,
        UseCase::PollAddOption,
        UseCase::ReportToken,
        UseCase::BotReply,
    ];
    all.into_iter().find(|use_case| use_case.as_str() == name).unwrap()
}

fn secret_key(case: &Case) -> Result<(), String> {
    let (author, actor) = (jid(case.text("orig_sender")), jid(case.text("actor")));
    let key =
        derive(use_case(case.text("use_case")), &secret(case), case.text("message_id"), &author, &actor);
    same("key", &to_hex(key.expose()).as_str(), &expected(case, "key"))
}

fn sealed(case: &Case) -> Result<(), String> {
    let mut secret = secret(case);
    if case.input.get("pre_hkdf").is_some() {
        secret = *bot_secret(&secret).expose();
    }
    let (author, actor) = (jid(case.text("orig_sender")), jid(case.text("actor")));
    let (use_case, id) = (use_case(case.text("use_case")), case.text("message_id"));
    let iv: [u8; 12] = case.bytes("iv").try_into().unwrap();
    let payload = seal(use_case, &secret, id, [&author, &actor], &iv, &case.bytes("plaintext")).unwrap();
    same("payload", &to_hex(&payload).as_str(), &expected(case, "enc_payload"))?;
    let opened = open(use_case, &secret, id, [&author, &actor], &iv, &payload).unwrap();
    same("opened", &opened, &case.bytes("plaintext"))
}

fn poll_vote(case: &Case) -> Result<(), String> {
    let names = case.input["options"].as_array().unwrap().iter().map(|name| name.as_str().unwrap());
    let hashes: Vec<_> = names.clone().map(|name| Value::String(to_hex(&option_hash(name)))).collect();
    same("hashes", &Value::Array(hashes), &case.expected["option_hashes"])?;
    let poll = Key::own(case.text("poll_id"));
    let options = names.map(str::to_owned).collect();
    let vote = Content::PollVote(PollVote { poll, options, ..PollVote::default() });
    let message = sent(case, vote, ["creator", "voter"]);
    let vote = message.poll_update_message.unwrap().vote.unwrap();
    let key = derive(
        UseCase::PollVote,
        &secret(case),
        case.text("poll_id"),
        &jid(case.text("creator")),
        &jid(case.text("voter")),
    );
    same("key", &to_hex(key.expose()).as_str(), &expected(case, "key"))?;
    same("payload", &to_hex(&vote.enc_payload.unwrap()).as_str(), &expected(case, "enc_payload"))
}

fn event_response(case: &Case) -> Result<(), String> {
    let answer = match case.input["response"].as_u64() {
        Some(1) => Answer::Going,
        Some(2) => Answer::NotGoing,
        _ => Answer::Maybe,
    };
    let response = EventResponse {
        event: Key::own(case.text("event_id")),
        answer,
        guests: case.input["extra_guest_count"].as_u64().map(|guests| guests.try_into().unwrap()),
        sent_ms: case.input["timestamp_ms"].as_u64(),
    };
    let message = sent(case, Content::EventResponse(response), ["creator", "responder"]);
    let payload = message.enc_event_response_message.unwrap().enc_payload.unwrap();
    same("payload", &to_hex(&payload).as_str(), &expected(case, "enc_payload"))
}

/// Builds with the case's secret, identities and iv.
fn sent(case: &Case, content: Content, [author, actor]: [&str; 2]) -> Message {
    let (me, author) = (jid(case.text(actor)), jid(case.text(author)));
    let secret = secret(case);
    let with = sanswire::content::Building {
        now_ms: 0,
        secret: [0; 32],
        iv: case.bytes("iv").try_into().unwrap(),
        me: &me,
        chat: &author,
        parent: Some(sanswire::content::Parent { secret: &secret, author: &author }),
    };
    sanswire::content::build(&Draft::new(content), &with).unwrap()
}

fn opened(case: &Case, kind: AddOn, [id, author, actor]: [&str; 3]) -> Result<(), String> {
    let sealed = Sealed {
        kind,
        to: Key::own(case.text(id)),
        payload: case.bytes("enc_payload").into(),
        iv: case.bytes("iv").into(),
        sent_ms: None,
    };
    let (author, actor) = (jid(case.text(author)), jid(case.text(actor)));
    let view = sealed.open(&secret(case), &[&author], &[&actor]);
    if case.expected["error"] == true {
        return match decision(case) {
            Some(_) => view.map(drop).map_err(|error| error.to_string()),
            None => same("refused", &view.is_err(), &true),
        };
    }
    match view.map_err(|error| error.to_string())?.content {
        Content::PollVote(vote) => {
            let hashes: Vec<_> = vote.hashes.iter().map(|hash| Value::String(to_hex(hash))).collect();
            same("hashes", &Value::Array(hashes), &case.expected["option_hashes"])
        }
        Content::EventResponse(response) => {
            same("answer", &(response.answer as u64), &case.expected["response"].as_u64().unwrap())?;
            same("time", &response.sent_ms, &case.expected["timestamp_ms"].as_u64())
        }
        other => Err(format!("opened as {other:?}")),
    }
}

/// Nested messages count with all that counts in any message: the recursive reading.
fn reporting(case: &Case) -> Result<(), String> {
    let message = case.bytes("message");
    let either = |recursive: &str, flat: &str| {
        case.expected.get(recursive).unwrap_or_else(|| &case.expected[flat]).as_str().map(str::to_owned)
    };
    if case.expected.get("content").is_some() {
        let content = report::content(&message).map(|content| to_hex(&content)).unwrap_or_default();
        same("content", &Some(content), &either("content_recursive", "content"))?;
    }
    let (sender, remote) = (jid(case.text("sender")), jid(case.text("remote")));
    let token = report::token(&message, &secret(case), case.text("message_id"), &sender, &remote);
    same("token", &token.map(|token| to_hex(&token)), &either("token_recursive", "token"))
}

/// A scene in which the account knows the secret of the message that it answers.
fn knowing() -> Scene {
    Scene { parent: Some(([3; 32], jid("15550001111@s.whatsapp.net"))), ..Scene::group() }
}

fn of() -> Key {
    Key {
        chat: Some(jid("120363000000000001@g.us")),
        id: "3EB0AA".to_owned(),
        sender: Some(jid("15550001111@s.whatsapp.net")),
        ..Key::default()
    }
}

fn round(draft: &Draft) -> View {
    let scene = knowing();
    let bytes = scene.build(draft).unwrap().encode_to_vec();
    let Content::Sealed(sealed) = read(&Message::decode(bytes.as_slice()).unwrap()).content else {
        panic!("not sealed");
    };
    let lid = jid("100000000000011@lid");
    let author = jid("15550001111@s.whatsapp.net");
    sealed.open(&[3; 32], &[&lid, &author], &[&lid, &scene.me]).unwrap()
}

#[test]
fn everything_sealed_opens_as_it_was_written_under_any_of_the_addresses() {
    let event = CalendarEvent { name: "lunch".to_owned(), start_s: 1, ..CalendarEvent::default() };
    let poll = Poll::new("lunch?", ["yes", "no"]);
    let drafts = [
        with(
            Content::Reaction(Reaction { sealed: true, sent_ms: Some(5), ..Reaction::new(of(), "+") }),
            Context::default(),
        ),
        with(
            Content::Comment(Comment {
                to: of(),
                content: Box::new(Content::Text(Text::new("indeed"))),
                sealed: true,
            }),
            Context { mention_all: true, ..Context::default() },
        ),
        with(
            Content::Edit(Edit { of: of(), content: Box::new(Content::Event(event)), sent_ms: None }),
            Context::default(),
        ),
        with(
            Content::Edit(Edit { of: of(), content: Box::new(Content::Poll(poll)), sent_ms: None }),
            Context::default(),
        ),
        with(
            Content::PollOption(PollOption { poll: of(), option: "perhaps".to_owned() }),
            Context::default(),
        ),
    ];
    for draft in drafts {
        assert_eq!(needs_secret_of(&draft), Some(&of()));
        let view = round(&draft);
        assert_eq!((view.content, view.context), (draft.content, draft.context));
    }
}

#[test]
fn nothing_is_sealed_without_the_secret_and_nothing_opens_under_another() {
    let vote =
        Content::PollVote(PollVote { poll: of(), options: vec!["yes".to_owned()], ..PollVote::default() });
    assert_eq!(Scene::group().refusal(vote.clone()), ContentError::NoSecret("3EB0AA".to_owned()));
    let message = knowing().build(&Draft::new(vote)).unwrap();
    let Content::Sealed(mut sealed) = read(&message).content else { panic!("not sealed") };
    let (author, me) = (jid("15550001111@s.whatsapp.net"), knowing().me);
    assert_eq!(sealed.open(&[4; 32], &[&author], &[&me]), Err(ContentError::Sealed));
    assert_eq!(sealed.open(&[3; 32], &[&me], &[&author]), Err(ContentError::Sealed));
    sealed.iv = vec![0; 11].into();
    assert_eq!(sealed.open(&[3; 32], &[&author], &[&me]), Err(ContentError::Malformed));
    sealed.kind = AddOn::Unknown(77);
    assert!(sealed.open(&[3; 32], &[&author], &[&me]).is_err());
    assert_eq!(Server::Pn, *author.server());
}

#[test]
fn a_bot_answers_under_the_secret_of_the_question() {
    use sanswire::content::{BotPrompt, copy_for_bot};
    let context =
        Context { bot: Some(Box::new(BotPrompt { persona: None, inline: true })), ..Context::default() };
    let scene = Scene::group();
    let message = scene.build(&with(Content::Text(Text::new("@bot hi")), context)).unwrap();
    let copy = copy_for_bot(&message).unwrap();
    let inner = copy.bot_invoke_message.unwrap().message.unwrap();
    let info = inner.message_context_info.unwrap();
    assert_eq!(info.bot_message_secret.as_deref(), Some(&bot_secret(&scene.secret).expose()[..]));
    assert!(info.message_secret.is_none() && info.bot_metadata.is_some());
    let view = read(&message);
    assert!(view.flags.bot && view.context.bot.is_some_and(|bot| bot.inline));
}
