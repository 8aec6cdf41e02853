// Freezing a trace. Two things pay for a frame that is evaluated alone. Some calls only prepare weights (casts, reshapes, tables): their results are
// kept. And oneDNN brings a convolution's weight into its own order in every call, which for a small map takes as long as the convolution: here once.
// The kernel that is used then is the same whatever the batch, so that sessions computed together get the very numbers they would get alone.
#include "freeze.h"

#include <array>
#include <optional>

namespace vid2world {

namespace {

bool startsWith(const std::string& text, const char* with) { return text.rfind(with, 0) == 0; }

bool drawsNumbers(const TraceStep& step) {
  static const std::array<const char*, 5> names{"rand", "normal", "bernoulli", "multinomial", "empty"};
  for (const auto* name : names)
    if (startsWith(step.name, name)) return true;
  return false;
}

bool writesInto(const TraceStep& step) {
  for (const auto& argument : step.handle.schema().arguments())
    if (argument.alias_info() != nullptr && argument.alias_info()->isWrite()) return true;
  return false;
}

/** Replaces numbers of `constant` tensors by the tensors. -> whether nothing else is left */
bool insertConstants(TraceStep& step, const std::vector<bool>& constant, const std::vector<at::Tensor>& values) {
  std::vector<std::pair<uint32_t, uint32_t>> varying;
  for (const auto& [argument, number] : step.tensors) {
    if (constant[number]) step.arguments[argument] = values[number];
    else varying.emplace_back(argument, number);
  }
  step.tensors = std::move(varying);
  bool all = step.tensors.empty();
  for (auto& [argument, members] : step.lists) {
    c10::List<at::Tensor> list = step.arguments[argument].toTensorList().copy();
    for (size_t i = 0; i < members.size(); i++) {
      if (members[i] < 0) continue;
      if (constant[members[i]]) {
        list.set(i, values[members[i]]);
        members[i] = -1;
      } else {
        all = false;
      }
    }
    step.arguments[argument] = std::move(list);
  }
  return all;
}

uint32_t resultsOf(const TraceStep& step) {
  uint32_t count = 0;
  for (const auto result : step.results) count += result > 0 ? 1 : static_cast<uint32_t>(-1 - result);
  return count;
}

/** Drops the calls whose results are the same in every run. */
void foldConstants(Trace& trace, const std::vector<at::Tensor>& values) {
  std::vector<bool> constant(trace.numbers);
  std::vector<TraceStep> left;
  for (auto& step : trace.steps) {
    if (!insertConstants(step, constant, values) || drawsNumbers(step)) {
      left.push_back(std::move(step));
      continue;
    }
    for (uint32_t i = 0; i < resultsOf(step); i++) constant[step.firstResult + i] = true;
  }
  trace.steps = std::move(left);
  for (auto& output : trace.outputs) {
    if (output < 0 || !constant[output]) continue;
    trace.constants.push_back(values[output]);
    output = -static_cast<int64_t>(trace.constants.size());
  }
}

/** Two numbers, also where one stands for both. */
std::vector<int64_t> pairOf(const c10::IValue& value) {
  auto numbers = value.toIntVector();
  if (numbers.size() == 1) numbers.push_back(numbers[0]);
  return numbers;
}

std::string keyOf(const at::Tensor& weight, const at::Tensor& bias, const std::vector<std::vector<int64_t>>& sizes) {
  std::string key = std::to_string(reinterpret_cast<uintptr_t>(weight.unsafeGetTensorImpl())) + " " +
                    std::to_string(reinterpret_cast<uintptr_t>(bias.defined() ? bias.unsafeGetTensorImpl() : nullptr));
  for (const auto& of : sizes)
    for (const auto size : of) key += " " + std::to_string(size);
  return key;
}

bool isPlain(const at::Tensor& x) { return x.defined() && x.device().is_cpu() && x.scalar_type() == at::kFloat && x.layout() == at::kStrided; }

/** The operators that take weights laid out by oneDNN. */
struct Prepacked {
  c10::OperatorHandle prepack, run, reshape;

