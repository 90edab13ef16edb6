//! A simulated NOR flash whose power is cut at every word of a save: one whole state always loads, and no foreign one.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::cell::RefCell;
use std::rc::Rc;

use asymgrad_core::capabilities::ALL;
use asymgrad_core::feedback::Storage;
use asymgrad_core::kernels::Kernels;
use asymgrad_core::random::{SplitMix, symmetric};
use asymgrad_core::snapshot::{SnapshotError, Snapshots, UserBytes};
use asymgrad_core::{
    Adam, Architecture, Feedback, Layer, Momentum, Optimizer, Predictor, Sgd, Shape, Trainer, Training,
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

/// Bytes that can be written once between two erasures of their page, and a number of words after which the power fails.
#[derive(Debug)]
struct Chip<const WORD: usize> {
    bytes: Vec<u8>,
    written: Vec<bool>,
    left: Option<usize>,
    /// Words written or pages erased.
    used: usize,
    largest: usize,
    /// Reads from the first of these bytes, and how many of them are still refused.
    refused: (std::ops::Range<usize>, usize),
}

/// The chip outlives the device that is switched off.
#[derive(Clone, Debug)]
struct Flash<const WORD: usize>(Rc<RefCell<Chip<WORD>>>);

impl<const WORD: usize> Flash<WORD> {
    fn new(pages: usize) -> Self {
        let bytes = vec![0xA5; pages * PAGE_BYTES];
        let written = vec![true; bytes.len()];
        Self(Rc::new(RefCell::new(Chip { bytes, written, left: None, used: 0, largest: 0, refused: (0..0, 0) })))
    }

    /// Refuses `times` reads that begin in `place`.
    fn refuse(&self, place: std::ops::Range<usize>, times: usize) {
        self.0.borrow_mut().refused = (place, times);
    }

    /// The power fails after so many more words; `None`: it does not.
    fn cut_after(&self, words: Option<usize>) {
        let mut chip = self.0.borrow_mut();
        (chip.left, chip.used) = (words, 0);
    }
}

impl<const WORD: usize> Chip<WORD> {
    /// Whether the power lasts for one more word or page.
    fn lasts(&mut self) -> bool {
        self.used += 1;
        match &mut self.left {
            Some(0) => false,
            Some(left) => {
                *left -= 1;
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
                // Some bytes are erased, and some are anything.
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
                // Half of the word's bits.
                chip.bytes[at..at + WORD].iter_mut().zip(word).for_each(|(byte, new)| *byte &= *new | 0x0F);
                return Err(NorFlashErrorKind::Other);
            }
            chip.bytes[at..at + WORD].copy_from_slice(word);
        }
        Ok(())
    }
}

/// Flash whose pages are shorter than a header, and empty.
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
    let mut rest = u32::MAX;
    for bit in message.iter().flat_map(|byte| (0..8).map(move |place| u32::from(byte >> place & 1))) {
        let subtract = (rest ^ bit) & 1 == 1;
        rest = (rest >> 1) ^ if subtract { 0xEDB8_8320 } else { 0 };
    }
    !rest
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

fn uniform(numbers: usize) -> Vec<f32> {
    let mut generator = SplitMix::new(3);
    (0..numbers).map(|_| symmetric(generator.next_u32())).collect()
}

/// Acts on a trainer with weights drawn from `seed`.
fn with_trainer<R>(training: Training, seed: u64, act: impl FnOnce(&mut Trainer<'_, ALL>) -> R) -> R {
    let mut memory = vec![0.0; NET.memory(&training)];
    let mut trainer = Trainer::<ALL>::new(NET, training, &mut memory).unwrap();
    trainer.initialize(&mut SplitMix::new(seed), 2);
    act(&mut trainer)
}

fn train<const CAPS: u32, K: Kernels>(trainer: &mut Trainer<'_, CAPS, K>) {
    trainer.step(&uniform(24), &[0, 2]).unwrap();
}

/// A device that is switched on: what it loads, and after how many steps.
fn switch_on<const WORD: usize>(
    flash: &Flash<WORD>,
    place: u32,
) -> Result<(Vec<u32>, u64, UserBytes), SnapshotError<NorFlashErrorKind>> {
    with_trainer(TRAINING, 77, |trainer| {
        let own = Snapshots::new(flash.clone(), PAGE..PAGE + 2 * place)?.load(trainer)?;
        Ok((bits(trainer.state()), trainer.steps(), own))
    })
}

fn cut_at_every_word<const WORD: usize>() {
    let slot = Snapshots::<Flash<WORD>>::slot(NET.state(&TRAINING));
    assert!(slot > PAGE && slot.is_multiple_of(PAGE), "pages are erased one by one");
    let flash = Flash::<WORD>::new(2 * (slot / PAGE) as usize + 2);
    let place = PAGE..PAGE + 2 * slot;
    assert_eq!(switch_on(&flash, slot), Err(SnapshotError::Empty));
    with_trainer(TRAINING, 1, |trainer| {
        let mut snapshots = Snapshots::new(flash.clone(), place.clone()).unwrap();
        let (mut before, mut saves) = (None, 0);
        for number in 0..3_u8 {
            train(trainer);
            let now = (bits(trainer.state()), trainer.steps(), [number; 32]);
            let mut words = 0;
            loop {
                flash.cut_after(Some(words));
                let saved = snapshots.save(trainer, &[number; 32]);
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
                        "save {number}, cut at word {words}: another state loads"
                    ),
                    None => assert!(found == Err(SnapshotError::Empty) || found.as_ref() == Ok(&now)),
                }
                words += 1;
            }
            assert_eq!(switch_on(&flash, slot).as_ref(), Ok(&now));
            // Every word of the header and of the numbers was cut, and every page's erasure.
            let least = (128 + 4 * NET.state(&TRAINING)) / WORD + (slot / PAGE) as usize;
            assert!(words >= least, "{words} cuts of {least}");
            before = Some(now);
        }
        assert!(saves > 3);
    });
    assert_eq!(flash.0.borrow().largest, 256, "bytes written at a time");
    let chip = flash.0.borrow();
    let outside = chip.bytes[..PAGE_BYTES].iter().chain(&chip.bytes[place.end as usize..]);
    assert!(outside.copied().all(|byte| byte == 0xA5), "bytes outside the place changed");
}

