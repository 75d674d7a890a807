//! Drafts from the high-level content of the reference's vectors.

use bytes::Bytes;
use prost::Message as _;
use sanswire::content::{
    Ad, Album, Audio, Blob, ButtonReply, CalendarEvent, Colour, Contact, Contacts, Content, Context,
    Disappearing, Document, Draft, Edit, Forward, GroupInvite, GroupMention, Image, Key, LimitSharing,
    LinkPicture, LinkPreview, ListReply, Location, MediaFile, Number, Pin, Poll, Quote, Reaction, Revoke,
    Sticker, Text, Video,
};
use sanswire::wire::OwnedJid;
use sanswire_proto::whatsapp::message::{
    ExtendedTextMessage, FutureProofMessage, ImageMessage, LocationMessage,
};
use sanswire_proto::whatsapp::{ContextInfo, Message, MessageContextInfo};
use serde_json::Value;

use super::jid;
use crate::vectors::{Case, hex};

/// The draft of a case; `None` when a draft cannot say it.
pub(super) fn draft(case: &Case) -> Option<Draft> {
    let input = &case.input;
    let content = &input["content"];
    let mut inner = kind(case, content)?;
    if let Some(edit) = content.get("edit") {
        inner = Content::Edit(Edit { of: key(edit), content: Box::new(inner), sent_ms: None });
    }
    let mut context = context(content);
    let options = &input["options"];
    if let Some(quoted) = options.get("quoted") {
        context.quote = Some(Box::new(quote(quoted, options)));
    }
    if let Some(seconds) = options["ephemeralExpiration"].as_u64() {
        context.expiration_s = Some(seconds.try_into().unwrap());
    }
    Some(Draft { content: inner, context })
}

fn kind(case: &Case, content: &Value) -> Option<Content> {
    let has = |name: &str| content.get(name).is_some();
    Some(if has("text") {
        Content::Text(text(case, content))
    } else if has("contacts") {
        Content::Contacts(contacts(&content["contacts"]))
    } else if has("location") {
        Content::Location(location(&content["location"]))
    } else if has("react") {
        Content::Reaction(reaction(&content["react"]))
    } else if has("delete") {
        Content::Revoke(Revoke { of: key(&content["delete"]) })
    } else if has("forward") {
        let own = content["forward"]["key"]["fromMe"].as_bool().unwrap();
        let message = message(&content["forward"]["message"]).encode_to_vec().into();
        Content::Forward(Forward { message, own, force: content["force"].as_bool().unwrap_or(false) })
    } else if let Some(timer) = content.get("disappearingMessagesInChat") {
        let seconds = timer.as_u64().unwrap_or_else(|| if timer == true { 604_800 } else { 0 });
        Content::Disappearing(Disappearing { seconds: seconds.try_into().unwrap(), set: None })
    } else if has("groupInvite") {
        Content::GroupInvite(invite(&content["groupInvite"]))
    } else if has("pin") {
        let duration_s = content["time"].as_u64().map(|time| time.try_into().unwrap());
        Content::Pin(Pin { to: key(&content["pin"]), unpin: content["type"] == 2, duration_s, sent_ms: None })
    } else if has("buttonReply") {
        let reply = &content["buttonReply"];
        let index = (content["type"] == "template").then(|| number(&reply["index"]).unwrap());
        Content::ButtonReply(ButtonReply {
            id: string(&reply["id"]).unwrap(),
            text: string(&reply["displayText"]).unwrap(),
            index,
        })
    } else if has("listReply") {
        let reply = &content["listReply"];
        Content::ListReply(ListReply {
            row: string(&reply["singleSelectReply"]["selectedRowId"]).unwrap(),
            title: string(&reply["title"]).unwrap(),
            description: string(&reply["description"]),
        })
    } else if has("event") {
        Content::Event(event(case, &content["event"]))
    } else if has("poll") {
        Content::Poll(poll(&content["poll"])?)
    } else if has("album") {
        let album = &content["album"];
        Content::Album(Album {
            images: number(&album["expectedImageCount"]),
            videos: number(&album["expectedVideoCount"]),
        })
    } else if has("sharePhoneNumber") {
        Content::SharePhoneNumber
    } else if has("requestPhoneNumber") {
        Content::RequestPhoneNumber
    } else if let Some(limited) = content["limitSharing"].as_bool() {
        Content::LimitSharing(LimitSharing { limited, set_ms: None })
    } else {
        return media(case, content);
    })
}

