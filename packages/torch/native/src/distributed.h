// What the files of process groups share: the group, and how a group travels through JavaScript.
#pragma once

#ifdef VID2WORLD_GLOO

#include <torch/csrc/distributed/c10d/Store.hpp>

#include <atomic>

#include "common.h"
#include "compat.h"

namespace vid2world {

/** Several processes that exchange tensors: libtorch's own process group. */
struct Group {
  c10::intrusive_ptr<compat::Collectives> collectives;
};

/** Collectives that this process has started, in all groups: how far it is, for the others to see. */
extern std::atomic<uint64_t> collectivesStarted;

/**
 * Objects that JavaScript holds. They are never deleted by the garbage collector: the end of a group waits for the other ranks, which may
 * be gone, and a process that ends must not hang there.
 */
template <class T>
Napi::Value wrap(Napi::Env env, std::shared_ptr<T> object) {
  return Napi::External<std::shared_ptr<T>>::New(env, new std::shared_ptr<T>(std::move(object)));
}
template <class T>
std::shared_ptr<T>& unwrap(const Napi::Value& value) {
  return *value.As<Napi::External<std::shared_ptr<T>>>().Data();
}

/** The tensors whose handles lie in scratch from `offset` on. */
inline std::vector<at::Tensor> tensorsAt(State& state, size_t offset, size_t count) {
  std::vector<at::Tensor> tensors;
  for (size_t i = 0; i < count; i++) tensors.push_back(state.at(state.scratch[offset + i]));
  return tensors;
}

void InitReducer(Napi::Env env, Napi::Object exports);

}  // namespace vid2world

#endif
