// The generic operator call: any registered operator through the dispatcher's boxed calling convention.
//
// JavaScript declares an operator once with the arguments that its generated code writes ("self:T other:T alpha:S"); the plan that turns
// the doubles in the scratch buffer into a stack of values is made at its first call against the schema of the libtorch that is loaded, so
// arguments that a newer libtorch has added take their defaults. A "!" before the signature drops the results (operators in place). The
// codes, and what each writes:
//   T tensor handle              T? the same, 0 = none       TL count, handles          T?L the same, 0 = none
//   I integer                    I? NaN = none               IL count, integers         IL? count -1 = none
//   F number                     F? tag 0/1, number          FL count, numbers          FL? count -1 = none
//   B 0/1                        B? NaN = none               BL count, 0/1
//   S tag (1 integer, 2 float), number                       S? tag 0 = none            SL count, (tag, number)...
//   Y scalar type, layout or memory format, NaN = none       D device, NaN = none (0 CPU, 1 + index CUDA, -1 meta)
//   G generator, 0 = none                                    STR index of an interned string, -1 = none
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/ivalue.h>
#include <ATen/core/stack.h>

#include <cmath>
#include <map>
#include <optional>
#include <sstream>

#include "trace.h"

namespace vid2world {

enum class Code { T, TN, TL, TNL, I, IN, IL, ILN, F, FN, FL, FLN, B, BN, BL, S, SN, SL, Y, D, G, STR };

struct PlannedArgument {
  Code code;
  std::string name;
  size_t position;  // on the stack
};

/** One declared operator; `handle` and what follows are filled at the first call. */
struct Operator {
  std::string name, overload, signature;
  std::optional<c10::OperatorHandle> handle;
  std::vector<PlannedArgument> arguments;
  bool dropResults = false;
  bool inOrder = true;                  // the arguments fill the stack from its bottom without gaps
  std::vector<c10::IValue> defaults;    // for every position
};

namespace {

const std::map<std::string, Code> kCodes = {
    {"T", Code::T}, {"T?", Code::TN}, {"TL", Code::TL}, {"T?L", Code::TNL}, {"I", Code::I}, {"I?", Code::IN}, {"IL", Code::IL}, {"IL?", Code::ILN},
    {"F", Code::F}, {"F?", Code::FN}, {"FL", Code::FL}, {"FL?", Code::FLN}, {"B", Code::B}, {"B?", Code::BN}, {"BL", Code::BL}, {"S", Code::S},
    {"S?", Code::SN}, {"SL", Code::SL}, {"Y", Code::Y}, {"D", Code::D}, {"G", Code::G}, {"STR", Code::STR}};

/** Makes the plan of an operator against the loaded libtorch. Throws if it has no such operator or argument. */
void plan(Operator& op) {
  auto handle = c10::Dispatcher::singleton().findSchema({op.name, op.overload});
  if (!handle)
    throw std::runtime_error("libtorch " TORCH_VERSION " has no such operator; ask has() first, or use a newer libtorch");
  const auto& schema = handle->schema();
  op.defaults.clear();
  for (const auto& argument : schema.arguments())
    op.defaults.push_back(argument.default_value() ? *argument.default_value() : c10::IValue());
  std::vector<bool> given(schema.arguments().size());
  op.arguments.clear();
  std::istringstream words(op.signature);
  for (std::string word; words >> word;) {
    const auto colon = word.find(':');
    const auto name = word.substr(0, colon);
    const auto index = schema.argumentIndexWithName(name);
    if (!index) throw std::runtime_error("this libtorch has no argument \"" + name + "\"");
    given[*index] = true;
    op.arguments.push_back({kCodes.at(word.substr(colon + 1)), name, static_cast<size_t>(*index)});
  }
  for (size_t i = 0; i < given.size(); i++)
    if (!given[i] && !schema.arguments()[i].default_value() && schema.arguments()[i].type()->kind() != c10::TypeKind::OptionalType)
      throw std::runtime_error("this libtorch needs the argument \"" + schema.arguments()[i].name() + "\"");
  op.inOrder = op.arguments.size() == given.size();
  for (size_t i = 0; i < op.arguments.size(); i++) op.inOrder = op.inOrder && op.arguments[i].position == i;
  op.handle = *handle;
}

/** Reads arguments from the scratch buffer, front to back. */
struct Reader {
  State& state;
  const double* next;
  const char* name;

  double take() { return *next++; }
  int64_t takeInt() { return static_cast<int64_t>(*next++); }

