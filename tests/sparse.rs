//! A flattened image times the CSR matrix of a convolution is the convolution (report section 4).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use asymgrad::tensors::sparse::{self, Error};
use asymgrad_core::arithmetic::Portable;
use asymgrad_core::capabilities::ALL;
use asymgrad_core::kernels::{Forward, Geometry, Kernels};
use asymgrad_core::random::{SplitMix, symmetric};
use asymgrad_core::{Architecture, Kernel, Layer, Operation, Padding, Shape, Tensor, TensorRole, Trainer, Training};
use nalgebra_sparse::CsrMatrix;
use rand_core::Rng;

/// Channels, rows, columns, filters, and the kernel: the report's three untied layers with fewer filters, then odd sizes, two of them
/// with kernels larger than the image, then other sides, strides and paddings.
const SHAPES: [([usize; 4], Kernel); 12] = [
    ([3, 32, 32, 6], Kernel::square(5)),
    ([6, 16, 16, 7], Kernel::square(5)),
    ([7, 8, 8, 5], Kernel::square(5)),
    ([1, 5, 7, 3], Kernel::square(3)),
    ([2, 2, 3, 4], Kernel::square(7)),
    ([3, 1, 1, 2], Kernel::square(5)),
    ([2, 7, 6, 3], Kernel::new(3, 4)),
    ([2, 7, 6, 3], Kernel::new(2, 5).with_stride(2)),
    ([2, 7, 6, 3], Kernel::new(4, 3).with_stride(2).with_padding(Padding::Valid)),
    ([3, 1, 9, 2], Kernel::new(1, 5).with_stride(3)),
    ([3, 5, 4, 2], Kernel::square(1).with_stride(2)),
    ([2, 4, 5, 3], Kernel::new(4, 5).with_padding(Padding::Valid)),
];

fn uniform(count: usize, seed: u64) -> Vec<f64> {
    let mut generator = SplitMix::new(seed);
    (0..count).map(|_| f64::from(symmetric(generator.next_u32()))).collect()
}

/// The product x M.
fn multiply(x: &[f64], matrix: &CsrMatrix<f64>) -> Vec<f64> {
    let row = CsrMatrix::try_from_csr_data(1, x.len(), vec![0, x.len()], (0..x.len()).collect(), x.to_vec()).unwrap();
    let product = row * matrix;
    let mut y = vec![0.0; matrix.ncols()];
    for (_, col, value) in product.triplet_iter() {
        y[col] = *value;
    }
    y
}

/// Zeros before the first pixel, and the number of positions, along an axis.
fn axis(pixels: usize, taps: usize, kernel: Kernel) -> (usize, usize) {
    match kernel.padding() {
        Padding::Same => ((taps - 1) / 2, pixels.div_ceil(kernel.stride())),
        Padding::Valid => (0, (pixels - taps) / kernel.stride() + 1),
    }
}

/// The convolution by its definition: y[o, r, c] = Σ x[i, r s + a − p, c s + b − q] w[r, c, o, i, a, b].
fn convolve(
    ([channels, rows, cols, filters], kernel): ([usize; 4], Kernel),
    x: &[f64],
    weight: impl Fn(usize) -> f64,
) -> Vec<f64> {
    let ((top, out_rows), (left, out_cols)) = (axis(rows, kernel.rows(), kernel), axis(cols, kernel.cols(), kernel));
    let (stride, mut y) = (kernel.stride(), vec![]);
    let pixel = |channel: usize, row: usize, col: usize| match (row.checked_sub(top), col.checked_sub(left)) {
        (Some(row), Some(col)) if row < rows && col < cols => x[(channel * rows + row) * cols + col],
        _ => 0.0,
    };
    for (out, row, col) in indices([filters, out_rows, out_cols]) {
        let filter = (row * out_cols + col) * filters + out;
        y.push(
            indices([channels, kernel.rows(), kernel.cols()])
                .map(|(i, a, b)| {
                    let tap = ((filter * channels + i) * kernel.rows() + a) * kernel.cols() + b;
                    pixel(i, row * stride + a, col * stride + b) * weight(tap)
                })
                .sum(),
        );
    }
    y
}

/// All indices of an array with these three lengths, in order.
fn indices([a, b, c]: [usize; 3]) -> impl Iterator<Item = (usize, usize, usize)> {
    (0..a).flat_map(move |i| (0..b).flat_map(move |j| (0..c).map(move |k| (i, j, k))))
}

#[track_caller]
fn assert_near(got: &[f64], want: &[f64], allowed: f64) {
    assert_eq!(got.len(), want.len());
    for (index, (got, want)) in got.iter().zip(want).enumerate() {
        // Negated, so that a NaN fails.
        let near = (got - want).abs() <= allowed;
        assert!(near, "output {index}: found {got}, expected {want}");
    }
    assert!(want.iter().any(|want| want.abs() > 0.01), "nothing to compare");
}

#[test]
fn the_matrix_of_shared_filters_is_the_convolution() {
    for shape in SHAPES {
        let ([channels, rows, cols, filters], kernel) = shape;
        let (input, block) = (Shape::image(channels, rows, cols), filters * channels * kernel.taps());
        let positions = axis(rows, kernel.rows(), kernel).1 * axis(cols, kernel.cols(), kernel).1;
        let (x, shared) = (uniform(input.features(), 1), uniform(block, 2));
        let want = convolve(shape, &x, |index| shared[index % block]);
        let untied = sparse::matrix(input, Operation::Untied { filters, kernel }, &shared.repeat(positions)).unwrap();
        assert_near(&multiply(&x, &untied), &want, 1e-7);
        let tied = sparse::matrix(input, Operation::Convolution { filters, kernel }, &shared).unwrap();
        assert_eq!(tied, untied);
    }
}

