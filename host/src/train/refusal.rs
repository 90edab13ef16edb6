//! Why a run would not start, found without touching its folder.

use super::initial::check_initial;
use super::request::{Request, check_fit, check_split};
use super::sampler::check_sampling;
use super::start::ended;
use crate::dataset::Dataset;
use crate::run::{Error, LockHolder, check_place, check_strangers, is_locked, stored_config};
use crate::tensors;

/// Fails as [`train`](super::train) would before its first step, but for what only allocating and starting threads can tell.
///
/// # Errors
/// The [`Error`] of [`train`](super::train).
pub fn check(request: &Request, dataset: &Dataset) -> Result<(), Error> {
    let Request { config, folder, init, fresh, .. } = request;
    check_fit(config, dataset)?;
    check_split(config, dataset)?;
    check_sampling(config, dataset)?;
    check_initial(config)?;
    check_place(folder)?;
    check_strangers(folder, *fresh)?;
    if is_locked(folder) == Some(true) {
        let holder = LockHolder::read(folder).map_or_else(|| "not named yet".into(), |holder| holder.to_string());
        return Err(Error::Locked { folder: folder.clone(), holder });
    }
    if !fresh {
        stored_config(config, folder)?;
        ended(request, dataset)?;
    }
    init.as_ref().map_or(Ok(()), |file| Ok(tensors::check(file, &config.network.architecture(), &config.training())?))
}
