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

/** Thrown for an argument whose tensor was freed; becomes a DisposedTensorError. */
struct DisposedTensor : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/** Everything that belongs to one JavaScript environment (the main thread or one worker). */
struct State {
  explicit State(Napi::Env env);
  ~State();

  // Arguments and results of an operator call, shared with JavaScript as a Float64Array.
  std::vector<double> scratch = std::vector<double>(kScratchSize);

  // The tensor table. Handle 0 means "no tensor"; a handle is owned by exactly one JavaScript object.
  std::vector<at::Tensor> tensors{1};
  std::vector<int64_t> reportedBytes{0};
  std::vector<uint32_t> freeSlots;
  int64_t liveTensors = 0;
  int64_t liveBytes = 0;
  int64_t unreportedBytes = 0;

  std::vector<std::shared_ptr<Operator>> operators;
  std::vector<std::string> strings;
  std::vector<at::Generator> generators;
  std::vector<std::shared_ptr<void>> modeGuards;

  // Error classes of the TypeScript side.
  Napi::FunctionReference torchError, disposedError, outOfMemoryError;

  // Array buffers lent to tensors; their release may come from any thread.
  std::mutex releasedMutex;
  std::vector<napi_ref> released;

  double add(napi_env env, at::Tensor tensor);
  void free(napi_env env, uint32_t handle);
  void reportMemory(napi_env env, int64_t delta);
  void drainReleased(napi_env env);
  at::Tensor& at(double handle, const char* name = "tensor");
};

State& stateOf(napi_env env);

/** "Tensor[2, 3] float32 cpu", for messages. */
std::string describe(const at::Tensor& tensor);
const char* dtypeName(at::ScalarType type);

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
void InitRandom(Napi::Env env, Napi::Object exports);
void InitDevice(Napi::Env env, Napi::Object exports);

}  // namespace vid2world
