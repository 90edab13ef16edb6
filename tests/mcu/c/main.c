/* Trains the digits through asymgrad.h and prints the line of the program `reference` for the same training. */
#include "asymgrad.h"

enum { PIXELS = 64, TRAINED = 1500, DIGITS = 1797, EPOCHS = 10 };

/* The digits, 64 pixels each and then the labels; the initial weights behind the header of their file. */
__asm__(".section .rodata\n.balign 4\n"
        "digits: .incbin \"data/digits.bin\"\n.balign 4\n"
        "weights: .incbin \"tests/mcu/digits-64-32-10.safetensors\", 296\n"
        ".section .note.GNU-stack,\"\",%progbits\n.text");
extern const uint8_t digits[];
extern const float weights[];

/* A call of the debugger: the emulator's standard output, or the end of the program. */
static int semihosting(int operation, const void *argument) {
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static void print(const char *text) { semihosting(4, text); }

static void print_number(uint32_t number, uint32_t base, int digits_least) {
    char text[11];
    int at = 10;
    text[at] = 0;
    do {
        text[--at] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number > 0 || 10 - at < digits_least);
    print(text + at);
}

static size_t digit(size_t index, float *pixels) {
    for (int pixel = 0; pixel < PIXELS; pixel++) pixels[pixel] = (float)digits[index * PIXELS + pixel] / 16.0f;
    return digits[DIGITS * PIXELS + index];
}

static uint32_t checksum(const float *values, size_t len) {
    const uint8_t *bytes = (const uint8_t *)values;
    uint32_t hash = 0x811c9dc5;
    for (size_t index = 0; index < 4 * len; index++) hash = (hash ^ bytes[index]) * 0x01000193;
    return hash;
}

static int train(void) {
    float pixels[PIXELS], logits[10], loss;
    struct asymgrad_trainer *trainer = asymgrad_take();
    if (!trainer || asymgrad_take() || asymgrad_features() != PIXELS || asymgrad_outputs() != 10) return 1;
    asymgrad_initialize(trainer, 1, 2);
    float *state = asymgrad_state(trainer);
    /* In the file bias and weight of each layer, in the state weight and bias. */
    const size_t from[] = {32, 0, 32 + 2048 + 10, 32 + 2048}, len[] = {2048, 32, 320, 10};
    size_t at = 0;
    for (int part = 0; part < 4; part++)
        for (size_t index = 0; index < len[part]; index++) state[at++] = weights[from[part] + index];
    size_t label = digit(0, pixels), wrong = 10;
    if (asymgrad_step(trainer, pixels, &wrong, 1, &loss) != ASYMGRAD_STATUS_TARGET) return 2;
    if (asymgrad_step(trainer, 0, &label, 1, &loss) != ASYMGRAD_STATUS_NULL) return 3;
    if (asymgrad_step(trainer, pixels, &label, 0, &loss) != ASYMGRAD_STATUS_SAMPLES) return 4;
    if (asymgrad_poll(trainer, 0) != ASYMGRAD_STATUS_STEP) return 5;
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        for (size_t index = 0; index < TRAINED; index++) {
            label = digit(index, pixels);
            /* Every other step in slices. */
            if (index % 2) {
                if (asymgrad_step(trainer, pixels, &label, 1, &loss) != ASYMGRAD_STATUS_OK) return 6;
            } else {
                enum asymgrad_status status = asymgrad_start(trainer, pixels, &label, 1);
                while (status == ASYMGRAD_STATUS_PENDING) status = asymgrad_poll(trainer, &loss);
                if (status != ASYMGRAD_STATUS_OK) return 7;
            }
        }
    }
    if (asymgrad_steps(trainer) != (uint64_t)EPOCHS * TRAINED) return 8;
    uint32_t correct = 0;
    for (size_t index = TRAINED; index < DIGITS; index++) {
        label = digit(index, pixels);
        if (asymgrad_predict(trainer, pixels, 1, logits) != ASYMGRAD_STATUS_OK) return 9;
        size_t best = 0;
        for (size_t class = 1; class < 10; class++) if (logits[class] > logits[best]) best = class;
        correct += best == label;
    }
    print("correct ");
    print_number(correct, 10, 1);
    print(", weights ");
    print_number(checksum(state, 2048 + 32 + 320 + 10), 16, 8);
    print(", state ");
    print_number(checksum(state, asymgrad_state_len()), 16, 8);
    print("\n");
    return 0;
}

extern uint32_t data_begin[], data_end[], bss_begin[], bss_end[];
extern const uint32_t data_load[];

void reset(void) {
    for (uint32_t *to = data_begin, *from = (uint32_t *)data_load; to < data_end;) *to++ = *from++;
    for (uint32_t *to = bss_begin; to < bss_end;) *to++ = 0;
    /* The floating-point unit. */
    *(volatile uint32_t *)0xe000ed88 |= 0xf << 20;
    __asm__ volatile("dsb\nisb");
    int failed = train();
    const uint32_t end[] = {0x20026, (uint32_t)failed};
    semihosting(0x20, end);
    for (;;) {}
}

/* The top of the stack, and where the processor starts. */
__attribute__((section(".vectors"), used)) static const void *const vectors[] = {(void *)0x20080000, reset};
