// Autograd: gradient modes, backward, gradients of chosen inputs, and activation checkpointing that calls back into JavaScript.
#include <ATen/ThreadLocalState.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/variable.h>

#include <condition_variable>
#include <functional>
#include <thread>

#include "common.h"
#include "compat.h"

namespace vid2world {

namespace {

using torch::autograd::variable_list;

/**
 * Runs work of the autograd engine's threads on the JavaScript thread. The engine runs CPU nodes on the thread that called backward, but
 * CUDA nodes on threads of its own, and JavaScript may be entered from its own thread only: so backward runs on a helper thread then, and
 * the JavaScript thread, which has to wait anyway, serves the requests.
 */
class Service {
 public:
  /** Runs `work` on a helper thread and serves requests until it ends. Rethrows what it threw. */
  void run(std::function<void()> work) {
    std::exception_ptr failure;
    const at::ThreadLocalState locals;
    done_ = false;
    std::thread helper([&] {
      const at::ThreadLocalStateGuard inherit(locals);
      try {
        work();
      } catch (...) {
        failure = std::current_exception();
      }
      std::lock_guard<std::mutex> lock(mutex_);
      done_ = true;
      wake_.notify_all();
    });
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      wake_.wait(lock, [&] { return done_ || request_; });
      if (!request_) break;
      auto request = std::move(request_);
      request_ = nullptr;
      lock.unlock();
      request();
      lock.lock();
      served_ = true;
      wake_.notify_all();
    }
    lock.unlock();
    helper.join();
    if (failure) std::rethrow_exception(failure);
  }

  /** Called on any thread but JavaScript's: has `request` run there and waits for it. */
  void ask(std::function<void()> request) {
    std::lock_guard<std::mutex> one(askMutex_);
    std::unique_lock<std::mutex> lock(mutex_);
    served_ = false;
    request_ = std::move(request);
    wake_.notify_all();
    wake_.wait(lock, [&] { return served_; });
  }

 private:
  std::mutex mutex_, askMutex_;
  std::condition_variable wake_;
  std::function<void()> request_;
  bool done_ = false, served_ = false;
};

/** What checkpointing needs to know of one environment. */
struct CheckpointContext {
  std::thread::id javascriptThread = std::this_thread::get_id();
  Service service;
  std::unique_ptr<Napi::Error> error;  // what a callback threw: it must not pass through the engine
  bool alwaysHelper = false;
};

thread_local CheckpointContext* currentContext = nullptr;

/** A node whose backward recomputes its outputs in JavaScript, then runs backward through the new graph. */
struct CheckpointNode : public torch::autograd::Node {
  CheckpointContext* context = nullptr;
  State* state = nullptr;
  Napi::FunctionReference recompute;
  size_t inputCount = 0;
  // The inputs, detached, then the random state at the time of the forward pass.
  variable_list saved;

  void release_variables() override { saved.clear(); }

  /** recompute(): scratch holds new handles of `saved`; returns [output handles..., leaf handles or 0...], all of which it gives up. */
  void callJavaScript(size_t outputCount, variable_list& outputs, variable_list& inputs) {
    Napi::Env env = recompute.Env();
    Napi::HandleScope scope(env);
    const auto take = [&](double handle) {
      at::Tensor tensor = handle == 0 ? at::Tensor() : state->at(handle);
      state->free(env, static_cast<uint32_t>(handle));
      return tensor;
    };
    try {
      if (saved.empty()) throw Napi::Error::New(env, "checkpoint: backward ran a second time; give retainGraph to the first");
      for (size_t i = 0; i < saved.size(); i++) state->scratch[i] = state->add(env, saved[i].detach());
      auto handles = recompute.Call({}).As<Napi::Array>();
      const auto at = [&](size_t i) { return handles.Get(static_cast<uint32_t>(i)).As<Napi::Number>().DoubleValue(); };
      for (size_t i = 0; i < outputCount; i++) outputs.push_back(take(at(i)));
      for (size_t i = 0; i < inputCount; i++) inputs.push_back(take(at(outputCount + i)));
    } catch (const Napi::Error& error) {
      context->error = std::make_unique<Napi::Error>(error);
    }
  }

