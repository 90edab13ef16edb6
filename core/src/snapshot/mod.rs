//! A training's state in NOR flash: after a power cut at any time, one complete state can be loaded.
//!
//! | file | what it holds |
//! |---|---|
//! | `slots.rs` | [`Snapshots`]: two slots in a flash, written alternately; loading |
//! | `save.rs` | [`Snapshots::save`], and [`Save`]: a save in slices |
//! | `search.rs` | the search for the newest complete state |
//! | `chunk.rs` | the values that are read or written at a time |
//! | `header.rs` | the header of a slot, and its checksum |
//! | `error.rs` | why a state is not saved or not loaded |
//!
//! [`Snapshots::save`] erases the slot of the older state, writes the values in chunks of 256 bytes and the header last,
//! each word once. Until the header is complete, the other slot holds the newest state. Values are little-endian, so a
//! host and a device load each other's snapshots.
//!
//! | bytes of a slot | content |
//! |---|---|
//! | 0–3 | `ASYM` |
//! | 4–7 | version of this format: 1 |
//! | 8–11 | [`Architecture::fingerprint`](crate::Architecture::fingerprint) |
//! | 12–15 | sequence number of the save |
//! | 16–19 | length of the state in values |
//! | 20–27 | steps made |
//! | 28–59 | [`UserBytes`] |
//! | 60–63 | CRC-32 of the values |
//! | 64–67 | CRC-32 of bytes 0–63 |
//! | 68–127 | 0xFF |
//! | 128– | the values of [`Trainer::state`](crate::Trainer::state): weights and biases, feedback, optimizer state |

mod chunk;
mod error;
mod header;
mod save;
mod search;
mod slots;

pub use self::error::SnapshotError;
pub use self::header::UserBytes;
pub use self::save::Save;
pub use self::slots::Snapshots;
