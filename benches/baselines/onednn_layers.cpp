// Baseline: GFLOP/s of oneDNN's primitives for the layers of the networks at batch 128: forward, backward data (the input gradient) and
// backward weights (the weight gradient), in the memory layouts that oneDNN prefers, without the time to convert to them.
//
//     pip install onednn-devel onednn; P=$(python -c 'import sys; print(sys.prefix)')
//     g++ -O2 -std=c++17 -I$P/include onednn_layers.cpp -L$P/lib -ldnnl -Wl,-rpath,$P/lib -Wl,--disable-new-dtags -o onednn_layers
//     OCL_ICD_FILENAMES=$P/lib/libintelocl.so taskset -c 0 ./onednn_layers | tee -a target/baselines.jsonl
//
// One JSON line for each layer and pass: {"bench", "by", "gflops"}; "bench" is the name of the bench of asymgrad beside it. Convolutions
// count their products inside the image alone, as asymgrad's benches do.

#include <dnnl.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <unordered_map>
#include <vector>

using dnnl::memory;
using Arguments = std::unordered_map<int, memory>;
using Clock = std::chrono::steady_clock;

constexpr memory::dim BATCH = 128;
constexpr int SAMPLES = 10;

dnnl::engine engine(dnnl::engine::kind::cpu, 0);
dnnl::stream stream(engine);

memory filled(const memory::desc& layout) {
    memory result(layout, engine);
    auto* values = static_cast<float*>(result.get_data_handle());
    for (size_t at = 0; at < layout.get_size() / sizeof(float); ++at) values[at] = float(at % 251) / 251 - 0.5f;
    return result;
}

// The median of ten samples of about 30 ms.
void measure(const std::string& bench, const dnnl::primitive& primitive, const Arguments& arguments, double operations) {
    auto seconds = [&](int count) {
        auto start = Clock::now();
        for (int at = 0; at < count; ++at) primitive.execute(stream, arguments);
        stream.wait();
        return std::chrono::duration<double>(Clock::now() - start).count() / count;
    };
    seconds(2);
    int count = std::max(1, int(0.03 / seconds(1)));
    std::vector<double> times;
    for (int sample = 0; sample < SAMPLES; ++sample) times.push_back(seconds(count));
    std::sort(times.begin(), times.end());
    std::printf("{\"bench\": \"%s\", \"by\": \"oneDNN\", \"gflops\": %.1f}\n", bench.c_str(), operations / times[SAMPLES / 2] / 1e9);
    std::fflush(stdout);
}

memory::desc any(const memory::dims& sizes) { return {sizes, memory::data_type::f32, memory::format_tag::any}; }

// The three passes of a layer from their descriptions.
template <class Forward, class Data, class Weights>
void passes(const std::string& name, const Forward& forward, const Data& data, const Weights& weights, double operations) {
    measure(name + " forward", dnnl::primitive(forward),
            {{DNNL_ARG_SRC, filled(forward.src_desc())},
             {DNNL_ARG_WEIGHTS, filled(forward.weights_desc())},
             {DNNL_ARG_BIAS, filled(forward.bias_desc())},
             {DNNL_ARG_DST, filled(forward.dst_desc())}},
            operations);
    measure(name + " input gradient", dnnl::primitive(data),
            {{DNNL_ARG_DIFF_DST, filled(data.diff_dst_desc())},
             {DNNL_ARG_WEIGHTS, filled(data.weights_desc())},
             {DNNL_ARG_DIFF_SRC, filled(data.diff_src_desc())}},
            operations);
    measure(name + " weight gradient", dnnl::primitive(weights),
            {{DNNL_ARG_DIFF_DST, filled(weights.diff_dst_desc())},
             {DNNL_ARG_SRC, filled(weights.src_desc())},
             {DNNL_ARG_DIFF_WEIGHTS, filled(weights.diff_weights_desc())},
             {DNNL_ARG_DIFF_BIAS, filled(weights.diff_bias_desc())}},
            operations);
}

void dense(memory::dim inputs, memory::dim outputs) {
    auto x = any({BATCH, inputs}), w = any({outputs, inputs}), b = any({outputs}), y = any({BATCH, outputs});
    dnnl::inner_product_forward::primitive_desc forward(engine, dnnl::prop_kind::forward_training, x, w, b, y);
    dnnl::inner_product_backward_data::primitive_desc data(engine, x, w, y, forward);
    dnnl::inner_product_backward_weights::primitive_desc weights(engine, x, w, b, y, forward);
    passes("dense " + std::to_string(inputs) + "-" + std::to_string(outputs), forward, data, weights,
           2.0 * double(inputs * outputs * BATCH));
}

void convolution(memory::dim side, memory::dim inputs, memory::dim outputs) {
    auto x = any({BATCH, inputs, side, side}), w = any({outputs, inputs, 5, 5}), b = any({outputs}), y = any({BATCH, outputs, side, side});
    const memory::dims strides = {1, 1}, padding = {2, 2};
    const auto algorithm = dnnl::algorithm::convolution_direct;
    dnnl::convolution_forward::primitive_desc forward(engine, dnnl::prop_kind::forward_training, algorithm, x, w, b, y, strides, padding,
                                                      padding);
    dnnl::convolution_backward_data::primitive_desc data(engine, algorithm, x, w, y, strides, padding, padding, forward);
    dnnl::convolution_backward_weights::primitive_desc weights(engine, algorithm, x, w, b, y, strides, padding, padding, forward);
    // Along one axis five taps at each position, without the six that lie outside.
    const double taps = 5.0 * double(side) - 6;
    const auto name = "convolution " + std::to_string(inputs) + "-" + std::to_string(outputs) + " at " + std::to_string(side) + "x" +
                      std::to_string(side);
    passes(name, forward, data, weights, 2.0 * taps * taps * double(inputs * outputs * BATCH));
}

int main() {
    for (auto [inputs, outputs] : {std::pair{3072, 512}, {512, 512}, {512, 256}, {256, 256}, {256, 10}, {1024, 128}, {128, 10}})
        dense(inputs, outputs);
    convolution(32, 3, 32);
    convolution(16, 32, 64);
    convolution(8, 64, 64);
}