#[test]
fn power_may_be_cut_at_every_word() {
    cut_at_every_word::<4>();
    cut_at_every_word::<8>();
    cut_at_every_word::<32>();
}

#[test]
fn training_continues_as_if_never_interrupted() {
    for optimizer in Optimizer::DEFAULTS {
        for storage in [Storage::Memory, Storage::Seed] {
            let training = TRAINING.optimizer(optimizer).fixed_feedback(storage);
            let flash = Flash::<4>::new(8);
            let wanted = with_trainer(training, 1, |trainer| {
                (0..3).for_each(|_| train(trainer));
                Snapshots::new(flash.clone(), 0..8 * PAGE).unwrap().save(trainer, &[9; 32]).unwrap();
                (0..3).for_each(|_| train(trainer));
                bits(trainer.state())
            });
            with_trainer(training, 50, |trainer| {
                let own = Snapshots::new(flash.clone(), 0..8 * PAGE).unwrap().load(trainer).unwrap();
                assert_eq!((own, trainer.steps()), ([9; 32], 3));
                (0..3).for_each(|_| train(trainer));
                assert_eq!(bits(trainer.state()), wanted, "{optimizer:?}, {storage:?}");
            });
        }
    }
}

/// The host's trainer has every kind, a device's those of one network; bytes travel both ways.
#[test]
fn a_hosts_state_loads_on_a_device_and_back() {
    let place = 0..8 * PAGE;
    let flash = Flash::<4>::new(8);
    let mut memory = vec![0.0; NET.memory(&TRAINING)];
    let mut on_host = Trainer::<ALL>::new(NET, TRAINING, &mut memory).unwrap();
    on_host.initialize(&mut SplitMix::new(1), 2);
    (0..5).for_each(|_| train(&mut on_host));
    Snapshots::new(flash.clone(), place.clone()).unwrap().save(&on_host, &[0; 32]).unwrap();

    let mut memory = [0.0; NET.memory(&TRAINING)];
    let mut device = Trainer::<{ NET.capabilities(&TRAINING) }>::new(NET, TRAINING, &mut memory).unwrap();
    let mut snapshots = Snapshots::new(flash, place.clone()).unwrap();
    snapshots.load(&mut device).unwrap();
    assert_eq!((bits(device.state()), device.steps()), (bits(on_host.state()), 5));
    train(&mut device);
    snapshots.save(&device, &[1; 32]).unwrap();

    let mut back = Snapshots::new(snapshots.release(), place).unwrap();
    assert_eq!(back.load(&mut on_host), Ok([1; 32]));
    assert_eq!((bits(on_host.state()), on_host.steps()), (bits(device.state()), 6));
    let mut memory = [0.0; NET.prediction_memory(1)];
    let mut predictor = Predictor::<ALL>::new(NET, 1, on_host.parameters(), &mut memory).unwrap();
    let scores = bits(predictor.predict(&uniform(12)).unwrap());
    assert_eq!(bits(device.predict(&uniform(12)).unwrap()), scores);
}

