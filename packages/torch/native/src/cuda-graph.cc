// CUDA graphs: what a trace's run asks of a CUDA device, recorded once and launched as a whole. Launching some thousand small kernels one by
// one takes the processor longer than they take the device.
//
// A recorded kernel reads and writes the addresses that it was recorded with. So the tensors given to a capture are the ones that every replay
// reads, the outputs are always the same, and what lies between has memory of its own, which the caching allocator gives to nobody else.
// The capture is one call from JavaScript, on purpose: no collector runs, and nothing else is asked of this thread, while the device records.
#include "trace.h"

#ifdef VID2WORLD_CUDA_GRAPHS
#include <ATen/autocast_mode.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>

#include <map>
#endif

namespace vid2world {

namespace {

#ifdef VID2WORLD_CUDA_GRAPHS

/** Runs before a capture: libraries make handles and workspaces and choose kernels in the first ones, which must not happen in a capture. */
constexpr int kWarmUps = 3;

using PoolId = decltype(at::cuda::graph_pool_handle());

/**
 * Memory that all graphs of one thread and device share. They run one after the other, and what one leaves is copied out before the next
 * is launched, so that a later graph may use what an earlier one needed in between. The allocator forgets a pool with its last graph.
 */
struct Pool {
  const PoolId id = at::cuda::graph_pool_handle();
};

struct CapturedRun {
  SharedTrace trace;  // the recorded kernels read its weights and constants
  std::vector<at::Tensor> inputs, outputs;
  std::shared_ptr<Pool> pool;
  at::cuda::CUDAGraph graph;
};

using SharedRun = std::shared_ptr<CapturedRun>;

std::shared_ptr<Pool> poolOf(c10::DeviceIndex device) {
  static thread_local std::map<c10::DeviceIndex, std::weak_ptr<Pool>> pools;
  auto pool = pools[device].lock();
  if (!pool) pools[device] = pool = std::make_shared<Pool>();
  return pool;
}

/** One stream beside the default one, which cannot be recorded. Always the same, as cuBLAS and cuDNN keep handles and workspaces per stream. */
c10::cuda::CUDAStream streamOf(c10::DeviceIndex device) {
  static thread_local std::map<c10::DeviceIndex, c10::cuda::CUDAStream> streams;
  return streams.try_emplace(device, c10::cuda::getStreamFromPool(false, device)).first->second;
}

/** Casts of weights that autocast keeps would lie in the graph's memory, and be overwritten by its replays. */
struct NoAutocastCache {
  const bool before = at::autocast::is_autocast_cache_enabled();
  NoAutocastCache() {
    at::autocast::clear_cache();
    at::autocast::set_autocast_cache_enabled(false);
  }
  ~NoAutocastCache() { at::autocast::set_autocast_cache_enabled(before); }
};

template <class Body>
bool succeeds(Body&& body) {
  try {
    body();
    return true;
  } catch (const c10::Error&) {
    return false;
  }
}

/** After a call that could not be recorded: ends the recording, and tells the allocator, which `capture_end` leaves undone where it throws. */
void abandon(CapturedRun& run, c10::DeviceIndex device) {
  if (succeeds([&] { run.graph.capture_end(); })) return;
  succeeds([&] { c10::cuda::CUDACachingAllocator::endAllocateToPool(device, run.pool->id); });
  // A graph that ended its recording gives its share of the pool back itself, and only such a one tells its pool.
  if (!succeeds([&] { run.graph.pool(); })) succeeds([&] { c10::cuda::CUDACachingAllocator::releasePool(device, run.pool->id); });
}

c10::DeviceIndex deviceOf(const std::vector<at::Tensor>& inputs) {
  if (inputs.empty()) throw std::runtime_error("at least one input is needed, to know the device by");
  for (size_t i = 0; i < inputs.size(); i++)
    if (!inputs[i].is_cuda() || inputs[i].device() != inputs[0].device())
      throw std::runtime_error("all inputs must lie on one CUDA device; input " + std::to_string(i) + " is " + describe(inputs[i]));
  return inputs[0].device().index();
}

/** `failed` names the call that could not be recorded. */
SharedRun capture(const SharedTrace& trace, std::vector<at::Tensor> inputs, const TraceStep*& failed) {
  const auto device = deviceOf(inputs);
  const c10::cuda::CUDAGuard on(device);
  const auto run = std::make_shared<CapturedRun>();
  run->trace = trace;
  run->inputs = std::move(inputs);
  run->pool = poolOf(device);
  const auto stream = streamOf(device);
  c10::cuda::device_synchronize();  // inputs and weights were written on other streams
  const c10::cuda::CUDAStreamGuard aside(stream);
  const NoAutocastCache noCache;
  for (int i = 0; i < kWarmUps; i++) trace->run(run->inputs, failed);
  c10::cuda::device_synchronize();
  c10::cuda::CUDACachingAllocator::emptyCache();  // what the warm-up needed, the graph needs again in its own pool
  // Other threads may go on: what they ask of the device meanwhile is not recorded.
  run->graph.capture_begin(run->pool->id, cudaStreamCaptureModeThreadLocal);
  try {
    run->outputs = trace->run(run->inputs, failed);
    run->graph.capture_end();
  } catch (...) {
    abandon(*run, device);
    throw;
  }
  return run;
}

const SharedRun& runOf(const Napi::CallbackInfo& info) {
  const SharedRun& run = *info[0].As<Napi::External<SharedRun>>().Data();
  if (!run) throw DisposedTensor("the graph was disposed of");
  return run;
}

#else

[[noreturn]] void refuse() {
  throw std::runtime_error(
      "this build has no CUDA graphs: it was built for the CPU, or with a libtorch that lacks them; install one with CUDA and build again "
      "(npm run build:native), or go without");
}

#endif

/** cudaGraphCapture(trace, count) -> external: `count` inputs in the scratch buffer, outputs back there. */
Napi::Value CudaGraphCapture(const Napi::CallbackInfo& info) {
  const TraceStep* failed = nullptr;
  try {
#ifdef VID2WORLD_CUDA_GRAPHS
    State& state = stateOf(info.Env());
    const SharedTrace& trace = traceOf(info);
    const auto count = static_cast<size_t>(numberAt(info, 1));
    checkInputs(state, *trace, count);
    const auto run = capture(trace, tensorsAt(state, count), failed);
    for (size_t i = 0; i < run->outputs.size(); i++) state.scratch.at(i) = state.add(info.Env(), run->outputs[i]);
    return Napi::External<SharedRun>::New(info.Env(), new SharedRun(run), [](Napi::Env, SharedRun* done) { delete done; });
#else
    refuse();
#endif
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw currentError(info.Env(), failed ? "CUDA graph, at " + failed->name : "CUDA graph");
  }
}

/** cudaGraphReplay(graph): asks the device for the whole of it, on the current stream, and does not wait. */
Napi::Value CudaGraphReplay(const Napi::CallbackInfo& info) {
  return guard(info, "CUDA graph", [&] {
#ifdef VID2WORLD_CUDA_GRAPHS
    runOf(info)->graph.replay();
#else
    refuse();
#endif
    return info.Env().Undefined();
  });
}

/** cudaGraphRelease(graph): frees it, and its memory with the last one of the pool. */
Napi::Value CudaGraphRelease(const Napi::CallbackInfo& info) {
#ifdef VID2WORLD_CUDA_GRAPHS
  info[0].As<Napi::External<SharedRun>>().Data()->reset();
#endif
  return info.Env().Undefined();
}

/** hasCudaGraphs() -> whether this build can capture. */
Napi::Value HasCudaGraphs(const Napi::CallbackInfo& info) {
#ifdef VID2WORLD_CUDA_GRAPHS
  return Napi::Boolean::New(info.Env(), true);
#else
  return Napi::Boolean::New(info.Env(), false);
#endif
}

}  // namespace

void InitCudaGraph(Napi::Env env, Napi::Object exports) {
  exports["hasCudaGraphs"] = Napi::Function::New(env, HasCudaGraphs);
  exports["cudaGraphCapture"] = Napi::Function::New(env, CudaGraphCapture);
  exports["cudaGraphReplay"] = Napi::Function::New(env, CudaGraphReplay);
  exports["cudaGraphRelease"] = Napi::Function::New(env, CudaGraphRelease);
}

}  // namespace vid2world