  variable_list apply(variable_list&& gradients) override {
    variable_list outputs, inputs;
    if (std::this_thread::get_id() == context->javascriptThread) callJavaScript(gradients.size(), outputs, inputs);
    else context->service.ask([&] { callJavaScript(gradients.size(), outputs, inputs); });
    if (context->error) throw std::runtime_error("checkpoint: the recomputation failed");
    variable_list roots, rootGradients;
    for (size_t i = 0; i < gradients.size(); i++) {
      if (!gradients[i].defined() || !outputs[i].requires_grad()) continue;
      roots.push_back(outputs[i]);
      rootGradients.push_back(gradients[i]);
    }
    outputs.clear();
    if (!roots.empty()) torch::autograd::backward(roots, rootGradients);
    variable_list result;
    for (auto& input : inputs) result.push_back(input.defined() ? input.grad() : at::Tensor());
    return result;
  }
};

/** Runs an entry point of the engine; an error thrown by a checkpoint's JavaScript comes out as itself. */
template <class Work>
void runEngine(bool onHelper, Work&& work) {
  CheckpointContext& context = *currentContext;
  context.error.reset();
  try {
    if (onHelper || context.alwaysHelper) context.service.run(work);
    else work();
  } catch (...) {
    if (context.error) {
      const Napi::Error error = *context.error;
      context.error.reset();
      throw error;
    }
    throw;
  }
}

/** Reads `count` handles from scratch at `offset`; 0 gives an undefined tensor. */
variable_list readHandles(State& state, size_t offset, size_t count) {
  variable_list tensors;
  for (size_t i = 0; i < count; i++) {
    const double handle = state.scratch[offset + i];
    tensors.push_back(handle == 0 ? at::Tensor() : state.at(handle));
  }
  return tensors;
}

bool anyOnCuda(const variable_list& tensors) {
  for (const auto& tensor : tensors)
    if (tensor.defined() && tensor.is_cuda()) return true;
  return false;
}

/** backward(roots, retainGraph): scratch holds the roots' handles, then as many gradient handles (0: ones, for a scalar). */
Napi::Value Backward(const Napi::CallbackInfo& info) {
  return guard(info, "backward", [&] {
    State& state = stateOf(info.Env());
    const auto count = static_cast<size_t>(numberAt(info, 0));
    const bool retain = info[1].ToBoolean();
    const auto roots = readHandles(state, 0, count), gradients = readHandles(state, count, count);
    runEngine(anyOnCuda(roots), [&] { torch::autograd::backward(roots, gradients, retain); });
    return info.Env().Undefined();
  });
}

/** grad(outputs, inputs, retainGraph, createGraph, allowUnused): scratch in: outputs, gradients, inputs; out: one handle an input, 0 if unused. */
Napi::Value Grad(const Napi::CallbackInfo& info) {
  return guard(info, "grad", [&] {
    State& state = stateOf(info.Env());
    const auto outputs = static_cast<size_t>(numberAt(info, 0)), inputs = static_cast<size_t>(numberAt(info, 1));
    const auto roots = readHandles(state, 0, outputs), gradients = readHandles(state, outputs, outputs), wanted = readHandles(state, 2 * outputs, inputs);
    const bool retain = info[2].ToBoolean(), create = info[3].ToBoolean(), allowUnused = info[4].ToBoolean();
    variable_list result;
    runEngine(anyOnCuda(roots), [&] { result = torch::autograd::grad(roots, wanted, gradients, retain, create, allowUnused); });
    for (size_t i = 0; i < inputs; i++) state.scratch[i] = state.add(info.Env(), result[i]);
    return info.Env().Undefined();
  });
}

/** checkpoint(outputs, inputs, recompute): scratch holds output handles (computed without gradients), input handles, a random state. */
Napi::Value Checkpoint(const Napi::CallbackInfo& info) {
  return guard(info, "checkpoint", [&] {
    State& state = stateOf(info.Env());
    const auto outputCount = static_cast<size_t>(numberAt(info, 0)), inputCount = static_cast<size_t>(numberAt(info, 1));
    auto outputs = readHandles(state, 0, outputCount);
    const auto inputs = readHandles(state, outputCount, inputCount);
    auto node = std::make_shared<CheckpointNode>();
    node->context = currentContext;
    node->state = &state;
    node->inputCount = inputCount;
    for (const auto& input : inputs) node->saved.push_back(input.detach());
    node->saved.push_back(readHandles(state, outputCount + inputCount, 1).front());
    node->recompute = Napi::Persistent(info[2].As<Napi::Function>());
    node->set_next_edges(torch::autograd::collect_next_edges(inputs));
    for (auto& output : outputs) {
      if (output.is_floating_point()) torch::autograd::set_history(output, node);
      else node->add_input_metadata(torch::autograd::Node::undefined_input());
    }
    return info.Env().Undefined();
  });
}

Napi::Value AlwaysHelper(const Napi::CallbackInfo& info) {
  currentContext->alwaysHelper = info[0].ToBoolean();
  return info.Env().Undefined();
}

Napi::Value GradModeEnabled(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), c10::GradMode::is_enabled()); }

