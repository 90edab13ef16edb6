//! A network as text, in the notation of the report:
//! `input 3x32x32 - conv5x5x32 - maxpool3x3/2 - dense128(R) - dense10(R*)`.
//!
//! `Display` is the inverse of [`Architecture::parse`], except that it normalises spaces and omits a stride of 1.

use core::fmt;

use super::activation::Activation;
use super::architecture::{Architecture, ArchitectureError};
use super::expected::{ACTIVATION, LAYER, PADDING, RULE};
use super::feedback::Feedback;
use super::kernel::{Kernel, Padding};
use super::layer::{Layer, Operation, Problem};
use super::shape::Shape;

/// Why a text is not a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ParseError<'t> {
    /// An unexpected token.
    Token {
        /// The token; empty at the end of the text.
        found: &'t str,
        /// Position of its first byte, from 0.
        position: usize,
        /// The tokens that are expected there.
        expected: &'static str,
    },
    /// The network has more layers than the buffer holds.
    TooManyLayers {
        /// Number of layers that the buffer holds.
        capacity: usize,
    },
    /// The text is well formed, but the network is invalid.
    Architecture {
        /// Why it is invalid.
        error: ArchitectureError,
        /// The text of the invalid layer; the whole text if the error is not one of a layer.
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
    /// Parses a network. `layers` is a buffer for its layers.
    ///
    /// # Errors
    /// [`ParseError`] names the unexpected token or the invalid layer, and its position.
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
        let mut last = (0, 0);
        while let Some((found, position)) = tokens.next_layer()? {
            let layer = parse_layer(found, position)?;
            *layers.get_mut(count).ok_or(ParseError::TooManyLayers { capacity })? = layer;
            count += 1;
            // Checking after each layer finds the first invalid one.
            let so_far = layers.get(..count).unwrap_or(&[]);
            if let Err(error) = Architecture::try_new(input, so_far)
                && !is_valid_with_more_layers(error, count)
            {
                return Err(ParseError::Architecture { error, found, position });
            }
            last = (position, position + found.len());
        }
        let (position, end) = last;
        let layers: &'a [Layer] = layers.get(..count).unwrap_or(&[]);
        Self::try_new(input, layers).map_err(|error| {
            let (found, position) =
                text.get(position..end).filter(|found| !found.is_empty()).map_or((text, 0), |found| (found, position));
            ParseError::Architecture { error, found, position }
        })
    }
}

/// Whether the network is invalid only because the last of its `count` layers cannot be the last.
fn is_valid_with_more_layers(error: ArchitectureError, count: usize) -> bool {
    matches!(error, ArchitectureError::Layer { layer, problem: Problem::LastNotDense | Problem::LastActivated } if layer == count)
}

/// The tokens of a text, separated by dashes.
struct Tokens<'t> {
    text: &'t str,
    position: usize,
}

impl<'t> Tokens<'t> {
    /// The next token without surrounding spaces, and its position.
    fn token(&mut self) -> Option<(&'t str, usize)> {
        let rest = self.text.get(self.position..)?;
        let token = rest.split('-').next().unwrap_or(rest);
        let leading = token.len() - token.trim_start().len();
        let found = (token.trim(), self.position + leading);
        self.position += token.len() + 1;
        Some(found)
    }

