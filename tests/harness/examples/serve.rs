//! Serves the simulated WhatsApp on an address (default `127.0.0.1:8080`): `cargo run -p sanswire-sim --example serve`.

use core::error::Error;

use sanswire_sim::serve::{ServeOptions, serve};

fn main() -> Result<(), Box<dyn Error>> {
    let listen = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let running = serve(listen.parse()?, ServeOptions::default())?;
    let root: String = running.cert_root().iter().map(|byte| format!("{byte:02x}")).collect();
    println!(r#"{{"ready":true,"url":"{}","cert_root":"{root}"}}"#, running.url());
    running.wait();
    Ok(())
}
