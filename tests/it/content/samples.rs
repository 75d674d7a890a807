//! A draft of every kind that can be sent, made of whatever words and numbers a deck deals.

use core::cell::Cell;

use prost::Message as _;
use sanswire::content::{
    Ad, Album, Audio, Blob, BotPrompt, Button, ButtonReply, Buttons, CalendarEvent, Colour, Comment, Contact,
    Contacts, Content, Context, Disappearing, Document, Draft, Edit, FlowButton, GroupInvite, GroupMention,
    Image, Interactive, InteractiveReply, Keep, Key, LimitSharing, LinkPicture, LinkPreview, List, ListReply,
    ListRow, ListSection, LiveLocation, Location, MediaFile, MemberLabel, NewsletterInvite, NewsletterPost,
    Number, PackedSticker, Pin, Poll, Product, Quote, Reaction, Revoke, Sticker, StickerPack, Text, Video,
};
use sanswire_proto::whatsapp::Message;
use sanswire_proto::whatsapp::message::ExtendedTextMessage;

use super::{ME, Scene, jid};

/// Deals words and numbers, over and over.
pub(super) struct Deck {
    pub(super) words: Vec<String>,
    pub(super) numbers: Vec<u32>,
    at: Cell<usize>,
}

impl Deck {
    pub(super) fn new(words: Vec<String>, numbers: Vec<u32>) -> Self {
        Self { words, numbers, at: Cell::new(0) }
    }

    pub(super) fn plain() -> Self {
        let words = ["lunch", "at noon", "Grüße 👋🏽", "a\nb"].map(str::to_owned);
        Self::new(words.into(), vec![1, 3, 5, 7, 9])
    }

    fn number(&self) -> u32 {
        let at = self.at.get();
        self.at.set(at + 1);
        self.numbers[at % self.numbers.len()]
    }

    fn word(&self) -> String {
        let at = self.number() as usize;
        self.words[at % self.words.len()].clone()
    }

    fn maybe<T>(&self, some: impl FnOnce(&Self) -> T) -> Option<T> {
        self.flag().then(|| some(self))
    }

    fn flag(&self) -> bool {
        self.number() % 2 == 1
    }

    fn blob(&self, len: usize) -> Blob {
        vec![self.number() as u8; len].into()
    }

    fn file(&self) -> MediaFile {
        MediaFile {
            url: self.maybe(Self::word),
            direct_path: self.word(),
            media_key: Some(self.blob(32)),
            sha256: self.blob(32),
            enc_sha256: Some(self.blob(32)),
            length: self.number().into(),
            mimetype: Some(self.word()),
            key_timestamp: Some(self.number().into()),
        }
    }

    fn image(&self) -> Image {
        Image {
            file: self.file(),
            caption: self.maybe(Self::word),
            width: self.maybe(Self::number),
            height: self.maybe(Self::number),
            thumbnail: self.maybe(|deck| deck.blob(9)),
        }
    }

    fn degrees(&self) -> Number {
        Number::new(f64::from(self.number() % 720) / 8.0 - 45.0)
    }

    fn location(&self) -> Location {
        Location {
            latitude: self.degrees(),
            longitude: self.degrees(),
            name: self.maybe(Self::word),
            address: self.maybe(Self::word),
            url: self.maybe(Self::word),
            live: self.maybe(Self::flag),
            accuracy_m: self.maybe(Self::number),
            speed: self.maybe(Self::degrees),
            heading: self.maybe(Self::number),
            comment: self.maybe(Self::word),
            thumbnail: self.maybe(|deck| deck.blob(9)),
        }
    }

    fn live(&self) -> LiveLocation {
        LiveLocation {
            latitude: self.degrees(),
            longitude: self.degrees(),
            accuracy_m: self.maybe(Self::number),
            speed: self.maybe(Self::degrees),
            heading: self.maybe(Self::number),
            caption: self.maybe(Self::word),
            sequence: self.maybe(|deck| deck.number().into()),
            offset_s: self.maybe(Self::number),
            thumbnail: self.maybe(|deck| deck.blob(9)),
        }
    }

