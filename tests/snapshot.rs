//! A simulated NOR flash that loses power at every word of a save: a complete state always loads, and never a foreign one.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::cell::RefCell;
use std::rc::Rc;

use asymgrad_core::capabilities::ALL;
use asymgrad_core::feedback::Storage;
use asymgrad_core::kernels::Kernels;
use asymgrad_core::random::{SplitMix, symmetric};
use asymgrad_core::snapshot::{SnapshotError, Snapshots, UserBytes};
use asymgrad_core::{
    Adam, Architecture, Feedback, Layer, Momentum, Optimizer, Predictor, Sgd, Shape, TensorRole, Trainer, TrainerError,
    Training,
};
use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};
use rand_core::Rng;

const NET: Architecture = Architecture::new(
    Shape::vector(12),
    &[Layer::dense(9), Layer::dense(5).feedback(Feedback::Fixed), Layer::dense(3).feedback(Feedback::Updated)],
);
const TRAINING: Training = Training::new(2).optimizer(Optimizer::Adam(Adam::DEFAULT));
const PAGE: u32 = 1024;
const PAGE_BYTES: usize = PAGE as usize;

/// Bytes that can be written once after each erasure of their page. The power fails after a given number of words.
#[derive(Debug)]
struct Chip<const WORD: usize> {
    bytes: Vec<u8>,
    written: Vec<bool>,
    /// Words and pages until the power fails; `None`: it does not.
    remaining: Option<usize>,
    /// Words written and pages erased since [`Flash::cut_after`].
    used: usize,
    largest: usize,
    /// Bytes read.
    read: usize,
    /// Reads that begin in this range fail, so many times.
    refused: (std::ops::Range<usize>, usize),
}

/// The chip of a device, which survives when the device is switched off.
#[derive(Clone, Debug)]
struct Flash<const WORD: usize>(Rc<RefCell<Chip<WORD>>>);

impl<const WORD: usize> Flash<WORD> {
    fn new(pages: usize) -> Self {
        let bytes = vec![0xA5; pages * PAGE_BYTES];
        let written = vec![true; bytes.len()];
        Self(Rc::new(RefCell::new(Chip {
            bytes,
            written,
            remaining: None,
            used: 0,
            largest: 0,
            read: 0,
            refused: (0..0, 0),
        })))
    }

    /// Refuses `times` reads that begin in `range`.
    fn refuse(&self, range: std::ops::Range<usize>, times: usize) {
        self.0.borrow_mut().refused = (range, times);
    }

    /// Makes the power fail after so many more words and pages; `None`: not at all.
    fn cut_after(&self, words: Option<usize>) {
        let mut chip = self.0.borrow_mut();
        (chip.remaining, chip.used) = (words, 0);
    }
}

impl<const WORD: usize> Chip<WORD> {
    /// Whether the power lasts for one more word or page.
    fn lasts(&mut self) -> bool {
        self.used += 1;
        match &mut self.remaining {
            Some(0) => false,
            Some(remaining) => {
                *remaining -= 1;
                true
            }
            None => true,
        }
    }
}

impl<const WORD: usize> ErrorType for Flash<WORD> {
    type Error = NorFlashErrorKind;
}

