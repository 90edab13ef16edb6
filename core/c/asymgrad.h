/* Trains one network, which core/c/src/network.rs fixes. Written by cbindgen from core/c/src/lib.rs. */

#ifndef ASYMGRAD_H
#define ASYMGRAD_H

#include <stddef.h>
#include <stdint.h>

/*
 What a call did. In all cases but `OK` and `PENDING` the weights are unchanged.
 */
enum asymgrad_status {
  /*
   Done.
   */
  ASYMGRAD_STATUS_OK = 0,
  /*
   The step has more slices: call `asymgrad_poll` again.
   */
  ASYMGRAD_STATUS_PENDING = 1,
  /*
   A pointer is null.
   */
  ASYMGRAD_STATUS_NULL = 2,
  /*
   There are no samples, or more than the batch.
   */
  ASYMGRAD_STATUS_SAMPLES = 3,
  /*
   A value of a sample is infinite or NaN.
   */
  ASYMGRAD_STATUS_NON_FINITE_INPUT = 4,
  /*
   A label is no class, or a target is no value that the loss takes.
   */
  ASYMGRAD_STATUS_TARGET = 5,
  /*
   The loss is infinite or NaN: the training has diverged.
   */
  ASYMGRAD_STATUS_DIVERGED = 6,
  /*
   A step is running, or, for `asymgrad_poll`, none is.
   */
  ASYMGRAD_STATUS_STEP = 7,
};

/*
 The trainer, in the memory of the library.
 */
struct asymgrad_trainer;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/*
 Number of values of a sample, as `[channel][row][col]`.
 */
size_t asymgrad_features(void);

/*
 Number of outputs: one for each class.
 */
size_t asymgrad_outputs(void);

/*
 Number of samples of the largest step.
 */
size_t asymgrad_batch(void);

/*
 Number of values of the state: what has to be kept to resume the training, together with `asymgrad_steps`.
 */
size_t asymgrad_state_len(void);

/*
 The trainer; null from the second call on. It is not for several threads or interrupts at a time.
 */
struct asymgrad_trainer *asymgrad_take(void);

/*
 Draws the weights and the feedback from two seeds, and starts the optimizer anew. Without it, or a state that is restored, nothing is
 learned: the memory is all zeros. It ends a step that is running, as `asymgrad_resume` does.

 # Safety
 `trainer` is null or a pointer of `asymgrad_take`.
 */
enum asymgrad_status asymgrad_initialize(struct asymgrad_trainer *trainer,
                                         uint64_t weights,
                                         uint64_t feedback);

/*
 Trains on some samples, which lie one after the other, and their classes. `loss`, which may be null, becomes the mean loss before the
 update.

 # Safety
 `trainer` is null or a pointer of `asymgrad_take`; `inputs` is null or points to `samples` times `asymgrad_features()` values, `labels`
 to `samples` values, `loss` to one.
 */
enum asymgrad_status asymgrad_step(struct asymgrad_trainer *trainer,
                                   const float *inputs,
                                   const size_t *labels,
                                   size_t samples,
                                   float *loss);

/*
 As `asymgrad_step`, with a target value for each output of each sample in place of a class, for the losses that take values.

 # Safety
 As `asymgrad_step`; `targets` points to `samples` times `asymgrad_outputs()` values.
 */
enum asymgrad_status asymgrad_step_values(struct asymgrad_trainer *trainer,
                                          const float *inputs,
                                          const float *targets,
                                          size_t samples,
                                          float *loss);

/*
 Begins a step as `asymgrad_step`, for `asymgrad_poll` to make it in slices. `PENDING` if it has started.

 # Safety
 As `asymgrad_step`.
 */
enum asymgrad_status asymgrad_start(struct asymgrad_trainer *trainer,
                                    const float *inputs,
                                    const size_t *labels,
                                    size_t samples);

/*
 Runs the next slice of a step: one layer in one direction, or the loss. `OK` after the last; `loss`, which may be null, is then the mean
 loss before the update.

 # Safety
 `trainer` is null or a pointer of `asymgrad_take`; `loss` is null or points to a value.
 */
enum asymgrad_status asymgrad_poll(struct asymgrad_trainer *trainer,
                                   float *loss);

/*
 The logits of some samples: of class c for sample s at c · samples + s.

 # Safety
 `trainer` is null or a pointer of `asymgrad_take`; `inputs` is null or points to `samples` times `asymgrad_features()` values, `logits` to
 `samples` times `asymgrad_outputs()`.
 */
enum asymgrad_status asymgrad_predict(struct asymgrad_trainer *trainer,
                                      const float *inputs,
                                      size_t samples,
                                      float *logits);

/*
 The state, of `asymgrad_state_len()` values, to be saved or changed between steps: weights and biases layer by layer, then feedback and
 the optimizer's. Null for a null pointer.

 # Safety
 `trainer` is null or a pointer of `asymgrad_take`.
 */
float *asymgrad_state(struct asymgrad_trainer *trainer);

/*
 Number of steps made.

 # Safety
 `trainer` is null or a pointer of `asymgrad_take`.
 */
uint64_t asymgrad_steps(struct asymgrad_trainer *trainer);

/*
 Resumes after so many steps, when the state has been restored.

 # Safety
 `trainer` is null or a pointer of `asymgrad_take`.
 */
enum asymgrad_status asymgrad_resume(struct asymgrad_trainer *trainer, uint64_t steps);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ASYMGRAD_H */
