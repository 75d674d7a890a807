//! A simulated WhatsApp: server, phone and network on a virtual clock.