impl<const WORD: usize> ReadNorFlash for Flash<WORD> {
    const READ_SIZE: usize = WORD;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        check_read(self, offset, bytes.len())?;
        let offset = offset as usize;
        let mut chip = self.0.borrow_mut();
        if chip.refused.1 > 0 && chip.refused.0.contains(&offset) {
            chip.refused.1 -= 1;
            return Err(NorFlashErrorKind::Other);
        }
        chip.read += bytes.len();
        bytes.copy_from_slice(&chip.bytes[offset..offset + bytes.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.borrow().bytes.len()
    }
}

impl<const WORD: usize> NorFlash for Flash<WORD> {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = PAGE_BYTES;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        check_erase(self, from, to)?;
        let mut chip = self.0.borrow_mut();
        for page in (from as usize..to as usize).step_by(PAGE_BYTES) {
            if !chip.lasts() {
                // Some bytes are erased, others hold arbitrary bits.
                for (index, byte) in chip.bytes[page..page + PAGE_BYTES].iter_mut().enumerate() {
                    *byte |= [0xFF, 0x0F, 0x00][index % 3];
                }
                return Err(NorFlashErrorKind::Other);
            }
            chip.bytes[page..page + PAGE_BYTES].fill(0xFF);
            chip.written[page..page + PAGE_BYTES].fill(false);
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        check_write(self, offset, bytes.len())?;
        let mut chip = self.0.borrow_mut();
        chip.largest = chip.largest.max(bytes.len());
        for (at, word) in (offset as usize..).step_by(WORD).zip(bytes.chunks(WORD)) {
            assert!(chip.written[at..at + WORD].iter().all(|written| !written), "the word at {at} is written twice");
            chip.written[at..at + WORD].fill(true);
            if !chip.lasts() {
                // Half of the bits of each byte are written.
                chip.bytes[at..at + WORD].iter_mut().zip(word).for_each(|(byte, new)| *byte &= *new | 0x0F);
                return Err(NorFlashErrorKind::Other);
            }
            chip.bytes[at..at + WORD].copy_from_slice(word);
        }
        Ok(())
    }
}

/// An empty flash whose pages are shorter than a header.
#[derive(Debug)]
struct SmallPages;

impl ErrorType for SmallPages {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for SmallPages {
    const READ_SIZE: usize = 4;

    fn read(&mut self, _: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        bytes.fill(0xFF);
        Ok(())
    }

    fn capacity(&self) -> usize {
        64 * 8
    }
}

impl NorFlash for SmallPages {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 64;

    fn erase(&mut self, _: u32, _: u32) -> Result<(), NorFlashErrorKind> {
        Ok(())
    }

