//! The report's notation: `input 3x32x32 - conv5x5x32 - maxpool3x3/2 - dense128(R) - dense10(R*)`.
//!
//! Printing what was parsed gives the text back, but for spaces and a stride of 1, which is left out.

use core::fmt;

use super::activation::Activation;
use super::architecture::{Architecture, ArchitectureError};
use super::feedback::Feedback;
use super::layer::{Layer, Operation, Problem};
use super::shape::Shape;

/// Why a text is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ParseError<'t> {
    /// A token is not what stands at this place.
    Token {
        /// The text found; empty at the end.
        found: &'t str,
        /// Position of its first byte, from 0.
        position: usize,
        /// What was expected.
        expected: &'static str,
    },
    /// The network has more layers than the buffer.
    TooManyLayers {
        /// Layers that the buffer holds.
        capacity: usize,
    },
    /// The text is well formed, but the network cannot be built.
    Architecture {
        /// Why not.
        error: ArchitectureError,
        /// The layer's text; the whole text if no layer is to blame.
        found: &'t str,
        /// Position of its first byte, from 0.
        position: usize,
    },
}

impl fmt::Display for ParseError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token { found: "", position, expected } => {
                write!(f, "expected {expected} at position {position}, found the end")
            }
            Self::Token { found, position, expected } => {
                write!(f, "expected {expected} at position {position}, found `{found}`")
            }
            Self::TooManyLayers { capacity } => write!(f, "the network has more than {capacity} layers"),
            Self::Architecture { error, found, position } => write!(f, "`{found}` at position {position}: {error}"),
        }
    }
}

impl core::error::Error for ParseError<'_> {}

impl<'a> Architecture<'a> {
    /// Reads a network from its text into a buffer of layers.
    ///
    /// # Errors
    /// [`ParseError`] names the token and its position, or the layer that cannot be placed.
    ///
    /// ```
    /// use asymgrad_core::{Architecture, Layer};
    ///
    /// let mut layers = [Layer::dense(1); 4];
    /// let network = Architecture::parse("input 64 - dense32 - dense10(R*)", &mut layers)?;
    /// assert_eq!(network.layers().len(), 2);
    /// let error = Architecture::parse("input 64 - dens32", &mut layers).unwrap_err();
    /// assert!(error.to_string().contains("position 11, found `dens32`"));
    /// # Ok::<(), asymgrad_core::ParseError>(())
    /// ```
    pub fn parse<'t>(text: &'t str, layers: &'a mut [Layer]) -> Result<Self, ParseError<'t>> {
        let capacity = layers.len();
        let mut tokens = Tokens { text, position: 0 };
        let input = parse_input(&mut tokens)?;
        if input.features() == 0 {
            return Err(ParseError::Architecture { error: ArchitectureError::EmptyInput, found: text, position: 0 });
        }
        let mut count = 0;
        let mut blamed = (0, 0);
        while let Some((found, position)) = tokens.next_layer()? {
            let layer = parse_layer(found, position)?;
            *layers.get_mut(count).ok_or(ParseError::TooManyLayers { capacity })? = layer;
            count += 1;
            // The first layer that cannot be placed is found by checking as the layers arrive.
            let so_far = layers.get(..count).unwrap_or(&[]);
            if let Err(error) = Architecture::try_new(input, so_far)
                && !is_only_the_end(error, count)
            {
                return Err(ParseError::Architecture { error, found, position });
            }
            blamed = (position, position + found.len());
        }
        let (position, end) = blamed;
        let layers: &'a [Layer] = layers.get(..count).unwrap_or(&[]);
        Self::try_new(input, layers).map_err(|error| {
            let (found, position) =
                text.get(position..end).filter(|found| !found.is_empty()).map_or((text, 0), |found| (found, position));
            ParseError::Architecture { error, found, position }
        })
    }
}

/// Whether all that is wrong is that the last layer so far cannot be the last one.
fn is_only_the_end(error: ArchitectureError, count: usize) -> bool {
    matches!(error, ArchitectureError::Layer { layer, problem: Problem::LastNotDense | Problem::LastActivated } if layer == count)
}

/// The text between the dashes.
struct Tokens<'t> {
    text: &'t str,
    position: usize,
}

impl<'t> Tokens<'t> {
    /// The next piece between dashes without its spaces, and its position.
    fn piece(&mut self) -> Option<(&'t str, usize)> {
        let rest = self.text.get(self.position..)?;
        let piece = rest.split('-').next().unwrap_or(rest);
        let leading = piece.len() - piece.trim_start().len();
        let found = (piece.trim(), self.position + leading);
        self.position += piece.len() + 1;
        Some(found)
    }

