// The store's server: one thread, a map, and connections that each ask and are answered in their order.
//
// Both ends begin with the greeting. A request is u32 length, then what is asked (one letter), a key and perhaps a value, each as u32
// length and bytes; the answer is u32 length, then "1" and a value, or "0" where there is none.
#ifdef VID2WORLD_GLOO
#include "store.h"

#include <algorithm>
#include <thread>
#include <unordered_map>
#include <vector>

#include "sockets.h"

namespace vid2world {

namespace {

/** The answer that there is a value. */
std::string present(std::string value) {
  value.insert(value.begin(), '1');
  return value;
}

/** Descriptor of a socket that listens, at the given address or (null) at all of them. */
Descriptor listenAt(const addrinfo* address, uint16_t port) {
  sockaddr_in6 everywhere{};
  everywhere.sin6_family = AF_INET6;
  everywhere.sin6_port = htons(port);
  sockaddr_in everywhere4{};
  everywhere4.sin_family = AF_INET;
  everywhere4.sin_port = htons(port);
  const auto bindTo = [](int family, const void* where, socklen_t size) {
    Descriptor socket = openSocket(family);
    const int on = 1, off = 0;
    ::setsockopt(*socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (family == AF_INET6) ::setsockopt(*socket, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (::bind(*socket, static_cast<const sockaddr*>(where), size) != 0 || ::listen(*socket, SOMAXCONN) != 0) throw systemError(errno);
    return socket;
  };
  if (address != nullptr) return bindTo(address->ai_family, address->ai_addr, address->ai_addrlen);
  try {
    return bindTo(AF_INET6, &everywhere, sizeof everywhere);
  } catch (const std::runtime_error&) {  // a machine without IPv6, or the port is taken, which is found out once more
    return bindTo(AF_INET, &everywhere4, sizeof everywhere4);
  }
}

bool isLoopback(const std::string& host) { return host == "localhost" || host == "::1" || host.rfind("127.", 0) == 0; }

struct Connection {
  Descriptor socket;
  std::string in, out = std::string(kGreeting, kGreetingSize);
  bool greeted = false;
};

}  // namespace

class StoreServer::Loop {
 public:
  Loop(const std::string& host, uint16_t port) {
    const Addresses addresses = addressesOf(host, port);
    listening_ = listenAt(isLoopback(host) ? addresses.get() : nullptr, port);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw systemError(errno);
    end_ = Descriptor(ends[0]);
    stop_ = Descriptor(ends[1]);
    thread_ = std::thread([this] { run(); });
  }

  ~Loop() {
    stop_ = Descriptor();
    thread_.join();
  }

 private:
  void run() {
    std::vector<pollfd> waiting;
    for (;;) {
      waiting = {{*end_, POLLIN, 0}, {*listening_, POLLIN, 0}};
      for (const auto& one : connections_) waiting.push_back({*one.socket, static_cast<short>(one.out.empty() ? POLLIN : POLLIN | POLLOUT), 0});
      if (::poll(waiting.data(), waiting.size(), -1) < 0) continue;  // a signal
      if (waiting[0].revents != 0) return;
      std::vector<Connection> staying;
      for (size_t i = 0; i < connections_.size(); i++)
        if (waiting[i + 2].revents == 0 || serve(connections_[i])) staying.push_back(std::move(connections_[i]));
      connections_ = std::move(staying);
      if (waiting[1].revents != 0) accept();
    }
  }

  void accept() {
    Descriptor socket(::accept4(*listening_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) {  // whoever it was is gone again, or too many are here
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      return;
    }
    sendAtOnce(*socket);
    connections_.emplace_back().socket = std::move(socket);
  }

  /** Reads, answers and writes what there is; false at the end of the connection. */
  bool serve(Connection& of) {
    char piece[65536];
    const ssize_t got = ::recv(*of.socket, piece, sizeof piece, 0);
    if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK)) return false;
    try {
      of.in.append(piece, static_cast<size_t>(std::max<ssize_t>(0, got)));
      answerAll(of);
    } catch (const std::exception&) {
      return false;  // nothing that a rank says
    }
    if (of.out.size() > 4 * kLongestMessage) return false;  // asks and does not listen
    while (!of.out.empty()) {
      const ssize_t sent = ::send(*of.socket, of.out.data(), of.out.size(), MSG_NOSIGNAL);
      if (sent >= 0) of.out.erase(0, static_cast<size_t>(sent));
      else if (errno == EAGAIN || errno == EWOULDBLOCK) break;
      else if (errno != EINTR) return false;
    }
    return true;
  }

  void answerAll(Connection& of) {
    if (!of.greeted) {
      if (of.in.compare(0, kGreetingSize, kGreeting, std::min(of.in.size(), kGreetingSize)) != 0) throw std::runtime_error("another program");
      if (of.in.size() < kGreetingSize) return;
      of.in.erase(0, kGreetingSize);
      of.greeted = true;
    }
    while (of.in.size() >= 4) {
      const uint32_t length = lengthAt(of.in, 0);
      if (length < 1 || length > kLongestMessage) throw std::runtime_error("no length of a message");
      if (of.in.size() < 4 + length) return;
      const auto answer = answerTo(of.in.substr(4, length));
      of.in.erase(0, 4 + length);
      appendPart(of.out, answer);
    }
  }

  std::string answerTo(const std::string& request) {
    size_t at = 1;
    const std::string key = partAt(request, at);
    const auto found = values_.find(key);
    const auto given = [&] { return partAt(request, at); };
    switch (request[0]) {
      case 's':  // set
        values_[key] = given();
        return "1";
      case 'g':  // get
        return found == values_.end() ? "0" : present(found->second);
      case 'a': {  // add a number to that of the key, kept as text
        const int64_t sum = (found == values_.end() ? 0 : std::stoll(found->second)) + std::stoll(given());
        return present(values_[key] = std::to_string(sum));
      }
      case 'd':  // delete
        return values_.erase(key) > 0 ? "1" : "0";
      case 'n':  // how many there are
        return present(std::to_string(values_.size()));
      default:
        throw std::runtime_error("no request");
    }
  }

  Descriptor listening_, end_, stop_;
  std::vector<Connection> connections_;
  std::unordered_map<std::string, std::string> values_;
  std::thread thread_;
};

StoreServer::StoreServer(const std::string& host, uint16_t port) : loop_(std::make_unique<Loop>(host, port)) {}
StoreServer::~StoreServer() = default;

}  // namespace vid2world

#endif
