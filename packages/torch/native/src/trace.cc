// Tracing operator calls and making them again: what a scripting language costs per call is paid once.
//
// A trace is what one evaluation did with its inputs. Shapes, scalars and branches that JavaScript decided on are fixed in it; tensors that
// were neither inputs nor results (weights, tables) are kept and read again at each run, so weights that change in place are seen; unless the
// trace is frozen (freeze.h).
#include "trace.h"

#include <ATen/Parallel.h>

#include "freeze.h"
#include "task.h"

namespace vid2world {

std::vector<at::Tensor> Trace::run(std::vector<at::Tensor> inputs, const TraceStep*& failed) const {
  std::vector<at::Tensor> values = std::move(inputs);
  values.resize(numbers);
  torch::jit::Stack stack;
  for (const auto& step : steps) {
    failed = &step;
    stack = step.arguments;
    for (const auto& [argument, number] : step.tensors) stack[argument] = values[number];
    for (const auto& [argument, members] : step.lists) {
      // Lists are references: the step keeps its own.
      c10::List<at::Tensor> list = stack[argument].toTensorList().copy();
      for (size_t i = 0; i < members.size(); i++)
        if (members[i] >= 0) list.set(i, values[members[i]]);
      stack[argument] = std::move(list);
    }
    step.handle.callBoxed(stack);
    uint32_t next = step.firstResult;
    for (size_t i = 0; i < step.results.size(); i++) {
      if (step.results[i] > 0) values[next++] = std::move(stack[i]).toTensor();
      else
        for (auto& member : stack[i].toTensorVector()) values[next++] = std::move(member);
    }
    stack.clear();
    for (const auto number : step.last) values[number].reset();
  }
  failed = nullptr;
  std::vector<at::Tensor> results;
  results.reserve(outputs.size());
  for (const auto output : outputs) results.push_back(output >= 0 ? values[output] : constants[-1 - output]);
  return results;
}

Recorder::Recorder(std::vector<at::Tensor> inputs) {
  trace_.inputs = static_cast<uint32_t>(inputs.size());
  for (const auto& input : inputs) {
    if (numbers_.count(input.unsafeGetTensorImpl())) throw std::runtime_error("the same tensor is given twice; a trace could not tell them apart");
    remember(input);
  }
}

int64_t Recorder::numberOf(const at::Tensor& tensor) const {
  if (!tensor.defined()) return -1;
  const auto found = numbers_.find(tensor.unsafeGetTensorImpl());
  return found == numbers_.end() ? -1 : static_cast<int64_t>(found->second);
}

void Recorder::remember(const at::Tensor& tensor) {
  if (tensor.defined()) numbers_[tensor.unsafeGetTensorImpl()] = trace_.numbers;
  trace_.numbers++;
  alive_.push_back(tensor);
}

void Recorder::before(const c10::OperatorHandle& handle, const std::string& name, const torch::jit::Stack& stack) {
  TraceStep step{handle, name, stack, {}, {}, {}, 0, {}, {}, {}};
  for (uint32_t i = 0; i < stack.size(); i++) {
    if (stack[i].isTensor()) {
      const auto& tensor = stack[i].toTensor();
      if (!tensor.defined()) continue;
      step.argumentShapes.push_back(tensor.sizes().vec());
      const auto number = numberOf(tensor);
      if (number < 0) continue;
      step.tensors.emplace_back(i, static_cast<uint32_t>(number));
      step.arguments[i] = c10::IValue();
    } else if (stack[i].isTensorList()) {
      std::vector<int64_t> members;
      auto constants = stack[i].toTensorList().copy();
      for (size_t k = 0; k < constants.size(); k++) {
        const at::Tensor member = constants.get(k);
        step.argumentShapes.push_back(member.sizes().vec());
        members.push_back(numberOf(member));
        if (members.back() >= 0) constants.set(k, at::Tensor());
      }
      step.arguments[i] = std::move(constants);
      step.lists.emplace_back(i, std::move(members));
    } else if (stack[i].isList()) {
      for (const c10::IValue& member : stack[i].toListRef())
        if (member.isTensor() && numberOf(member.toTensor()) >= 0) throw std::runtime_error("an optional list of tensors cannot be traced");
    }
  }
  trace_.steps.push_back(std::move(step));
}

void Recorder::after(const torch::jit::Stack& stack, bool dropResults) {
  auto& step = trace_.steps.back();
  step.firstResult = trace_.numbers;
  if (dropResults) return;
  for (const auto& value : stack) {
    if (value.isTensor()) {
      if (value.toTensor().defined()) step.resultShapes.push_back(value.toTensor().sizes().vec());
      remember(value.toTensor());
      step.results.push_back(1);
    } else if (value.isTensorList()) {
      const auto members = value.toTensorVector();
      for (const auto& member : members) {
        step.resultShapes.push_back(member.sizes().vec());
        remember(member);
      }
      step.results.push_back(-1 - static_cast<int64_t>(members.size()));
    } else {
      throw std::runtime_error("a result that is no tensor cannot be traced: JavaScript may have decided by it");
    }
  }
}

Trace Recorder::finish(const std::vector<at::Tensor>& outputs, WeightLayouts* layouts) {
  for (const auto& output : outputs) {
    const auto number = numberOf(output);
    if (number < 0) trace_.constants.push_back(output);
    trace_.outputs.push_back(number >= 0 ? number : -static_cast<int64_t>(trace_.constants.size()));
  }
  if (layouts != nullptr) freeze(trace_, alive_, *layouts);
  // Backwards: what a step is the first to name is not needed after it.
  std::vector<bool> needed(trace_.numbers);
  for (const auto number : trace_.outputs)
    if (number >= 0) needed[number] = true;
  for (auto step = trace_.steps.rbegin(); step != trace_.steps.rend(); ++step) {
    const auto use = [&](int64_t number) {
      if (number < 0 || needed[number]) return;
      needed[number] = true;
      step->last.push_back(static_cast<uint32_t>(number));
    };
    for (const auto& [argument, number] : step->tensors) use(number);
    for (const auto& [argument, members] : step->lists)
      for (const auto number : members) use(number);
    uint32_t count = 0;
    for (const auto result : step->results) count += result > 0 ? 1 : static_cast<uint32_t>(-1 - result);
    for (uint32_t i = 0; i < count; i++) use(step->firstResult + i);
  }
  return std::move(trace_);
}

std::vector<at::Tensor> tensorsAt(State& state, size_t count) {
  std::vector<at::Tensor> tensors;
  tensors.reserve(count);
  for (size_t i = 0; i < count; i++) tensors.push_back(state.at(state.scratch.at(i)));
  return tensors;
}

const SharedTrace& traceOf(const Napi::CallbackInfo& info) { return *info[0].As<Napi::External<SharedTrace>>().Data(); }

void checkInputs(const State& state, const Trace& trace, size_t count) {
  if (state.recorder) throw std::runtime_error("it cannot run while another is made");
  if (count != trace.inputs) throw std::runtime_error("it takes " + std::to_string(trace.inputs) + " tensors, got " + std::to_string(count));
}

namespace {

/** traceBegin(count): the calls from here on are written down, with the tensors in the scratch buffer as inputs. */
Napi::Value TraceBegin(const Napi::CallbackInfo& info) {
  return guard(info, "trace", [&] {
    State& state = stateOf(info.Env());
    if (state.recorder) throw std::runtime_error("a trace inside of a trace");
    state.recorder = std::make_shared<Recorder>(tensorsAt(state, static_cast<size_t>(numberAt(info, 0))));
    return info.Env().Undefined();
  });
}

/** weightLayouts() -> external */
Napi::Value MakeWeightLayouts(const Napi::CallbackInfo& info) {
  return Napi::External<WeightLayouts>::New(info.Env(), new WeightLayouts(), [](Napi::Env, WeightLayouts* done) { delete done; });
}

/** traceEnd(count, layouts?) -> external; the outputs are in the scratch buffer. With layouts the trace is frozen. */
Napi::Value TraceEnd(const Napi::CallbackInfo& info) {
  return guard(info, "trace", [&] {
    State& state = stateOf(info.Env());
    auto* layouts = info[1].IsExternal() ? info[1].As<Napi::External<WeightLayouts>>().Data() : nullptr;
    auto trace = std::make_shared<Trace>(state.recorder->finish(tensorsAt(state, static_cast<size_t>(numberAt(info, 0))), layouts));
    state.recorder.reset();
    return Napi::External<SharedTrace>::New(info.Env(), new SharedTrace(std::move(trace)), [](Napi::Env, SharedTrace* done) { delete done; });
  });
}

/** traceCancel(): after an error. */
Napi::Value TraceCancel(const Napi::CallbackInfo& info) {
  stateOf(info.Env()).recorder.reset();
  return info.Env().Undefined();
}

/** traceRun(trace, count): inputs in the scratch buffer, outputs back there. */
Napi::Value TraceRun(const Napi::CallbackInfo& info) {
  State& state = stateOf(info.Env());
  const TraceStep* failed = nullptr;
  try {
    const Trace& trace = *traceOf(info);
    const auto count = static_cast<size_t>(numberAt(info, 1));
    checkInputs(state, trace, count);
    const auto outputs = trace.run(tensorsAt(state, count), failed);
    for (size_t i = 0; i < outputs.size(); i++) state.scratch.at(i) = state.add(info.Env(), outputs[i]);
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw currentError(info.Env(), failed ? "trace, at " + failed->name : "trace");
  }
  return info.Env().Undefined();
}

/** traceRunAside(trace, count) -> promise of the outputs' handles: inputs in the scratch buffer; runs on another thread. */
Napi::Value TraceRunAside(const Napi::CallbackInfo& info) {
  return guard(info, "trace", [&] {
    State& state = stateOf(info.Env());
    const auto trace = traceOf(info);
    const auto count = static_cast<size_t>(numberAt(info, 1));
    checkInputs(state, *trace, count);
    const auto tensors = std::make_shared<std::vector<at::Tensor>>(tensorsAt(state, count));
    const auto work = [trace, tensors] {
      at::init_num_threads();  // of this thread, as JavaScript's has
      const at::NoGradGuard noGrad;
      const TraceStep* failed = nullptr;
      try {
        *tensors = trace->run(std::move(*tensors), failed);
      } catch (const c10::Error& error) {
        throw std::runtime_error("trace, at " + (failed ? failed->name : "its end") + ": " + error.what_without_backtrace());
      }
    };
    return Task::start(info.Env(), work, [tensors, &state](Napi::Env env) {
      auto handles = Napi::Array::New(env, tensors->size());
      for (uint32_t i = 0; i < tensors->size(); i++) handles[i] = number(env, state.add(env, (*tensors)[i]));
      return handles;
    });
  });
}

Napi::Array shapesOf(Napi::Env env, const std::vector<std::vector<int64_t>>& shapes) {
  auto result = Napi::Array::New(env, shapes.size());
  for (uint32_t i = 0; i < shapes.size(); i++) {
    auto shape = Napi::Array::New(env, shapes[i].size());
    for (uint32_t k = 0; k < shapes[i].size(); k++) shape[k] = number(env, static_cast<double>(shapes[i][k]));
    result[i] = shape;
  }
  return result;
}

/** traceSteps(trace) -> [[operator, shapes of its tensors, shapes of its results]] */
Napi::Value TraceSteps(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Trace& trace = *traceOf(info);
  auto result = Napi::Array::New(env, trace.steps.size());
  for (uint32_t i = 0; i < trace.steps.size(); i++) {
    auto step = Napi::Array::New(env, 3);
    step[0u] = Napi::String::New(env, trace.steps[i].name);
    step[1u] = shapesOf(env, trace.steps[i].argumentShapes);
    step[2u] = shapesOf(env, trace.steps[i].resultShapes);
    result[i] = step;
  }
  return result;
}

}  // namespace

void InitTrace(Napi::Env env, Napi::Object exports) {
  exports["traceBegin"] = Napi::Function::New(env, TraceBegin);
  exports["weightLayouts"] = Napi::Function::New(env, MakeWeightLayouts);
  exports["traceEnd"] = Napi::Function::New(env, TraceEnd);
  exports["traceCancel"] = Napi::Function::New(env, TraceCancel);
  exports["traceRun"] = Napi::Function::New(env, TraceRun);
  exports["traceRunAside"] = Napi::Function::New(env, TraceRunAside);
  exports["traceSteps"] = Napi::Function::New(env, TraceSteps);
}

}  // namespace vid2world
