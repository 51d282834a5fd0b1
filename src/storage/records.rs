//! Records: what is kept by key in a table, and the batches that change them. All or nothing: a batch is one frame.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::codec;
use crate::domain::{
    Account, Alert, ApiKey, AuditEntry, Channel, Corrections, Delivery, Model, ModelRouting,
    Session, Webhook,
};

/// A record kept in a table, by key.
pub trait Record: Serialize + DeserializeOwned + Clone + Send + 'static {
    /// Its table.
    const TABLE: Table;
    /// Its key there; the order of keys is the order of the table.
    fn key(&self) -> Vec<u8>;
}

/// The tables; the numbers are stored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Table {
    /// [`Account`] by id.
    Accounts = 1,
    /// [`ApiKey`] by id.
    Keys = 2,
    /// [`Channel`] by id.
    Channels = 3,
    /// [`Model`] by name.
    Models = 4,
    /// [`Session`] by digest.
    Sessions = 5,
    /// [`AuditEntry`] by id.
    Audit = 6,
    /// [`Setting`] by name.
    Settings = 7,
    /// [`Webhook`] by id.
    Webhooks = 8,
    /// [`Delivery`] by id.
    Deliveries = 9,
    /// [`Alert`] by subject.
    Alerts = 10,
    /// [`ModelRouting`] by the model's name.
    ModelRoutings = 11,
    /// [`Corrections`] by the call's id.
    Corrections = 12,
}

/// Name and value (JSON text) of a stored setting, such as which master key sealed the credentials.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// Its value as JSON text.
    pub value: String,
}

macro_rules! record {
    ($type:ty, $table:ident, $record:ident => $key:expr) => {
        impl Record for $type {
            const TABLE: Table = Table::$table;

            fn key(&self) -> Vec<u8> {
                let $record = self;
                $key.to_vec()
            }
        }
    };
}

record!(Account, Accounts, account => account.id.as_bytes());
record!(ApiKey, Keys, key => key.id.as_bytes());
record!(Channel, Channels, channel => channel.id.as_bytes());
record!(Model, Models, model => model.name.as_bytes());
record!(Session, Sessions, session => session.digest.0);
record!(AuditEntry, Audit, entry => entry.id.as_bytes());
record!(Setting, Settings, setting => setting.name.as_bytes());
record!(Webhook, Webhooks, webhook => webhook.id.as_bytes());
record!(Delivery, Deliveries, delivery => delivery.id.as_bytes());
record!(ModelRouting, ModelRoutings, routing => routing.model.as_bytes());
record!(Corrections, Corrections, corrected => corrected.call_id.as_bytes());
record!(Alert, Alerts, alert => alert.subject.as_bytes());

/// A record's place: its table's number, then its key.
pub(super) type Place = Vec<u8>;

pub(super) fn place(table: Table, key: &[u8]) -> Place {
    let mut place = Vec::with_capacity(1 + key.len());
    place.push(table as u8);
    place.extend_from_slice(key);
    place
}

/// One record's change.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Edit {
    Put { place: Place, value: Vec<u8> },
    Delete { place: Place },
}

/// Changes that happen together or not at all.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub(super) edits: Vec<Edit>,
    pub(super) unencodable: bool,
}

impl Batch {
    /// No change yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces a record.
    #[must_use]
    pub fn put<R: Record>(mut self, record: &R) -> Self {
        match codec::encode(record) {
            Ok(value) => self.edits.push(Edit::Put {
                place: place(R::TABLE, &record.key()),
                value,
            }),
            Err(_) => self.unencodable = true,
        }
        self
    }

    /// Removes the record with this key, if there is one.
    #[must_use]
    pub fn delete<R: Record>(mut self, key: impl AsRef<[u8]>) -> Self {
        self.edits.push(Edit::Delete {
            place: place(R::TABLE, key.as_ref()),
        });
        self
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty() && !self.unencodable
    }
}
