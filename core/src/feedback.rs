//! Feedback rules: which weights B carry the error back, dL/dh = G·Bᵀ.
//!
//! A rule belongs to a layer. It changes the signal that leaves the layer backwards; the layer's own weight gradient
//! hᵀG is always the ordinary one.

/// Which weights carry the error signal that leaves a layer backwards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Feedback {
    /// B = W: the true gradient, ordinary backpropagation.
    #[default]
    Symmetric,
    /// `(R)`: B is drawn once and stays (Lillicrap et al., Nat. Commun. 7, 13276, 2016; report section 2).
    Fixed,
    /// `(R*)`: B is drawn as for `(R)` and then receives the very updates of W (report section 2; Kolen–Pollack with
    /// decay 0), so that W − B stays what it was and B = W would stay B = W bit for bit.
    Updated,
}

impl Feedback {
    /// All rules.
    pub const ALL: [Self; 3] = [Self::Symmetric, Self::Fixed, Self::Updated];

    /// What stands behind a layer in the report's notation.
    pub const fn notation(self) -> &'static str {
        match self {
            Self::Symmetric => "",
            Self::Fixed => "(R)",
            Self::Updated => "(R*)",
        }
    }

    /// Whether the rule keeps a matrix B of its own, of as many numbers as the layer has weights.
    pub const fn is_stored(self) -> bool {
        !matches!(self, Self::Symmetric)
    }

    /// Whether B receives the updates of W.
    pub const fn follows_weight(self) -> bool {
        matches!(self, Self::Updated)
    }
}
