//! Functions for C: one trainer, of the network that `network.rs` fixes, in the library's own memory. None of them panics.
#![no_std]

mod network;

use core::slice::{from_raw_parts, from_raw_parts_mut};
use core::task::Poll;

use asymgrad_core::random::SplitMix;
use asymgrad_core::{Score, StepError, Targets};

use network::network as trained;
use network::{NET, TRAINING};

/// The trainer, in the memory of the library.
pub struct Trainer(());

/// What a call did. In all cases but `OK` and `PENDING` the weights are unchanged.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// The step has more slices: call `asymgrad_poll` again.
    Pending = 1,
    /// A pointer is null.
    Null = 2,
    /// There are no samples, or more than the batch.
    Samples = 3,
    /// A value of a sample is infinite or NaN.
    NonFiniteInput = 4,
    /// A label is no class, or a target is no value that the loss takes.
    Target = 5,
    /// The loss is infinite or NaN: the training has diverged.
    Diverged = 6,
    /// A step is running, or, for `asymgrad_poll`, none is.
    Step = 7,
}

impl From<StepError> for Status {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Samples { .. } | StepError::Inputs { .. } => Self::Samples,
            StepError::NonFiniteInput { .. } => Self::NonFiniteInput,
            StepError::NonFinite(_) => Self::Diverged,
            StepError::StepRunning => Self::Step,
            _ => Self::Target,
        }
    }
}

/// Number of values of a sample, as `[channel][row][col]`.
#[unsafe(no_mangle)]
pub extern "C" fn asymgrad_features() -> usize {
    NET.input().features()
}

/// Number of outputs: one for each class.
#[unsafe(no_mangle)]
pub extern "C" fn asymgrad_outputs() -> usize {
    NET.classes()
}

/// Number of samples of the largest step.
#[unsafe(no_mangle)]
pub extern "C" fn asymgrad_batch() -> usize {
    TRAINING.batch()
}

/// Number of values of the state: what has to be kept to resume the training, together with `asymgrad_steps`.
#[unsafe(no_mangle)]
pub extern "C" fn asymgrad_state_len() -> usize {
    NET.state(&TRAINING)
}

/// The trainer; null from the second call on. It is not for several threads or interrupts at a time.
#[unsafe(no_mangle)]
pub extern "C" fn asymgrad_take() -> *mut Trainer {
    trained::take().map_or(core::ptr::null_mut(), |trainer| core::ptr::from_mut(trainer).cast())
}

/// The trainer behind a pointer of `asymgrad_take`.
///
/// # Safety
/// `trainer` is null, or a pointer of `asymgrad_take` that no other call uses at this time.
unsafe fn trainer_of<'a>(trainer: *mut Trainer) -> Option<&'a mut trained::Trainer> {
    // SAFETY: as this function demands; the trainer lies in a static.
    unsafe { trainer.cast::<trained::Trainer>().as_mut() }
}

/// Draws the weights and the feedback from two seeds, and starts the optimizer anew. Without it, or a state that is restored, nothing is
/// learned: the memory is all zeros. It ends a step that is running, as `asymgrad_resume` does.
///
/// # Safety
/// `trainer` is null or a pointer of `asymgrad_take`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn asymgrad_initialize(trainer: *mut Trainer, weights: u64, feedback: u64) -> Status {
    // SAFETY: as this function demands.
    let Some(trainer) = (unsafe { trainer_of(trainer) }) else { return Status::Null };
    trainer.initialize(&mut SplitMix::new(weights), feedback);
    Status::Ok
}

/// Trains on some samples, which lie one after the other, and their classes. `loss`, which may be null, becomes the mean loss before the
/// update.
///
/// # Safety
/// `trainer` is null or a pointer of `asymgrad_take`; `inputs` is null or points to `samples` times `asymgrad_features()` values, `labels`
/// to `samples` values, `loss` to one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn asymgrad_step(
    trainer: *mut Trainer,
    inputs: *const f32,
    labels: *const usize,
    samples: usize,
    loss: *mut f32,
) -> Status {
    // SAFETY: as this function demands.
    let Some(labels) = (unsafe { values(labels, samples, 1) }) else { return Status::Null };
    // SAFETY: as this function demands.
    unsafe { step(trainer, inputs, labels.into(), samples, loss) }
}

/// As `asymgrad_step`, with a target value for each output of each sample in place of a class, for the losses that take values.
///
/// # Safety
/// As `asymgrad_step`; `targets` points to `samples` times `asymgrad_outputs()` values.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn asymgrad_step_values(
    trainer: *mut Trainer,
    inputs: *const f32,
    targets: *const f32,
    samples: usize,
    loss: *mut f32,
) -> Status {
    // SAFETY: as this function demands.
    let Some(targets) = (unsafe { values(targets, samples, NET.classes()) }) else { return Status::Null };
    // SAFETY: as this function demands.
    unsafe { step(trainer, inputs, targets.into(), samples, loss) }
}

/// Begins a step as `asymgrad_step`, for `asymgrad_poll` to make it in slices. `PENDING` if it has started.
///
/// # Safety
/// As `asymgrad_step`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn asymgrad_start(
    trainer: *mut Trainer,
    inputs: *const f32,
    labels: *const usize,
    samples: usize,
) -> Status {
    // SAFETY: as this function demands.
    let (trainer, inputs, labels) = unsafe {
        let features = NET.input().features();
        (trainer_of(trainer), values(inputs, samples, features), values(labels, samples, 1))
    };
    let (Some(trainer), Some(inputs), Some(labels)) = (trainer, inputs, labels) else { return Status::Null };
    match start(trainer, inputs, samples).and_then(|()| trainer.start(labels).map(|_| ())) {
        Ok(()) => Status::Pending,
        Err(error) => error.into(),
    }
}

