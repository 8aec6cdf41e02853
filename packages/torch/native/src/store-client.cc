// A connection to the store, as libtorch's process groups want it.
#ifdef VID2WORLD_GLOO
#include <algorithm>
#include <mutex>
#include <thread>

#include "sockets.h"
#include "store.h"

namespace vid2world {

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;
using Bytes = std::vector<uint8_t>;

/** The server answers at once; after this it is gone, with a machine that nobody can reach. */
constexpr milliseconds kAnswer{60'000};
/** Between two looks for a key that is waited for. */
constexpr milliseconds kPause{5};

/** Waits until the socket can be read or written. */
void waitFor(int socket, short events, Clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now()).count();
    pollfd one{socket, events, 0};
    const int ready = ::poll(&one, 1, static_cast<int>(std::max<int64_t>(0, std::min<int64_t>(left, 1'000'000))));
    if (ready > 0) return;
    if (ready < 0 && errno != EINTR) throw systemError(errno);
    if (left <= 0) throw std::runtime_error("no answer");
  }
}

Descriptor connectTo(const std::string& host, uint16_t port, Clock::time_point deadline) {
  const Addresses addresses = addressesOf(host, port);
  int failure = EADDRNOTAVAIL;
  for (const addrinfo* one = addresses.get(); one != nullptr; one = one->ai_next) {
    Descriptor socket = openSocket(one->ai_family);
    failure = ::connect(*socket, one->ai_addr, one->ai_addrlen) == 0 ? 0 : errno;
    if (failure == EINPROGRESS) {
      waitFor(*socket, POLLOUT, deadline);
      socklen_t size = sizeof failure;
      ::getsockopt(*socket, SOL_SOCKET, SO_ERROR, &failure, &size);
    }
    if (failure != 0) continue;
    sendAtOnce(*socket);
    return socket;
  }
  throw systemError(failure);
}

/** Asks and waits for the answer. After a failure there is nothing more to be had of it. */
class Line {
 public:
  Line(const std::string& host, uint16_t port, Clock::time_point deadline) : socket_(connectTo(host, port, deadline)) {
    send(std::string(kGreeting, kGreetingSize), deadline);
    if (receive(kGreetingSize, deadline) != kGreeting) throw std::runtime_error("another program listens there");
  }

  std::string ask(const std::string& request) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!socket_) throw std::runtime_error("the connection is closed");
    try {
      const auto deadline = Clock::now() + kAnswer;
      std::string message;
      appendPart(message, request);
      send(message, deadline);
      return receive(lengthAt(receive(4, deadline), 0), deadline);
    } catch (...) {
      socket_ = Descriptor();
      throw;
    }
  }

 private:
  void send(const std::string& bytes, Clock::time_point deadline) {
    for (size_t done = 0; done < bytes.size();) {
      const ssize_t sent = ::send(*socket_, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
      if (sent >= 0) done += static_cast<size_t>(sent);
      else if (errno == EAGAIN || errno == EWOULDBLOCK) waitFor(*socket_, POLLOUT, deadline);
      else if (errno != EINTR) throw systemError(errno);
    }
  }

  std::string receive(size_t size, Clock::time_point deadline) {
    if (size > kLongestMessage) throw std::runtime_error("another program listens there");
    std::string bytes(size, '\0');
    for (size_t done = 0; done < size;) {
      const ssize_t got = ::recv(*socket_, bytes.data() + done, size - done, 0);
      if (got > 0) done += static_cast<size_t>(got);
      else if (got == 0) throw std::runtime_error("the connection was closed at the other end");
      else if (errno == EAGAIN || errno == EWOULDBLOCK) waitFor(*socket_, POLLIN, deadline);
      else if (errno != EINTR) throw systemError(errno);
    }
    return bytes;
  }

  Descriptor socket_;
  std::mutex mutex_;
};

std::string textOf(const Bytes& bytes) { return {bytes.begin(), bytes.end()}; }

class StoreClient : public c10d::Store {
 public:
  StoreClient(const std::string& host, uint16_t port, milliseconds timeout)
      : Store(timeout), host_(host), port_(port), line_(host, port, Clock::now() + timeout) {}

  /** A connection of its own. Only newer libtorch asks for it. */
  c10::intrusive_ptr<c10d::Store> clone() { return connectStore(host_, port_, timeout_); }

  void set(const std::string& key, const Bytes& value) override { ask('s', {key, textOf(value)}); }

  Bytes get(const std::string& key) override {
    std::string answer;
    waitUntil(timeout_, key, [&] { return (answer = ask('g', {key})) != "0"; });
    return valueOf(answer);
  }

  int64_t add(const std::string& key, int64_t value) override { return std::stoll(ask('a', {key, std::to_string(value)}).substr(1)); }

  bool deleteKey(const std::string& key) override { return ask('d', {key}) == "1"; }

  bool check(const std::vector<std::string>& keys) override {
    return std::all_of(keys.begin(), keys.end(), [this](const std::string& key) { return ask('g', {key}) != "0"; });
  }

  int64_t getNumKeys() override { return std::stoll(ask('n', {""}).substr(1)); }

  void wait(const std::vector<std::string>& keys) override { wait(keys, timeout_); }
  void wait(const std::vector<std::string>& keys, const milliseconds& timeout) override {
    for (const auto& key : keys) waitUntil(timeout, key, [&] { return check({key}); });
  }

 private:
  std::string ask(char what, std::initializer_list<std::string> parts) {
    std::string request(1, what);
    for (const auto& part : parts) appendPart(request, part);
    return line_.ask(request);
  }

  static Bytes valueOf(const std::string& answer) { return {answer.begin() + 1, answer.end()}; }

  template <class Condition>
  static void waitUntil(milliseconds timeout, const std::string& key, Condition holds) {
    const auto deadline = Clock::now() + timeout;
    for (; !holds(); std::this_thread::sleep_for(kPause))
      if (timeout != kNoTimeout && Clock::now() > deadline) throw std::runtime_error("nobody has set " + key);
  }

  const std::string host_;
  const uint16_t port_;
  Line line_;
};

}  // namespace

c10::intrusive_ptr<c10d::Store> connectStore(const std::string& host, uint16_t port, milliseconds timeout) {
  return c10::make_intrusive<StoreClient>(host, port, timeout);
}

}  // namespace vid2world

#endif
