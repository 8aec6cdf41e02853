// Traces of networks whose weights stay as they are: what can be done once is done once.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "trace.h"

namespace vid2world {

/** Weights in the order in which convolution kernels read them. Shared by traces of one network: they differ in the history's length only. */
struct WeightLayouts {
  struct Entry {
    at::Tensor weight, bias;  // held, so that no other ever has their addresses
    c10::IValue context;
  };
  std::unordered_map<std::string, Entry> convolutions;
};

/** Computes once what depends on weights alone, and gives convolutions their weights laid out. `values` are the tensors of the recording, by number. */
void freeze(Trace& trace, const std::vector<at::Tensor>& values, WeightLayouts& layouts);

}  // namespace vid2world
