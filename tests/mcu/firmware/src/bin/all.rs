//! All of the core in one image: every layer, feedback rule, loss and optimizer. For the panic check.
#![no_std]
#![no_main]

use core::hint::black_box;

use ::task::flash::Flash;
use asymgrad_core::feedback::Storage;
use asymgrad_core::random::SplitMix;
use asymgrad_core::snapshot::Snapshots;
use asymgrad_core::{
    Activation, Adam, Architecture, Feedback, Initial, Layer, Loss, Momentum, Optimizer, Padding, Predictor, RmsProp,
    Sgd, Shape, Trainer, Training,
};
use firmware::{board, task};
use static_cell::ConstStaticCell;

const NET: Architecture = Architecture::new(
    Shape::image(1, 8, 8),
    &[
        Layer::conv(3, 3).activation(Activation::Tanh),
        Layer::untied_rect(3, 2, 3).stride(2).feedback(Feedback::Fixed),
        Layer::max_pool(3, 2),
        Layer::conv_rect(4, 1, 2).padding(Padding::Valid).feedback(Feedback::Updated),
        Layer::avg_pool(3, 2),
        Layer::global_avg_pool(),
        Layer::dense(8).feedback(Feedback::Updated),
        Layer::dense(8).activation(Activation::Sigmoid).feedback(Feedback::KolenPollack),
        Layer::dense(8).feedback(Feedback::UniformSign),
        Layer::dense(8).feedback(Feedback::FixedSign),
        Layer::dense(8).feedback(Feedback::BatchSign),
        Layer::dense(8).feedback(Feedback::WeightMirror),
        Layer::dense(8).feedback(Feedback::Direct),
        Layer::dense(8).feedback(Feedback::Target),
        Layer::dense(10).feedback(Feedback::Fixed),
    ],
);
const TEXT: &str = "input 1x8x8 - conv3x3x3.tanh - untied2x3x3/2(R) - maxpool3x3/2 - conv1x2x4.valid(R*) - avgpool3x3/2 - globalavgpool - dense8(R*) - dense8.sigmoid(KP) - dense8(uSF) - dense8(frSF) - dense8(brSF) - dense8(WM) - dense8(DFA) - dense8(DRTP) - dense10(R)";
const OPTIMIZERS: [Optimizer; 5] = [
    Optimizer::Sgd(Sgd::DEFAULT),
    Optimizer::Momentum(Momentum::DEFAULT),
    Optimizer::Nesterov(Momentum::DEFAULT),
    Optimizer::Adam(Adam::DEFAULT),
    Optimizer::RmsProp(RmsProp::DEFAULT),
];
const BATCH: usize = 4;
/// The training that needs the most memory.
const LARGEST: Training = Training::new(BATCH).loss(Loss::MeanSquared);
static MEMORY: ConstStaticCell<[f32; NET.memory(&LARGEST)]> = ConstStaticCell::new([0.0; NET.memory(&LARGEST)]);
static TABLE: [f32; NET.fixed_feedback(&LARGEST)] = match NET.feedback_table(&LARGEST, 2) {
    Some(table) => table,
    None => panic!("the table has another length"),
};
/// The number of frozen layers, and the storage of fixed feedback.
const VARIANTS: [(u8, Storage); 4] =
    [(0, Storage::Memory), (2, Storage::Memory), (0, Storage::Table), (0, Storage::Seed)];
/// Two slots for snapshots.
const FLASH: usize = 2 * Snapshots::<Flash<'static>>::slot(NET.state(&LARGEST)) as usize;
static FLASH_BYTES: ConstStaticCell<[u8; FLASH]> = ConstStaticCell::new([0xFF; FLASH]);
static PREDICTION: ConstStaticCell<[f32; NET.prediction_memory(BATCH)]> =
    ConstStaticCell::new([0.0; NET.prediction_memory(BATCH)]);

#[cortex_m_rt::entry]
fn main() -> ! {
    board::exit(run().is_some())
}