fn text(case: &Case, content: &Value) -> Text {
    let options = &case.input["options"];
    let body = string(&content["text"]).unwrap();
    let given = content.get("linkPreview").filter(|preview| !preview.is_null());
    // What a client fetches for the first https link, the application gives.
    let fetched = case.input.get("url_info").filter(|_| body.contains("https://"));
    let preview = given.or(fetched).map(|preview| {
        let url =
            string(&preview["matched-text"]).unwrap_or_else(|| "https://example.com/a/b?c=1".to_owned());
        let picture = preview.get("highQualityThumbnail").map(|picture| LinkPicture {
            direct_path: string(&picture["directPath"]).unwrap(),
            media_key: blob(&picture["mediaKey"]).unwrap(),
            timestamp: picture["mediaKeyTimestamp"].as_u64(),
            sha256: blob(&picture["fileSha256"]).unwrap(),
            enc_sha256: blob(&picture["fileEncSha256"]).unwrap(),
            width: number(&picture["width"]),
            height: number(&picture["height"]),
        });
        Box::new(LinkPreview {
            url,
            title: string(&preview["title"]),
            description: string(&preview["description"]),
            thumbnail: blob(&preview["jpegThumbnail"]),
            picture,
            kind: None,
        })
    });
    let background = options
        .get("backgroundColor")
        .map(|colour| serde_json::from_value::<Colour>(colour.clone()).unwrap());
    Text { body, preview, background, colour: None, font: number(&options["font"]) }
}

fn contacts(contacts: &Value) -> Contacts {
    let contact = |contact: &Value| Contact {
        name: string(&contact["displayName"]).unwrap(),
        vcard: string(&contact["vcard"]).unwrap(),
    };
    let list = contacts["contacts"].as_array().unwrap();
    Contacts { name: string(&contacts["displayName"]), contacts: list.iter().map(contact).collect() }
}

fn location(location: &Value) -> Location {
    Location {
        latitude: Number::new(location["degreesLatitude"].as_f64().unwrap()),
        longitude: Number::new(location["degreesLongitude"].as_f64().unwrap()),
        name: string(&location["name"]),
        address: string(&location["address"]),
        url: string(&location["url"]),
        live: location["isLive"].as_bool(),
        accuracy_m: number(&location["accuracyInMeters"]),
        speed: location["speedInMps"].as_f64().map(Number::new),
        heading: number(&location["degreesClockwiseFromMagneticNorth"]),
        comment: string(&location["comment"]),
        thumbnail: blob(&location["jpegThumbnail"]),
    }
}

fn reaction(reaction: &Value) -> Reaction {
    Reaction {
        to: key(&reaction["key"]),
        emoji: string(&reaction["text"]).unwrap(),
        grouping_key: string(&reaction["groupingKey"]),
        sent_ms: reaction["senderTimestampMs"].as_u64(),
        sealed: false,
    }
}

fn invite(invite: &Value) -> GroupInvite {
    GroupInvite {
        group: owned(&invite["jid"]),
        code: string(&invite["inviteCode"]).unwrap(),
        expires: invite["inviteExpiration"].as_u64(),
        name: string(&invite["subject"]).unwrap(),
        caption: string(&invite["text"]),
        thumbnail: None,
        community: false,
    }
}