/** Autocast keeps the weights it has cast. Cast without gradients they would be used, without gradients, where those are wanted. */
Napi::Value SetGradMode(const Napi::CallbackInfo& info) {
  const bool enabled = info[0].ToBoolean();
  const bool casts = compat::autocastEnabled(c10::kCPU) || compat::autocastEnabled(c10::kCUDA);
  if (casts && enabled != c10::GradMode::is_enabled()) at::autocast::clear_cache();
  c10::GradMode::set_enabled(enabled);
  return info.Env().Undefined();
}

Napi::Value EnterInference(const Napi::CallbackInfo& info) {
  stateOf(info.Env()).modeGuards.push_back(std::make_shared<c10::InferenceMode>(true));
  return info.Env().Undefined();
}

Napi::Value LeaveInference(const Napi::CallbackInfo& info) {
  stateOf(info.Env()).modeGuards.pop_back();
  return info.Env().Undefined();
}

Napi::Value RequiresGrad(const Napi::CallbackInfo& info) {
  return guard(info, "requiresGrad", [&] { return Napi::Value(Napi::Boolean::New(info.Env(), stateOf(info.Env()).at(numberAt(info, 0)).requires_grad())); });
}

Napi::Value SetRequiresGrad(const Napi::CallbackInfo& info) {
  return guard(info, "requiresGrad_", [&] {
    stateOf(info.Env()).at(numberAt(info, 0)).set_requires_grad(info[1].ToBoolean());
    return info.Env().Undefined();
  });
}

Napi::Value GetGrad(const Napi::CallbackInfo& info) {
  return guard(info, "grad", [&] {
    State& state = stateOf(info.Env());
    return number(info.Env(), state.add(info.Env(), state.at(numberAt(info, 0)).grad()));
  });
}

/** setGrad(handle, gradient): 0 removes the gradient. */
Napi::Value SetGrad(const Napi::CallbackInfo& info) {
  return guard(info, "grad", [&] {
    State& state = stateOf(info.Env());
    const double gradient = numberAt(info, 1);
    state.at(numberAt(info, 0)).mutable_grad() = gradient == 0 ? at::Tensor() : state.at(gradient);
    return info.Env().Undefined();
  });
}

/** clearGrads(count): removes the gradients of the tensors in scratch. */
Napi::Value ClearGrads(const Napi::CallbackInfo& info) {
  return guard(info, "zeroGrad", [&] {
    State& state = stateOf(info.Env());
    const auto count = static_cast<size_t>(numberAt(info, 0));
    for (size_t i = 0; i < count; i++) state.at(state.scratch[i]).mutable_grad() = at::Tensor();
    return info.Env().Undefined();
  });
}

/** grads(count): replaces the handles in scratch by those of their gradients, 0 where there is none. */
Napi::Value Grads(const Napi::CallbackInfo& info) {
  return guard(info, "grads", [&] {
    State& state = stateOf(info.Env());
    const auto count = static_cast<size_t>(numberAt(info, 0));
    for (size_t i = 0; i < count; i++) state.scratch[i] = state.add(info.Env(), state.at(state.scratch[i]).grad());
    return info.Env().Undefined();
  });
}

}  // namespace

void InitAutograd(Napi::Env env, Napi::Object exports) {
  // Lives as long as the thread: nodes that outlive the environment still refer to it.
  if (!currentContext) currentContext = new CheckpointContext();
  exports["backward"] = Napi::Function::New(env, Backward);
  exports["gradients"] = Napi::Function::New(env, Grad);
  exports["checkpoint"] = Napi::Function::New(env, Checkpoint);
  exports["backwardOnHelperThread"] = Napi::Function::New(env, AlwaysHelper);
  exports["gradModeEnabled"] = Napi::Function::New(env, GradModeEnabled);
  exports["setGradMode"] = Napi::Function::New(env, SetGradMode);
  exports["enterInference"] = Napi::Function::New(env, EnterInference);
  exports["leaveInference"] = Napi::Function::New(env, LeaveInference);
  exports["requiresGrad"] = Napi::Function::New(env, RequiresGrad);
  exports["setRequiresGrad"] = Napi::Function::New(env, SetRequiresGrad);
  exports["getGrad"] = Napi::Function::New(env, GetGrad);
  exports["setGrad"] = Napi::Function::New(env, SetGrad);
  exports["clearGrads"] = Napi::Function::New(env, ClearGrads);
  exports["grads"] = Napi::Function::New(env, Grads);
}

}  // namespace vid2world
