// Process groups of libtorch's c10d: collectives over Gloo (CPU) and NCCL (CUDA), the store in which ranks meet, and signs of life.
#ifdef VID2WORLD_GLOO
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#define USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#ifdef VID2WORLD_NCCL
#define USE_C10D_NCCL
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif
#endif

#include "distributed.h"
#include "store.h"
#include "task.h"

namespace vid2world {

#ifdef VID2WORLD_GLOO

std::atomic<uint64_t> collectivesStarted{0};

namespace {

using std::chrono::milliseconds;
using Store = c10d::Store;

std::string stringAt(const Napi::CallbackInfo& info, size_t index) { return info[index].As<Napi::String>().Utf8Value(); }

struct StoreHolder {
  std::unique_ptr<StoreServer> server;  // where this process serves it
  c10::intrusive_ptr<Store> store;
};

/** openStore(host, port, isServer, timeoutMs) -> promise of a store: served by this process, or a connection to the one that serves it. */
Napi::Value OpenStore(const Napi::CallbackInfo& info) {
  const auto host = stringAt(info, 0);
  const auto port = static_cast<uint16_t>(numberAt(info, 1));
  const bool server = info[2].ToBoolean();
  const milliseconds timeout(static_cast<int64_t>(numberAt(info, 3)));
  auto holder = std::make_shared<StoreHolder>();
  return Task::start(
      info.Env(),
      [=] {
        if (server) holder->server = std::make_unique<StoreServer>(host, port);
        holder->store = connectStore(host, port, timeout);
      },
      [holder](Napi::Env env) { return wrap(env, holder); });
}

/** storeSet(store, key, value) */
Napi::Value StoreSet(const Napi::CallbackInfo& info) {
  const auto holder = unwrap<StoreHolder>(info[0]);
  const auto key = stringAt(info, 1), value = stringAt(info, 2);
  return Task::start(info.Env(), [=] { holder->store->set(key, std::vector<uint8_t>(value.begin(), value.end())); });
}

/** storeGet(store, key) -> promise of the value, undefined if there is none; never waits for one. */
Napi::Value StoreGet(const Napi::CallbackInfo& info) {
  const auto holder = unwrap<StoreHolder>(info[0]);
  const auto key = stringAt(info, 1);
  auto found = std::make_shared<std::unique_ptr<std::string>>();
  return Task::start(
      info.Env(),
      [=] {
        if (!holder->store->check({key})) return;
        const auto value = holder->store->get(key);
        *found = std::make_unique<std::string>(value.begin(), value.end());
      },
      [found](Napi::Env env) -> Napi::Value { return *found ? Napi::Value(Napi::String::New(env, **found)) : env.Undefined(); });
}

/** Writes a rank's sign of life from a thread and over a connection of its own: neither long steps nor waiting hold it up. */
class Heartbeat {
 public:
  Heartbeat(c10::intrusive_ptr<Store> store, std::string key, milliseconds interval)
      : store_(std::move(store)), key_(std::move(key)), interval_(interval), thread_([this] { beat(); }) {}

  void stop() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stopped_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
  }

 private:
  void beat() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (uint64_t count = 0; !stopped_; count++) {
      lock.unlock();
      try {
        const auto text = std::to_string(count) + " " + std::to_string(collectivesStarted.load());
        store_->set(key_, std::vector<uint8_t>(text.begin(), text.end()));
      } catch (const std::exception&) {
        return;  // the store is gone: who waits for an answer of it finds that out
      }
      lock.lock();
      wake_.wait_for(lock, interval_, [this] { return stopped_; });
    }
  }

  c10::intrusive_ptr<Store> store_;
  const std::string key_;
  const milliseconds interval_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopped_ = false;
  std::thread thread_;
};

/** startHeartbeat(host, port, key, intervalMs, timeoutMs) -> promise of a heartbeat: `key` holds "BEATS COLLECTIVES" from now on. */
Napi::Value StartHeartbeat(const Napi::CallbackInfo& info) {
  const auto host = stringAt(info, 0), key = stringAt(info, 2);
  const auto port = static_cast<uint16_t>(numberAt(info, 1));
  const milliseconds interval(static_cast<int64_t>(numberAt(info, 3))), timeout(static_cast<int64_t>(numberAt(info, 4)));
  auto made = std::make_shared<std::shared_ptr<Heartbeat>>();
  return Task::start(
      info.Env(), [=] { *made = std::make_shared<Heartbeat>(connectStore(host, port, timeout), key, interval); },
      [made](Napi::Env env) { return wrap(env, *made); });
}

Napi::Value StopHeartbeat(const Napi::CallbackInfo& info) {
  const auto heartbeat = unwrap<Heartbeat>(info[0]);
  return Task::start(info.Env(), [=] { heartbeat->stop(); });
}

c10::intrusive_ptr<compat::Collectives> openGloo(
    const c10::intrusive_ptr<Store>& store, int rank, int size, const std::string& address, const std::string& interface, milliseconds timeout) {
  using Gloo = c10d::ProcessGroupGloo;
  auto options = Gloo::Options::create(timeout);
  options->devices.push_back(
      !interface.empty() ? Gloo::createDeviceForInterface(interface)
      : !address.empty() ? Gloo::createDeviceForHostname(address)
                         : Gloo::createDefaultDevice());
  return c10::make_intrusive<Gloo>(store, rank, size, options);
}

