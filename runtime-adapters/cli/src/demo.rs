//! `demo`: two people, two runtimes, one conversation that survives an absence and a crash.

mod person;
mod transcript;

use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::path::PathBuf;

use futures_lite::future::or;
use sanswire_sim::serve::{Running as Server, ServeOptions, serve};
use sanswire_sim::server::AdminRequest;

use crate::failure::Failure;
use crate::stop;
use person::{On, Person};
use transcript::{Line, Tick, Transcript};

pub(crate) fn run() -> Result<(), Failure> {
    let folder = Folder::new()?;
    let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = serve(anywhere, ServeOptions::default()).map_err(Failure::Server)?;
    let interrupted = async {
        stop::interrupted().await;
        Err(Failure::Interrupted)
    };
    let too_long = async {
        smol::Timer::after(LIMIT).await;
        Err(Failure::Demo(format!("the story is not over after {} seconds", LIMIT.as_secs())))
    };
    let told = smol::block_on(or(story(&server, &folder), or(interrupted, too_long)));
    let violations = server.admin(AdminRequest::Violations).body;
    server.shutdown();
    let count = told?;
    if violations["violations"].as_array().is_none_or(|found| !found.is_empty()) {
        return Err(Failure::Demo(format!("the server complains about the clients: {violations}")));
    }
    println!("ok: {count} messages, each delivered once");
    Ok(())
}

/// Tells the story; the number of messages, after each was checked.
async fn story(server: &Server, folder: &Folder) -> Result<usize, Failure> {
    let mut out = Transcript::new();
    out.scene(&format!("A simulated WhatsApp listens on {}", server.url()));
    let mut anna = Person::new("Anna", On::Tokio, folder.0.join("anna.db"), server);
    let mut ben = Person::new("Ben", On::Smol, folder.0.join("ben.db"), server);
    for person in [&mut anna, &mut ben] {
        person.start()?;
        let code = person.qr_code().await?;
        out.qr_code(person, &code)?;
        let scanned = server.admin(AdminRequest::ScanQr(code));
        if scanned.status != 200 {
            return Err(Failure::Demo(format!("{}'s phone refuses the code: {}", person.name, scanned.body)));
        }
        person.paired().await?;
        out.paired(person);
    }
    both_online(&mut out, &mut anna, &mut ben).await?;
    ben_is_away(&mut out, &mut anna, &mut ben).await?;
    anna_crashes(&mut out, &mut anna, &mut ben).await?;
    anna.stop().await?;
    ben.stop().await?;
    out.check(&[&anna, &ben])
}

async fn both_online(out: &mut Transcript, anna: &mut Person, ben: &mut Person) -> Result<(), Failure> {
    out.scene("Both are online");
    talk(out, anna, ben, "Hi Ben! Is this thing on?").await?;
    talk(out, ben, anna, "Loud and clear. You are on tokio, I am on smol.").await?;
    talk(out, anna, ben, "And neither of us has a server to call home to.").await?;
    talk(out, ben, anna, "Nur Schlüssel, Ratschen und zwei SQLite-Dateien.").await
}

async fn ben_is_away(out: &mut Transcript, anna: &mut Person, ben: &mut Person) -> Result<(), Failure> {
    ben.stop().await?;
    out.scene("Ben is away: his client was shut down, and the server keeps his mail");
    let mut waiting = Vec::new();
    for text in ["Ben? I can only see one tick.", "Read this when you are back: the cake is in the oven."] {
        let id = anna.send(&*ben, text).await?;
        waiting.push(out.line(Line::new(anna, ben, text, id, Tick::Server)));
    }
    ben.start()?;
    ben.ready().await?;
    out.scene("Ben is back, from his file");
    for line in waiting {
        read(out, line, anna, ben).await?;
    }
    talk(out, ben, anna, "I read it. The cake did not survive me.").await
}

async fn anna_crashes(out: &mut Transcript, anna: &mut Person, ben: &mut Person) -> Result<(), Failure> {
    out.scene("Anna's client is dropped without warning, in the middle of a sentence");
    let text = "What was in that cake, by the way?";
    let id = ben.send(&*anna, text).await?;
    anna.forgets_to_confirm(true);
    anna.sees(&id).await?;
    let question = out.line(Line::new(ben, anna, text, id, Tick::Delivered));
    let text = "Flour, sugar, and a secret that I will take to my";
    let id = anna.begin_to_send(&*ben, text).await?;
    anna.crash().await?;
    let unfinished = out.line(Line::new(anna, ben, text, id, Tick::Waiting));
    let text = "To your what? Anna?";
    let id = ben.send(&*anna, text).await?;
    let waiting = out.line(Line::new(ben, anna, text, id, Tick::Server));
    anna.start()?;
    anna.ready().await?;
    out.scene("Anna's client starts again, from her file");
    for line in [question, waiting] {
        read(out, line, ben, anna).await?;
    }
    read(out, unfinished, anna, ben).await?;
    talk(out, anna, ben, "grave. Sorry, I dropped out for a moment.").await?;
    talk(out, ben, anna, "Nothing was lost, and nothing came twice.").await
}

/// One message from its sending to its two blue ticks.
async fn talk(
    out: &mut Transcript,
    from: &mut Person,
    to: &mut Person,
    text: &'static str,
) -> Result<(), Failure> {
    let id = from.send(&*to, text).await?;
    to.reads(&id).await?;
    from.knows(&id, Tick::Read).await?;
    out.line(Line::new(from, to, text, id, Tick::Read));
    Ok(())
}

/// The rest of the way for a message that was sent before.
async fn read(out: &mut Transcript, line: usize, from: &mut Person, to: &mut Person) -> Result<(), Failure> {
    let id = out.id(line);
    to.reads(&id).await?;
    from.knows(&id, Tick::Read).await?;
    out.advance(line, Tick::Read);
    Ok(())
}

/// A folder that goes away with the story.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, Failure> {
        let mut number = [0; 8];
        getrandom::fill(&mut number).map_err(|error| Failure::Demo(error.to_string()))?;
        let path = std::env::temp_dir().join(format!("sanswire-demo-{:016x}", u64::from_le_bytes(number)));
        std::fs::create_dir(&path).map_err(|error| Failure::Demo(format!("{}: {error}", path.display())))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What remains is a few temporary files.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Longest time for the whole story.
const LIMIT: Duration = Duration::from_secs(120);