#[test]
fn a_foreign_state_is_refused() {
    let place = 0..8 * PAGE;
    let flash = Flash::<4>::new(8);
    let saved = with_trainer(TRAINING, 1, |trainer| {
        Snapshots::new(flash.clone(), place.clone()).unwrap().save(trainer, &[0; 32]).unwrap();
        trainer.network().fingerprint(&TRAINING)
    });
    let others: [(&[Layer], Training); 6] = [
        (&[Layer::dense(9), Layer::dense(5), Layer::dense(3).feedback(Feedback::Updated)], TRAINING),
        (&[Layer::dense(9), Layer::dense(6).feedback(Feedback::Fixed), Layer::dense(3)], TRAINING),
        // As many numbers, and other ones.
        (NET.layers(), TRAINING.fixed_feedback(Storage::Seed)),
        (NET.layers(), TRAINING.optimizer(Optimizer::Sgd(Sgd::DEFAULT))),
        (NET.layers(), TRAINING.freeze(1)),
        (NET.layers(), TRAINING.optimizer(Optimizer::Nesterov(Momentum::DEFAULT))),
    ];
    for (layers, training) in others {
        let network = Architecture::try_new(NET.input(), layers).unwrap();
        let mut memory = vec![0.25; network.memory(&training)];
        let mut trainer = Trainer::<ALL>::new(network, training, &mut memory).unwrap();
        let error = Snapshots::new(flash.clone(), place.clone()).unwrap().load(&mut trainer).unwrap_err();
        let expected = network.fingerprint(&training);
        assert_eq!(error, SnapshotError::Foreign { expected, found: saved });
        let message = format!("the state in the flash is of training {saved:#010x}, this is {expected:#010x}");
        assert_eq!(error.to_string(), message);
        assert!(bits(trainer.state()).iter().all(|bits| *bits == 0.25_f32.to_bits()), "a foreign state was loaded");
    }
    // Batch, rate and clipping are no part of a state's order.
    let training = TRAINING.clip(0.5).optimizer(Optimizer::Adam(Adam { rate: 0.1, ..Adam::DEFAULT }));
    assert_eq!(NET.fingerprint(&training), saved);
}