    fn key(&self) -> Key {
        Key {
            chat: Some(jid("120363000000000001@g.us")),
            from_me: false,
            id: self.word(),
            sender: Some(jid("100000000000011@lid")),
        }
    }

    fn own_key(&self) -> Key {
        Key { from_me: true, sender: Some(jid(ME)), ..self.key() }
    }

    fn text(&self) -> Text {
        let preview = |deck: &Self| LinkPreview {
            url: deck.word(),
            title: deck.maybe(Self::word),
            description: deck.maybe(Self::word),
            thumbnail: deck.maybe(|deck| deck.blob(9)),
            picture: deck.maybe(|deck| LinkPicture {
                direct_path: deck.word(),
                media_key: deck.blob(32),
                timestamp: deck.maybe(|deck| deck.number().into()),
                sha256: deck.blob(32),
                enc_sha256: deck.blob(32),
                width: deck.maybe(Self::number),
                height: deck.maybe(Self::number),
            }),
            kind: deck.maybe(|_| 5),
        };
        Text {
            body: self.word(),
            preview: self.maybe(preview).map(Box::new),
            background: self.maybe(Self::number).map(Colour),
            colour: self.maybe(Self::number).map(Colour),
            font: self.maybe(|deck| deck.number() >> 1),
        }
    }

    fn quote(&self) -> Quote {
        let body = self.word();
        let text = ExtendedTextMessage { text: Some(body.clone()), ..ExtendedTextMessage::default() };
        let message = Message { extended_text_message: Some(Box::new(text)), ..Message::default() };
        Quote {
            id: self.word(),
            sender: Some(jid("100000000000011@lid")),
            chat: self.maybe(|_| jid("15550001111@s.whatsapp.net")),
            content: Some(Box::new(Content::Text(Text::new(body)))),
            message: Some(message.encode_to_vec().into()),
        }
    }

    /// All that a context can have for content that has a place for it.
    fn context(&self) -> Context {
        Context {
            quote: self.maybe(Self::quote).map(Box::new),
            mentions: self.maybe(|_| jid("100000000000011@lid")).into_iter().collect(),
            mention_all: self.flag(),
            group_mentions: self
                .maybe(|deck| GroupMention {
                    group: Some(jid("120363000000000002@g.us")),
                    subject: deck.word(),
                })
                .into_iter()
                .collect(),
            forwarding_score: self.number(),
            newsletter: self.maybe(|deck| NewsletterPost {
                newsletter: Some(jid("120363111111111111@newsletter")),
                server_id: 77,
                name: deck.maybe(Self::word),
            }),
            expiration_s: self.maybe(Self::number),
            expiration_set: self.maybe(|deck| deck.number().into()),
            ad: self.maybe(|deck| {
                Box::new(Ad { title: deck.maybe(Self::word), large: deck.flag(), ..Ad::default() })
            }),
            ..Context::default()
        }
    }

    fn media(&self) -> Context {
        Context { view_once: self.flag(), album: self.maybe(Self::own_key).map(Box::new), ..self.context() }
    }
}

/// Every kind that is sent as it is read, with a context where there is a place for one.
pub(super) fn all(deck: &Deck) -> Vec<(&'static str, Draft)> {
    let mut all = said(deck);
    all.extend(shared(deck));
    all.extend(offered(deck));
    all.extend(changes(deck));
    all
}