    fn next_layer(&mut self) -> Result<Option<(&'t str, usize)>, ParseError<'t>> {
        match self.piece() {
            Some(("", position)) => Err(ParseError::Token { found: "", position, expected: LAYER }),
            piece => Ok(piece),
        }
    }
}

const LAYER: &str = "a layer: denseN, convKxKxN, untiedKxKxN, maxpoolKxK/S or avgpoolKxK/S";
const ACTIVATION: &str = "an activation, .sigmoid or .tanh, a feedback rule or nothing";
const RULE: &str = "a feedback rule, (R), (R*), (KP), (uSF), (frSF), (brSF), (WM), (DFA) or (DRTP), or nothing";
const INPUT: &str = "`input N` or `input CHANNELSxROWSxCOLS`";

fn parse_input<'t>(tokens: &mut Tokens<'t>) -> Result<Shape, ParseError<'t>> {
    let (found, position) = tokens.piece().unwrap_or(("", 0));
    let error = ParseError::Token { found, position, expected: INPUT };
    let sizes = found.strip_prefix("input").filter(|rest| rest.starts_with(char::is_whitespace)).ok_or(error)?;
    let mut reader = Reader { rest: sizes.trim_start() };
    let channels = reader.number().ok_or(error)?;
    if reader.rest.is_empty() {
        return Ok(Shape::vector(channels));
    }
    let rows = reader.after("x").ok_or(error)?;
    let cols = reader.after("x").ok_or(error)?;
    if reader.rest.is_empty() { Ok(Shape::image(channels, rows, cols)) } else { Err(error) }
}

fn parse_layer(found: &str, position: usize) -> Result<Layer, ParseError<'_>> {
    let error = |expected| ParseError::Token { found, position, expected };
    let letters = found.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(found.len());
    let (name, rest) = found.split_at_checked(letters).unwrap_or((found, ""));
    let mut reader = Reader { rest };
    let layer = match name {
        "dense" => reader.number().map(Layer::dense),
        "conv" => reader.square().zip(reader.after("x")).map(|(kernel, filters)| Layer::conv(filters, kernel)),
        "untied" => reader.square().zip(reader.after("x")).map(|(kernel, filters)| Layer::untied(filters, kernel)),
        "maxpool" => reader.square().zip(reader.stride()).map(|(size, stride)| Layer::max_pool(size, stride)),
        "avgpool" => reader.square().zip(reader.stride()).map(|(size, stride)| Layer::avg_pool(size, stride)),
        _ => None,
    };
    let layer = layer.ok_or(error(LAYER))?;
    let is_convolution = matches!(layer.operation, Operation::Convolution { .. } | Operation::Untied { .. });
    if is_convolution && reader.stride() != Some(1) {
        return Err(error("a convolution with stride 1"));
    }
    // What stands behind the numbers is named by itself.
    let behind = reader.rest.find('(').unwrap_or(reader.rest.len());
    let (word, rule) = reader.rest.split_at_checked(behind).ok_or(error(LAYER))?;
    let at = position + found.len() - rule.len();
    let activation = Activation::ALL.into_iter().find(|kind| kind.notation() == word);
    let feedback = Feedback::ALL.into_iter().find(|kind| kind.notation() == rule);
    let activation =
        activation.ok_or(ParseError::Token { found: word, position: at - word.len(), expected: ACTIVATION })?;
    let feedback = feedback.ok_or(ParseError::Token { found: rule, position: at, expected: RULE })?;
    Ok(layer.activation(activation).feedback(feedback))
}

/// Reads numbers off the front of a token.
struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    /// A number without leading zeros, so that printing gives the text back.
    fn number(&mut self) -> Option<usize> {
        let digits = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at_checked(digits)?;
        if number.len() > 1 && number.starts_with('0') {
            return None;
        }
        self.rest = rest;
        number.parse().ok()
    }

    fn after(&mut self, prefix: &str) -> Option<usize> {
        self.rest = self.rest.strip_prefix(prefix)?;
        self.number()
    }

    /// `KxK`.
    fn square(&mut self) -> Option<usize> {
        let side = self.number()?;
        (self.after("x")? == side).then_some(side)
    }

    /// `/S`, or 1 if it is left out.
    fn stride(&mut self) -> Option<usize> {
        if self.rest.starts_with('/') { self.after("/") } else { Some(1) }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.operation {
            Operation::Dense { outputs } => write!(f, "dense{outputs}")?,
            Operation::Convolution { filters, kernel } => write!(f, "conv{kernel}x{kernel}x{filters}")?,
            Operation::Untied { filters, kernel } => write!(f, "untied{kernel}x{kernel}x{filters}")?,
            Operation::MaxPool { size, stride: 1 } => write!(f, "maxpool{size}x{size}")?,
            Operation::MaxPool { size, stride } => write!(f, "maxpool{size}x{size}/{stride}")?,
            Operation::AveragePool { size, stride: 1 } => write!(f, "avgpool{size}x{size}")?,
            Operation::AveragePool { size, stride } => write!(f, "avgpool{size}x{size}/{stride}")?,
        }
        f.write_str(self.activation.notation())?;
        f.write_str(self.feedback.notation())
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_vector() {
            write!(f, "{}", self.channels())
        } else {
            write!(f, "{}x{}x{}", self.channels(), self.rows(), self.cols())
        }
    }
}

impl fmt::Display for Architecture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "input {}", self.input())?;
        self.layers().iter().try_for_each(|layer| write!(f, " - {layer}"))
    }
}

/// A network's text; reading it back needs a buffer, so there is no `Deserialize`: see [`Architecture::parse`].
#[cfg(feature = "serde")]
impl serde::Serialize for Architecture<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