c10::intrusive_ptr<compat::Collectives> openNccl(const c10::intrusive_ptr<Store>& store, int rank, int size, milliseconds timeout) {
#ifdef VID2WORLD_NCCL
  auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = timeout;
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, size, options);
#else
  throw std::runtime_error("this build has no NCCL; build against a libtorch with CUDA, with nccl.h and the CUDA headers at hand");
#endif
}

/** openGroup(store, name, backend, rank, size, address, interface, timeoutMs) -> promise of a group, when all ranks have come. */
Napi::Value OpenGroup(const Napi::CallbackInfo& info) {
  const auto holder = unwrap<StoreHolder>(info[0]);
  const auto name = stringAt(info, 1), backend = stringAt(info, 2), address = stringAt(info, 5), interface = stringAt(info, 6);
  const auto rank = static_cast<int>(numberAt(info, 3)), size = static_cast<int>(numberAt(info, 4));
  const milliseconds timeout(static_cast<int64_t>(numberAt(info, 7)));
  auto group = std::make_shared<Group>();
  return Task::start(
      info.Env(),
      [=] {
        const auto store = c10::make_intrusive<c10d::PrefixStore>(name, holder->store);
        group->collectives =
            backend == "nccl" ? openNccl(store, rank, size, timeout) : openGloo(store, rank, size, address, interface, timeout);
      },
      [group](Napi::Env env) { return wrap(env, group); });
}

/** closeGroup(group): ends its threads; all its collectives must have ended. */
Napi::Value CloseGroup(const Napi::CallbackInfo& info) {
  const auto group = unwrap<Group>(info[0]);
  return Task::start(info.Env(), [=] { group->collectives.reset(); });
}

c10::intrusive_ptr<c10d::Work> startCollective(
    compat::Collectives& group, const std::string& what, std::vector<at::Tensor> tensors, int argument) {
  collectivesStarted++;
  if (what == "allReduce") {
    c10d::AllreduceOptions options;
    options.reduceOp = c10d::ReduceOp(static_cast<c10d::ReduceOp::RedOpType>(argument));
    return group.allreduce(tensors, options);
  }
  if (what == "broadcast") {
    c10d::BroadcastOptions options;
    options.rootRank = argument;
    return group.broadcast(tensors, options);
  }
  if (what == "allGather") {  // the last tensor goes into all the others
    std::vector<at::Tensor> input{tensors.back()};
    tensors.pop_back();
    std::vector<std::vector<at::Tensor>> outputs{tensors};
    return group.allgather(outputs, input);
  }
  if (what == "reduceScatter") {  // the sums of the others go into the last
    std::vector<at::Tensor> output{tensors.back()};
    tensors.pop_back();
    std::vector<std::vector<at::Tensor>> inputs{tensors};
    return group.reduce_scatter(output, inputs);
  }
  return group.barrier();
}

/**
 * collective(group, what, count, argument) -> promise: starts a collective of the `count` tensors in scratch now, in the order of the calls,
 * and resolves when it has ended. `argument` is the reduction's code for allReduce and the root for broadcast.
 */
Napi::Value Collective(const Napi::CallbackInfo& info) {
  return guard(info, "collective", [&] {
    State& state = stateOf(info.Env());
    const auto group = unwrap<Group>(info[0]);
    const auto tensors = tensorsAt(state, 0, static_cast<size_t>(numberAt(info, 2)));
    const auto work = startCollective(*group->collectives, stringAt(info, 1), tensors, static_cast<int>(numberAt(info, 3)));
    // The group outlives its work.
    return Task::start(info.Env(), [group, work] { work->wait(); });
  });
}

}  // namespace

#endif

namespace {

/** Names of the backends that this build has. */
Napi::Value Backends(const Napi::CallbackInfo& info) {
  auto names = Napi::Array::New(info.Env());
#ifdef VID2WORLD_GLOO
  names[0u] = Napi::String::New(info.Env(), "gloo");
#ifdef VID2WORLD_NCCL
  names[1u] = Napi::String::New(info.Env(), "nccl");
#endif
#endif
  return names;
}

}  // namespace

void InitDistributed(Napi::Env env, Napi::Object exports) {
  exports["backends"] = Napi::Function::New(env, Backends);
#ifdef VID2WORLD_GLOO
  exports["openStore"] = Napi::Function::New(env, OpenStore);
  exports["storeSet"] = Napi::Function::New(env, StoreSet);
  exports["storeGet"] = Napi::Function::New(env, StoreGet);
  exports["startHeartbeat"] = Napi::Function::New(env, StartHeartbeat);
  exports["stopHeartbeat"] = Napi::Function::New(env, StopHeartbeat);
  exports["openGroup"] = Napi::Function::New(env, OpenGroup);
  exports["closeGroup"] = Napi::Function::New(env, CloseGroup);
  exports["collective"] = Napi::Function::New(env, Collective);
  InitReducer(env, exports);
#endif
}

}  // namespace vid2world
