// Compiled once as kPlainLoops and, on x86, once more as kWideLoops with AVX2 and fused multiply-add (CMakeLists.txt).
#include "loops.h"

#include <cmath>
#include <cstring>

namespace vid2world {
namespace {

typedef float Levels __attribute__((vector_size(4 * kLanes)));
typedef int32_t Sums __attribute__((vector_size(4 * kLanes)));

template <class Vector, class T>
inline Vector load(const T* from) {
  Vector values;
  std::memcpy(&values, from, sizeof values);
  return values;
}

template <class Vector, class T>
inline void store(const Vector& values, T* to) {
  std::memcpy(to, &values, sizeof values);
}

void mixWithin(const uint8_t* source, size_t sourceWidth, bool reversed, const int32_t* left, const int32_t* right, const float* far,
               size_t width, float* levels, float* target) {
  const size_t bytes = sourceWidth * kColours;
  if (reversed) {
    for (size_t i = 0; i < bytes; i += kColours)
      for (size_t c = 0; c < kColours; c++) levels[i + c] = source[i + kColours - 1 - c];
  } else {
    for (size_t i = 0; i < bytes; i++) levels[i] = source[i];
  }
  for (size_t x = 0; x < width; x++) {
    const float near = 1.0f - far[x];
    const Levels second = load<Levels>(levels + right[x] * kColours) * far[x];
    Levels mixed = load<Levels>(levels + left[x] * kColours);
    for (size_t c = 0; c < kLanes; c++) mixed[c] = std::fma(mixed[c], near, second[c]);
    store(mixed, target + x * kColours); // the spare number is the next pixel's, written after it
  }
}

/** Added and taken away again, it leaves a whole number of a float32 from 0 to 2^22, half to even. */
constexpr float kRounding = 12582912.0f;

void mixBetween(const float* __restrict above, const float* __restrict below, float far, size_t count, uint8_t* __restrict target) {
  const float near = 1.0f - far;
  for (size_t k = 0; k < count; k++) {
    const float level = std::fma(above[k], near, below[k] * far);
    target[k] = static_cast<uint8_t>(static_cast<int32_t>((level + kRounding) - kRounding));
  }
}

/** Added before the bits are dropped, so that sums are rounded. */
constexpr int32_t kHalf = 1 << (kWeightBits - 1);

inline void roundSums(const int32_t* __restrict sums, size_t count, uint8_t* __restrict target) {
  for (size_t k = 0; k < count; k++) {
    const int32_t level = sums[k] >> kWeightBits;
    target[k] = static_cast<uint8_t>(level < 0 ? 0 : level > 255 ? 255 : level);
  }
}

void coverRow(const uint8_t* source, size_t sourceWidth, const int32_t* first, const int32_t* weights, size_t taps, size_t width,
              int32_t* levels, int32_t* sums, uint8_t* target) {
  for (size_t i = 0; i < sourceWidth * kColours; i++) levels[i] = source[i];
  for (size_t x = 0; x < width; x++) {
    Sums sum = {kHalf, kHalf, kHalf, kHalf};
    const int32_t* pixel = levels + first[x] * kColours;
    for (size_t tap = 0; tap < taps; tap++) sum += load<Sums>(pixel + tap * kColours) * weights[x * taps + tap];
    store(sum, sums + x * kColours);
  }
  roundSums(sums, width * kColours, target);
}

void coverColumns(const uint8_t* __restrict source, size_t stride, const int32_t* weights, size_t taps, size_t count, int32_t* __restrict sums,
                  uint8_t* target) {
  for (size_t k = 0; k < count; k++) sums[k] = kHalf;
  for (size_t tap = 0; tap < taps; tap++)
    for (size_t k = 0; k < count; k++) sums[k] += source[tap * stride + k] * weights[tap];
  roundSums(sums, count, target);
}

}  // namespace

const Loops LOOPS = {mixWithin, mixBetween, coverRow, coverColumns};

}  // namespace vid2world
