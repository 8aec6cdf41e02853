// Where ranks leave words for each other: keys and values that one process keeps and serves over TCP. In place of c10d's TCPStore, which
// listens at every address of the machine, and in libtorch 1.13 ends the process when a connection is reset at the wrong moment.
#pragma once

#ifdef VID2WORLD_GLOO

#include <torch/csrc/distributed/c10d/Store.hpp>

#include <chrono>
#include <memory>
#include <string>

namespace vid2world {

/** Serves a store from a thread of its own until it is destroyed. */
class StoreServer {
 public:
  /** Listens at a loopback address if `host` is one ("localhost", "127.0.0.1", "::1"), otherwise at all addresses. Throws if the port is taken. */
  StoreServer(const std::string& host, uint16_t port);
  ~StoreServer();

 private:
  class Loop;
  std::unique_ptr<Loop> loop_;
};

/**
 * Connects to a store. `timeout`: how long connecting may take, and how long `get` and `wait` wait for a key. Its methods may be called from
 * any thread; they throw std::runtime_error when the server is gone, does not answer for a minute, or is another program.
 */
c10::intrusive_ptr<c10d::Store> connectStore(const std::string& host, uint16_t port, std::chrono::milliseconds timeout);

}  // namespace vid2world

#endif