fn said(deck: &Deck) -> Vec<(&'static str, Draft)> {
    let draft = |content, context| Draft { content, context };
    let video = Video {
        file: deck.file(),
        caption: deck.maybe(Deck::word),
        width: deck.maybe(Deck::number),
        height: deck.maybe(Deck::number),
        seconds: deck.maybe(Deck::number),
        gif: deck.flag(),
        note: false,
        thumbnail: deck.maybe(|deck| deck.blob(9)),
    };
    let voice = Audio {
        file: deck.file(),
        seconds: deck.maybe(Deck::number),
        voice: true,
        waveform: deck.maybe(|deck| deck.blob(64)),
        background: deck.maybe(Deck::number).map(Colour),
    };
    let document = Document {
        file: deck.file(),
        name: Some(deck.word()),
        title: deck.maybe(Deck::word),
        caption: deck.maybe(Deck::word),
        pages: deck.maybe(Deck::number),
        thumbnail: deck.maybe(|deck| deck.blob(9)),
    };
    let bot = Context {
        bot: Some(Box::new(BotPrompt { persona: deck.maybe(Deck::word), inline: deck.flag() })),
        ..Context::default()
    };
    let sticker = Sticker {
        file: deck.file(),
        width: deck.maybe(Deck::number),
        height: deck.maybe(Deck::number),
        animated: deck.flag(),
        lottie: deck.flag(),
        thumbnail: deck.maybe(|deck| deck.blob(9)),
    };
    vec![
        ("text", draft(Content::Text(deck.text()), Context { view_once: deck.flag(), ..deck.context() })),
        ("image", draft(Content::Image(deck.image()), deck.media())),
        ("video", draft(Content::Video(video.clone()), deck.media())),
        ("video_note", draft(Content::Video(Video { note: true, ..video }), deck.context())),
        ("voice", draft(Content::Audio(voice.clone()), Context { view_once: deck.flag(), ..deck.context() })),
        (
            "audio",
            draft(
                Content::Audio(Audio { voice: false, waveform: None, background: None, ..voice }),
                deck.context(),
            ),
        ),
        ("document", draft(Content::Document(document), deck.context())),
        (
            "album",
            draft(Content::Album(Album { images: Some(3), videos: deck.maybe(|_| 2) }), deck.context()),
        ),
        ("sticker", draft(Content::Sticker(sticker), deck.context())),
        ("sticker_pack", draft(Content::StickerPack(pack(deck)), deck.context())),
        ("bot", draft(Content::Text(Text::new(deck.word())), bot)),
    ]
}

fn pack(deck: &Deck) -> StickerPack {
    StickerPack {
        id: "pack_1".to_owned(),
        name: deck.word(),
        publisher: deck.word(),
        description: deck.maybe(Deck::word),
        caption: deck.maybe(Deck::word),
        stickers: vec![PackedSticker {
            file_name: deck.word(),
            animated: deck.flag(),
            emojis: vec![deck.word()],
            label: deck.maybe(Deck::word),
            mimetype: Some(deck.word()),
        }],
        file: MediaFile { url: None, mimetype: None, ..deck.file() },
        tray_icon: Some(deck.word()),
        cover_path: deck.maybe(Deck::word),
        cover_sha256: deck.maybe(|deck| deck.blob(32)),
        cover_enc_sha256: deck.maybe(|deck| deck.blob(32)),
    }
}

