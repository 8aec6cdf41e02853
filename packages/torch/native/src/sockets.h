// What both ends of the store need of sockets: one that closes itself, addresses, and messages of length and content.
#pragma once

#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace vid2world {

/** What went wrong, in the system's words. */
inline std::runtime_error systemError(int code) { return std::runtime_error(std::strerror(code)); }

/** A file descriptor that closes itself. */
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int operator*() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }

 private:
  int number_;
};

/** A socket that never waits and is not inherited by other programs. */
inline Descriptor openSocket(int family) {
  Descriptor socket(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) throw systemError(errno);
  return socket;
}

/** Small messages are sent at once. */
inline void sendAtOnce(int socket) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

using Addresses = std::unique_ptr<addrinfo, void (*)(addrinfo*)>;

/** The addresses of a host, in the order in which to try them. */
inline Addresses addressesOf(const std::string& host, uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (code != 0) throw std::runtime_error(host + ": " + ::gai_strerror(code));
  return Addresses(found, ::freeaddrinfo);
}

/** What both ends say first: whoever hears something else speaks with another program. */
constexpr char kGreeting[] = "vid2world store 1\n";
constexpr size_t kGreetingSize = sizeof kGreeting - 1;
/** No message is longer: keys and values are names, addresses and reasons. */
constexpr uint32_t kLongestMessage = 1 << 20;

/** A length, little-endian. */
inline void appendLength(std::string& to, size_t length) {
  for (int shift = 0; shift < 32; shift += 8) to.push_back(static_cast<char>(length >> shift & 0xff));
}
inline uint32_t lengthAt(const std::string& bytes, size_t at) {
  uint32_t length = 0;
  for (int i = 3; i >= 0; i--) length = length << 8 | static_cast<uint8_t>(bytes[at + i]);
  return length;
}

/** A part of a message: its length and its bytes. */
inline void appendPart(std::string& to, const std::string& part) {
  appendLength(to, part.size());
  to += part;
}
/** The part at `at`, which is moved behind it. */
inline std::string partAt(const std::string& bytes, size_t& at) {
  if (bytes.size() - at < 4 || bytes.size() - at - 4 < lengthAt(bytes, at)) throw std::runtime_error("a message that ends too early");
  const size_t from = at + 4;
  at = from + lengthAt(bytes, at);
  return bytes.substr(from, at - from);
}

}  // namespace vid2world
