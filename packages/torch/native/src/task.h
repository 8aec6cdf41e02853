// Work that waits, done on a thread of libuv's pool, so that JavaScript goes on: its promise settles when the work ends.
#pragma once

#include <c10/util/Exception.h>

#include <functional>

#include "common.h"

namespace vid2world {

/** One piece of work and its promise. `result` runs on the JavaScript thread after the work. */
class Task : public Napi::AsyncWorker {
 public:
  using Work = std::function<void()>;
  using Result = std::function<Napi::Value(Napi::Env)>;

  static Napi::Value start(Napi::Env env, Work work, Result result = [](Napi::Env env) { return env.Undefined(); }) {
    auto* task = new Task(env, std::move(work), std::move(result));
    task->Queue();
    return task->deferred_.Promise();
  }

 protected:
  void Execute() override {
    try {
      work_();
    } catch (const c10::Error& error) {
      SetError(error.what_without_backtrace());
    } catch (const std::exception& error) {
      SetError(error.what());
    }
    work_ = nullptr;  // lets go of tensors before JavaScript goes on
  }
  void OnOK() override { deferred_.Resolve(result_(Env())); }
  void OnError(const Napi::Error& error) override {
    // As for calls that do not wait: whoever asked can free memory and try again.
    const auto& outOfMemory = stateOf(Env()).outOfMemoryError;
    if (saysOutOfMemory(error.Message()) && !outOfMemory.IsEmpty()) deferred_.Reject(outOfMemory.New({Napi::String::New(Env(), error.Message())}));
    else deferred_.Reject(error.Value());
  }

 private:
  Task(Napi::Env env, Work work, Result result)
      : Napi::AsyncWorker(env), deferred_(Napi::Promise::Deferred::New(env)), work_(std::move(work)), result_(std::move(result)) {}

  Napi::Promise::Deferred deferred_;
  Work work_;
  Result result_;
};

}  // namespace vid2world