fn shared(deck: &Deck) -> Vec<(&'static str, Draft)> {
    let draft = |content, context| Draft { content, context };
    let contact = || Contact { name: deck.word(), vcard: deck.word() };
    let poll = Poll {
        selectable: deck.number() % 3,
        announcement: deck.flag(),
        ..Poll::new(deck.word(), [deck.word() + "1", deck.word() + "2"])
    };
    let quiz = Poll {
        answer: poll.options.first().cloned(),
        end_time: deck.maybe(|deck| deck.number().into()),
        hide_voters: deck.flag(),
        open: deck.flag(),
        announcement: false,
        ..poll.clone()
    };
    let start_s = u64::from(deck.number()) + 1;
    let event = CalendarEvent {
        name: deck.word(),
        description: deck.maybe(Deck::word),
        location: deck.maybe(Deck::location).map(Box::new),
        join_link: deck.maybe(Deck::word),
        start_s,
        end_s: deck.maybe(|_| start_s + 1),
        canceled: deck.flag(),
        call: deck.flag(),
        extra_guests: deck.maybe(Deck::flag),
        reminder_s: deck.maybe(|deck| deck.number().into()),
    };
    let group = GroupInvite {
        group: Some(jid("120363000000000002@g.us")),
        code: deck.word(),
        expires: deck.maybe(|deck| deck.number().into()),
        name: deck.word(),
        caption: deck.maybe(Deck::word),
        thumbnail: deck.maybe(|deck| deck.blob(9)),
        community: deck.flag(),
    };
    let channel = NewsletterInvite {
        newsletter: Some(jid("120363111111111111@newsletter")),
        name: deck.word(),
        caption: deck.maybe(Deck::word),
        thumbnail: deck.maybe(|deck| deck.blob(9)),
        admin: false,
        expires: None,
    };
    let admin = NewsletterInvite { admin: true, expires: Some(deck.number().into()), ..channel.clone() };
    let name = Some(deck.word());
    vec![
        ("location", draft(Content::Location(deck.location()), deck.context())),
        ("live_location", draft(Content::LiveLocation(deck.live()), deck.context())),
        (
            "contact",
            draft(Content::Contacts(Contacts { name: None, contacts: vec![contact()] }), deck.context()),
        ),
        (
            "contacts",
            draft(Content::Contacts(Contacts { name, contacts: vec![contact(), contact()] }), deck.context()),
        ),
        ("poll", draft(Content::Poll(poll), deck.context())),
        ("quiz", draft(Content::Poll(quiz), deck.context())),
        ("event", draft(Content::Event(event), deck.context())),
        ("group_invite", draft(Content::GroupInvite(group), deck.context())),
        ("channel_invite", draft(Content::NewsletterInvite(channel), deck.context())),
        ("channel_admin_invite", draft(Content::NewsletterInvite(admin), deck.context())),
    ]
}

fn offered(deck: &Deck) -> Vec<(&'static str, Draft)> {
    let draft = |content, context| Draft { content, context };
    let button = || Button { id: deck.word(), text: deck.word(), url: None, phone: None };
    let buttons = Buttons {
        header: deck.maybe(|deck| Box::new(Content::Image(deck.image()))),
        body: deck.word(),
        footer: deck.maybe(Deck::word),
        buttons: vec![button(), button()],
        template: false,
    };
    let row = ListRow { id: deck.word(), title: deck.word(), description: deck.maybe(Deck::word) };
    let list = List {
        title: deck.maybe(Deck::word),
        description: deck.word(),
        button: deck.word(),
        footer: deck.maybe(Deck::word),
        sections: vec![ListSection { title: deck.word(), rows: vec![row] }],
        products: false,
    };
    let flow = Interactive {
        title: deck.maybe(Deck::word),
        subtitle: deck.maybe(Deck::word),
        header: deck.maybe(|deck| Box::new(Content::Image(deck.image()))),
        body: deck.word(),
        footer: deck.maybe(Deck::word),
        buttons: vec![FlowButton { name: deck.word(), params: deck.word() }],
        params: deck.maybe(Deck::word),
        version: deck.maybe(|_| 1),
        form: None,
    };
    let index = deck.maybe(Deck::number);
    let pressed = ButtonReply { id: deck.word(), text: deck.word(), index };
    let chosen = ListReply { row: deck.word(), title: deck.word(), description: deck.maybe(Deck::word) };
    let done = InteractiveReply {
        body: deck.maybe(Deck::word),
        name: deck.word(),
        params: deck.word(),
        version: deck.maybe(|_| 3),
    };
    let product = Product {
        id: deck.word(),
        title: deck.word(),
        description: deck.maybe(Deck::word),
        currency: deck.maybe(Deck::word),
        price_1000: deck.maybe(|deck| deck.number().into()),
        sale_price_1000: None,
        retailer_id: deck.maybe(Deck::word),
        url: deck.maybe(Deck::word),
        pictures: deck.maybe(Deck::number),
        image: deck.maybe(Deck::image).map(Box::new),
        owner: Some(jid("15550001111@s.whatsapp.net")),
        body: deck.maybe(Deck::word),
        footer: deck.maybe(Deck::word),
    };
    vec![
        ("buttons", draft(Content::Buttons(buttons), deck.context())),
        ("list", draft(Content::List(list), deck.context())),
        ("interactive", draft(Content::Interactive(flow), deck.context())),
        ("button_reply", draft(Content::ButtonReply(pressed), deck.context())),
        ("list_reply", draft(Content::ListReply(chosen), deck.context())),
        ("interactive_reply", draft(Content::InteractiveReply(done), deck.context())),
        ("product", draft(Content::Product(product), deck.context())),
    ]
}

