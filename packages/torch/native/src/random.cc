// Random generators: the default ones and generators of one's own, with their state as a tensor.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>

#include "common.h"

namespace vid2world {

namespace {

/** Index 0 is the CPU's default generator, -1 - n that of CUDA device n, anything else one of our own. */
at::Generator generatorAt(State& state, double index) {
  if (index == 0) return at::detail::getDefaultCPUGenerator();
  if (index < 0) return at::globalContext().defaultGenerator(c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(-1 - index)));
  return state.generators.at(static_cast<size_t>(index));
}

/** manualSeed(seed): seeds the default generators of every device. */
Napi::Value ManualSeed(const Napi::CallbackInfo& info) {
  return guard(info, "manualSeed", [&] {
    at::manual_seed(static_cast<uint64_t>(numberAt(info, 0)));
    return info.Env().Undefined();
  });
}

/** createGenerator(device, seed) -> index. Device: 0 CPU, 1 + index CUDA. */
Napi::Value CreateGenerator(const Napi::CallbackInfo& info) {
  return guard(info, "Generator", [&] {
    State& state = stateOf(info.Env());
    const double device = numberAt(info, 0);
    at::Generator generator;
    if (device == 0) {
      generator = at::make_generator<at::CPUGeneratorImpl>(c10::default_rng_seed_val);
    } else {
      generator = at::globalContext().defaultGenerator(c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(device - 1))).clone();
    }
    {
      std::lock_guard<std::mutex> lock(generator.mutex());
      generator.set_current_seed(static_cast<uint64_t>(numberAt(info, 1)));
    }
    if (state.generators.empty()) state.generators.emplace_back();
    state.generators.push_back(generator);
    return number(info.Env(), static_cast<double>(state.generators.size() - 1));
  });
}

/** freeGenerator(index): its number is not used again. */
Napi::Value FreeGenerator(const Napi::CallbackInfo& info) {
  stateOf(info.Env()).generators.at(static_cast<size_t>(numberAt(info, 0))) = at::Generator();
  return info.Env().Undefined();
}

Napi::Value SetSeed(const Napi::CallbackInfo& info) {
  return guard(info, "Generator.setSeed", [&] {
    auto generator = generatorAt(stateOf(info.Env()), numberAt(info, 0));
    std::lock_guard<std::mutex> lock(generator.mutex());
    generator.set_current_seed(static_cast<uint64_t>(numberAt(info, 1)));
    return info.Env().Undefined();
  });
}

Napi::Value GetState(const Napi::CallbackInfo& info) {
  return guard(info, "Generator.getState", [&] {
    State& state = stateOf(info.Env());
    auto generator = generatorAt(state, numberAt(info, 0));
    std::lock_guard<std::mutex> lock(generator.mutex());
    return number(info.Env(), state.add(info.Env(), generator.get_state()));
  });
}

Napi::Value SetState(const Napi::CallbackInfo& info) {
  return guard(info, "Generator.setState", [&] {
    State& state = stateOf(info.Env());
    auto generator = generatorAt(state, numberAt(info, 0));
    std::lock_guard<std::mutex> lock(generator.mutex());
    generator.set_state(state.at(numberAt(info, 1)));
    return info.Env().Undefined();
  });
}

}  // namespace

void InitRandom(Napi::Env env, Napi::Object exports) {
  exports["manualSeed"] = Napi::Function::New(env, ManualSeed);
  exports["createGenerator"] = Napi::Function::New(env, CreateGenerator);
  exports["freeGenerator"] = Napi::Function::New(env, FreeGenerator);
  exports["setSeed"] = Napi::Function::New(env, SetSeed);
  exports["getRandomState"] = Napi::Function::New(env, GetState);
  exports["setRandomState"] = Napi::Function::New(env, SetState);
}

}  // namespace vid2world
