#include "src/http/http_server.h"

#include <sys/socket.h>

#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "include/hoglet/status.h"
#include "src/base/logging.h"
#include "src/base/time.h"
#include "src/http/http_connection.inc"

namespace hoglet {
namespace internal {
namespace {

using boost::asio::ip::tcp;
using boost::beast::error_code;

constexpr int kListenBacklog = 1024;

absl::Status SocketError(std::string_view what, const tcp::endpoint& endpoint,
                         const error_code& error) {
  return absl::UnavailableError(absl::StrCat(std::string(what), " ", endpoint.address().to_string(),
                                             ":", endpoint.port(), ": ", error.message()));
}

int64_t SweepMs(const HttpServerOptions& options) {
  const int64_t shortest =
      std::min({options.idle_timeout_ms, options.header_timeout_ms, options.body_stall_timeout_ms,
                options.request_timeout_ms, options.write_timeout_ms});
  return std::clamp<int64_t>(shortest / 4, 5, 500);
}

absl::StatusOr<tcp::endpoint> EndpointOf(const std::string& text, uint16_t port) {
  error_code error;
  const auto address = boost::asio::ip::make_address(text, error);
  if (error) {
    return absl::InvalidArgumentError(absl::StrCat("not an IP address to listen on: ", text));
  }
  return tcp::endpoint(address, port);
}

// Each loop has its own queue of new connections: the kernel spreads them, no lock is shared. The
// first one shares its port only after it got it for itself, so that two servers never share one.
absl::Status Bind(const tcp::endpoint& endpoint, bool first, tcp::acceptor* acceptor) {
  error_code error;
  acceptor->open(endpoint.protocol(), error);
  if (error) return SocketError("cannot open a socket for", endpoint, error);
  acceptor->set_option(boost::asio::socket_base::reuse_address(true), error);
  const auto share_port = [acceptor] {
    const int on = 1;
    ::setsockopt(acceptor->native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
  };
  if (!first) share_port();
  acceptor->bind(endpoint, error);
  if (error) return SocketError("cannot bind", endpoint, error);
  if (first) share_port();
  return absl::OkStatus();
}

}  // namespace

Shard::Shard(std::shared_ptr<ServerShared> shared)
    : shared_(std::move(shared)), idle_(std::make_unique<IdleConnections>()) {}

Shard::~Shard() = default;

absl::Status Shard::Listen(const tcp::endpoint& endpoint, bool first) {
  HOGLET_RETURN_IF_ERROR(Bind(endpoint, first, &acceptor_));
  error_code error;
  acceptor_.listen(kListenBacklog, error);
  if (error) return SocketError("cannot listen on", endpoint, error);
  return absl::OkStatus();
}

uint16_t Shard::port() const {
  error_code ignored;
  return acceptor_.local_endpoint(ignored).port();
}

void Shard::Run() {
  Accept();
  Sweep();
  context_.run();
  {
    std::lock_guard lock(post_mutex_);
    ended_ = true;
  }
  acceptor_.close();
  sweep_timer_.cancel();
  const std::unordered_set<Connection*> open = connections_;
  for (Connection* connection : open) connection->Close();
  // Lets every pending operation report its cancellation, which releases the connections.
  context_.restart();
  context_.poll();
}

void Shard::Post(std::function<void()> task) {
  if (context_.get_executor().running_in_this_thread()) {
    task();
    return;
  }
  std::lock_guard lock(post_mutex_);
  if (!ended_) boost::asio::post(context_, std::move(task));
}

void Shard::Drain() {
  draining_ = true;
  error_code ignored;
  acceptor_.close(ignored);
  const std::unordered_set<Connection*> open = connections_;
  for (Connection* connection : open) connection->Drain();
}

void Shard::Halt() { context_.stop(); }

const std::string& Shard::DateHeader() {
  const int64_t second = FloorDivide(shared_->env->NowMicros(), kMicrosPerSecond);
  if (second == date_second_) return date_;
  static constexpr const char* kDays[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const int64_t micros = second * kMicrosPerSecond;
  const CivilTime civil = ToCivil(micros, TimeZone::Utc());
  char text[40];
  std::snprintf(text, sizeof(text), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                kDays[IsoWeekday(DayNumber(micros, TimeZone::Utc())) - 1], civil.day,
                kMonths[civil.month - 1], static_cast<int>(civil.year % 10000), civil.hour,
                civil.minute, civil.second);
  date_ = text;
  date_second_ = second;
  return date_;
}

void Shard::Accept() {
  acceptor_.async_accept(
      context_, [self = shared_from_this()](const error_code& error, tcp::socket socket) {
        if (error == boost::asio::error::operation_aborted || !self->acceptor_.is_open()) return;
        if (!error) {
          self->Admit(std::move(socket));
          self->Accept();
          return;
        }
        // Out of descriptors, most likely: a pause instead of a busy loop.
        static LogRateLimit limit(5'000'000);
        if (limit.Allow()) LogWarning("cannot accept a connection", {{"error", error.message()}});
        auto pause = std::make_shared<boost::asio::steady_timer>(self->context_,
                                                                 std::chrono::milliseconds(50));
        pause->async_wait([self, pause](const error_code&) {
          if (self->acceptor_.is_open()) self->Accept();
        });
      });
}

void Shard::MarkIdle(Connection* connection) {
  connection->unlink();
  idle_->list.push_back(*connection);
}

bool Shard::CloseLongestIdle() {
  if (idle_->list.empty()) return false;
  Connection& longest = idle_->list.front();
  const int64_t idle_ns = longest.idle_ns(shared_->env->MonotonicNanos());
  if (idle_ns < shared_->options.evictable_after_ms * 1'000'000) return false;
  longest.Close();
  return true;
}

void Shard::Admit(tcp::socket socket) {
  const bool is_full =
      shared_->connections.load() >= static_cast<int64_t>(shared_->options.connections_max);
  if (is_full && !CloseLongestIdle()) {
    shared_->connections_refused->Add();
    static constexpr std::string_view kFull =
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\n"
        "content-length: 20\r\nretry-after: 1\r\nconnection: close\r\n\r\ntoo many connections";
    error_code ignored;
    socket.non_blocking(true, ignored);
    socket.write_some(boost::asio::buffer(kFull.data(), kFull.size()), ignored);
    return;
  }
  auto connection = std::make_shared<Connection>(shared_from_this(), std::move(socket));
  connections_.insert(connection.get());
  connection->Start();
}

void Shard::Sweep() {
  sweep_timer_.expires_after(std::chrono::milliseconds(SweepMs(shared_->options)));
  sweep_timer_.async_wait([self = shared_from_this()](const error_code& error) {
    if (error) return;
    const int64_t now_ns = self->shared_->env->MonotonicNanos();
    const std::vector<Connection*> open(self->connections_.begin(), self->connections_.end());
    for (Connection* connection : open) {
      if (self->connections_.contains(connection)) connection->CheckDeadlines(now_ns);
    }
    self->Sweep();
  });
}

namespace {

class HttpServerImpl : public HttpServer {
 public:
  HttpServerImpl(const HttpServerOptions& options, const HttpRouter* router, Env* env,
                 MetricRegistry* metrics)
      : shared_(std::make_shared<ServerShared>()) {
    shared_->options = options;
    shared_->router = router;
    shared_->env = env;
    shared_->workers = std::make_unique<ThreadPool>("http-worker", options.worker_threads,
                                                    options.worker_queue_max);
    shared_->connections_open =
        metrics->GetGauge("hoglet_http_connections_open", "Connections open now.");
    shared_->connections_refused = metrics->GetCounter("hoglet_http_connections_refused_total",
                                                       "Connections turned away at the limit.");
    shared_->bytes_in = metrics->GetCounter("hoglet_http_received_bytes_total", "Bytes received.");
    shared_->bytes_out = metrics->GetCounter("hoglet_http_sent_bytes_total", "Bytes sent.");
    shared_->timeouts = metrics->GetCounter("hoglet_http_timeouts_total",
                                            "Connections that stayed silent for too long.");
  }

  ~HttpServerImpl() override { Stop(); }

  absl::Status Listen() {
    HOGLET_ASSIGN_OR_RETURN(tcp::endpoint endpoint,
                            EndpointOf(shared_->options.address, shared_->options.port));
    for (unsigned i = 0; i < std::max(1u, shared_->options.threads); ++i) {
      auto shard = std::make_shared<Shard>(shared_);
      HOGLET_RETURN_IF_ERROR(shard->Listen(endpoint, /*first=*/i == 0));
      port_ = shard->port();
      endpoint.port(port_);
      shards_.push_back(std::move(shard));
    }
    for (const auto& shard : shards_) {
      threads_.emplace_back([shard] {
        SetThreadName("http-loop");
        shard->Run();
      });
    }
    return absl::OkStatus();
  }

  uint16_t port() const override { return port_; }
  size_t open_connections() const override {
    return static_cast<size_t>(shared_->connections.load());
  }

  void Stop() override {
    std::call_once(stop_once_, [this] {
      for (const auto& shard : shards_) shard->Post([shard] { shard->Drain(); });
      const int64_t deadline_ns =
          shared_->env->MonotonicNanos() + shared_->options.stop_grace_ms * 1'000'000;
      while (open_connections() > 0 && shared_->env->MonotonicNanos() < deadline_ns) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
      for (const auto& shard : shards_) shard->Halt();
      for (std::thread& thread : threads_) thread.join();
      shared_->workers->Stop();
    });
  }

 private:
  std::shared_ptr<ServerShared> shared_;
  std::vector<std::shared_ptr<Shard>> shards_;
  std::vector<std::thread> threads_;
  std::once_flag stop_once_;
  uint16_t port_ = 0;
};

}  // namespace
}  // namespace internal

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const HttpServerOptions& options,
                                                              const HttpRouter* router, Env* env,
                                                              MetricRegistry* metrics) {
  auto server = std::make_unique<internal::HttpServerImpl>(options, router, env, metrics);
  HOGLET_RETURN_IF_ERROR(server->Listen());
  return server;
}

absl::Status HttpServer::CheckAddress(const std::string& address, uint16_t port) {
  HOGLET_ASSIGN_OR_RETURN(const auto endpoint, internal::EndpointOf(address, port));
  boost::asio::io_context context;
  boost::asio::ip::tcp::acceptor acceptor(context);
  return internal::Bind(endpoint, /*first=*/true, &acceptor);
}

}  // namespace hoglet
