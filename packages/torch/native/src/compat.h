// Every difference between the libtorch generations that the sources support (1.13 and 2.x) is in this file.
#pragma once

#include <ATen/autocast_mode.h>
#include <torch/version.h>

#ifdef VID2WORLD_GLOO
#if TORCH_VERSION_MAJOR >= 2
#include <torch/csrc/distributed/c10d/Backend.hpp>
#else
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#endif
#endif

namespace vid2world::compat {

#if TORCH_VERSION_MAJOR >= 2
constexpr bool kTorch2 = true;
#else
constexpr bool kTorch2 = false;
#endif

#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)
inline bool autocastEnabled(c10::DeviceType device) { return at::autocast::is_autocast_enabled(device); }
inline void setAutocastEnabled(c10::DeviceType device, bool on) { at::autocast::set_autocast_enabled(device, on); }
inline at::ScalarType autocastType(c10::DeviceType device) { return at::autocast::get_autocast_dtype(device); }
inline void setAutocastType(c10::DeviceType device, at::ScalarType type) { at::autocast::set_autocast_dtype(device, type); }
#else
inline bool autocastEnabled(c10::DeviceType device) {
  return device == c10::kCPU ? at::autocast::is_cpu_enabled() : at::autocast::is_enabled();
}
inline void setAutocastEnabled(c10::DeviceType device, bool on) {
  if (device == c10::kCPU) at::autocast::set_cpu_enabled(on);
  else at::autocast::set_enabled(on);
}
inline at::ScalarType autocastType(c10::DeviceType device) {
  return device == c10::kCPU ? at::autocast::get_autocast_cpu_dtype() : at::autocast::get_autocast_gpu_dtype();
}
inline void setAutocastType(c10::DeviceType device, at::ScalarType type) {
  if (device == c10::kCPU) at::autocast::set_autocast_cpu_dtype(type);
  else at::autocast::set_autocast_gpu_dtype(type);
}
#endif

#ifdef VID2WORLD_GLOO
/** What ProcessGroupGloo and ProcessGroupNCCL derive from. */
#if TORCH_VERSION_MAJOR >= 2
using Collectives = c10d::Backend;
#else
using Collectives = c10d::ProcessGroup;
#endif
#endif

}  // namespace vid2world::compat
