//! The random numbers of PyTorch's CPU generator and of `NumPy`'s legacy one, so that the draws of a published run can be made again.
//!
//! Both are a Mersenne Twister (Matsumoto and Nishimura 1998); they differ in how they make floats and normal numbers of its words.

use std::f32::consts::PI;

use rand_mt::Mt;

/// PyTorch's generator on a CPU, `torch.Generator().manual_seed(seed)` (`aten/src/ATen/native/cpu/DistributionTemplates.h`).
#[derive(Clone, Debug)]
pub(super) struct Torch {
    words: Mt,
}

/// Normal numbers that PyTorch makes at once.
const LANES: usize = 16;

impl Torch {
    /// The generator after `manual_seed(seed)`.
    pub(super) fn new(seed: u32) -> Self {
        Self { words: Mt::new(seed) }
    }

    /// A number in [0, 1) of 24 bits.
    fn unit(&mut self) -> f32 {
        (self.words.next_u32() & 0x00ff_ffff) as f32 / 16_777_216.0
    }

    /// `torch.empty(count).uniform_(-bound, bound)`.
    pub(super) fn uniform(&mut self, count: usize, bound: f32) -> Vec<f32> {
        (0..count).map(|_| self.unit() * (bound + bound) - bound).collect()
    }

    /// `torch.randn(count)` of at least 16 numbers: 16 at a time by Box and Muller's transform. If fewer than 16 are left, the last 16 are
    /// drawn once more.
    pub(super) fn normal(&mut self, count: usize) -> Vec<f32> {
        debug_assert!(count >= LANES, "PyTorch makes fewer than {LANES} normal numbers in another way");
        let mut numbers: Vec<f32> = (0..count).map(|_| self.unit()).collect();
        numbers.chunks_exact_mut(LANES).for_each(box_muller);
        if !count.is_multiple_of(LANES) {
            let last = &mut numbers[count.saturating_sub(LANES)..];
            last.fill_with(|| self.unit());
            box_muller(last);
        }
        numbers
    }

    /// `torch.randint(0, limit, (count,))`.
    pub(super) fn below(&mut self, count: usize, limit: u32) -> Vec<u32> {
        (0..count).map(|_| self.words.next_u32() % limit).collect()
    }
}

/// Makes 16 uniform numbers normal: the first eight give the radii, the others the angles.
fn box_muller(numbers: &mut [f32]) {
    let (radii, angles) = numbers.split_at_mut(numbers.len() / 2);
    for (first, second) in radii.iter_mut().zip(angles) {
        let radius = (-2.0 * libm::logf(1.0 - *first)).sqrt();
        let angle = 2.0 * PI * *second;
        (*first, *second) = (radius * libm::cosf(angle), radius * libm::sinf(angle));
    }
}

/// `NumPy`'s legacy generator, `numpy.random.seed(seed)` (`numpy/random/src/legacy/legacy-distributions.c`).
#[derive(Clone, Debug)]
pub(super) struct Numpy {
    words: Mt,
    /// The second number of the last pair.
    next: Option<f64>,
}

impl Numpy {
    /// The generator after `seed(seed)`.
    pub(super) fn new(seed: u32) -> Self {
        Self { words: Mt::new(seed), next: None }
    }

    /// A number in [0, 1) of 53 bits.
    fn unit(&mut self) -> f64 {
        let (high, low) = (self.words.next_u32() >> 5, self.words.next_u32() >> 6);
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }

    /// `numpy.random.randn()`: two numbers at a time by Marsaglia's polar method.
    pub(super) fn normal(&mut self) -> f64 {
        if let Some(number) = self.next.take() {
            return number;
        }
        loop {
            let (first, second) = (2.0 * self.unit() - 1.0, 2.0 * self.unit() - 1.0);
            let square = first * first + second * second;
            if square > 0.0 && square < 1.0 {
                let factor = (-2.0 * libm::log(square) / square).sqrt();
                self.next = Some(factor * first);
                return factor * second;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_near(found: &[f32], expected: &[f32]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() <= 1e-6, "{found} is not {expected}");
        }
    }

    /// What PyTorch 2.15 and `NumPy` 2.4 print.
    #[test]
    fn numbers_are_those_of_pytorch_and_numpy() {
        let mut torch = Torch::new(10_000);
        let normal = torch.normal(3000);
        let chosen = [0, 1, 7, 8, 15, 16, 2991, 2992, 2999].map(|index: usize| normal[index]);
        assert_near(
            &chosen,
            &[
                -0.379_861_56,
                -0.363_163_7,
                -0.287_620_87,
                -1.378_768_1,
                -1.426_100_8,
                0.527_165_35,
                -0.189_984_45,
                0.103_593_93,
                -1.523_874_6,
            ],
        );
        let next = torch.normal(3000);
        assert_near(&[next[0], next[2999]], &[0.329_353_57, -0.583_452]);
        assert_near(
            &Torch::new(7).uniform(5, 0.25),
            &[0.017_461_27, -0.150_598_4, 0.079_605_85, 0.078_445_14, -0.133_619_22],
        );
        assert_eq!(Torch::new(999).below(5, 10_000), [7152, 1356, 981, 3905, 9848]);
        let mut numpy = Numpy::new(1111);
        let expected = [
            -1.300_010_315_021_567_6,
            -1.072_989_035_637_409_7,
            0.790_199_194_457_870_5,
            -0.878_265_496_360_33,
            1.501_821_820_379_89,
        ];
        for expected in expected {
            let found = numpy.normal();
            assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
        }
    }
}
