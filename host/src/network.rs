//! A network that owns its layers: what files and command lines name.

use std::fmt;
use std::str::FromStr;

use asymgrad_core::{Architecture, Layer, Shape};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most layers a network's text may have.
const MOST_LAYERS: usize = 256;

/// A network; its text form is the report's notation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    input: Shape,
    layers: Vec<Layer>,
}

impl Network {
    /// The network as the core takes it.
    pub fn architecture(&self) -> Architecture<'_> {
        Architecture::new(self.input, &self.layers)
    }

    /// The same layers, all with the true gradient.
    #[must_use]
    pub fn without_feedback(&self) -> Self {
        let layers = self.layers.iter().map(|layer| layer.feedback(asymgrad_core::Feedback::default())).collect();
        Self { input: self.input, layers }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut layers = vec![Layer::dense(1); MOST_LAYERS];
        let network = Architecture::parse(text, &mut layers).map_err(|error| error.to_string())?;
        Ok(Self { input: network.input(), layers: network.layers().to_vec() })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.architecture().fmt(f)
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
