// TorchScript: programs that PyTorch saved, loaded and called. Whoever loads one runs it, so the caller must know the file.
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include "common.h"

namespace vid2world {

namespace {

/** A loaded program lives as long as the JavaScript object that holds it. */
using Script = torch::jit::Module;

/** loadScript(path, device) -> external. Device: 0 CPU, 1 + index CUDA. */
Napi::Value LoadScript(const Napi::CallbackInfo& info) {
  return guard(info, "loadScript", [&] {
    const double device = numberAt(info, 1);
    const c10::Device place = device == 0 ? c10::Device(c10::kCPU) : c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(device - 1));
    auto script = std::make_unique<Script>(torch::jit::load(info[0].As<Napi::String>().Utf8Value(), place));
    script->eval();
    return Napi::External<Script>::New(info.Env(), script.release(), [](Napi::Env, Script* loaded) { delete loaded; });
  });
}

/** callScript(script, method, tensors, names, values) -> tensor. `values` are booleans or numbers, the keyword arguments `names`. */
Napi::Value CallScript(const Napi::CallbackInfo& info) {
  return guard(info, "callScript", [&] {
    State& state = stateOf(info.Env());
    Script& script = *info[0].As<Napi::External<Script>>().Data();
    const auto tensors = info[2].As<Napi::Array>();
    const auto names = info[3].As<Napi::Array>();
    const auto values = info[4].As<Napi::Array>();
    std::vector<c10::IValue> inputs;
    for (uint32_t i = 0; i < tensors.Length(); i++) inputs.emplace_back(state.at(tensors.Get(i).As<Napi::Number>().DoubleValue()));
    std::unordered_map<std::string, c10::IValue> keywords;
    for (uint32_t i = 0; i < names.Length(); i++) {
      const Napi::Value value = values.Get(i);
      c10::IValue given = value.IsBoolean() ? c10::IValue(value.As<Napi::Boolean>().Value()) : c10::IValue(value.As<Napi::Number>().DoubleValue());
      keywords.emplace(names.Get(i).As<Napi::String>().Utf8Value(), std::move(given));
    }
    const c10::IValue result = script.get_method(info[1].As<Napi::String>().Utf8Value())(std::move(inputs), keywords);
    if (!result.isTensor()) throw std::runtime_error("returned a " + result.tagKind() + ", not a tensor");
    return number(info.Env(), state.add(info.Env(), result.toTensor()));
  });
}

}  // namespace

void InitJit(Napi::Env env, Napi::Object exports) {
  exports["loadScript"] = Napi::Function::New(env, LoadScript);
  exports["callScript"] = Napi::Function::New(env, CallScript);
}

}  // namespace vid2world
