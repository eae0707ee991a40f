#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "include/hoglet/env.h"
#include "src/base/metrics.h"
#include "src/http/router.h"

// The HTTP/1.1 server: sockets, parsing, limits and time-outs around a router.
//
// One event loop a thread, each with an acceptor of its own on the same port. A connection stays on
// its loop. Requests are parsed ahead up to a bound while earlier ones are being answered; answers
// leave in the order of the requests, whatever thread they come from.
//
// Everything a client can do is bounded: header and body bytes, connections, body bytes in memory
// over all connections, and the time it may stay silent in the middle of a request or while its
// answer waits to be read.

namespace hoglet {

struct HttpServerOptions {
  std::string address = "127.0.0.1";
  uint16_t port = 0;  // 0: any free port, see HttpServer::port()
  unsigned threads = 2;
  unsigned worker_threads = 2;
  size_t worker_queue_max = 256;              // requests waiting for a worker; more get 503
  uint64_t inline_body_bytes_max = 64 << 10;  // larger bodies go to a worker
  // One more closes the connection that has been idle for longest, or is refused with 503.
  size_t connections_max = 16'384;
  int64_t evictable_after_ms = 1'000;  // idle for less, a client may be about to use it
  size_t pipeline_max = 16;            // requests of one connection that wait for their answers
  uint32_t header_bytes_max = 64 << 10;
  uint64_t body_bytes_in_flight_max = 256ull << 20;
  int64_t idle_timeout_ms = 75'000;        // between requests
  int64_t header_timeout_ms = 15'000;      // for a whole header
  int64_t body_stall_timeout_ms = 15'000;  // between two pieces of a body: 408
  int64_t request_timeout_ms = 300'000;    // for a whole body: 408
  int64_t write_timeout_ms = 60'000;       // while the client reads nothing
  int64_t stop_grace_ms = 10'000;          // for answers under way at Stop()
};

class HttpServer {
 public:
  // Listens and serves at once. `router`, `env` and `metrics` outlive the server. kUnavailable if
  // the address cannot be bound.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(
      const HttpServerOptions& options, const HttpRouter* router, Env* env,
      MetricRegistry* metrics = MetricRegistry::Default());
  // The error that Start() would give now for this address and port, without keeping them.
  static absl::Status CheckAddress(const std::string& address, uint16_t port);

  // Stop().
  virtual ~HttpServer() = default;

  virtual uint16_t port() const = 0;
  virtual size_t open_connections() const = 0;

  // Accepts nothing more, lets requests under way be answered for stop_grace_ms, then closes.
  // Responders called later do nothing. May be called more than once, from any thread but the
  // server's own.
  virtual void Stop() = 0;
};

}  // namespace hoglet