    fn write(&mut self, _: u32, _: &[u8]) -> Result<(), NorFlashErrorKind> {
        Ok(())
    }
}

/// CRC-32 bit by bit, by long division of the message's polynomial.
fn crc(message: &[u8]) -> u32 {
    let mut remainder = u32::MAX;
    for bit in message.iter().flat_map(|byte| (0..8).map(move |shift| u32::from(byte >> shift & 1))) {
        let subtract = (remainder ^ bit) & 1 == 1;
        remainder = (remainder >> 1) ^ if subtract { 0xEDB8_8320 } else { 0 };
    }
    !remainder
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn uniform(len: usize) -> Vec<f32> {
    let mut generator = SplitMix::new(3);
    (0..len).map(|_| symmetric(generator.next_u32())).collect()
}

/// Calls `act` with a trainer whose weights are drawn from `seed`.
fn with_trainer<R>(training: Training, seed: u64, act: impl FnOnce(&mut Trainer<'_, ALL>) -> R) -> R {
    let mut memory = vec![0.0; NET.memory(&training)];
    let mut trainer = Trainer::<ALL>::new(NET, training, &mut memory).unwrap();
    trainer.initialize(&mut SplitMix::new(seed), 2);
    act(&mut trainer)
}

fn train<const CAPS: u32, K: Kernels>(trainer: &mut Trainer<'_, CAPS, K>) {
    trainer.step(&uniform(24), &[0, 2]).unwrap();
}

/// Switches a device on and returns the state that it loads, the number of steps, and the caller's bytes.
fn switch_on<const WORD: usize>(
    flash: &Flash<WORD>,
    slot: u32,
) -> Result<(Vec<u32>, u64, UserBytes), SnapshotError<NorFlashErrorKind>> {
    with_trainer(TRAINING, 77, |trainer| {
        let own = Snapshots::new(flash.clone(), PAGE..PAGE + 2 * slot)?.load(trainer)?;
        Ok((bits(trainer.state()), trainer.steps(), own))
    })
}

fn cut_at_every_word<const WORD: usize>() {
    let slot = Snapshots::<Flash<WORD>>::slot(NET.state(&TRAINING));
    assert!(slot > PAGE && slot.is_multiple_of(PAGE), "pages are erased one by one");
    let flash = Flash::<WORD>::new(2 * (slot / PAGE) as usize + 2);
    let range = PAGE..PAGE + 2 * slot;
    assert_eq!(switch_on(&flash, slot), Err(SnapshotError::Empty));
    with_trainer(TRAINING, 1, |trainer| {
        let mut snapshots = Snapshots::new(flash.clone(), range.clone()).unwrap();
        let (mut before, mut saves) = (None, 0);
        for save in 0..3_u8 {
            train(trainer);
            let now = (bits(trainer.state()), trainer.steps(), [save; 32]);
            let mut words = 0;
            loop {
                flash.cut_after(Some(words));
                let saved = snapshots.save(trainer, &[save; 32]);
                flash.cut_after(None);
                saves += 1;
                if saved.is_ok() {
                    break;
                }
                assert_eq!(saved, Err(SnapshotError::Flash(NorFlashErrorKind::Other)));
                let found = switch_on(&flash, slot);
                match &before {
                    Some(before) => assert!(
                        found.as_ref() == Ok(before) || found.as_ref() == Ok(&now),
                        "save {save}, cut at word {words}: another state loads"
                    ),
                    None => assert!(found == Err(SnapshotError::Empty) || found.as_ref() == Ok(&now)),
                }
                words += 1;
            }
            assert_eq!(switch_on(&flash, slot).as_ref(), Ok(&now));
            // Each word of header and values was cut once, and each erasure of a page.
            let least = (128 + 4 * NET.state(&TRAINING)) / WORD + (slot / PAGE) as usize;
            assert!(words >= least, "{words} cuts of {least}");
            before = Some(now);
        }
        assert!(saves > 3);
    });
    assert_eq!(flash.0.borrow().largest, 256, "bytes written at a time");
    let chip = flash.0.borrow();
    let outside = chip.bytes[..PAGE_BYTES].iter().chain(&chip.bytes[range.end as usize..]);
    assert!(outside.copied().all(|byte| byte == 0xA5), "bytes outside the range changed");
}

#[test]
fn power_may_be_cut_at_every_word() {
    cut_at_every_word::<4>();
    cut_at_every_word::<8>();
    cut_at_every_word::<32>();
}

/// A slice erases one page, or reads or writes at most 256 bytes; a save that is dropped costs nothing.
#[test]
fn a_save_can_be_made_in_slices() {
    let slot = Snapshots::<Flash<4>>::slot(NET.state(&TRAINING));
    let [whole, sliced] = [(); 2].map(|()| Flash::<4>::new(2 * (slot / PAGE) as usize + 2));
    with_trainer(TRAINING, 1, |trainer| {
        let mut by_slices = Snapshots::new(sliced.clone(), PAGE..PAGE + 2 * slot).unwrap();
        for save in 0..3_u8 {
            train(trainer);
            Snapshots::new(whole.clone(), PAGE..PAGE + 2 * slot).unwrap().save(trainer, &[save; 32]).unwrap();
            if save > 0 {
                let mut dropped = by_slices.start_save(trainer, &[99; 32]).unwrap();
                (0..20).for_each(|_| assert!(dropped.poll().unwrap().is_pending()));
                let loaded = switch_on(&sliced, slot).unwrap();
                assert_eq!(loaded.2, [save - 1; 32], "the last snapshot is gone");
                assert!(sliced.0.borrow().bytes != whole.0.borrow().bytes, "20 slices wrote nothing");
            }
            sliced.0.borrow_mut().read = 0;
            let mut running = by_slices.start_save(trainer, &[save; 32]).unwrap();
            let mut slices = 0;
            loop {
                sliced.cut_after(None);
                let polled = running.poll().unwrap();
                let used = sliced.0.borrow().used;
                assert!(used <= 256 / 4, "a slice of {used} words or pages");
                slices += 1;
                if polled.is_ready() {
                    break;
                }
            }
            assert!(running.poll().unwrap().is_ready(), "a complete save stays complete");
            let chunks = NET.state(&TRAINING).div_ceil(64);
            assert!(slices >= 2 * chunks + (slot / PAGE) as usize, "{slices} slices");
            assert!(sliced.0.borrow().bytes == whole.0.borrow().bytes, "another flash after save {save}");
            let expected = if save == 0 { 2 * 128 } else { 0 };
            assert_eq!(sliced.0.borrow().read, expected, "bytes read by save {save}");
        }
    });
}

#[test]
fn training_continues_as_if_never_interrupted() {
    for optimizer in Optimizer::DEFAULTS {
        for storage in [Storage::Memory, Storage::Seed] {
            let training = TRAINING.optimizer(optimizer).fixed_feedback(storage);
            let flash = Flash::<4>::new(8);
            let expected = with_trainer(training, 1, |trainer| {
                (0..3).for_each(|_| train(trainer));
                Snapshots::new(flash.clone(), 0..8 * PAGE).unwrap().save(trainer, &[9; 32]).unwrap();
                (0..3).for_each(|_| train(trainer));
                bits(trainer.state())
            });
            with_trainer(training, 50, |trainer| {
                let own = Snapshots::new(flash.clone(), 0..8 * PAGE).unwrap().load(trainer).unwrap();
                assert_eq!((own, trainer.steps()), ([9; 32], 3));
                (0..3).for_each(|_| train(trainer));
                assert_eq!(bits(trainer.state()), expected, "{optimizer:?}, {storage:?}");
            });
        }
    }
}

/// The host's trainer has every capability, a device's those of one network; each loads the state of the other.
#[test]
fn the_state_of_the_host_loads_on_a_device_and_back() {
    let range = 0..8 * PAGE;
    let flash = Flash::<4>::new(8);
    let mut memory = vec![0.0; NET.memory(&TRAINING)];
    let mut on_host = Trainer::<ALL>::new(NET, TRAINING, &mut memory).unwrap();
    on_host.initialize(&mut SplitMix::new(1), 2);
    (0..5).for_each(|_| train(&mut on_host));
    Snapshots::new(flash.clone(), range.clone()).unwrap().save(&on_host, &[0; 32]).unwrap();

    let mut memory = [0.0; NET.memory(&TRAINING)];
    let mut device = Trainer::<{ NET.capabilities(&TRAINING) }>::new(NET, TRAINING, &mut memory).unwrap();
    let mut snapshots = Snapshots::new(flash, range.clone()).unwrap();
    snapshots.load(&mut device).unwrap();
    assert_eq!((bits(device.state()), device.steps()), (bits(on_host.state()), 5));
    train(&mut device);
    snapshots.save(&device, &[1; 32]).unwrap();

    let mut back = Snapshots::new(snapshots.release(), range).unwrap();
    assert_eq!(back.load(&mut on_host), Ok([1; 32]));
    assert_eq!((bits(on_host.state()), on_host.steps()), (bits(device.state()), 6));
    let mut memory = [0.0; NET.prediction_memory(1)];
    let mut predictor = Predictor::<ALL>::new(NET, 1, on_host.parameters(), &mut memory).unwrap();
    let logits = bits(predictor.predict(&uniform(12)).unwrap());
    assert_eq!(bits(device.predict(&uniform(12)).unwrap()), logits);
}

/// A class is added after deployment: what was learned stays, in memory and from a snapshot.
#[test]
fn a_network_grows_by_a_class() {
    const SMALLER: &str = "input 2x4x3 - conv3x3x2 - dense9(DFA) - dense5(R) - dense4(R*) - dense3(R)";
    const LARGER: &str = "input 2x4x3 - conv3x3x2 - dense9(DFA) - dense5(R) - dense4(R*) - dense5(R)";
    let (mut layers, mut others) = ([Layer::dense(1); 8], [Layer::dense(1); 8]);
    let smaller = Architecture::parse(SMALLER, &mut layers).unwrap();
    let larger = Architecture::parse(LARGER, &mut others).unwrap();
    for optimizer in Optimizer::DEFAULTS {
        for (storage, frozen) in [(Storage::Memory, 0), (Storage::Seed, 0), (Storage::Memory, 2)] {
            let training = Training::new(2).optimizer(optimizer).fixed_feedback(storage).freeze(frozen);
            let mut memories = [smaller, larger, larger].map(|network| vec![0.5; network.memory(&training)]);
            let [memory, grown, loaded] = &mut memories;
            let mut trainer = Trainer::<ALL>::new(smaller, training, memory).unwrap();
            trainer.initialize(&mut SplitMix::new(1), 2);
            for _ in 0..3 {
                trainer.step(&uniform(48), &[0, 2]).unwrap();
            }
            let mut grown = Trainer::<ALL>::new(larger, training, grown).unwrap();
            grown.initialize(&mut SplitMix::new(5), 2);
            let drawn = grown.state().to_vec();
            grown.grow_from(&smaller, trainer.state()).unwrap();
            grown.resume(trainer.steps());
            let logits = trainer.predict(&uniform(48)).unwrap().to_vec();
            assert_eq!(bits(&grown.predict(&uniform(48)).unwrap()[..6]), bits(&logits), "{optimizer:?}");
            // Each value of the smaller state is found once; the others are as drawn.
            let pairs: Vec<_> = smaller.tensors(&training).zip(larger.tensors(&training)).collect();
            for (from, to) in &pairs {
                let (kept, new) = grown.state()[to.range()].split_at(from.len());
                assert_eq!(bits(kept), bits(&trainer.state()[from.range()]), "{from}");
                assert_eq!(bits(new), bits(&drawn[to.range()][from.len()..]), "{from}");
            }
            // The moments of trained parameters lie behind parameters, feedback and seed.
            let first_moment = |trainer: &Trainer<'_, ALL>| {
                let network = trainer.network();
                let is_frozen = |layer: usize| layer < usize::from(frozen);
                let tensors = network.tensors(&training).filter(|tensor| is_frozen(tensor.layer()));
                let frozen: usize = tensors.map(|tensor| tensor.len()).sum();
                let trained = trainer.parameters().len() - frozen;
                (trainer.state().len() - trained * optimizer.states(), trained, frozen)
            };
            let [of_small, of_large] = [first_moment(&trainer), first_moment(&grown)];
            for (from, to) in pairs.iter().filter(|(from, _)| from.role() != TensorRole::Feedback) {
                for moment in 0..if from.layer() < usize::from(frozen) { 0 } else { optimizer.states() } {
                    let [from_at, to_at] =
                        [(from, of_small), (to, of_large)].map(|(tensor, (first, trained, frozen))| {
                            first + moment * trained + tensor.range().start - frozen
                        });
                    let (kept, new) = grown.state()[to_at..to_at + to.len()].split_at(from.len());
                    assert_eq!(bits(kept), bits(&trainer.state()[from_at..from_at + from.len()]), "{from} {moment}");
                    assert!(kept.iter().any(|value| *value != 0.0), "{from} {moment}");
                    assert!(new.iter().all(|value| *value == 0.0), "{from} {moment}");
                }
            }
            let flash = Flash::<4>::new(16);
            let mut snapshots = Snapshots::new(flash, 0..16 * PAGE).unwrap();
            snapshots.save(&trainer, &[4; 32]).unwrap();
            let mut loaded = Trainer::<ALL>::new(larger, training, loaded).unwrap();
            loaded.initialize(&mut SplitMix::new(5), 2);
            assert!(matches!(snapshots.load(&mut loaded), Err(SnapshotError::Foreign { .. })));
            assert_eq!(snapshots.load_smaller(&mut loaded, &smaller), Ok([4; 32]));
            assert_eq!((bits(loaded.state()), loaded.steps()), (bits(grown.state()), 3));
            for trainer in [&mut grown, &mut loaded] {
                trainer.step(&uniform(48), &[4, 1]).unwrap();
            }
            assert_eq!(bits(loaded.state()), bits(grown.state()));
            assert_eq!(trainer.grow_from(&larger, grown.state()), Err(TrainerError::OtherNetwork));
            let error = grown.grow_from(&smaller, &[0.0; 3]).unwrap_err();
            assert_eq!(error, TrainerError::State { expected: smaller.state(&training), found: 3 });
        }
    }
}

#[test]
fn a_foreign_state_is_refused() {
    let range = 0..8 * PAGE;
    let flash = Flash::<4>::new(8);
    let saved = with_trainer(TRAINING, 1, |trainer| {
        Snapshots::new(flash.clone(), range.clone()).unwrap().save(trainer, &[0; 32]).unwrap();
        trainer.network().fingerprint(&TRAINING)
    });
    let others: [(&[Layer], Training); 6] = [
        (&[Layer::dense(9), Layer::dense(5), Layer::dense(3).feedback(Feedback::Updated)], TRAINING),
        (&[Layer::dense(9), Layer::dense(6).feedback(Feedback::Fixed), Layer::dense(3)], TRAINING),
        // A state of the same length with other contents.
        (NET.layers(), TRAINING.fixed_feedback(Storage::Seed)),
        (NET.layers(), TRAINING.optimizer(Optimizer::Sgd(Sgd::DEFAULT))),
        (NET.layers(), TRAINING.freeze(1)),
        (NET.layers(), TRAINING.optimizer(Optimizer::Nesterov(Momentum::DEFAULT))),
    ];
    for (layers, training) in others {
        let network = Architecture::try_new(NET.input(), layers).unwrap();
        let mut memory = vec![0.25; network.memory(&training)];
        let mut trainer = Trainer::<ALL>::new(network, training, &mut memory).unwrap();
        let error = Snapshots::new(flash.clone(), range.clone()).unwrap().load(&mut trainer).unwrap_err();
        let expected = network.fingerprint(&training);
        assert_eq!(error, SnapshotError::Foreign { expected, found: saved });
        let message = format!("the state in the flash is of training {saved:#010x}, this is {expected:#010x}");
        assert_eq!(error.to_string(), message);
        assert!(bits(trainer.state()).iter().all(|bits| *bits == 0.25_f32.to_bits()), "a foreign state was loaded");
    }
    // Batch, rate and clipping do not change the layout of the state.
    let training = TRAINING.clip(0.5).optimizer(Optimizer::Adam(Adam { rate: 0.1, ..Adam::DEFAULT }));
    assert_eq!(NET.fingerprint(&training), saved);
}

/// The fingerprints of networks that the first version of the crate knew, computed by FNV-1a as the module describes it; those with
/// other kernels differ from them.
#[test]
fn fingerprints_stay_the_same() {
    let of = |text: &str| {
        let mut layers = [Layer::dense(1); 8];
        Architecture::parse(text, &mut layers)
            .unwrap()
            .fingerprint(&Training::new(1).optimizer(Optimizer::Adam(Adam::DEFAULT)))
    };
    let rest = "maxpool3x3/2 - untied3x3x3.tanh(R) - avgpool3x3/2 - dense6(R*) - dense3(R)";
    assert_eq!(of(&format!("input 2x9x7 - conv5x5x4 - {rest}")), 0x506f_e9e3);
    let kernels = ["5x5x4", "5x4x4", "4x5x4", "5x5x4/2", "5x5x4.valid", "5x5x4/2.valid", "5x2x4.valid"];
    let all: Vec<u32> = kernels.iter().map(|kernel| of(&format!("input 2x9x9 - conv{kernel} - {rest}"))).collect();
    for (index, one) in all.iter().enumerate() {
        assert!(!all[..index].contains(one), "{}", kernels[index]);
    }
}

#[test]
fn a_flipped_bit_in_any_byte_of_a_slot_is_found() {
    let range = 0..8 * PAGE;
    let flash = Flash::<4>::new(8);
    with_trainer(TRAINING, 1, |trainer| {
        let mut snapshots = Snapshots::new(flash.clone(), range.clone()).unwrap();
        snapshots.save(trainer, &[5; 32]).unwrap();
        train(trainer);
        snapshots.save(trainer, &[6; 32]).unwrap();
        let newest = 4 * PAGE_BYTES;
        for byte in (0..68).chain(128..128 + 4 * NET.state(&TRAINING)) {
            let bit = 1 << (byte % 8);
            flash.0.borrow_mut().bytes[newest + byte] ^= bit;
            assert_eq!(snapshots.load(trainer), Ok([5; 32]), "a damaged byte {byte} loads");
            flash.0.borrow_mut().bytes[newest + byte] ^= bit;
        }
        assert_eq!(snapshots.load(trainer), Ok([6; 32]));
    });
}

/// The only complete state lies in the first or the second slot, and a read of its header or of its values fails.
#[test]
fn a_read_that_fails_erases_nothing() {
    let (range, slot) = (0..8 * PAGE, 4 * PAGE_BYTES);
    for good in [0, slot] {
        for at in [good, good + 128, good + 384] {
            let flash = Flash::<4>::new(8);
            with_trainer(TRAINING, 1, |trainer| {
                let mut snapshots = Snapshots::new(flash.clone(), range.clone()).unwrap();
                (0..=good / slot).for_each(|_| snapshots.save(trainer, &[5; 32]).unwrap());
                flash.0.borrow_mut().bytes[slot - good..][..slot].fill(0xFF);
                train(trainer);

                flash.refuse(at..at + 1, usize::MAX);
                let before = flash.0.borrow().bytes.clone();
                flash.cut_after(None);
                let switched_on = || Snapshots::new(flash.clone(), range.clone()).unwrap();
                let error = switched_on().save(trainer, &[6; 32]);
                assert_eq!(error, Err(SnapshotError::Flash(NorFlashErrorKind::Other)));
                // A loop that polls the same save again, in place of another one.
                let mut again = switched_on();
                let mut save = again.start_save(trainer, &[6; 32]).unwrap();
                let mut errors = 0;
                for _ in 0..10_000 {
                    errors += usize::from(save.poll().is_err());
                }
                assert!(errors > 1);
                assert_eq!(flash.0.borrow().used, 0, "something was erased");
                assert_eq!(flash.0.borrow().bytes, before);

                flash.refuse(at..at + 1, 1);
                assert_eq!(snapshots.load(trainer), Ok([5; 32]), "a second try loads");
                flash.refuse(at..at + 1, 1);
                assert_eq!(switched_on().save(trainer, &[6; 32]), Ok(()), "a second try writes to the other slot");
                assert_eq!(snapshots.load(trainer), Ok([6; 32]));
                flash.0.borrow_mut().bytes[slot - good] ^= 1;
                assert_eq!(snapshots.load(trainer), Ok([5; 32]), "the state before is still there");
            });
        }
    }
}

/// A power cut may leave a word that contradicts its check bits: the slot is rewritten, the other one stays.
#[test]
fn a_slot_that_cannot_be_read_is_rewritten_if_the_other_is_complete() {
    let flash = Flash::<4>::new(8);
    with_trainer(TRAINING, 1, |trainer| {
        let mut snapshots = Snapshots::new(flash.clone(), 0..8 * PAGE).unwrap();
        for own in [5, 6] {
            snapshots.save(trainer, &[own; 32]).unwrap();
        }
        let newest = 4 * PAGE_BYTES;
        flash.refuse(newest..newest + 1, 2);
        assert_eq!(snapshots.load(trainer), Ok([5; 32]));
        assert_eq!(snapshots.save(trainer, &[7; 32]), Ok(()));
        assert_eq!(snapshots.load(trainer), Ok([7; 32]));
    });
}

#[test]
fn a_state_that_is_not_finite_is_not_saved() {
    let flash = Flash::<4>::new(8);
    with_trainer(TRAINING, 1, |trainer| {
        let mut snapshots = Snapshots::new(flash.clone(), 0..8 * PAGE).unwrap();
        snapshots.save(trainer, &[5; 32]).unwrap();
        let before = flash.0.borrow().bytes.clone();
        for index in 0..NET.state(&TRAINING) {
            let value = std::mem::replace(&mut trainer.state_mut()[index], f32::INFINITY);
            let error = snapshots.save(trainer, &[6; 32]).unwrap_err();
            assert_eq!(error, SnapshotError::NonFinite { index, found: f32::INFINITY });
            let said = format!("value {index} of the state has to be finite, found inf: the last snapshot is kept");
            assert_eq!(error.to_string(), said);
            trainer.state_mut()[index] = value;
        }
        assert_eq!(flash.0.borrow().bytes, before);
    });
    // A seed is stored as bits, here those of a NaN.
    let training = TRAINING.fixed_feedback(Storage::Seed);
    with_trainer(training, 1, |trainer| {
        trainer.initialize(&mut SplitMix::new(1), u64::MAX);
        assert!(trainer.state().iter().any(|value| value.is_nan()));
        Snapshots::new(flash.clone(), 0..8 * PAGE).unwrap().save(trainer, &[7; 32]).unwrap();
        let expected = bits(trainer.state());
        trainer.state_mut().fill(0.0);
        assert_eq!(Snapshots::new(flash.clone(), 0..8 * PAGE).unwrap().load(trainer), Ok([7; 32]));
        assert_eq!(bits(trainer.state()), expected);
    });
}

#[test]
fn another_version_is_refused() {
    let range = 0..8 * PAGE;
    let flash = Flash::<4>::new(8);
    with_trainer(TRAINING, 1, |trainer| {
        let mut snapshots = Snapshots::new(flash.clone(), range.clone()).unwrap();
        snapshots.save(trainer, &[5; 32]).unwrap();
        {
            let bytes = &mut flash.0.borrow_mut().bytes;
            assert_eq!((&bytes[..4], &bytes[4..8]), (b"ASYM".as_slice(), [1, 0, 0, 0].as_slice()));
            bytes[4] = 2;
            let sum = crc(&bytes[..64]);
            bytes[64..68].copy_from_slice(&sum.to_le_bytes());
        }
        let error = snapshots.load(trainer).unwrap_err();
        assert_eq!(error, SnapshotError::Version { expected: 1, found: 2 });
        assert_eq!(error.to_string(), "the state in the flash has version 2 of the format, this is version 1");
    });
}

#[test]
fn invalid_ranges_slots_and_moments_are_refused() {
    type Error = SnapshotError<NorFlashErrorKind>;
    let flash = Flash::<4>::new(8);
    // No page, one page, one and a half for each slot, pages that are not aligned, more pages than the flash has.
    for range in [0..0, 0..PAGE, 0..3 * PAGE, PAGE / 2..PAGE / 2 + 2 * PAGE, 0..10 * PAGE] {
        let error: Error = Snapshots::new(flash.clone(), range).unwrap_err();
        assert_eq!(error, SnapshotError::Range);
        let said = "the range for snapshots is not two slots of whole pages in the flash, of 128 bytes or more each";
        assert_eq!(error.to_string(), said);
    }
    let error: Error = Snapshots::new(Flash::<96>::new(8), 0..2 * PAGE).unwrap_err();
    assert_eq!(error, SnapshotError::Word { found: 96 });
    let said = "the words of the flash have to divide the 128 bytes of a header, found 96 bytes";
    assert_eq!(error.to_string(), said);
    for (end, fits) in [(64 * 2, false), (64 * 4, true)] {
        assert_eq!(Snapshots::new(SmallPages, 0..end).is_ok(), fits, "a header takes two pages of 64 bytes");
    }
    with_trainer(TRAINING, 1, |trainer| {
        let bytes = 128 + 4 * u32::try_from(NET.state(&TRAINING)).unwrap();
        let error = Snapshots::new(flash.clone(), 0..2 * PAGE).unwrap().save(trainer, &[0; 32]).unwrap_err();
        assert_eq!(error, SnapshotError::Slot { expected: bytes, found: PAGE });
        assert_eq!(error.to_string(), format!("the state needs a slot of {bytes} bytes, found {PAGE}"));
        trainer.input(1).unwrap().fill(0.5);
        assert!(trainer.start(&[0]).unwrap().poll().unwrap().is_pending());
        let error = Snapshots::new(flash.clone(), 0..8 * PAGE).unwrap().save(trainer, &[0; 32]).unwrap_err();
        assert_eq!(error, SnapshotError::StepRunning);
        assert_eq!(error.to_string(), "a step is running: poll until it is ready");
    });
    assert_eq!(Error::Empty.to_string(), "the flash holds no complete state");
    assert_eq!(Error::Flash(NorFlashErrorKind::Other).to_string(), "the flash failed: Other");
}
