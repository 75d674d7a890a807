//! A handshake step by step on the bare symmetric state, to compare hash, keys and counter after each step.

use sanswire::crypto::{KeyPair, PublicKey, Secret};
use sanswire::wire::noise::{Pattern, Symmetric};

use crate::vectors::{Case, hex, same, to_hex};

/// The pairs of a case.
pub(super) struct Keys {
    pub(super) client: KeyPair,
    pub(super) client_ephemeral: KeyPair,
    pub(super) server: KeyPair,
    pub(super) server_ephemeral: KeyPair,
}

impl Keys {
    pub(super) fn of(case: &Case) -> Self {
        Self {
            client: pair(case, "client_static_private"),
            client_ephemeral: pair(case, "client_ephemeral_private"),
            server: pair(case, "server_static_private"),
            server_ephemeral: pair(case, "server_ephemeral_private"),
        }
    }
}

/// A pair from the private key in the input.
pub(super) fn pair(case: &Case, key: &str) -> KeyPair {
    KeyPair::from_private(hex(case.text(key)).try_into().expect("private keys have 32 bytes"))
}

/// A state at the end of a handshake, and the ciphertexts on the way by the names of the steps.
pub(super) struct Transcript {
    state: Symmetric,
    steps: Vec<(&'static str, Symmetric)>,
    ciphertexts: Vec<(&'static str, Vec<u8>)>,
}

impl Transcript {
    /// `XX` or `XXfallback`, which differ in the name only.
    pub(super) fn xx(pattern: Pattern, prologue: &[u8], keys: &Keys, chain: &[u8], payload: &[u8]) -> Self {
        let mut run = Self::start(pattern, prologue);
        run.hash("client_ephemeral_hashed", &keys.client_ephemeral.public);
        run.hash("server_ephemeral_hashed", &keys.server_ephemeral.public);
        run.agree("ee_mixed", &keys.client_ephemeral, &keys.server_ephemeral);
        run.encrypt("server_static_encrypted", keys.server.public.as_bytes());
        run.agree("es_mixed", &keys.server, &keys.client_ephemeral);
        run.encrypt("server_payload_encrypted", chain);
        run.encrypt("client_static_encrypted", keys.client.public.as_bytes());
        run.agree("se_mixed", &keys.client, &keys.server_ephemeral);
        run.encrypt("client_payload_encrypted", payload);
        run
    }

    /// `IK` that the server accepts.
    pub(super) fn ik(prologue: &[u8], keys: &Keys, chain: &[u8], payload: &[u8]) -> Self {
        let mut run = Self::start(Pattern::Ik, prologue);
        run.hash("server_static_premessage_hashed", &keys.server.public);
        run.hash("client_ephemeral_hashed", &keys.client_ephemeral.public);
        run.agree("es_mixed", &keys.client_ephemeral, &keys.server);
        run.encrypt("client_static_encrypted", keys.client.public.as_bytes());
        run.agree("ss_mixed", &keys.client, &keys.server);
        run.encrypt("client_payload_encrypted", payload);
        run.hash("server_ephemeral_hashed", &keys.server_ephemeral.public);
        run.agree("ee_mixed", &keys.server_ephemeral, &keys.client_ephemeral);
        run.agree("se_mixed", &keys.server_ephemeral, &keys.client);
        run.encrypt("server_payload_encrypted", chain);
        run
    }

    /// The transport keys: client to server, server to client.
    pub(super) fn transport_keys(&self) -> (Secret<32>, Secret<32>) {
        self.state.split()
    }

    /// The ciphertext of a step.
    pub(super) fn ciphertext(&self, step: &str) -> &[u8] {
        let found = self.ciphertexts.iter().find(|(name, _)| *name == step);
        &found.expect("the step encrypts").1
    }

    /// Compares every step with the `states` of a case, and the keys at the end.
    pub(super) fn check(&self, case: &Case) -> Result<(), String> {
        let states = case.expected["states"].as_array().expect("handshakes have states");
        same("number of steps", &self.steps.len(), &states.len())?;
        for ((step, state), expected) in self.steps.iter().zip(states) {
            same("step", &Some(*step), &expected["step"].as_str())?;
            let hex_of = |key: &str| expected[key].as_str().map(str::to_owned);
            same(&format!("h at {step}"), &Some(to_hex(state.hash())), &hex_of("h"))?;
            same(&format!("ck at {step}"), &Some(to_hex(state.chaining_key().expose())), &hex_of("ck"))?;
            same(&format!("k at {step}"), &Some(to_hex(state.key().expose())), &hex_of("k"))?;
            same(&format!("n at {step}"), &Some(u64::from(state.counter())), &expected["n"].as_u64())?;
        }
        let (upward, downward) = self.transport_keys();
        let hex_of = |key: &str| case.expected[key].as_str().map(str::to_owned);
        same("client write key", &Some(to_hex(upward.expose())), &hex_of("client_write_key"))?;
        same("client read key", &Some(to_hex(downward.expose())), &hex_of("client_read_key"))
    }

    fn start(pattern: Pattern, prologue: &[u8]) -> Self {
        let state = Symmetric::new(pattern, prologue);
        let steps = vec![("init_prologue_hashed", state.clone())];
        Self { state, steps, ciphertexts: Vec::new() }
    }

    fn hash(&mut self, step: &'static str, key: &PublicKey) {
        self.state.mix_hash(key.as_bytes());
        self.steps.push((step, self.state.clone()));
    }

    fn agree(&mut self, step: &'static str, ours: &KeyPair, theirs: &KeyPair) {
        self.state.mix_agreement(&ours.private, &theirs.public).expect("pairs agree");
        self.steps.push((step, self.state.clone()));
    }

    fn encrypt(&mut self, step: &'static str, plain: &[u8]) {
        let sealed = self.state.encrypt_and_hash(plain).expect("short texts seal");
        self.ciphertexts.push((step, sealed));
        self.steps.push((step, self.state.clone()));
    }
}
