//! The coefficients of an optimizer beside its learning rate.

use asymgrad_core::{Adam, Momentum, Optimizer};

/// Coefficients of an optimizer; `None` is the optimizer's own, or of a coefficient that it lacks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Coefficients {
    /// The momentum coefficient of `momentum` and `nesterov`.
    pub momentum: Option<f32>,
    /// β1 of `adam`.
    pub beta1: Option<f32>,
    /// β2 of `adam`.
    pub beta2: Option<f32>,
    /// ε of `adam`.
    pub epsilon: Option<f32>,
}

impl Coefficients {
    /// Those that an optimizer has.
    pub fn of(optimizer: Optimizer) -> Self {
        match optimizer {
            Optimizer::Momentum(Momentum { momentum, .. }) | Optimizer::Nesterov(Momentum { momentum, .. }) => {
                Self { momentum: Some(momentum), ..Self::default() }
            }
            Optimizer::Adam(Adam { beta1, beta2, epsilon, .. }) => {
                Self { beta1: Some(beta1), beta2: Some(beta2), epsilon: Some(epsilon), momentum: None }
            }
            _ => Self::default(),
        }
    }

    /// The optimizer with those of these coefficients that it has.
    pub fn apply(&self, mut optimizer: Optimizer) -> Optimizer {
        let set = |own: &mut f32, chosen: Option<f32>| *own = chosen.unwrap_or(*own);
        match &mut optimizer {
            Optimizer::Momentum(own) | Optimizer::Nesterov(own) => set(&mut own.momentum, self.momentum),
            Optimizer::Adam(own) => {
                set(&mut own.beta1, self.beta1);
                set(&mut own.beta2, self.beta2);
                set(&mut own.epsilon, self.epsilon);
            }
            _ => {}
        }
        optimizer
    }

    /// Each with its name on the command line and in `config.json`.
    pub fn named(&self) -> [(&'static str, Option<f32>); 4] {
        [("momentum", self.momentum), ("beta1", self.beta1), ("beta2", self.beta2), ("epsilon", self.epsilon)]
    }
}
