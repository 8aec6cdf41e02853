// Inner loops over byte pictures and decoding of JPEG, as an addon of their own without libtorch: the data loader's threads load it in a millisecond.
// Callers give tables of what is mixed with which weights; nothing here knows about data sets. Tables are checked: no call leaves its buffers.
//   C = 3 colours, uint8; rows of a picture lie `stride` bytes apart
#include <napi.h>

#include <algorithm>
#include <vector>

#ifdef VID2WORLD_JPEG
#include "jpeg.h"
#endif
#include "loops.h"

namespace vid2world {
namespace {

const Loops& loops() {
#ifdef VID2WORLD_WIDE_LOOPS
  static const bool wide = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (wide) return kWideLoops;
#endif
  return kPlainLoops;
}

/** A picture in a buffer of JavaScript's, from an offset on. */
struct Picture {
  uint8_t* data;
  size_t bytes;
  size_t stride;
  uint8_t* row(size_t y) const { return data + y * stride; }
  bool holds(size_t rows, size_t width) const { return rows == 0 || (rows - 1) * stride + width * kColours <= bytes; }
};

template <class T>
struct Table {
  const T* data;
  size_t length;
  /** Whether every entry is 0 .. `end` - 1. */
  bool below(size_t end) const {
    return std::all_of(data, data + length, [end](T entry) { return static_cast<size_t>(entry) < end; }); // a negative one becomes huge
  }
};

size_t sizeAt(const Napi::CallbackInfo& info, size_t index) { return info[index].As<Napi::Number>().Int64Value(); }

Picture pictureAt(const Napi::CallbackInfo& info, size_t index) {
  auto array = info[index].As<Napi::Uint8Array>();
  const size_t start = sizeAt(info, index + 1), length = array.ByteLength();
  return {array.Data() + start, start <= length ? length - start : 0, sizeAt(info, index + 2)};
}

Table<int32_t> integersAt(const Napi::CallbackInfo& info, size_t index) {
  auto array = info[index].As<Napi::Int32Array>();
  return {array.Data(), array.ElementLength()};
}

Table<float> floatsAt(const Napi::CallbackInfo& info, size_t index) {
  auto array = info[index].As<Napi::Float32Array>();
  return {array.Data(), array.ElementLength()};
}

void require(const Napi::CallbackInfo& info, bool holds, const char* message) {
  if (!holds) throw Napi::RangeError::New(info.Env(), std::string("internal: pictures: ") + message);
}

/**
 * mix(source, start, stride, height, width, reversed, target, start, stride, above, below, rowFar, left, right, columnFar): bilinear, in
 * float32. Row y of the target is `1 - rowFar[y]` of the source's row `above[y]` and `rowFar[y]` of row `below[y]`, columns alike;
 * rounded once, at the end, half to even. `reversed`: the source has its colours in the other order.
 */
void Mix(const Napi::CallbackInfo& info) {
  const Picture source = pictureAt(info, 0), target = pictureAt(info, 6);
  const size_t height = sizeAt(info, 3), width = sizeAt(info, 4);
  const bool reversed = info[5].As<Napi::Boolean>();
  const auto above = integersAt(info, 9), below = integersAt(info, 10), left = integersAt(info, 12), right = integersAt(info, 13);
  const auto rowFar = floatsAt(info, 11), columnFar = floatsAt(info, 14);
  const size_t rows = above.length, columns = left.length;
  require(info, below.length == rows && rowFar.length == rows, "rows differ");
  require(info, right.length == columns && columnFar.length == columns, "columns differ");
  require(info, source.holds(height, width) && above.below(height) && below.below(height), "a row is outside of the source");
  require(info, left.below(width) && right.below(width), "a column is outside of the source");
  require(info, target.holds(rows, columns), "the target is too small");

  // Each row of the source is mixed once, though it takes part in several of the target.
  std::vector<float> levels(width * kColours + kSpare), first(columns * kColours + kSpare), second(first.size());
  float* held[2] = {first.data(), second.data()};
  int32_t number[2] = {-1, -1};
  const auto hold = [&](int slot, int32_t y) {
    if (number[slot] == y) return;
    number[slot] = y;
    loops().mixWithin(source.row(y), width, reversed, left.data, right.data, columnFar.data, columns, levels.data(), held[slot]);
  };
  for (size_t y = 0; y < rows; y++) {
    if (above.data[y] == number[1]) std::swap(held[0], held[1]), std::swap(number[0], number[1]);
    hold(0, above.data[y]);
    hold(1, below.data[y]);
    loops().mixBetween(held[0], held[1], rowFar.data[y], columns * kColours, target.row(y));
  }
}

/**
 * cover(source, start, stride, height, width, target, start, stride, columns, columnWeights, rows, rowWeights): weighted sums in whole
 * numbers, along rows, then along columns, rounded to bytes in between. Pixel x of a row covers the source's pixels from `columns[x]` on,
 * as many as there are weights for each.
 */
void Cover(const Napi::CallbackInfo& info) {
  const Picture source = pictureAt(info, 0), target = pictureAt(info, 5);
  const size_t height = sizeAt(info, 3), width = sizeAt(info, 4);
  const auto columns = integersAt(info, 8), columnWeights = integersAt(info, 9);
  const auto rows = integersAt(info, 10), rowWeights = integersAt(info, 11);
  require(info, columns.length > 0 && rows.length > 0, "an empty picture");
  const size_t across = columnWeights.length / columns.length, down = rowWeights.length / rows.length;
  require(info, source.holds(height, width), "the source is too small");
  require(info, across > 0 && across <= width && columns.below(width - across + 1), "a column is outside of the source");
  require(info, down > 0 && down <= height && rows.below(height - down + 1), "a row is outside of the source");
  require(info, target.holds(rows.length, columns.length), "the target is too small");

  const auto [first, last] = std::minmax_element(rows.data, rows.data + rows.length);
  const size_t row = columns.length * kColours, between = *last - *first + down;
  std::vector<uint8_t> wide(between * row);
  std::vector<int32_t> levels(width * kColours + kSpare), sums(row + kSpare);
  for (size_t y = 0; y < between; y++) {
    loops().coverRow(source.row(*first + y), width, columns.data, columnWeights.data, across, columns.length, levels.data(), sums.data(),
                     wide.data() + y * row);
  }
  for (size_t y = 0; y < rows.length; y++) {
    const uint8_t* from = wide.data() + (rows.data[y] - *first) * row;
    loops().coverColumns(from, row, rowWeights.data + y * down, down, row, sums.data(), target.row(y));
  }
}

#ifdef VID2WORLD_JPEG
/**
 * jpeg(bytes, target) -> [height, width]: decodes an ordinary JPEG picture into the target where it has room for it; undefined for anything
 * else.
 */
Napi::Value Jpeg(const Napi::CallbackInfo& info) {
  auto bytes = info[0].As<Napi::Uint8Array>(), target = info[1].As<Napi::Uint8Array>();
  JpegPicture picture{target.Data(), target.ByteLength()};
  if (!decodeJpeg(bytes.Data(), bytes.ByteLength(), picture)) return info.Env().Undefined();
  auto size = Napi::Array::New(info.Env(), 2);
  size[0u] = picture.height;
  size[1u] = picture.width;
  return size;
}
#endif

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports["mix"] = Napi::Function::New(env, Mix);
  exports["cover"] = Napi::Function::New(env, Cover);
#ifdef VID2WORLD_JPEG
  exports["jpeg"] = Napi::Function::New(env, Jpeg);
#endif
  return exports;
}

}  // namespace

NODE_API_MODULE(vid2world_pictures, Init)

}  // namespace vid2world
