//! The memory plan: every region of a training's one buffer, its size known at compile time.
//!
//! | file | what it holds |
//! |---|---|
//! | `cursor.rs` | the layers one after the other, with their shapes and the offsets of their values |
//! | `layout.rs` | the regions of the buffer, in order |
//! | `sizes.rs` | the sizes that users ask for: `Architecture::memory` and the like |
//! | `rows.rs` | the rows into which slices cut a pass, and the operations of one |
//! | `slices.rs` | the instructions of the longest slice of a step |
//! | `table.rs` | the plan as a table, for `asymgrad plan` |
//! | `tensors.rs` | named tensors and the index of each element, for export |
//! | `fixed_feedback.rs` | the table of frozen layers and of feedback that never changes |
//! | `growth.rs` | a state in that of the same network with more outputs |

mod cursor;
mod fixed_feedback;
mod growth;
mod layout;
mod rows;
mod sizes;
mod slices;
mod table;
mod tensors;

pub(crate) use self::cursor::{LayerCursor, LayerPlan};
pub(crate) use self::growth::Growth;
pub(crate) use self::layout::Layout;
pub(crate) use self::rows::{Rows, long_side_first};
pub use self::table::Region;
pub use self::tensors::{Tensor, TensorRole};