fn changes(deck: &Deck) -> Vec<(&'static str, Draft)> {
    let draft = |content, context| Draft { content, context };
    let plain = |content| Draft { content, context: Context::default() };
    let sent_ms = Some(u64::from(deck.number()));
    let reaction = Reaction {
        to: deck.key(),
        emoji: deck.word(),
        grouping_key: deck.maybe(Deck::word),
        sent_ms,
        sealed: false,
    };
    let edit = Edit { of: deck.own_key(), content: Box::new(Content::Text(deck.text())), sent_ms };
    let comment = Comment { to: deck.key(), content: Box::new(Content::Text(deck.text())), sealed: false };
    let pin = Pin { to: deck.key(), unpin: false, duration_s: Some(604_800), sent_ms };
    let label = MemberLabel { label: "chef".to_owned(), set: Some(deck.number().into()) };
    vec![
        ("reaction", plain(Content::Reaction(reaction))),
        ("edit", draft(Content::Edit(edit), deck.context())),
        ("comment", draft(Content::Comment(comment), deck.context())),
        ("revoke", plain(Content::Revoke(Revoke { of: deck.key() }))),
        ("pin", plain(Content::Pin(pin.clone()))),
        ("unpin", plain(Content::Pin(Pin { unpin: true, duration_s: None, ..pin }))),
        ("keep", plain(Content::Keep(Keep { to: deck.key(), undo: deck.flag(), sent_ms }))),
        ("disappearing", plain(Content::Disappearing(Disappearing { seconds: deck.number(), set: None }))),
        (
            "limit_sharing",
            plain(Content::LimitSharing(LimitSharing { limited: deck.flag(), set_ms: sent_ms })),
        ),
        ("member_label", plain(Content::MemberLabel(label))),
        ("share_phone_number", plain(Content::SharePhoneNumber)),
        ("request_phone_number", plain(Content::RequestPhoneNumber)),
    ]
}

/// Where a sample is sent to: the timer is for conversations with a user, everything else for a group.
pub(super) fn scene(name: &str) -> Scene {
    if name == "disappearing" { Scene::user() } else { Scene::group() }
}

#[test]
fn every_kind_looks_as_it_was_reviewed() {
    for (name, mut draft) in all(&Deck::plain()) {
        // The context looks the same in all kinds: one shows all of it, one what belongs to media, one a bot.
        if !["text", "image", "bot"].contains(&name) {
            draft.context = Context::default();
        }
        let message = scene(name).build(&draft).unwrap_or_else(|error| panic!("{name}: {error}"));
        let json = serde_json::to_string_pretty(&draft).unwrap();
        let debug = format!("{message:#?}");
        let fields: Vec<_> =
            debug.lines().filter(|line| !line.ends_with(": None,") && !line.ends_with(": [],")).collect();
        insta::assert_snapshot!(name, format!("{json}\n\n{}", fields.join("\n")));
    }
}