#[test]
fn every_single_bit_of_a_slot_is_guarded() {
    let place = 0..8 * PAGE;
    let flash = Flash::<4>::new(8);
    with_trainer(TRAINING, 1, |trainer| {
        let mut snapshots = Snapshots::new(flash.clone(), place.clone()).unwrap();
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

/// The one whole state lies in the first slot or in the second, and a read of its header or of its numbers fails.
#[test]
fn a_read_that_fails_erases_nothing() {
    let (place, slot) = (0..8 * PAGE, 4 * PAGE_BYTES);
    for good in [0, slot] {
        for at in [good, good + 128, good + 384] {
            let flash = Flash::<4>::new(8);
            with_trainer(TRAINING, 1, |trainer| {
                let mut snapshots = Snapshots::new(flash.clone(), place.clone()).unwrap();
                (0..=good / slot).for_each(|_| snapshots.save(trainer, &[5; 32]).unwrap());
                flash.0.borrow_mut().bytes[slot - good..][..slot].fill(0xFF);
                train(trainer);

                flash.refuse(at..at + 1, usize::MAX);
                let before = flash.0.borrow().bytes.clone();
                flash.cut_after(None);
                assert_eq!(snapshots.save(trainer, &[6; 32]), Err(SnapshotError::Flash(NorFlashErrorKind::Other)));
                assert_eq!(flash.0.borrow().used, 0, "something was erased");
                assert_eq!(flash.0.borrow().bytes, before);

                flash.refuse(at..at + 1, 1);
                assert_eq!(snapshots.load(trainer), Ok([5; 32]), "a second try loads");
                flash.refuse(at..at + 1, 1);
                assert_eq!(snapshots.save(trainer, &[6; 32]), Ok(()), "a second try finds where not to write");
                assert_eq!(snapshots.load(trainer), Ok([6; 32]));
                flash.0.borrow_mut().bytes[slot - good] ^= 1;
                assert_eq!(snapshots.load(trainer), Ok([5; 32]), "the state before is there");
            });
        }
    }
}

/// As where a power cut left a word that its check bits contradict: the slot is written anew, the other stays.
#[test]
fn a_slot_that_cannot_be_read_is_written_when_the_other_is_whole() {
    let flash = Flash::<4>::new(8);
    with_trainer(TRAINING, 1, |trainer| {
        let mut snapshots = Snapshots::new(flash.clone(), 0..8 * PAGE).unwrap();
        for own in [5, 6] {
            snapshots.save(trainer, &[own; 32]).unwrap();
        }
        let newest = 4 * PAGE_BYTES;
        flash.refuse(newest..newest + 1, 4);
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
        for place in 0..NET.state(&TRAINING) {
            let number = std::mem::replace(&mut trainer.state_mut()[place], f32::INFINITY);
            let error = snapshots.save(trainer, &[6; 32]).unwrap_err();
            assert_eq!(error, SnapshotError::NonFinite { index: place, found: f32::INFINITY });
            let said = format!("value {place} of the state has to be finite, found inf: the last snapshot is kept");
            assert_eq!(error.to_string(), said);
            trainer.state_mut()[place] = number;
        }
        assert_eq!(flash.0.borrow().bytes, before);
    });
    // A seed is bits that nothing calculates with: here those of NaN.
    let training = TRAINING.fixed_feedback(Storage::Seed);
    with_trainer(training, 1, |trainer| {
        trainer.initialize(&mut SplitMix::new(1), u64::MAX);
        assert!(trainer.state().iter().any(|number| number.is_nan()));
        Snapshots::new(flash.clone(), 0..8 * PAGE).unwrap().save(trainer, &[7; 32]).unwrap();
        let wanted = bits(trainer.state());
        trainer.state_mut().fill(0.0);
        assert_eq!(Snapshots::new(flash.clone(), 0..8 * PAGE).unwrap().load(trainer), Ok([7; 32]));
        assert_eq!(bits(trainer.state()), wanted);
    });
}

#[test]
fn another_version_is_refused() {
    let place = 0..8 * PAGE;
    let flash = Flash::<4>::new(8);
    with_trainer(TRAINING, 1, |trainer| {
        let mut snapshots = Snapshots::new(flash.clone(), place.clone()).unwrap();
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
fn what_makes_no_sense_is_refused() {
    type Error = SnapshotError<NorFlashErrorKind>;
    let flash = Flash::<4>::new(8);
    // No pages, one, one and a half each, none whole, more than there are.
    for place in [0..0, 0..PAGE, 0..3 * PAGE, PAGE / 2..PAGE / 2 + 2 * PAGE, 0..10 * PAGE] {
        let error: Error = Snapshots::new(flash.clone(), place).unwrap_err();
        assert_eq!(error, SnapshotError::Range);
        let said = "the range for snapshots is not two slots of whole pages in the flash, of 128 bytes or more each";
        assert_eq!(error.to_string(), said);
    }
    assert!(matches!(Snapshots::new(Flash::<96>::new(8), 0..2 * PAGE), Err(SnapshotError::Range)), "words of 96 bytes");
    for (end, fits) in [(64 * 2, false), (64 * 4, true)] {
        assert_eq!(Snapshots::new(SmallPages, 0..end).is_ok(), fits, "a header takes two pages of 64 bytes");
    }
    with_trainer(TRAINING, 1, |trainer| {
        let bytes = 128 + 4 * u32::try_from(NET.state(&TRAINING)).unwrap();
        let error = Snapshots::new(flash.clone(), 0..2 * PAGE).unwrap().save(trainer, &[0; 32]).unwrap_err();
        assert_eq!(error, SnapshotError::Slot { expected: bytes, found: PAGE });
        assert_eq!(error.to_string(), format!("the state needs a slot of {bytes} bytes, found {PAGE}"));
        trainer.input(1).unwrap().fill(0.5);
        trainer.start(&[0]).unwrap();
        assert!(trainer.poll().unwrap().is_pending());
        let error = Snapshots::new(flash.clone(), 0..8 * PAGE).unwrap().save(trainer, &[0; 32]).unwrap_err();
        assert_eq!(error, SnapshotError::StepRunning);
        assert_eq!(error.to_string(), "a step is running: poll until it is ready");
    });
    assert_eq!(Error::Empty.to_string(), "the flash holds no complete state");
    assert_eq!(Error::Flash(NorFlashErrorKind::Other).to_string(), "the flash failed: Other");
}
