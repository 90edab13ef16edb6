//! A step in slices between the deadlines of a control loop, as in an Embassy task or an RTIC idle loop.
//!
//! [`Step::poll`] runs some rows of one layer in one direction and returns: [`Training::slice`] says how many operations they may take.
//! [`Architecture::longest_slice`] bounds the instructions of a slice on a Cortex-M4F at compile time; `tests/mcu/run` measures them.

use core::task::Poll;

use asymgrad_core::random::SplitMix;
use asymgrad_core::{Architecture, Feedback, Layer, Optimizer, Sgd, Shape, Training};

const NET: Architecture = Architecture::new(
    Shape::vector(64),
    &[Layer::dense(32), Layer::dense(16).feedback(Feedback::Fixed), Layer::dense(4).feedback(Feedback::Fixed)],
);
const TRAINING: Training = Training::new(1).optimizer(Optimizer::Sgd(Sgd { rate: 0.05 })).slice(512);
asymgrad_core::trainer!(mod controller: NET, TRAINING);

/// Instructions of a Cortex-M4F that fit between two deadlines. A network that needs more is a compile error.
const MOST: usize = 6_000;
const _: () = assert!(NET.longest_slice(&TRAINING) <= MOST);

/// A controller that acts at every tick.
struct Controller {
    ticks: u32,
}

impl Controller {
    fn act(&mut self) {
        self.ticks += 1;
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let trainer = controller::take().ok_or("the trainer is taken")?;
    trainer.initialize(&mut SplitMix::new(1), 2);
    let mut controller = Controller { ticks: 0 };
    let mut last = f32::INFINITY;
    for number in 0..100 {
        trainer.input(1)?.fill(0.5);
        let mut step = trainer.start(&[2])?;
        // Each iteration is one slice; an async task calls `yield_now().await` here.
        let score = loop {
            controller.act();
            if let Poll::Ready(score) = step.poll()? {
                break score;
            }
        };
        if number % 20 == 19 {
            println!("step {number}: loss {:.4} after {} ticks", score.loss, controller.ticks);
            assert!(score.loss < last, "the loss of a repeated sample has to fall");
            last = score.loss;
        }
    }
    // Of each layer's pass one slice for 512 operations, which are 8, 16 and 32 rows of the layers forward and of their weights, 32 and 128
    // of the input gradients; one for the loss, and for the biases of each layer; and the first layer's input gradient, which is empty.
    let (forward, input_gradients, weights) = (4 + 1 + 1, 1 + 1 + 1, 4 + 1 + 1);
    assert_eq!(controller.ticks, 100 * (forward + 1 + input_gradients + weights + 3));
    println!("a slice takes at most {} instructions of {MOST}", NET.longest_slice(&TRAINING));
    Ok(())
}

#[test]
fn runs() {
    main().unwrap();
}