    fn next_layer(&mut self) -> Result<Option<(&'t str, usize)>, ParseError<'t>> {
        match self.token() {
            Some(("", position)) => Err(ParseError::Token { found: "", position, expected: LAYER }),
            token => Ok(token),
        }
    }
}

const INPUT: &str = "`input N` or `input CHANNELSxROWSxCOLS`";

fn parse_input<'t>(tokens: &mut Tokens<'t>) -> Result<Shape, ParseError<'t>> {
    let (found, position) = tokens.token().unwrap_or(("", 0));
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
    let form = Operation::FORMS.iter().find(|operation| operation.name() == name).ok_or(error(LAYER))?;
    let layer = match form {
        Operation::Dense { .. } => reader.number().map(Layer::dense),
        Operation::Convolution { .. } => reader.filters(Layer::conv_rect),
        Operation::Untied { .. } => reader.filters(Layer::untied_rect),
        Operation::MaxPool { .. } => reader.window().map(|(size, stride)| Layer::max_pool(size, stride)),
        Operation::AveragePool { .. } => reader.window().map(|(size, stride)| Layer::avg_pool(size, stride)),
        Operation::GlobalAveragePool => Some(Layer::global_avg_pool()),
    };
    let layer = layer.ok_or(error(LAYER))?;
    // The errors of an activation and of a feedback rule name their own tokens.
    let end = reader.rest.find('(').unwrap_or(reader.rest.len());
    let (word, rule) = reader.rest.split_at_checked(end).ok_or(error(LAYER))?;
    let at = position + found.len() - rule.len();
    let activation = Activation::ALL.into_iter().find(|activation| activation.notation() == word);
    let feedback = Feedback::ALL.into_iter().find(|feedback| feedback.notation() == rule);
    let expected = match form {
        Operation::Convolution { .. } | Operation::Untied { .. } => PADDING,
        _ => ACTIVATION,
    };
    let activation = activation.ok_or(ParseError::Token { found: word, position: at - word.len(), expected })?;
    let feedback = feedback.ok_or(ParseError::Token { found: rule, position: at, expected: RULE })?;
    Ok(layer.activation(activation).feedback(feedback))
}

/// Parses the sizes at the front of a token.
struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    /// A number without leading zeros, so that `Display` gives the same text.
    fn number(&mut self) -> Option<usize> {
        let digits = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at_checked(digits)?;
        if number.len() > 1 && number.starts_with('0') {
            return None;
        }
        self.rest = rest;
        number.parse().ok()
    }

    /// The number after `prefix`.
    fn after(&mut self, prefix: &str) -> Option<usize> {
        self.rest = self.rest.strip_prefix(prefix)?;
        self.number()
    }

    /// The side of `KxK`.
    fn square(&mut self) -> Option<usize> {
        let side = self.number()?;
        (self.after("x")? == side).then_some(side)
    }

    /// The convolution of `HxWxN/S`, and of `.valid` after it.
    fn filters(&mut self, layer: fn(usize, usize, usize) -> Layer) -> Option<Layer> {
        let (rows, cols, filters) = (self.number()?, self.after("x")?, self.after("x")?);
        let layer = layer(filters, rows, cols).stride(self.stride()?);
        let valid = Padding::Valid;
        match self.rest.strip_prefix(valid.notation()) {
            Some(rest) if !rest.starts_with(char::is_alphanumeric) => {
                self.rest = rest;
                Some(layer.padding(valid))
            }
            _ => Some(layer),
        }
    }

    /// Size and stride of `KxK/S`.
    fn window(&mut self) -> Option<(usize, usize)> {
        self.square().zip(self.stride())
    }

    /// The stride of `/S`; 1 if it is omitted.
    fn stride(&mut self) -> Option<usize> {
        if self.rest.starts_with('/') { self.after("/") } else { Some(1) }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.operation.name())?;
        match self.operation {
            Operation::Dense { outputs } => write!(f, "{outputs}")?,
            Operation::Convolution { filters, kernel } | Operation::Untied { filters, kernel } => {
                write_filters(f, filters, kernel)?;
            }
            Operation::GlobalAveragePool => (),
            Operation::MaxPool { size, stride: 1 } | Operation::AveragePool { size, stride: 1 } => {
                write!(f, "{size}x{size}")?;
            }
            Operation::MaxPool { size, stride } | Operation::AveragePool { size, stride } => {
                write!(f, "{size}x{size}/{stride}")?;
            }
        }
        f.write_str(self.activation.notation())?;
        f.write_str(self.feedback.notation())
    }
}

fn write_filters(f: &mut fmt::Formatter<'_>, filters: usize, kernel: Kernel) -> fmt::Result {
    write!(f, "{kernel}x{filters}")?;
    if kernel.stride() != 1 {
        write!(f, "/{}", kernel.stride())?;
    }
    f.write_str(kernel.padding().notation())
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

/// Serializes a network as its text. There is no `Deserialize`, because parsing needs a buffer: see [`Architecture::parse`].
#[cfg(feature = "serde")]
impl serde::Serialize for Architecture<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
