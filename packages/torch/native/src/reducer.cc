// Sums gradients over ranks while backward still runs: parameters lie in buckets, and a bucket travels as soon as its gradients are there.
#ifdef VID2WORLD_GLOO
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/functions/accumulate_grad.h>
#include <torch/csrc/autograd/variable.h>
#include <torch/csrc/distributed/c10d/Work.hpp>

#include <algorithm>
#include <map>
#include <numeric>

#include "distributed.h"
#include "task.h"

namespace vid2world {

namespace {

using torch::autograd::variable_list;

struct CallAfter : public torch::autograd::FunctionPostHook {
  explicit CallAfter(std::function<void()> call) : call(std::move(call)) {}
  variable_list operator()(const variable_list& outputs, const variable_list&) override {
    call();
    return outputs;
  }
  std::function<void()> call;
};

/** Some parameters of one device and type, whose gradients travel together. */
struct Bucket {
  std::vector<size_t> members;
  // Whether it waits for the end of backward: its parameters had no gradient in the first step, and may have none on any rank.
  bool optional = false;
  size_t pending = 0;
  at::Tensor flat;
  c10::intrusive_ptr<c10d::Work> work;
};

/**
 * One reducer serves one set of parameters. The first step only watches: it counts how often backward reaches each parameter (more than
 * once where checkpointed parts share one) and in what order, and all ranks agree on both. From the second step on buckets follow that order.
 */
class Reducer : public std::enable_shared_from_this<Reducer> {
 public:
  Reducer(std::shared_ptr<Group> group, std::vector<at::Tensor> parameters, int64_t bucketBytes)
      : group_(std::move(group)), parameters_(std::move(parameters)), bucketBytes_(bucketBytes), fired_(parameters_.size()), last_(parameters_.size()) {}

  /** Hooks the reducer to the parameters; for once after construction. Their accumulators live as long as the reducer. */
  void attach() {
    for (size_t i = 0; i < parameters_.size(); i++) {
      auto accumulator = torch::autograd::impl::grad_accumulator(parameters_[i]);
      const std::weak_ptr<Reducer> self = shared_from_this();
      accumulator->add_post_hook(std::make_unique<CallAfter>([self, i] {
        if (auto reducer = self.lock()) reducer->accumulated(i);
      }));
      accumulators_.push_back(std::move(accumulator));
    }
  }

  /** Before the last backward pass of a step. */
  void start() {
    std::lock_guard<std::mutex> lock(mutex_);
    begin();
    armed_ = true;
  }

  /** After it, also where there was none: sends what is left, and waits. On any thread. */
  void finish() {
    at::NoGradGuard noGrad;
    std::unique_lock<std::mutex> lock(mutex_);
    if (!armed_) begin();
    armed_ = false;
    TORCH_CHECK(late_ < 0, "gradient reduction: parameter ", late_, " received a gradient after its bucket was sent; it is used more often than in the first step");
    if (expected_.empty()) agree();
    while (next_ < buckets_.size()) launch(buckets_[next_++]);
    for (auto& bucket : buckets_) {
      bucket.work->wait();
      if (bucket.optional) dropUnused(bucket);
      bucket.work.reset();
      bucket.flat.reset();
    }
  }

 private:
  void begin() {
    std::fill(fired_.begin(), fired_.end(), 0);
    next_ = 0;
    late_ = -1;
    for (auto& bucket : buckets_) bucket.pending = bucket.members.size();
  }

  /** Called by autograd, on whichever thread it runs, after it has added to a parameter's gradient. */
  void accumulated(size_t i) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!armed_) return;
    fired_[i]++;
    last_[i] = ++clock_;
    if (expected_.empty() || expected_[i] == 0) return;  // travels at the end
    if (fired_[i] > expected_[i]) late_ = static_cast<int64_t>(i);
    if (fired_[i] != expected_[i]) return;
    buckets_[bucketOf_[i]].pending--;
    at::NoGradGuard noGrad;
    // In the same order on all ranks: what is complete before its turn waits.
    while (next_ < buckets_.size() && !buckets_[next_].optional && buckets_[next_].pending == 0) launch(buckets_[next_++]);
  }

