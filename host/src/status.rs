//! Where a run stands: done, at work, crashed, stopped; told by its folder alone, without touching it.

use std::path::Path;

use serde::{Serialize, Serializer};

use crate::run::{self, CONFIG, Error, Owner};

/// A beat older than this, in seconds, on a host whose locks cannot be seen from here, is taken for a crash.
const SILENCE: u64 = 120;

/// Where a run stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has no folder yet.
    Missing,
    /// It made all its steps.
    Finished,
    /// It ended because its loss was no number any more: a result.
    Diverged,
    /// A process is at work on it.
    Running(Option<Owner>),
    /// A process that was at work on it is gone without a word: killed, or its host went down.
    Crashed(Owner),
    /// Nobody is at work, and it has not ended: the same command continues it.
    Stopped,
}

impl Standing {
    /// One word for it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Finished => "finished",
            Self::Diverged => "diverged",
            Self::Running(_) => "running",
            Self::Crashed(_) => "crashed",
            Self::Stopped => "stopped",
        }
    }

    /// Whether it has a result.
    pub const fn has_ended(&self) -> bool {
        matches!(self, Self::Finished | Self::Diverged)
    }
}

impl Serialize for Standing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Where the run in `folder` stands.
///
/// # Errors
/// [`Error`] if its result is damaged.
pub fn standing(folder: &Path) -> Result<Standing, Error> {
    if !folder.join(CONFIG).exists() {
        return Ok(Standing::Missing);
    }
    // A result comes last, and goes first when a run is made longer.
    if let Some(summary) = run::read_summary(folder)? {
        return Ok(if summary.status == run::Status::Diverged { Standing::Diverged } else { Standing::Finished });
    }
    Ok(match (run::is_locked(folder), Owner::read(folder)) {
        (Some(true), owner) => Standing::Running(owner),
        (_, Some(owner)) if !owner.is_here() && run::now().abs_diff(owner.beat) < SILENCE => {
            Standing::Running(Some(owner))
        }
        (_, Some(owner)) => Standing::Crashed(owner),
        (_, None) => Standing::Stopped,
    })
}
