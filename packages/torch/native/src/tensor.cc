// Tensor lifetime and data: the handle table, memory reporting, and copies between tensors and typed arrays.
#include <cstring>

#include "common.h"

namespace vid2world {

namespace {

constexpr int64_t kReportStep = 1 << 20;  // bytes; V8 is told of changes of native memory in steps of this size

const std::vector<std::pair<at::ScalarType, const char*>> kTypeNames = {
    {at::kBool, "bool"},       {at::kByte, "uint8"},         {at::kChar, "int8"},       {at::kShort, "int16"},
    {at::kInt, "int32"},       {at::kLong, "int64"},         {at::kHalf, "float16"},    {at::kBFloat16, "bfloat16"},
    {at::kFloat, "float32"},   {at::kDouble, "float64"},     {at::kComplexFloat, "complex64"}, {at::kComplexDouble, "complex128"}};

at::ScalarType typeOfArray(const Napi::TypedArray& array) {
  switch (array.TypedArrayType()) {
    case napi_uint8_array:
    case napi_uint8_clamped_array: return at::kByte;
    case napi_int32_array: return at::kInt;
    case napi_bigint64_array: return at::kLong;
    case napi_float32_array: return at::kFloat;
    case napi_float64_array: return at::kDouble;
    default: throw std::invalid_argument("typed array: use Uint8Array, Int32Array, BigInt64Array, Float32Array or Float64Array");
  }
}

napi_typedarray_type arrayOfType(at::ScalarType type) {
  switch (type) {
    case at::kByte:
    case at::kBool: return napi_uint8_array;
    case at::kChar: return napi_int8_array;
    case at::kShort: return napi_int16_array;
    case at::kInt: return napi_int32_array;
    case at::kLong: return napi_bigint64_array;
    case at::kFloat: return napi_float32_array;
    case at::kDouble: return napi_float64_array;
    default: throw std::invalid_argument(std::string("no typed array for ") + dtypeName(type));
  }
}

std::vector<int64_t> toShape(const Napi::Value& value) {
  auto array = value.As<Napi::Array>();
  std::vector<int64_t> shape(array.Length());
  for (uint32_t i = 0; i < shape.size(); i++) shape[i] = array.Get(i).As<Napi::Number>().Int64Value();
  return shape;
}

/** The array's elements, also those of an array over shared memory, whose buffer is no ArrayBuffer. */
uint8_t* bytesOf(const Napi::TypedArray& array) {
  void* data = nullptr;
  napi_get_typedarray_info(array.Env(), array, nullptr, nullptr, &data, nullptr, nullptr);
  return static_cast<uint8_t*>(data);
}

/** free(count): frees the handles in scratch[0..count-1]. */
Napi::Value Free(const Napi::CallbackInfo& info) {
  State& state = stateOf(info.Env());
  const auto count = static_cast<size_t>(numberAt(info, 0));
  for (size_t i = 0; i < count; i++) state.free(info.Env(), static_cast<uint32_t>(state.scratch[i]));
  return info.Env().Undefined();
}

/** fromTypedArray(array, shape, share): a tensor of the array's type that copies it, or shares its memory. */
Napi::Value FromTypedArray(const Napi::CallbackInfo& info) {
  return guard(info, "fromTypedArray", [&] {
    State& state = stateOf(info.Env());
    state.drainReleased(info.Env());
    auto array = info[0].As<Napi::TypedArray>();
    const auto type = typeOfArray(array);
    const auto shape = toShape(info[1]);
    int64_t count = 1;
    for (auto size : shape) count *= size;
    if (count != static_cast<int64_t>(array.ElementLength()))
      throw std::invalid_argument("array has " + std::to_string(array.ElementLength()) + " elements, the shape wants " + std::to_string(count));
    at::Tensor tensor;
    if (info[2].ToBoolean()) {
      napi_ref reference;
      napi_create_reference(info.Env(), array, 1, &reference);
      tensor = at::from_blob(bytesOf(array), shape, [released = state.released, reference](void*) {
        std::lock_guard<std::mutex> lock(released->mutex);
        released->references.push_back(reference);
      }, at::TensorOptions().dtype(type));
    } else {
      tensor = at::empty(shape, at::TensorOptions().dtype(type));
      if (count > 0) std::memcpy(tensor.data_ptr(), bytesOf(array), array.ByteLength());
    }
    return number(info.Env(), state.add(info.Env(), std::move(tensor)));
  });
}

/** toTypedArray(handle, share): the elements in row-major order; copied, or (contiguous CPU tensors only) the tensor's own memory. */
Napi::Value ToTypedArray(const Napi::CallbackInfo& info) {
  return guard(info, "toTypedArray", [&]() -> Napi::Value {
    Napi::Env env = info.Env();
    at::Tensor tensor = stateOf(env).at(numberAt(info, 0)).detach();
    const bool share = info[1].ToBoolean();
    if (share && !(tensor.is_contiguous() && tensor.device().is_cpu()))
      throw std::invalid_argument("only a contiguous tensor on the CPU can share its memory; " + describe(tensor) + " is not");
    if (!share) {
      if (tensor.scalar_type() == at::kHalf || tensor.scalar_type() == at::kBFloat16) tensor = tensor.to(at::kFloat);
      tensor = tensor.cpu().contiguous();
    }
    const auto kind = arrayOfType(tensor.scalar_type());
    const size_t bytes = tensor.nbytes();
    napi_value buffer, result;
    if (share && bytes > 0) {
      auto* kept = new at::Tensor(tensor);
      napi_create_external_arraybuffer(env, tensor.data_ptr(), bytes, [](napi_env, void*, void* hint) { delete static_cast<at::Tensor*>(hint); }, kept, &buffer);
    } else {
      void* data = nullptr;
      napi_create_arraybuffer(env, bytes, &data, &buffer);
      if (bytes > 0) std::memcpy(data, tensor.data_ptr(), bytes);
    }
    napi_create_typedarray(env, kind, tensor.numel(), buffer, 0, &result);
    return Napi::Value(env, result);
  });
}

/** writeBytes(handle, bytes): overwrites a contiguous CPU tensor's memory with raw little-endian bytes of the same length. */
Napi::Value WriteBytes(const Napi::CallbackInfo& info) {
  return guard(info, "writeBytes", [&] {
    at::Tensor tensor = stateOf(info.Env()).at(numberAt(info, 0));
    auto array = info[1].As<Napi::Uint8Array>();
    if (!tensor.is_contiguous() || !tensor.device().is_cpu() || tensor.nbytes() != array.ByteLength())
      throw std::invalid_argument(describe(tensor) + " does not take " + std::to_string(array.ByteLength()) + " bytes");
    if (array.ByteLength() > 0) std::memcpy(tensor.data_ptr(), bytesOf(array), array.ByteLength());
    return info.Env().Undefined();
  });
}

/** readBytes(handle): a copy of a tensor's raw little-endian bytes in row-major order, of any dtype. */
Napi::Value ReadBytes(const Napi::CallbackInfo& info) {
  return guard(info, "readBytes", [&] {
    at::Tensor tensor = stateOf(info.Env()).at(numberAt(info, 0)).detach().cpu().contiguous();
    auto result = Napi::Uint8Array::New(info.Env(), tensor.nbytes());
    if (tensor.nbytes() > 0) std::memcpy(result.Data(), tensor.data_ptr(), tensor.nbytes());
    return Napi::Value(result);
  });
}

/** meta(handle): writes [dtype, device, rank, sizes...] to scratch. Device: 0 CPU, 1 + index CUDA, -1 meta. */
Napi::Value Meta(const Napi::CallbackInfo& info) {
  return guard(info, "meta", [&] {
    State& state = stateOf(info.Env());
    const at::Tensor& tensor = state.at(numberAt(info, 0));
    const auto device = tensor.device();
    double* out = state.scratch.data();
    *out++ = static_cast<double>(static_cast<int>(tensor.scalar_type()));
    *out++ = device.is_cpu() ? 0 : device.is_cuda() ? 1 + device.index() : -1;
    *out++ = static_cast<double>(tensor.dim());
    for (auto size : tensor.sizes()) *out++ = static_cast<double>(size);
    return info.Env().Undefined();
  });
}

/** strides(handle): writes the strides, in elements, to scratch. */
Napi::Value Strides(const Napi::CallbackInfo& info) {
  return guard(info, "strides", [&] {
    State& state = stateOf(info.Env());
    double* out = state.scratch.data();
    for (auto stride : state.at(numberAt(info, 0)).strides()) *out++ = static_cast<double>(stride);
    return info.Env().Undefined();
  });
}

/** item(handle): the only element, as a number, a boolean as 0 or 1, an int64 beyond 2^53 as a bigint. */
Napi::Value Item(const Napi::CallbackInfo& info) {
  return guard(info, "item", [&]() -> Napi::Value {
    const auto scalar = stateOf(info.Env()).at(numberAt(info, 0)).item();
    if (scalar.isFloatingPoint()) return number(info.Env(), scalar.toDouble());
    const int64_t value = scalar.toLong();
    if (value > (1LL << 53) || value < -(1LL << 53)) return Napi::BigInt::New(info.Env(), value);
    return number(info.Env(), static_cast<double>(value));
  });
}

/** setData(handle, source): the tensor takes over the source's memory, dtype and device (for Module.to). */
Napi::Value SetData(const Napi::CallbackInfo& info) {
  return guard(info, "setData", [&] {
    State& state = stateOf(info.Env());
    at::Tensor& tensor = state.at(numberAt(info, 0));
    const at::Tensor& source = state.at(numberAt(info, 1));
    const bool survives = tensor.has_storage() && tensor.storage().use_count() > 1;
    tensor.set_data(source);
    state.exchangeBytes(info.Env(), static_cast<uint32_t>(numberAt(info, 0)), static_cast<uint32_t>(numberAt(info, 1)), survives);
    return info.Env().Undefined();
  });
}

Napi::Value Describe(const Napi::CallbackInfo& info) {
  return guard(info, "describe", [&] { return Napi::Value(Napi::String::New(info.Env(), describe(stateOf(info.Env()).at(numberAt(info, 0))))); });
}

Napi::Value LiveTensors(const Napi::CallbackInfo& info) { return number(info.Env(), static_cast<double>(stateOf(info.Env()).liveTensors)); }
/** setCollected(handle, on): whether the garbage collector, and no scope, has to free the tensor; only then V8 is told of its memory. */
Napi::Value SetCollected(const Napi::CallbackInfo& info) {
  stateOf(info.Env()).setCollected(info.Env(), static_cast<uint32_t>(numberAt(info, 0)), info[1].ToBoolean());
  return info.Env().Undefined();
}

Napi::Value LiveBytes(const Napi::CallbackInfo& info) { return number(info.Env(), static_cast<double>(stateOf(info.Env()).liveBytes)); }

}  // namespace

const char* dtypeName(at::ScalarType type) {
  for (const auto& [candidate, name] : kTypeNames)
    if (candidate == type) return name;
  return "unsupported dtype";
}

std::string describe(const at::Tensor& tensor) {
  if (!tensor.defined()) return "no tensor";
  std::string text = "Tensor[";
  for (int64_t i = 0; i < tensor.dim(); i++) text += (i ? ", " : "") + std::to_string(tensor.size(i));
  return text + "] " + dtypeName(tensor.scalar_type()) + " " + tensor.device().str();
}

double State::add(napi_env env, at::Tensor tensor) {
  if (!tensor.defined()) return 0;
  // A view shares memory that is counted already; only the first owner of a CPU storage is charged with it.
  int64_t bytes = 0;
  if (tensor.device().is_cpu() && tensor.has_storage() && tensor.storage().use_count() == 1)
    bytes = static_cast<int64_t>(tensor.storage().nbytes());
  uint32_t slot;
  if (freeSlots.empty()) {
    slot = static_cast<uint32_t>(tensors.size());
    tensors.push_back(std::move(tensor));
    ownedBytes.push_back(0);
    collected.push_back(false);
  } else {
    slot = freeSlots.back();
    freeSlots.pop_back();
    tensors[slot] = std::move(tensor);
  }
  liveTensors++;
  charge(env, slot, bytes);
  return slot;
}

void State::free(napi_env env, uint32_t slot) {
  if (slot == 0 || slot >= tensors.size() || !tensors[slot].defined()) return;
  tensors[slot] = at::Tensor();
  charge(env, slot, 0);
  collected[slot] = false;
  freeSlots.push_back(slot);
  liveTensors--;
}

void State::charge(napi_env env, uint32_t slot, int64_t bytes) {
  const int64_t delta = bytes - ownedBytes[slot];
  ownedBytes[slot] = bytes;
  liveBytes += delta;
  if (collected[slot]) tellCollector(env, delta);
}

void State::setCollected(napi_env env, uint32_t slot, bool on) {
  if (slot >= tensors.size() || collected[slot] == on) return;
  collected[slot] = on;
  tellCollector(env, on ? ownedBytes[slot] : -ownedBytes[slot]);
}

void State::exchangeBytes(napi_env env, uint32_t slot, uint32_t source, bool oldSurvives) {
  if (slot == source) return;
  const int64_t old = oldSurvives ? ownedBytes[slot] : 0;
  // A source that owns nothing is a view of memory that is counted elsewhere.
  const int64_t taken = ownedBytes[source];
  charge(env, slot, taken ? taken : old);
  if (taken) charge(env, source, old);
}

void State::tellCollector(napi_env env, int64_t delta) {
  unreportedBytes += delta;
  if (unreportedBytes > kReportStep || unreportedBytes < -kReportStep) {
    int64_t ignored;
    napi_adjust_external_memory(env, unreportedBytes, &ignored);
    unreportedBytes = 0;
  }
}

void State::drainReleased(napi_env env) {
  std::lock_guard<std::mutex> lock(released->mutex);
  for (auto reference : released->references) napi_delete_reference(env, reference);
  released->references.clear();
}

at::Tensor& State::at(double handle, const char* name) {
  const auto slot = static_cast<size_t>(handle);
  if (slot == 0 || slot >= tensors.size() || !tensors[slot].defined())
    throw DisposedTensor(std::string("argument \"") + name + "\" was freed (dispose(), using, or the end of its scope); return it from the scope or call keep()");
  return tensors[slot];
}

void InitTensor(Napi::Env env, Napi::Object exports) {
  exports["free"] = Napi::Function::New(env, Free);
  exports["fromTypedArray"] = Napi::Function::New(env, FromTypedArray);
  exports["toTypedArray"] = Napi::Function::New(env, ToTypedArray);
  exports["writeBytes"] = Napi::Function::New(env, WriteBytes);
  exports["readBytes"] = Napi::Function::New(env, ReadBytes);
  exports["meta"] = Napi::Function::New(env, Meta);
  exports["strides"] = Napi::Function::New(env, Strides);
  exports["item"] = Napi::Function::New(env, Item);
  exports["setData"] = Napi::Function::New(env, SetData);
  exports["describe"] = Napi::Function::New(env, Describe);
  exports["liveTensors"] = Napi::Function::New(env, LiveTensors);
  exports["setCollected"] = Napi::Function::New(env, SetCollected);
  exports["liveBytes"] = Napi::Function::New(env, LiveBytes);
}

}  // namespace vid2world
