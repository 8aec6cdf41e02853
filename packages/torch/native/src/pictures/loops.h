// The inner loops over byte pictures, in two versions of the same source: for any processor, and on x86 for those since 2013.
//   C = 3 colours of a pixel, interleaved, uint8
#pragma once

#include <cstddef>
#include <cstdint>

namespace vid2world {

constexpr size_t kColours = 3;
/** Pixels are handled four numbers at a time, so that rows that are room for something need a spare number at their end. */
constexpr size_t kLanes = 4;
constexpr size_t kSpare = kLanes - kColours;

/** Weights of `cover` are whole numbers over 2^22: a byte times a weight, summed, stays below 2^31. */
constexpr int kWeightBits = 22;

struct Loops {
  /**
   * A row of `width` pixels in float32, each `1 - far[x]` of the source's pixel `left[x]` and `far[x]` of `right[x]`; the first product
   * is not rounded before the sum, as in libtorch. With `reversed` the colours change their order. `levels` is room for the source's row.
   */
  void (*mixWithin)(const uint8_t* source, size_t sourceWidth, bool reversed, const int32_t* left, const int32_t* right, const float* far,
                    size_t width, float* levels, float* target);
  /** `count` numbers, each `1 - far` of the one above and `far` of the one below, rounded half to even. */
  void (*mixBetween)(const float* above, const float* below, float far, size_t count, uint8_t* target);
  /**
   * A row of `width` pixels, each the weighted sum of `taps` pixels of the source from `first[x]` on, in whole numbers, then rounded.
   * `levels` is room for the source's row, `sums` for the result's.
   */
  void (*coverRow)(const uint8_t* source, size_t sourceWidth, const int32_t* first, const int32_t* weights, size_t taps, size_t width,
                   int32_t* levels, int32_t* sums, uint8_t* target);
  /** `count` bytes, each the weighted sum of `taps` bytes that lie `stride` apart. */
  void (*coverColumns)(const uint8_t* source, size_t stride, const int32_t* weights, size_t taps, size_t count, int32_t* sums, uint8_t* target);
};

extern const Loops kPlainLoops;
#ifdef VID2WORLD_WIDE_LOOPS
extern const Loops kWideLoops;
#endif

}  // namespace vid2world