#[test]
fn the_matrix_of_a_filter_at_every_position_is_the_untied_convolution() {
    for shape in SHAPES {
        let ([channels, rows, cols, filters], kernel) = shape;
        let input = Shape::image(channels, rows, cols);
        let positions = axis(rows, kernel.rows(), kernel).1 * axis(cols, kernel.cols(), kernel).1;
        let x = uniform(input.features(), 3);
        let weights = uniform(positions * filters * channels * kernel.taps(), 4);
        let matrix = sparse::matrix(input, Operation::Untied { filters, kernel }, &weights).unwrap();
        assert_near(&multiply(&x, &matrix), &convolve(shape, &x, |index| weights[index]), 1e-7);
    }
}

/// Along each axis there are 32 positions with 5 taps: 160 pairs, of which 2 · (2 + 1) lie on the padding.
#[test]
fn padding_is_left_out() {
    let untied = Operation::Untied { filters: 2, kernel: Kernel::square(5) };
    let matrix = sparse::matrix(Shape::image(3, 32, 32), untied, &vec![1.0; 32 * 32 * 2 * 3 * 25]).unwrap();
    assert_eq!((matrix.nrows(), matrix.ncols(), matrix.nnz()), (3 * 1024, 2 * 1024, 154 * 154 * 2 * 3));
}

/// A convolution in a trainer's memory, computed by the core's kernel: `[out][row][col]` of an image `[channel][row][col]`.
fn convolve_by_kernel(tensor: &Tensor, state: &[f32], x: &[f64]) -> Vec<f64> {
    let (input, operation) = (tensor.input(), tensor.operation());
    let (Operation::Untied { filters, kernel } | Operation::Convolution { filters, kernel }) = operation else {
        panic!("{operation:?}")
    };
    let untied = matches!(operation, Operation::Untied { .. });
    let geometry = Geometry { untied, ..Geometry::convolution(input, filters, kernel) };
    let output = Shape::image(filters, geometry.rows.output, geometry.cols.output);
    let (mut inside, mut y) = (vec![0.0; x.len()], vec![f32::NAN; output.features()]);
    for (outside, x) in x.iter().enumerate() {
        #[expect(clippy::cast_possible_truncation, reason = "the value comes from an f32")]
        let x = *x as f32;
        inside[input.channels_last_index(outside)] = x;
    }
    let bias = vec![0.0; if untied { y.len() } else { filters }];
    let weight = &state[tensor.range()];
    Portable.forward::<ALL>(
        &Forward { geometry, samples: 1, input: &inside, weight, bias: &bias, activation: None },
        &mut y,
    );
    (0..y.len()).map(|outside| f64::from(y[output.channels_last_index(outside)])).collect()
}

#[test]
fn the_kernels_compute_the_matrix_of_a_trainers_weights() {
    let text = "input 3x9x7 - untied5x5x6 - conv3x3x4 - untied3x3x5(R) - conv2x4x3/2(R) - untied2x3x2.valid - dense10";
    let mut layers = [Layer::dense(1); 6];
    let network = Architecture::parse(text, &mut layers).unwrap();
    let training = Training::new(1);
    let mut memory = vec![0.0; network.memory(&training)];
    let mut trainer = Trainer::<ALL>::new(network, training, &mut memory).unwrap();
    trainer.initialize(&mut SplitMix::new(5), 6);
    let (mut matrices, state) = (0, trainer.state());
    for tensor in network.tensors(&training) {
        let matrix = sparse::of_tensor(&tensor, state);
        if !tensor.is_convolution() {
            assert!(matrix.is_err(), "{tensor}");
        } else if tensor.role() == TensorRole::Bias {
            assert_eq!(matrix, Err(Error::Bias { name: tensor.to_string() }));
        } else {
            let (offsets, columns, values) = matrix.unwrap().disassemble();
            let values = values.into_iter().map(f64::from).collect();
            let (inputs, outputs) = (tensor.input().features(), columns.iter().max().unwrap() + 1);
            let matrix = CsrMatrix::try_from_csr_data(inputs, outputs, offsets, columns, values).unwrap();
            let x = uniform(tensor.input().features(), 7);
            assert_near(&convolve_by_kernel(&tensor, state, &x), &multiply(&x, &matrix), 1e-5);
            matrices += 1;
        }
    }
    assert_eq!(matrices, 7);
}

#[test]
fn other_layers_and_too_few_weights_are_errors() {
    let (image, dense) = (Shape::image(1, 2, 2), Operation::Dense { outputs: 3 });
    assert_eq!(sparse::matrix::<f32>(image, dense, &[]), Err(Error::Operation { operation: dense }));
    let few = sparse::matrix(image, Operation::Convolution { filters: 2, kernel: Kernel::square(3) }, &[1.0; 17])
        .unwrap_err();
    assert_eq!(
        few.to_string(),
        "the layer has 18 weights, 17 are given; pass the whole tensor in the order of its file"
    );
}
