// A trace: the operator calls of one evaluation, written down so that they can be made again without JavaScript.
#pragma once

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/stack.h>

#include <unordered_map>

#include "common.h"

namespace vid2world {

/** One call. What was made inside of the trace, and what it is given, is named by its number; everything else is kept as it is. */
struct TraceStep {
  c10::OperatorHandle handle;
  std::string name;
  torch::jit::Stack arguments;
  std::vector<std::pair<uint32_t, uint32_t>> tensors;                     // argument, number
  std::vector<std::pair<uint32_t, std::vector<int64_t>>> lists;           // argument, numbers (-1: as it is)
  std::vector<int64_t> results;                                           // per result 1, or the length of a list as -1 - length
  uint32_t firstResult;
  std::vector<uint32_t> last;                                             // numbers that no later step needs
  std::vector<std::vector<int64_t>> argumentShapes, resultShapes;         // of tensors, for whoever counts
};

struct Trace {
  uint32_t inputs = 0, numbers = 0;
  std::vector<TraceStep> steps;
  std::vector<int64_t> outputs;            // numbers, or -1 - index of a constant
  std::vector<at::Tensor> constants;       // outputs that are no result

  /** Makes the calls. `failed` names the one that threw. */
  std::vector<at::Tensor> run(std::vector<at::Tensor> inputs, const TraceStep*& failed) const;
};

struct WeightLayouts;

/** Listens to operator calls. */
class Recorder {
 public:
  explicit Recorder(std::vector<at::Tensor> inputs);
  void before(const c10::OperatorHandle& handle, const std::string& name, const torch::jit::Stack& stack);
  void after(const torch::jit::Stack& stack, bool dropResults);
  /** With `layouts` the trace is frozen (freeze.h): tensors that were neither given nor made inside must stay as they are. */
  Trace finish(const std::vector<at::Tensor>& outputs, WeightLayouts* layouts);

 private:
  int64_t numberOf(const at::Tensor& tensor) const;
  void remember(const at::Tensor& tensor);

  Trace trace_;
  // All of them live until the end, so that no two ever have the same address.
  std::vector<at::Tensor> alive_;
  std::unordered_map<const c10::TensorImpl*, uint32_t> numbers_;
};

/** A trace may run on another thread, or its graph on a device, when JavaScript lets go of it. */
using SharedTrace = std::shared_ptr<const Trace>;

/** The trace that is a function's first argument. */
const SharedTrace& traceOf(const Napi::CallbackInfo& info);
/** Throws where so many tensors are not what the trace takes, or another one is being made. */
void checkInputs(const State& state, const Trace& trace, size_t count);
/** The first `count` tensors in the scratch buffer. */
std::vector<at::Tensor> tensorsAt(State& state, size_t count);

}  // namespace vid2world