  /** The end of the first step: all ranks take the largest counts and rank 0's order, in which what it did not reach comes last. */
  void agree() {
    std::vector<int64_t> order(parameters_.size());
    std::iota(order.begin(), order.end(), 0);
    const auto when = [&](int64_t i) { return fired_[static_cast<size_t>(i)] > 0 ? last_[static_cast<size_t>(i)] : clock_ + 1; };
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return when(a) < when(b); });

    const auto device = parameters_.front().device();
    std::vector<at::Tensor> shared{at::tensor(fired_, at::kLong).to(device)};
    c10d::AllreduceOptions largest;
    largest.reduceOp = c10d::ReduceOp::MAX;
    group_->collectives->allreduce(shared, largest)->wait();
    const auto counts = shared.front().to(at::kCPU);
    shared = {at::tensor(order, at::kLong).to(device)};
    group_->collectives->broadcast(shared)->wait();
    const auto agreed = shared.front().to(at::kCPU);
    const auto numbers = [](const at::Tensor& t) { return std::vector<int64_t>(t.data_ptr<int64_t>(), t.data_ptr<int64_t>() + t.numel()); };
    expected_ = numbers(counts);
    fillBuckets(numbers(agreed));
  }

  void fillBuckets(const std::vector<int64_t>& order) {
    bucketOf_.resize(parameters_.size());
    std::map<std::string, size_t> open;  // by device, type and kind
    std::map<std::string, int64_t> bytes;
    for (const int64_t next : order) {
      const auto i = static_cast<size_t>(next);
      const auto& parameter = parameters_[i];
      const bool optional = expected_[i] == 0;
      const auto key = parameter.device().str() + c10::toString(parameter.scalar_type()) + (optional ? "?" : "");
      const auto size = static_cast<int64_t>(parameter.nbytes());
      if (!open.count(key) || bytes[key] + size > bucketBytes_) {
        open[key] = buckets_.size();
        bytes[key] = 0;
        buckets_.emplace_back();
        buckets_.back().optional = optional;
      }
      bytes[key] += size;
      buckets_[open[key]].members.push_back(i);
    }
    std::stable_partition(buckets_.begin(), buckets_.end(), [](const Bucket& bucket) { return !bucket.optional; });
    for (size_t b = 0; b < buckets_.size(); b++)
      for (const size_t i : buckets_[b].members) bucketOf_[i] = b;
  }

  /** Copies a bucket's gradients behind each other, lets `.grad` look at the copies, and starts their sum. */
  void launch(Bucket& bucket) {
    int64_t elements = 0;
    for (const size_t i : bucket.members) elements += parameters_[i].numel();
    const auto count = static_cast<int64_t>(bucket.members.size());
    bucket.flat = at::empty({elements + (bucket.optional ? count : 0)}, parameters_[bucket.members.front()].options());
    int64_t offset = 0;
    for (int64_t k = 0; k < count; k++) {
      const auto& parameter = parameters_[bucket.members[static_cast<size_t>(k)]];
      const auto view = parameter.is_non_overlapping_and_dense()
                            ? bucket.flat.as_strided(parameter.sizes(), parameter.strides(), offset)
                            : bucket.flat.narrow(0, offset, parameter.numel()).view(parameter.sizes());
      offset += parameter.numel();
      auto& gradient = parameter.mutable_grad();
      // An optional bucket ends with a 1 for each gradient that was there.
      if (bucket.optional) bucket.flat[elements + k] = gradient.defined() ? 1 : 0;
      if (gradient.defined()) view.copy_(gradient);
      else view.zero_();
      gradient = view;
    }
    std::vector<at::Tensor> tensors{bucket.flat};
    collectivesStarted++;
    bucket.work = group_->collectives->allreduce(tensors);
  }

  /** Parameters that no rank has used stay without a gradient, as in a single process. */
  void dropUnused(Bucket& bucket) {
    const auto count = static_cast<int64_t>(bucket.members.size());
    const auto used = bucket.flat.narrow(0, bucket.flat.numel() - count, count).to(at::kCPU, at::kDouble);
    for (int64_t k = 0; k < count; k++)
      if (used[k].item<double>() == 0) parameters_[bucket.members[static_cast<size_t>(k)]].mutable_grad() = at::Tensor();
  }

  const std::shared_ptr<Group> group_;
  const std::vector<at::Tensor> parameters_;
  const int64_t bucketBytes_;
  std::vector<std::shared_ptr<torch::autograd::Node>> accumulators_;

  std::mutex mutex_;
  bool armed_ = false;
  // By parameter: how often backward reached it in this step and when last, and how often it does; empty during the first step.
  std::vector<int64_t> fired_, last_, expected_;
  int64_t clock_ = 0;
  std::vector<Bucket> buckets_;
  std::vector<size_t> bucketOf_;
  size_t next_ = 0;
  int64_t late_ = -1;
};

/** createReducer(group, count, bucketBytes): for the parameters in scratch. */
Napi::Value CreateReducer(const Napi::CallbackInfo& info) {
  return guard(info, "gradientReducer", [&] {
    auto reducer = std::make_shared<Reducer>(
        unwrap<Group>(info[0]), tensorsAt(stateOf(info.Env()), 0, static_cast<size_t>(numberAt(info, 1))),
        static_cast<int64_t>(numberAt(info, 2)));
    reducer->attach();
    return wrap(info.Env(), reducer);
  });
}

Napi::Value ReducerStart(const Napi::CallbackInfo& info) {
  unwrap<Reducer>(info[0])->start();
  return info.Env().Undefined();
}

Napi::Value ReducerFinish(const Napi::CallbackInfo& info) {
  const auto reducer = unwrap<Reducer>(info[0]);
  return Task::start(info.Env(), [=] { reducer->finish(); });
}

}  // namespace

void InitReducer(Napi::Env env, Napi::Object exports) {
  exports["createReducer"] = Napi::Function::New(env, CreateReducer);
  exports["reducerStart"] = Napi::Function::New(env, ReducerStart);
  exports["reducerFinish"] = Napi::Function::New(env, ReducerFinish);
}

}  // namespace vid2world
#endif