  static std::optional<Prepacked> find() {
    auto& dispatcher = c10::Dispatcher::singleton();
    const auto prepack = dispatcher.findSchema({"mkldnn_prepacked::conv2d_prepack", ""});
    const auto run = dispatcher.findSchema({"mkldnn_prepacked::conv2d_run", ""});
    if (!prepack || !run) return std::nullopt;  // a libtorch without oneDNN
    return Prepacked{*prepack, *run, dispatcher.findSchemaOrThrow("aten::reshape", "")};
  }
};

struct Convolution {
  at::Tensor weight, bias;
  std::vector<int64_t> stride, padding, dilation;
  int64_t groups;
  std::vector<int64_t> input;
};

c10::IValue laidOut(const Convolution& of, const Prepacked& with, WeightLayouts& layouts) {
  // For one item, whatever the batch: the layout and the order of additions are to be those that an item has alone.
  auto size = of.input;
  size[0] = 1;
  auto& entry = layouts.convolutions[keyOf(of.weight, of.bias, {of.stride, of.padding, of.dilation, {of.groups}, size})];
  if (entry.context.isNone()) {
    const auto weight = of.weight.dim() == 2 ? of.weight.unsqueeze(-1).unsqueeze(-1) : of.weight;
    torch::jit::Stack stack{weight,      of.bias.defined() ? c10::IValue(of.bias) : c10::IValue(), of.stride, of.padding, of.dilation, of.groups, size, "none"};
    with.prepack.callBoxed(stack);
    entry = {of.weight, of.bias, stack[0]};
  }
  return entry.context;
}

/** Whether a call has one varying tensor, its input, and is made in float32 on the CPU: autocast shows in the result alone. */
bool isSuited(const TraceStep& step, const std::vector<at::Tensor>& values) {
  return step.tensors.size() == 1 && step.tensors[0].first == 0 && isPlain(values[step.tensors[0].second]) && isPlain(step.arguments[1].toTensor()) &&
         isPlain(values[step.firstResult]);
}

at::Tensor optionalTensor(const c10::IValue& value) { return value.isTensor() ? value.toTensor() : at::Tensor(); }

void layOutConvolution(TraceStep& step, const at::Tensor& x, const Prepacked& with, WeightLayouts& layouts) {
  const Convolution of{step.arguments[1].toTensor(), optionalTensor(step.arguments[2]), pairOf(step.arguments[3]), pairOf(step.arguments[4]),
                       pairOf(step.arguments[5]),    step.arguments[6].toInt(),         x.sizes().vec()};
  step.handle = with.run;
  step.name = "conv2d_run";
  step.arguments = {c10::IValue(), laidOut(of, with, layouts)};
}

/** A linear layer of one row per item, as a convolution: a product of a matrix and a vector rounds other than one of two matrices. */
void layOutRows(std::vector<TraceStep>& steps, TraceStep step, const std::vector<at::Tensor>& values, uint32_t& numbers, const Prepacked& with,
                WeightLayouts& layouts) {
  const auto number = step.tensors[0].second;
  const auto weight = step.arguments[1].toTensor();
  const Convolution of{weight, optionalTensor(step.arguments[2]), {1, 1}, {0, 0}, {1, 1}, 1, {1, weight.size(1), 1, 1}};
  const auto reshape = [&](uint32_t from, uint32_t to, std::vector<int64_t> shape) {
    return TraceStep{with.reshape, "reshape", {c10::IValue(), shape}, {{0, from}}, {}, {1}, to, {}, {}, {}};
  };
  const auto map = numbers++, product = numbers++;
  steps.push_back(reshape(number, map, {-1, weight.size(1), 1, 1}));
  steps.push_back(TraceStep{with.run, "conv2d_run", {c10::IValue(), laidOut(of, with, layouts)}, {{0, map}}, {}, {1}, product, {}, {}, {}});
  steps.push_back(reshape(product, step.firstResult, values[step.firstResult].sizes().vec()));
}

bool hasOneRow(const at::Tensor& x) { return x.dim() == 2 || (x.dim() > 2 && x.size(-2) == 1); }

void layOutWeights(Trace& trace, const std::vector<at::Tensor>& values, WeightLayouts& layouts) {
  const auto with = Prepacked::find();
  if (!with) return;
  std::vector<TraceStep> steps;
  for (auto& step : trace.steps) {
    const bool convolution = step.name == "conv2d", linear = step.name == "linear";
    if ((convolution || linear) && isSuited(step, values)) {
      const auto& x = values[step.tensors[0].second];
      if (linear && hasOneRow(x)) {
        layOutRows(steps, std::move(step), values, trace.numbers, *with, layouts);
        continue;
      }
      // Channels last is what the kernel leaves, and what the next layers expect.
      if (convolution && x.dim() == 4 && x.is_contiguous(at::MemoryFormat::ChannelsLast)) layOutConvolution(step, x, *with, layouts);
    }
    steps.push_back(std::move(step));
  }
  trace.steps = std::move(steps);
}

}  // namespace

void freeze(Trace& trace, const std::vector<at::Tensor>& values, WeightLayouts& layouts) {
  for (const auto& step : trace.steps)
    if (writesInto(step)) return;  // a tensor that is written to is not what it was when it was made
  foldConstants(trace, values);
  layOutWeights(trace, values, layouts);
}

}  // namespace vid2world