fn event(case: &Case, event: &Value) -> CalendarEvent {
    let seconds = |date: &Value| date["$date"].as_u64().map(|ms| ms / 1000);
    let link = string(&case.input["call_link_token"]).and_then(|token| {
        let path = if string(&event["call"])? == "video" { "video" } else { "voice" };
        Some(format!("https://call.whatsapp.com/{path}/{token}"))
    });
    CalendarEvent {
        name: string(&event["name"]).unwrap(),
        description: string(&event["description"]),
        location: event.get("location").map(|place| Box::new(location(place))),
        join_link: link,
        start_s: seconds(&event["startDate"]).unwrap(),
        end_s: seconds(&event["endDate"]),
        canceled: event["isCancelled"].as_bool().unwrap_or(false),
        call: event["isScheduleCall"].as_bool().unwrap_or(false),
        extra_guests: event["extraGuestsAllowed"].as_bool(),
        reminder_s: None,
    }
}

/// A draft has a list of options and a count that is no less than zero, or is no draft.
fn poll(poll: &Value) -> Option<Poll> {
    let options = poll["values"].as_array()?.iter().map(|name| string(name).unwrap());
    let selectable = match poll.get("selectableCount") {
        Some(count) => number(count)?,
        None => 0,
    };
    Some(Poll {
        selectable,
        announcement: poll["toAnnouncementGroup"].as_bool().unwrap_or(false),
        ..Poll::new(string(&poll["name"]).unwrap(), options)
    })
}

/// Hashes and keys are what the upload gave: the case says them in what it expects.
fn media(case: &Case, content: &Value) -> Option<Content> {
    let (kind, _) = content
        .as_object()?
        .iter()
        .find(|(name, _)| ["image", "video", "audio", "document", "sticker"].contains(&name.as_str()))?;
    let fields = uploaded(&case.expected["fields"]).expect("the case has media");
    let file = MediaFile {
        url: string(&fields["url"]),
        direct_path: string(&fields["directPath"]).unwrap(),
        media_key: blob(&fields["mediaKey"]),
        sha256: blob(&fields["fileSha256"]).unwrap(),
        enc_sha256: blob(&fields["fileEncSha256"]),
        length: fields["fileLength"].as_u64().unwrap(),
        mimetype: string(&content["mimetype"]),
        key_timestamp: None,
    };
    let thumbnail = fields.get("jpegThumbnail").and_then(blob);
    let (width, height) = (number(&content["width"]), number(&content["height"]));
    let (caption, seconds) = (string(&content["caption"]), number(&content["seconds"]));
    let set = |name: &str| content[name].as_bool().unwrap_or(false);
    Some(match kind.as_str() {
        "image" => Content::Image(Image { file, caption, width, height, thumbnail }),
        "video" => {
            let (gif, note) = (set("gifPlayback"), set("ptv"));
            Content::Video(Video { file, caption, width, height, seconds, gif, note, thumbnail })
        }
        "audio" => {
            let waveform = blob(&content["waveform"]);
            Content::Audio(Audio { file, seconds, voice: set("ptt"), waveform, background: None })
        }
        "document" => {
            let name = string(&content["fileName"]);
            Content::Document(Document { file, name, title: None, caption, pages: None, thumbnail })
        }
        _ => Content::Sticker(Sticker {
            file,
            width,
            height,
            animated: set("isAnimated"),
            lottie: false,
            thumbnail: None,
        }),
    })
}

/// The fields of uploaded media, wherever they are.
fn uploaded(fields: &Value) -> Option<&Value> {
    let map = fields.as_object()?;
    if map.contains_key("directPath") {
        return Some(fields);
    }
    map.values().find_map(uploaded)
}

fn context(content: &Value) -> Context {
    let list = |name: &str| content[name].as_array().cloned().unwrap_or_default();
    let info = &content["contextInfo"];
    let mentions = info["groupMentions"].as_array().cloned().unwrap_or_default();
    let ad = info.get("externalAdReply").map(|ad| {
        Box::new(Ad {
            title: string(&ad["title"]),
            body: string(&ad["body"]),
            media_type: ad["mediaType"].as_i64().map(|kind| kind.try_into().unwrap()),
            source_url: string(&ad["sourceUrl"]),
            thumbnail_url: None,
            thumbnail: None,
            large: ad["renderLargerThumbnail"].as_bool().unwrap_or(false),
        })
    });
    Context {
        quote: None,
        mentions: list("mentions").iter().filter_map(owned).collect(),
        mention_all: content["mentionAll"].as_bool().unwrap_or(false),
        group_mentions: mentions
            .iter()
            .map(|mention| GroupMention {
                group: owned(&mention["groupJid"]),
                subject: string(&mention["groupSubject"]).unwrap(),
            })
            .collect(),
        forwarding_score: number(&info["forwardingScore"]).unwrap_or(0),
        expiration_s: number(&info["expiration"]),
        view_once: content["viewOnce"].as_bool().unwrap_or(false),
        album: content.get("albumParentKey").map(|parent| Box::new(key(parent))),
        ad,
        ..Context::default()
    }
}