  c10::IValue scalar() {
    const double tag = take(), value = take();
    if (tag == 1) return static_cast<int64_t>(value);
    if (tag == 2) return value;
    return {};
  }
  template <class T, class Take>
  c10::List<T> list(int64_t count, Take&& one) {
    c10::List<T> values;
    values.reserve(count);
    for (int64_t i = 0; i < count; i++) values.push_back(one());
    return values;
  }
  c10::List<int64_t> ints(int64_t count) {
    return list<int64_t>(count, [&] { return takeInt(); });
  }
  c10::List<double> floats(int64_t count) {
    return list<double>(count, [&] { return take(); });
  }
  c10::Device device(double code) {
    if (code < 0) return c10::Device(c10::kMeta);
    return code == 0 ? c10::Device(c10::kCPU) : c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(code - 1));
  }

  c10::IValue value(Code code) {
    switch (code) {
      case Code::T: return state.at(take(), name);
      case Code::TN: { const double handle = take(); return handle == 0 ? c10::IValue() : c10::IValue(state.at(handle, name)); }
      case Code::TL: return list<at::Tensor>(takeInt(), [&] { return state.at(take(), name); });
      case Code::TNL: {
        const int64_t count = takeInt();
        c10::List<c10::optional<at::Tensor>> values;
        values.reserve(count);
        for (int64_t i = 0; i < count; i++) {
          const double handle = take();
          values.push_back(handle == 0 ? c10::optional<at::Tensor>() : c10::optional<at::Tensor>(state.at(handle, name)));
        }
        return values;
      }
      case Code::I: return takeInt();
      case Code::IN:
      case Code::Y: { const double v = take(); return std::isnan(v) ? c10::IValue() : c10::IValue(static_cast<int64_t>(v)); }
      case Code::IL: return ints(takeInt());
      case Code::ILN: { const int64_t n = takeInt(); return n < 0 ? c10::IValue() : c10::IValue(ints(n)); }
      case Code::F: return take();
      case Code::FN: { const double tag = take(), v = take(); return tag == 0 ? c10::IValue() : c10::IValue(v); }
      case Code::FL: return floats(takeInt());
      case Code::FLN: { const int64_t n = takeInt(); return n < 0 ? c10::IValue() : c10::IValue(floats(n)); }
      case Code::B: return take() != 0;
      case Code::BN: { const double v = take(); return std::isnan(v) ? c10::IValue() : c10::IValue(v != 0); }
      case Code::BL: return list<bool>(takeInt(), [&] { return take() != 0; });
      case Code::S:
      case Code::SN: return scalar();
      case Code::SL: {
        const int64_t count = takeInt();
        c10::impl::GenericList values(c10::NumberType::get());
        values.reserve(count);
        for (int64_t i = 0; i < count; i++) values.push_back(scalar());
        return c10::IValue(values);
      }
      case Code::D: { const double v = take(); return std::isnan(v) ? c10::IValue() : c10::IValue(device(v)); }
      case Code::G: { const auto g = static_cast<size_t>(take()); return g == 0 ? c10::IValue() : c10::IValue(state.generators.at(g)); }
      case Code::STR: { const auto s = takeInt(); return s < 0 ? c10::IValue() : c10::IValue(state.strings.at(s)); }
    }
    throw std::logic_error("internal: argument code");
  }
};

void writeResults(napi_env env, State& state, torch::jit::Stack& stack) {
  double* out = state.scratch.data();
  for (auto& value : stack) {
    if (value.isTensor()) {
      *out++ = state.add(env, std::move(value).toTensor());
    } else if (value.isTensorList()) {
      const auto tensors = value.toTensorVector();
      *out++ = static_cast<double>(tensors.size());
      for (const auto& tensor : tensors) *out++ = state.add(env, tensor);
    } else if (value.isDouble()) {
      *out++ = value.toDouble();
    } else if (value.isInt()) {
      *out++ = static_cast<double>(value.toInt());
    } else if (value.isBool()) {
      *out++ = value.toBool() ? 1 : 0;
    } else if (!value.isNone()) {
      throw std::runtime_error("internal: result of a type that is not supported: " + value.tagKind());
    }
  }
}

/** Names every tensor among the arguments, one a line: what a person needs to see beside libtorch's own message. */
std::string describeArguments(const Operator& op, const torch::jit::Stack& stack) {
  std::string text;
  const auto& arguments = op.handle->schema().arguments();
  for (size_t i = 0; i < stack.size() && i < arguments.size(); i++) {
    if (stack[i].isTensor() && stack[i].toTensor().defined()) {
      text += "\n  " + arguments[i].name() + ": " + describe(stack[i].toTensor());
    } else if (stack[i].isTensorList()) {
      const auto tensors = stack[i].toTensorVector();
      text += "\n  " + arguments[i].name() + ": " + std::to_string(tensors.size()) + " tensors";
      for (size_t k = 0; k < tensors.size() && k < 4; k++) text += (k ? ", " : " ") + describe(tensors[k]);
    } else if (stack[i].isIntList()) {
      text += "\n  " + arguments[i].name() + ": [";
      const auto values = stack[i].toIntVector();
      for (size_t k = 0; k < values.size(); k++) text += (k ? ", " : "") + std::to_string(values[k]);
      text += "]";
    }
  }
  return text;
}

std::string publicName(const Operator& op) { return op.name.rfind("aten::", 0) == 0 ? op.name.substr(6) : op.name; }

void call(napi_env env, State& state, Operator& op) {
  if (!op.handle) plan(op);
  // One stack per environment would be emptied by operators that call back into JavaScript; a fresh one costs an allocation only.
  torch::jit::Stack stack;
  Reader reader{state, state.scratch.data(), ""};
  if (op.inOrder) {
    stack.reserve(op.arguments.size() + 1);
    for (const auto& argument : op.arguments) {
      reader.name = argument.name.c_str();
      stack.push_back(reader.value(argument.code));
    }
  } else {
    stack = op.defaults;
    for (const auto& argument : op.arguments) {
      reader.name = argument.name.c_str();
      stack[argument.position] = reader.value(argument.code);
    }
  }
  if (state.recorder) state.recorder->before(*op.handle, publicName(op) + (op.overload.empty() ? "" : "." + op.overload), stack);
  try {
    op.handle->callBoxed(stack);
  } catch (const c10::Error&) {
    throw currentError(env, publicName(op), describeArguments(op, stack));
  }
  if (state.recorder) state.recorder->after(stack, op.dropResults);
  if (!op.dropResults) writeResults(env, state, stack);
}

/** call(id): arguments and results travel in the scratch buffer. The hot path, so plain N-API. */
napi_value Call(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  void* data;
  napi_get_cb_info(env, info, &count, &argument, nullptr, &data);
  auto& state = *static_cast<State*>(data);
  uint32_t id = 0;
  napi_get_value_uint32(env, argument, &id);
  Operator& op = *state.operators[id];
  try {
    call(env, state, op);
  } catch (const Napi::Error& error) {
    error.ThrowAsJavaScriptException();
  } catch (...) {
    currentError(env, publicName(op)).ThrowAsJavaScriptException();
  }
  return nullptr;
}

/** declare(name, overload, signature) -> id. Nothing is looked up until the first call. */
Napi::Value Declare(const Napi::CallbackInfo& info) {
  State& state = stateOf(info.Env());
  auto op = std::make_shared<Operator>();
  op->name = info[0].As<Napi::String>();
  op->overload = info[1].As<Napi::String>();
  op->signature = info[2].As<Napi::String>();
  if (op->signature.rfind('!', 0) == 0) {
    op->dropResults = true;
    op->signature.erase(0, 1);
  }
  state.operators.push_back(std::move(op));
  return number(info.Env(), static_cast<double>(state.operators.size() - 1));
}

/** intern(text) -> index, for string arguments. */
Napi::Value Intern(const Napi::CallbackInfo& info) {
  State& state = stateOf(info.Env());
  state.strings.push_back(info[0].As<Napi::String>());
  return number(info.Env(), static_cast<double>(state.strings.size() - 1));
}

/** schema(name, overload) -> the operator's schema as text, or undefined where this libtorch has none. */
Napi::Value Schema(const Napi::CallbackInfo& info) {
  return guard(info, "schema", [&]() -> Napi::Value {
    auto handle = c10::Dispatcher::singleton().findSchema({info[0].As<Napi::String>(), info[1].As<Napi::String>()});
    if (!handle) return info.Env().Undefined();
    std::ostringstream text;
    text << handle->schema();
    return Napi::String::New(info.Env(), text.str());
  });
}

/** operators() -> the names ("aten::add.Tensor") of all registered operators. */
Napi::Value Operators(const Napi::CallbackInfo& info) {
  return guard(info, "operators", [&]() -> Napi::Value {
    const auto names = c10::Dispatcher::singleton().getAllOpNames();
    auto result = Napi::Array::New(info.Env(), names.size());
    for (size_t i = 0; i < names.size(); i++)
      result[static_cast<uint32_t>(i)] = Napi::String::New(info.Env(), names[i].name + (names[i].overload_name.empty() ? "" : "." + names[i].overload_name));
    return result;
  });
}

}  // namespace

void InitDispatch(Napi::Env env, Napi::Object exports) {
  napi_value function;
  napi_create_function(env, "call", NAPI_AUTO_LENGTH, Call, &stateOf(env), &function);
  exports["call"] = Napi::Value(env, function);
  exports["declare"] = Napi::Function::New(env, Declare);
  exports["intern"] = Napi::Function::New(env, Intern);
  exports["schema"] = Napi::Function::New(env, Schema);
  exports["operators"] = Napi::Function::New(env, Operators);
}

}  // namespace vid2world
