//! What senders sent and which answers they got: the truth with which a state of the disk is compared.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::log::{Log, Op};
use crate::program::{Connection, Serve};

#[derive(Default)]
pub struct History {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// The `properties` of each event as it was sent.
    sent: HashMap<String, String>,
    /// The events of each 200 in order, by process and port of the sender.
    acknowledged: HashMap<(u32, u64), Vec<Vec<String>>>,
    answers: BTreeMap<u16, usize>,
    /// The position in the log at which the destination had the event.
    delivered: HashMap<String, u64>,
}

impl History {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Number of requests that were answered with this status; 0: not at all.
    pub fn answers(&self, status: u16) -> usize {
        self.inner().answers.get(&status).copied().unwrap_or(0)
    }

    /// Number of requests that were not answered with 200.
    pub fn refusals(&self) -> usize {
        self.inner().answers.iter().filter(|(status, _)| **status != 200).map(|(_, count)| count).sum()
    }

    pub fn note_delivered(&self, id: &str, position: u64) {
        self.inner().delivered.entry(id.to_owned()).or_insert(position);
    }

    /// All events that were sent, with their properties.
    pub fn sent(&self) -> HashMap<String, String> {
        self.inner().sent.clone()
    }

    /// Ids of events that were acknowledged.
    pub fn acknowledged(&self) -> HashSet<String> {
        self.inner().acknowledged.values().flatten().flatten().cloned().collect()
    }

    /// Events that the destination had when the log had come to `position`.
    pub fn delivered_by(&self, position: u64) -> HashSet<String> {
        let inner = self.inner();
        inner.delivered.iter().filter(|(_, at)| **at <= position).map(|(id, _)| id.clone()).collect()
    }

    /// When each group of events was acknowledged: the index of the record, and the ids.
    pub fn acknowledgements(&self, log: &Log) -> Vec<(usize, Vec<String>)> {
        let inner = self.inner();
        let mut seen: HashMap<(u32, u64), usize> = HashMap::new();
        let mut found = Vec::new();
        for (index, record) in log.records.iter().enumerate().filter(|(_, one)| one.op == Op::Acknowledge) {
            let Some(groups) = inner.acknowledged.get(&(record.pid, record.inode)) else { continue };
            let place = seen.entry((record.pid, record.inode)).or_default();
            found.extend(groups.get(*place).map(|ids| (index, ids.clone())));
            *place += 1;
        }
        let heard: usize = inner.acknowledged.values().map(Vec::len).sum();
        assert_eq!(found.len(), heard, "every 200 that a sender heard is in the log");
        found
    }
}

/// One sender: one request at a time, on one connection as long as it lasts.
pub struct Sender<'a> {
    history: &'a History,
    name: String,
    number: usize,
    connection: Option<Connection>,
    /// Where it sends to.
    address: std::net::SocketAddr,
    pid: u32,
    /// The last answer.
    pub heard: String,
}

impl<'a> Sender<'a> {
    pub fn new(history: &'a History, serve: &Serve, name: &str) -> Self {
        Self {
            history,
            name: name.to_owned(),
            number: 0,
            connection: None,
            address: serve.address,
            pid: serve.id(),
            heard: String::new(),
        }
    }

    /// Sends a single event with this number of bytes of text.
    pub fn one(&mut self, pad: usize) -> u16 {
        let event = self.event(pad);
        let ids = vec![event.0];
        self.post("/v1/track", &event.1, ids)
    }

    /// Sends events in one request.
    pub fn batch(&mut self, count: usize, pad: usize) -> u16 {
        let (ids, events): (Vec<_>, Vec<_>) = (0..count).map(|_| self.event(pad)).unzip();
        self.post("/v1/batch", &format!("{{\"batch\":[{}]}}", events.join(",")), ids)
    }

    fn event(&mut self, pad: usize) -> (String, String) {
        self.number += 1;
        let id = format!("{}-{:06}", self.name, self.number);
        let unit = format!("{id}|");
        let mut text = unit.repeat(pad / unit.len() + 1);
        text.truncate(pad);
        let properties = format!("{{\"n\":{},\"pad\":\"{text}\"}}", self.number);
        let event = format!(
            "{{\"type\":\"track\",\"event\":\"Order Completed\",\"messageId\":\"{id}\",\"userId\":\"user-{}-{}\",\
             \"timestamp\":\"2026-01-01T12:00:00.000Z\",\"properties\":{properties}}}",
            self.name,
            self.number % 50
        );
        self.history.inner().sent.insert(id.clone(), properties);
        (id, event)
    }

    /// The status; 0: no answer came.
    fn post(&mut self, path: &str, body: &str, ids: Vec<String>) -> u16 {
        if self.connection.is_none() {
            self.connection = Connection::open(self.address).ok();
        }
        let answer = match &mut self.connection {
            Some(connection) => connection.ask("POST", path, body).map(|answer| (connection.port(), answer)),
            None => Err(std::io::ErrorKind::ConnectionRefused.into()),
        };
        let mut inner = self.history.inner();
        let status = match answer {
            Ok((port, (status, text))) => {
                if status == 200 {
                    inner.acknowledged.entry((self.pid, u64::from(port))).or_default().push(ids);
                }
                self.heard = text;
                status
            }
            Err(error) => {
                self.connection = None;
                self.heard = error.to_string();
                0
            }
        };
        *inner.answers.entry(status).or_default() += 1;
        status
    }
}
