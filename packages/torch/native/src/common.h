// What every native file shares: the state of one JavaScript environment, the table of tensors, and the guard at the language border.
#pragma once

#include <ATen/ATen.h>
#include <napi.h>
#include <torch/version.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#if TORCH_VERSION_MAJOR < 1 || (TORCH_VERSION_MAJOR == 1 && TORCH_VERSION_MINOR < 13)
#error "libtorch is too old: 1.13 or newer is needed"
#endif

namespace vid2world {

/** Number of doubles in the buffer through which arguments and results travel (512 KiB). */
constexpr size_t kScratchSize = 65536;

struct Operator;
class Recorder;

/** Thrown for an argument whose tensor was freed; becomes a DisposedTensorError. */
struct DisposedTensor : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/**
 * Array buffers that were lent to tensors and are not needed any more. Their release may come from any thread, and after the end of
 * the environment: the tensors that still live then are freed together with the State, so they share this instead of pointing there.
 */
struct Released {
  std::mutex mutex;
  std::vector<napi_ref> references;
};

/** Everything that belongs to one JavaScript environment (the main thread or one worker). */
struct State {
  explicit State(Napi::Env env);
  ~State();

  // Arguments and results of an operator call, shared with JavaScript as a Float64Array.
  std::vector<double> scratch = std::vector<double>(kScratchSize);

  // The tensor table. Handle 0 means "no tensor"; a handle is owned by exactly one JavaScript object.
  std::vector<at::Tensor> tensors{1};
  std::vector<int64_t> ownedBytes{0};    // CPU memory that a slot is charged with; 0 for views
  std::vector<bool> collected{false};    // freed by the garbage collector, not by a scope
  std::vector<uint32_t> freeSlots;
  int64_t liveTensors = 0;
  int64_t liveBytes = 0;
  int64_t unreportedBytes = 0;

  std::vector<std::shared_ptr<Operator>> operators;
  std::vector<std::string> strings;
  std::vector<at::Generator> generators;
  std::vector<std::shared_ptr<void>> modeGuards;
  /** While operator calls are being traced (trace.h). */
  std::shared_ptr<Recorder> recorder;

  // Error classes of the TypeScript side.
  Napi::FunctionReference torchError, disposedError, outOfMemoryError;

  std::shared_ptr<Released> released = std::make_shared<Released>();

  double add(napi_env env, at::Tensor tensor);
  void free(napi_env env, uint32_t handle);
  void charge(napi_env env, uint32_t slot, int64_t bytes);
  void setCollected(napi_env env, uint32_t slot, bool on);
  /** After `slot` took over the memory of `source`: what they are charged with changes hands; `oldSurvives`: others hold the old memory. */
  void exchangeBytes(napi_env env, uint32_t slot, uint32_t source, bool oldSurvives);
  /**
   * Tells V8 of native memory that only its collector can free. Activations that a scope frees are none of its business: told of
   * gigabytes a second it would do little else than collect.
   */
  void tellCollector(napi_env env, int64_t delta);
  void drainReleased(napi_env env);
  at::Tensor& at(double handle, const char* name = "tensor");
};

State& stateOf(napi_env env);

/** "Tensor[2, 3] float32 cpu", for messages. */
std::string describe(const at::Tensor& tensor);
const char* dtypeName(at::ScalarType type);

/** Whether an error of libtorch says that memory ran out, of the device or of the machine. */
bool saysOutOfMemory(const std::string& message);

/** Creates a JavaScript error of the class that fits the C++ exception that is being handled, with `context` before and `details` after its message. */
Napi::Error currentError(Napi::Env env, const std::string& context = "", const std::string& details = "");

/** Runs the body of a native function; no C++ exception passes into JavaScript as anything but one of our error classes. */
template <class Body>
Napi::Value guard(const Napi::CallbackInfo& info, const char* name, Body&& body) {
  try {
    return body();
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw currentError(info.Env(), name);
  }
}

inline Napi::Value number(Napi::Env env, double value) { return Napi::Number::New(env, value); }
inline double numberAt(const Napi::CallbackInfo& info, size_t index) { return info[index].As<Napi::Number>().DoubleValue(); }

void InitTensor(Napi::Env env, Napi::Object exports);
void InitDispatch(Napi::Env env, Napi::Object exports);
void InitAutograd(Napi::Env env, Napi::Object exports);
void InitTrace(Napi::Env env, Napi::Object exports);
void InitCudaGraph(Napi::Env env, Napi::Object exports);
void InitJit(Napi::Env env, Napi::Object exports);
void InitRandom(Napi::Env env, Napi::Object exports);
void InitDevice(Napi::Env env, Napi::Object exports);
void InitDistributed(Napi::Env env, Napi::Object exports);

}  // namespace vid2world