/// Runs the next slice of a step: one layer in one direction, or the loss. `OK` after the last; `loss`, which may be null, is then the mean
/// loss before the update.
///
/// # Safety
/// `trainer` is null or a pointer of `asymgrad_take`; `loss` is null or points to a value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn asymgrad_poll(trainer: *mut Trainer, loss: *mut f32) -> Status {
    // SAFETY: as this function demands.
    let Some(trainer) = (unsafe { trainer_of(trainer) }) else { return Status::Null };
    let Some(mut step) = trainer.running_step() else { return Status::Step };
    match step.poll() {
        Ok(Poll::Pending) => Status::Pending,
        // SAFETY: as this function demands.
        Ok(Poll::Ready(score)) => unsafe { done(Ok(score), loss) },
        Err(error) => error.into(),
    }
}

/// The logits of some samples: of class c for sample s at c · samples + s.
///
/// # Safety
/// `trainer` is null or a pointer of `asymgrad_take`; `inputs` is null or points to `samples` times `asymgrad_features()` values, `logits` to
/// `samples` times `asymgrad_outputs()`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn asymgrad_predict(
    trainer: *mut Trainer,
    inputs: *const f32,
    samples: usize,
    logits: *mut f32,
) -> Status {
    // SAFETY: as this function demands.
    let (trainer, inputs) = unsafe { (trainer_of(trainer), values(inputs, samples, NET.input().features())) };
    let (Some(trainer), Some(inputs), false) = (trainer, inputs, logits.is_null()) else { return Status::Null };
    match trainer.predict(inputs) {
        Ok(found) => {
            // SAFETY: as this function demands; the logits are as many as samples times outputs.
            let logits = unsafe { from_raw_parts_mut(logits, found.len()) };
            logits.copy_from_slice(found);
            Status::Ok
        }
        Err(error) => error.into(),
    }
}

/// The state, of `asymgrad_state_len()` values, to be saved or changed between steps: weights and biases layer by layer, then feedback and
/// the optimizer's. Null for a null pointer.
///
/// # Safety
/// `trainer` is null or a pointer of `asymgrad_take`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn asymgrad_state(trainer: *mut Trainer) -> *mut f32 {
    // SAFETY: as this function demands.
    let trainer = unsafe { trainer_of(trainer) };
    trainer.map_or(core::ptr::null_mut(), |trainer| trainer.state_mut().as_mut_ptr())
}

/// Number of steps made.
///
/// # Safety
/// `trainer` is null or a pointer of `asymgrad_take`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn asymgrad_steps(trainer: *mut Trainer) -> u64 {
    // SAFETY: as this function demands.
    unsafe { trainer_of(trainer) }.map_or(0, |trainer| trainer.steps())
}

/// Resumes after so many steps, when the state has been restored.
///
/// # Safety
/// `trainer` is null or a pointer of `asymgrad_take`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn asymgrad_resume(trainer: *mut Trainer, steps: u64) -> Status {
    // SAFETY: as this function demands.
    let Some(trainer) = (unsafe { trainer_of(trainer) }) else { return Status::Null };
    trainer.resume(steps);
    Status::Ok
}

/// # Safety
/// As [`asymgrad_step`].
unsafe fn step(
    trainer: *mut Trainer,
    inputs: *const f32,
    targets: Targets<'_>,
    samples: usize,
    loss: *mut f32,
) -> Status {
    // SAFETY: as this function demands.
    let (trainer, inputs) = unsafe { (trainer_of(trainer), values(inputs, samples, NET.input().features())) };
    let (Some(trainer), Some(inputs)) = (trainer, inputs) else { return Status::Null };
    // SAFETY: as this function demands.
    unsafe { done(trainer.step(inputs, targets), loss) }
}

/// Copies samples into the network's input.
fn start(trainer: &mut trained::Trainer, inputs: &[f32], samples: usize) -> Result<(), StepError> {
    let shape = NET.input();
    shape.load(inputs, samples, trainer.input(samples)?);
    Ok(())
}

/// # Safety
/// `loss` is null or points to a value.
unsafe fn done(made: Result<Score, StepError>, loss: *mut f32) -> Status {
    match made {
        Ok(score) => {
            // SAFETY: as this function demands.
            if let Some(loss) = unsafe { loss.as_mut() } {
                *loss = score.loss;
            }
            Status::Ok
        }
        Err(error) => error.into(),
    }
}

/// `samples` times `each` values; `None` for a null pointer.
///
/// # Safety
/// `values` is null or points to so many values.
unsafe fn values<'a, T>(values: *const T, samples: usize, each: usize) -> Option<&'a [T]> {
    // SAFETY: as this function demands.
    (!values.is_null()).then(|| unsafe { from_raw_parts(values, samples.saturating_mul(each).min(MOST)) })
}

/// No slice is longer: half of the address space.
const MOST: usize = isize::MAX as usize / 8;

/// For a panic in other code that is linked to this library: the core has none.
#[cfg(not(test))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
