//! Sends the presence list, and determines which person a client represents (`presence-events.ts`,
//! `client-presence.ts`).

use super::{MAX, NewEntry, Person};
use crate::input::{ConnectionId, Environment, Outcome};
use crate::model::{ConnectedClient, Model};
use crate::rpc;
use openclaw_protocol::ids;
use openclaw_protocol::js;
use serde_json::{Value, json};
use std::collections::HashSet;

/// The profile of the gateway's owner. Clients without a user from a reverse proxy represent the owner.
const OWNER: &str = "gateway-owner";

impl Model {
    /// The current presence list.
    pub(crate) fn present(&mut self, now: i64) -> Vec<Value> {
        if self.rules.handshake.presence.shows_clients {
            let clients = self.connections.values().filter_map(|open| open.client.as_ref());
            for client in clients {
                let Some(key) = &client.presence_key else { continue };
                self.presence.keep(key, client.connected_at, now);
            }
        }
        self.presence.list(now)
    }

    /// Sends the current presence list.
    pub(crate) fn announce_presence(&mut self, now: i64, outcome: &mut Outcome) {
        self.presence.increment_version();
        let state_version = json!({"presence": self.presence.version(), "health": self.health_version});
        let payload = json!({"presence": self.present(now)});
        self.broadcast_state("presence", payload, Some(state_version), outcome);
    }

    /// Sends the current presence list to all clients after a client has disconnected.
    pub(crate) fn announce_departure(&mut self, presence_key: &str, now: i64, outcome: &mut Outcome) {
        self.presence.left(presence_key, now);
        self.announce_presence(now, outcome);
    }

    /// Handles the end of a client's connection. In some releases, a node disappears together with its
    /// current connection.
    pub(crate) fn handle_departure(&mut self, gone: &ConnectedClient, now: i64, outcome: &mut Outcome) {
        let by_registry = self.rules.handshake.presence.shows_clients && gone.role == "node";
        if by_registry && !gone.stands_for_node {
            return;
        }
        if let Some(key) = &gone.presence_key {
            self.announce_departure(key, now, outcome);
        }
        if by_registry && rpc::runs_mac_skills(gone) {
            rpc::announce_skills_changed(self, outcome);
        }
    }

    /// Handles a removed device, or a rotated or revoked token. The node of the device disappears, although its
    /// connection is still open, and clients that wait for the node are notified (`node-registry.ts`
    /// invalidateSessionForPairingChange).
    pub(crate) fn retire_nodes(&mut self, device_id: &str, role: Option<&str>, now: i64, outcome: &mut Outcome) {
        if !self.rules.handshake.presence.shows_clients || role.is_some_and(|role| role != "node") {
            return;
        }
        let nodes = self.connections.iter_mut().filter_map(|(id, open)| Some((*id, open.client.as_mut()?)));
        let mut ended = nodes.filter(|(_, client)| client.stands_for_node && client.device_id() == Some(device_id));
        let Some((connection, client)) = ended.find(|(_, client)| !client.retired) else { return };
        let (key, skilled) = (client.presence_key.clone(), rpc::runs_mac_skills(client));
        client.retired = true;
        rpc::retire_node(self, connection, outcome);
        if let Some(key) = key {
            self.announce_departure(&key, now, outcome);
        }
        if skilled {
            rpc::announce_skills_changed(self, outcome);
        }
    }

    /// Adds a client to the presence list. If the client represents a person, the entry contains the time since which
    /// the person is present.
    pub(crate) fn add_presence(
        &mut self,
        key: &str,
        entry: NewEntry<'_>,
        environment: &Environment<'_>,
    ) -> Option<i64> {
        let now = environment.now;
        if !self.rules.handshake.presence.shows_clients {
            self.presence.joined(key, entry, now);
            self.presence.increment_version();
            return None;
        }
        let since = entry.person.filter(|_| entry.role != "node").map(|person| self.add_client(person, now));
        if let (Some(person), Some(since)) = (entry.person, since) {
            let client = &entry.connect.client;
            self.presence.stands_for(key, (&client.id, &client.mode), person, since, now);
        }
        self.presence.joined(key, entry, now);
        since
    }

    /// Adds a client of a person. Returns the time since which the person is present, which all clients of the person
    /// report.
    fn add_client(&mut self, person: &Person, now: i64) -> i64 {
        let open = self.connections.values_mut().filter(|open| !open.closing);
        let theirs = |client: &&mut ConnectedClient| {
            client.online_since.is_some() && client.person.as_ref().is_some_and(|other| other.id == person.id)
        };
        let mut clients: Vec<_> = open.filter_map(|open| open.client.as_mut()).filter(theirs).collect();
        clients.sort_by_key(|client| client.order);
        let since = clients.iter().filter_map(|client| client.online_since).fold(now, i64::min);
        for client in clients {
            client.online_since = Some(since);
            if let (Some(key), Some(person)) = (&client.presence_key, &client.person) {
                let info = &client.connect.client;
                self.presence.stands_for(key, (&info.id, &info.mode), person, since, now);
            }
        }
        since
    }

    /// The gateway's owner. The profile is created on first use.
    pub(crate) fn owner(&mut self, now: i64) -> Person {
        let profile = || Person { id: OWNER.to_owned(), email: None, name: None, written_at: now };
        self.people.entry(String::new()).or_insert_with(profile).clone()
    }

    /// The user with this name from a reverse proxy. The profile is created on the first connect.
    pub(crate) fn vouched_user(&mut self, user: &str, environment: &mut Environment<'_>) -> Person {
        let address = js::trim(user).to_lowercase();
        let name = address.split('@').next().unwrap_or_default().to_owned();
        let profile = || Person {
            id: ids::uuid(environment.entropy.uuid()),
            email: None,
            name: Some(name).filter(|name| !name.is_empty()),
            written_at: environment.now,
        };
        if !self.people.contains_key(&address) {
            self.forget_people();
        }
        let known = self.people.entry(address).or_insert_with(profile);
        Person { email: Some(js::trim(user).to_owned()), ..known.clone() }
    }

    /// Limits the number of profiles: removes the oldest profiles that no open connection represents. (A release stores
    /// them in its database and removes none. A user who returns after very many others therefore has another profile
    /// here.)
    fn forget_people(&mut self) {
        let clients = self.connections.values().filter_map(|open| open.client.as_ref());
        let present: HashSet<&str> = clients.filter_map(|client| Some(client.person.as_ref()?.id.as_str())).collect();
        let mut excess = (self.people.len() + 1).saturating_sub(MAX);
        self.people.retain(|_, person| {
            let goes = excess > 0 && person.id != OWNER && !present.contains(person.id.as_str());
            excess -= usize::from(goes);
            !goes
        });
    }

    /// The recipient profile of a connection's events.
    pub(crate) fn recipient(&self, connection: ConnectionId) -> Option<String> {
        let client = self.connections.get(&connection)?.client.as_ref()?;
        client.person.as_ref().map(|person| person.id.clone())
    }
}
