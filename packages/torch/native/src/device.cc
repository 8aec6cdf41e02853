// Devices, threads and what the library can say about itself.
#include <ATen/Config.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/csrc/api/include/torch/cuda.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "common.h"
#include "compat.h"

#ifdef VID2WORLD_CUDA
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#endif

namespace vid2world {

namespace {

Napi::Value CudaDeviceCount(const Napi::CallbackInfo& info) {
  return guard(info, "cuda.deviceCount", [&] { return number(info.Env(), torch::cuda::is_available() ? static_cast<double>(torch::cuda::device_count()) : 0); });
}

/** synchronize(index): waits for all work of a CUDA device; nothing to wait for without one. */
Napi::Value Synchronize(const Napi::CallbackInfo& info) {
  return guard(info, "cuda.synchronize", [&] {
    if (torch::cuda::is_available()) torch::cuda::synchronize(static_cast<int64_t>(numberAt(info, 0)));
    return info.Env().Undefined();
  });
}

/** cudaMemory(index) -> [allocated, peak allocated, reserved] in bytes; undefined where there is no device. */
Napi::Value CudaMemory(const Napi::CallbackInfo& info) {
  return guard(info, "cuda.memory", [&]() -> Napi::Value {
#ifdef VID2WORLD_CUDA
    if (!torch::cuda::is_available()) return info.Env().Undefined();
    const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(static_cast<c10::DeviceIndex>(numberAt(info, 0)));
    auto result = Napi::Array::New(info.Env(), 3);
    result[0u] = number(info.Env(), static_cast<double>(stats.allocated_bytes[0].current));
    result[1u] = number(info.Env(), static_cast<double>(stats.allocated_bytes[0].peak));
    result[2u] = number(info.Env(), static_cast<double>(stats.reserved_bytes[0].current));
    return result;
#else
    return info.Env().Undefined();
#endif
  });
}

Napi::Value EmptyCache(const Napi::CallbackInfo& info) {
#ifdef VID2WORLD_CUDA
  c10::cuda::CUDACachingAllocator::emptyCache();
#endif
  return info.Env().Undefined();
}

Napi::Value GetThreads(const Napi::CallbackInfo& info) { return number(info.Env(), at::get_num_threads()); }

Napi::Value SetThreads(const Napi::CallbackInfo& info) {
  return guard(info, "setNumThreads", [&] {
    at::set_num_threads(static_cast<int>(numberAt(info, 0)));
    return info.Env().Undefined();
  });
}

/** buildInfo() -> libtorch's own description of how it was built. */
Napi::Value BuildInfo(const Napi::CallbackInfo& info) {
  return guard(info, "buildInfo", [&] { return Napi::Value(Napi::String::New(info.Env(), at::show_config())); });
}

/** setDeterministic(on): refuse operators without a deterministic form; cuDNN without benchmarking. */
Napi::Value SetDeterministic(const Napi::CallbackInfo& info) {
  const bool on = info[0].ToBoolean();
  at::globalContext().setDeterministicAlgorithms(on, false);
  at::globalContext().setDeterministicCuDNN(on);
  return info.Env().Undefined();
}

/** releaseFreeMemory(): gives the pages that hold nothing any more back to the system. glibc keeps them where anything above still lies. */
Napi::Value ReleaseFreeMemory(const Napi::CallbackInfo& info) {
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  return info.Env().Undefined();
}

/** autocast(device, enabled, type) -> previous [enabled, type]. Leaving the outermost region empties the cache of cast weights. */
Napi::Value SetAutocast(const Napi::CallbackInfo& info) {
  return guard(info, "autocast", [&] {
    const auto device = numberAt(info, 0) == 0 ? c10::kCPU : c10::kCUDA;
    auto previous = Napi::Array::New(info.Env(), 2);
    previous[0u] = Napi::Boolean::New(info.Env(), compat::autocastEnabled(device));
    previous[1u] = number(info.Env(), static_cast<double>(static_cast<int>(compat::autocastType(device))));
    compat::setAutocastEnabled(device, info[1].ToBoolean());
    compat::setAutocastType(device, static_cast<at::ScalarType>(static_cast<int>(numberAt(info, 2))));
    return Napi::Value(previous);
  });
}

Napi::Value AutocastEnter(const Napi::CallbackInfo& info) {
  at::autocast::increment_nesting();
  return info.Env().Undefined();
}

Napi::Value AutocastLeave(const Napi::CallbackInfo& info) {
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  return info.Env().Undefined();
}

}  // namespace

void InitDevice(Napi::Env env, Napi::Object exports) {
  exports["cudaDeviceCount"] = Napi::Function::New(env, CudaDeviceCount);
  exports["synchronize"] = Napi::Function::New(env, Synchronize);
  exports["cudaMemory"] = Napi::Function::New(env, CudaMemory);
  exports["emptyCache"] = Napi::Function::New(env, EmptyCache);
  exports["releaseFreeMemory"] = Napi::Function::New(env, ReleaseFreeMemory);
  exports["getThreads"] = Napi::Function::New(env, GetThreads);
  exports["setThreads"] = Napi::Function::New(env, SetThreads);
  exports["buildInfo"] = Napi::Function::New(env, BuildInfo);
  exports["setDeterministic"] = Napi::Function::New(env, SetDeterministic);
  exports["setAutocast"] = Napi::Function::New(env, SetAutocast);
  exports["autocastEnter"] = Napi::Function::New(env, AutocastEnter);
  exports["autocastLeave"] = Napi::Function::New(env, AutocastLeave);
}

}  // namespace vid2world