fn quote(quoted: &Value, options: &Value) -> Quote {
    let key = &quoted["key"];
    let own = string(&options["userJid"]).map(|own| jid(&own).bare().into_owned());
    let sender = if key["fromMe"] == true {
        own
    } else {
        owned(&key["participant"]).or_else(|| owned(&key["remoteJid"]))
    };
    Quote {
        id: string(&key["id"]).unwrap(),
        sender,
        chat: owned(&key["remoteJid"]),
        content: None,
        message: Some(message(&quoted["message"]).encode_to_vec().into()),
    }
}

/// The few forms of messages that the vectors quote and forward.
fn message(json: &Value) -> Message {
    let wrapped = |name: &str| {
        let inner = json.get(name)?.get("message")?;
        Some(Box::new(FutureProofMessage { message: Some(Box::new(message(inner))) }))
    };
    let info = |value: &Value| {
        value.get("contextInfo").map(|info| {
            Box::new(ContextInfo {
                stanza_id: string(&info["stanzaId"]),
                participant: string(&info["participant"]),
                forwarding_score: number(&info["forwardingScore"]),
                is_forwarded: info["isForwarded"].as_bool(),
                ..ContextInfo::default()
            })
        })
    };
    Message {
        conversation: string(&json["conversation"]),
        extended_text_message: json.get("extendedTextMessage").map(|text| {
            Box::new(ExtendedTextMessage {
                text: string(&text["text"]),
                context_info: info(text),
                ..ExtendedTextMessage::default()
            })
        }),
        image_message: json.get("imageMessage").map(|image| {
            let bytes = |name: &str| blob(&image[name]).map(Bytes::from);
            Box::new(ImageMessage {
                url: string(&image["url"]),
                mimetype: string(&image["mimetype"]),
                caption: string(&image["caption"]),
                file_sha256: bytes("fileSha256"),
                file_length: image["fileLength"].as_u64(),
                media_key: bytes("mediaKey"),
                file_enc_sha256: bytes("fileEncSha256"),
                direct_path: string(&image["directPath"]),
                ..ImageMessage::default()
            })
        }),
        location_message: json.get("locationMessage").map(|place| {
            Box::new(LocationMessage {
                degrees_latitude: place["degreesLatitude"].as_f64(),
                degrees_longitude: place["degreesLongitude"].as_f64(),
                ..LocationMessage::default()
            })
        }),
        message_context_info: json.get("messageContextInfo").map(|info| {
            let message_secret = blob(&info["messageSecret"]).map(Bytes::from);
            Box::new(MessageContextInfo { message_secret, ..MessageContextInfo::default() })
        }),
        ephemeral_message: wrapped("ephemeralMessage"),
        view_once_message_v2: wrapped("viewOnceMessageV2"),
        ..Message::default()
    }
}

pub(super) fn key(key: &Value) -> Key {
    Key {
        chat: owned(&key["remoteJid"]),
        from_me: key["fromMe"].as_bool().unwrap_or(false),
        id: string(&key["id"]).unwrap_or_default(),
        sender: owned(&key["participant"]),
    }
}

pub(super) fn owned(value: &Value) -> Option<OwnedJid> {
    value.as_str().filter(|text| !text.is_empty()).map(jid)
}

pub(super) fn string(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn number(value: &Value) -> Option<u32> {
    value.as_u64().map(|number| number.try_into().unwrap())
}

fn blob(value: &Value) -> Option<Blob> {
    Some(hex(value["$hex"].as_str()?).into())
}