fn run() -> Option<()> {
    let (memory, prediction, flash) = (MEMORY.try_take()?, PREDICTION.try_take()?, FLASH_BYTES.try_take()?);
    // Parsed at run time, so that the compiler can remove nothing from the image.
    let mut layers = [Layer::dense(1); 16];
    let network = Architecture::parse(black_box(TEXT), black_box(&mut layers)).ok()?;
    for optimizer in black_box(&OPTIMIZERS) {
        for loss in black_box(&Loss::ALL) {
            for (frozen, storage) in black_box(&VARIANTS) {
                let training = Training::new(black_box(BATCH))
                    .optimizer(*optimizer)
                    .clip(black_box(0.1))
                    .decay(black_box(1e-4))
                    .bias_rate(black_box(0.5))
                    .initial(black_box(Initial::UniformFanIn(1.0)), black_box(Initial::Fan(1.0)))
                    .mirror_noise(black_box(0.5))
                    .mirror_response(black_box(Activation::Sigmoid))
                    .no_mirror_leak()
                    .freeze(*frozen)
                    .fixed_feedback(*storage);
                board::print(optimizer.name());
                board::print(" ");
                board::print(loss.name());
                train(network, training, *loss, memory, prediction, flash)?;
            }
        }
    }
    Some(())
}

/// Makes some steps and calls every public function.
fn train(
    network: Architecture<'_>,
    training: Training,
    loss: Loss,
    memory: &mut [f32],
    prediction: &mut [f32],
    flash: &mut [u8],
) -> Option<()> {
    let training = training.loss(loss);
    let len: usize = network.plan(&training).map(|region| region.len).sum();
    let memory = memory.get_mut(..len)?;
    let mut trainer = Trainer::<{ asymgrad_core::capabilities::ALL }>::new(network, training, memory).ok()?;
    if training.storage() == Storage::Table {
        trainer.set_table(black_box(&TABLE)).ok()?;
    }
    trainer.initialize(&mut task::Generator(SplitMix::new(1)), 2);
    let layer = black_box(7);
    trainer.draw_weights(layer, black_box(Initial::UniformFanOut(1.0)), &mut SplitMix::new(1)).ok()?;
    trainer.draw_biases(layer, black_box(Initial::Uniform(0.1)), &mut SplitMix::new(1)).ok()?;
    trainer.draw_feedback(layer, black_box(Initial::Normal(0.1)), 2).ok()?;
    let (mut inputs, mut labels) = ([[0.0; task::PIXELS]; BATCH], [0; BATCH]);
    for (index, (pixels, label)) in inputs.iter_mut().zip(&mut labels).enumerate() {
        *label = task::digit(index, pixels)?;
    }
    // The last step is an incomplete batch.
    for samples in [BATCH, BATCH, BATCH - 1] {
        let samples = black_box(samples);
        let inputs = inputs.get(..samples)?.as_flattened();
        trainer.step(inputs, labels.get(..samples)?).ok()?;
        trainer.predict(inputs).ok()?;
    }
    if loss.takes_values() {
        let values = [0.5; 10 * BATCH];
        let (inputs, values) = (inputs.as_flattened(), values.get(..network.classes() * BATCH)?);
        trainer.step(inputs, values).ok()?;
    }
    board::print(" loss ");
    trainer.input(1).ok()?.iter_mut().zip(inputs.first()?).for_each(|(value, pixel)| *value = *pixel);
    board::print_loss(trainer.evaluate(labels.get(..1)?).ok()?.loss);
    board::print("\n");
    for tensor in network.tensors(&training) {
        let index = tensor.index_of(black_box(tensor.len() - 1));
        *trainer.state_mut().get_mut(index)? += 1.0;
    }
    trainer.resume(black_box(trainer.steps()));
    let range = 0..u32::try_from(flash.len()).ok()?;
    let mut snapshots = Snapshots::new(Flash(flash), range).ok()?;
    snapshots.save(&trainer, black_box(&[7; 32])).ok()?;
    let before = trainer.steps();
    trainer.restart();
    (snapshots.load(&mut trainer).ok()? == [7; 32] && trainer.steps() == before).then_some(())?;
    let prediction = prediction.get_mut(..network.prediction_memory(BATCH))?;
    let mut predictor =
        Predictor::<{ asymgrad_core::capabilities::ALL }>::new(network, BATCH, trainer.parameters(), prediction)
            .ok()?;
    black_box(predictor.predict(inputs.as_flattened()).ok()?);
    Some(())
}
