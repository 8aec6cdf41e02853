// The addon's entry: creates the environment's state and lets every subsystem register its functions.
#include <c10/util/Exception.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "common.h"

namespace vid2world {

State::State(Napi::Env env) {}

State::~State() = default;

State& stateOf(napi_env env) { return *Napi::Env(env).GetInstanceData<State>(); }

bool saysOutOfMemory(const std::string& message) {
  return message.find("out of memory") != std::string::npos || message.find("can't allocate memory") != std::string::npos;
}

/** libtorch's answer to an unknown device lists every backend on sixty lines; its first sentence is the message. */
static std::string firstSentence(const std::string& message) {
  const size_t end = message.find(" This could be because the operator doesn't exist for this backend");
  return end == std::string::npos ? message : message.substr(0, end);
}

Napi::Error currentError(Napi::Env env, const std::string& context, const std::string& details) {
  State& state = stateOf(env);
  Napi::FunctionReference* errorClass = &state.torchError;
  std::string message;
  try {
    throw;
  } catch (const DisposedTensor& error) {
    errorClass = &state.disposedError;
    message = error.what();
  } catch (const c10::Error& error) {
    message = firstSentence(error.what_without_backtrace());
    if (saysOutOfMemory(message)) errorClass = &state.outOfMemoryError;
  } catch (const std::exception& error) {
    message = error.what();
  } catch (...) {
    message = "internal: unknown native error";
  }
  if (!context.empty()) message = context + ": " + message;
  message += details;
  if (errorClass->IsEmpty()) return Napi::Error::New(env, message);
  return Napi::Error(env, errorClass->New({Napi::String::New(env, message)}));
}

/** setErrorClasses(TorchError, DisposedTensorError, OutOfMemoryError) */
static void SetErrorClasses(const Napi::CallbackInfo& info) {
  State& state = stateOf(info.Env());
  state.torchError = Napi::Persistent(info[0].As<Napi::Function>());
  state.disposedError = Napi::Persistent(info[1].As<Napi::Function>());
  state.outOfMemoryError = Napi::Persistent(info[2].As<Napi::Function>());
}

/**
 * Activations of some megabytes are made and freed in every step. By default glibc gives each back to the kernel at once, which then
 * clears the pages anew for the next one; kept in the heap they cost nothing. 32 MiB is the largest threshold that glibc takes.
 */
static void KeepFreedMemory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
}

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  KeepFreedMemory();
  auto* state = new State(env);
  env.SetInstanceData(state);
  auto buffer = Napi::ArrayBuffer::New(env, state->scratch.data(), state->scratch.size() * sizeof(double));
  exports["scratch"] = Napi::Float64Array::New(env, state->scratch.size(), buffer, 0);
  exports["setErrorClasses"] = Napi::Function::New(env, SetErrorClasses);
  exports["version"] = Napi::String::New(env, TORCH_VERSION);
  for (auto init : {InitTensor, InitDispatch, InitAutograd, InitTrace, InitCudaGraph, InitJit, InitRandom, InitDevice, InitDistributed}) init(env, exports);
  return exports;
}

NODE_API_MODULE(vid2world_torch, Init)

}  // namespace vid2world
