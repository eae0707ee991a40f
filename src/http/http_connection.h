#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>

#include "src/base/thread_pool.h"
#include "src/http/http_server.h"

// Internal to src/http: one connection and the event loop it lives on.

namespace hoglet::internal {

// What all connections of a server share.
struct ServerShared {
  HttpServerOptions options;
  const HttpRouter* router = nullptr;
  Env* env = nullptr;
  std::unique_ptr<ThreadPool> workers;
  std::atomic<int64_t> body_bytes_in_flight{0};
  std::atomic<int64_t> connections{0};
  Gauge* connections_open = nullptr;
  Counter* connections_refused = nullptr;
  Counter* bytes_in = nullptr;
  Counter* bytes_out = nullptr;
  Counter* timeouts = nullptr;
};

class Connection;

// An event loop with its own acceptor. Everything runs on its thread but Post().
class Shard : public std::enable_shared_from_this<Shard> {
 public:
  explicit Shard(std::shared_ptr<ServerShared> shared);

  absl::Status Listen(const boost::asio::ip::tcp::endpoint& endpoint);
  uint16_t port() const;
  // Returns after Halt().
  void Run();
  // From any thread: runs `task` on the loop; drops it once the loop has ended.
  void Post(std::function<void()> task);
  // On the loop: stops accepting and closes what is idle.
  void Drain();
  // From any thread: ends the loop; connections are cut.
  void Halt();

  ServerShared& shared() { return *shared_; }
  // "Sun, 06 Nov 1994 08:49:37 GMT"
  const std::string& DateHeader();
  bool draining() const { return draining_; }
  void Remove(Connection* connection) { connections_.erase(connection); }

 private:
  void Accept();
  void Sweep();
  void Admit(boost::asio::ip::tcp::socket socket);

  std::shared_ptr<ServerShared> shared_;
  boost::asio::io_context context_{1};
  boost::asio::ip::tcp::acceptor acceptor_{context_};
  boost::asio::steady_timer sweep_timer_{context_};
  std::unordered_set<Connection*> connections_;
  std::mutex post_mutex_;
  bool ended_ = false;  // guarded by post_mutex_
  bool draining_ = false;
  int64_t date_second_ = -1;
  std::string date_;
};

// Takes a body as it is parsed: up to a limit it is kept, beyond it counted and dropped.
class BodySink {
 public:
  enum class State : uint8_t { kKeeping, kTooLarge, kNoMemory };

  void Begin(ServerShared* shared, uint64_t bytes_max);
  void Append(const char* data, size_t bytes);
  void Refuse(State state);
  // More than twice the limit has come: not worth reading to the end.
  bool IsHopeless() const { return state_ != State::kKeeping && received_ > 2 * bytes_max_; }
  State state() const { return state_; }
  uint64_t received() const { return received_; }
  std::string TakeBody() { return std::move(body_); }
  // Bytes taken from the shared budget; the caller gives them back.
  int64_t TakeCharge() { return std::exchange(charged_, 0); }
  void Reset();

 private:
  ServerShared* shared_ = nullptr;
  uint64_t bytes_max_ = 0;
  uint64_t received_ = 0;
  int64_t charged_ = 0;
  State state_ = State::kKeeping;
  std::string body_;
};

// A Beast body type whose reader feeds a BodySink.
struct SinkBody {
  using value_type = BodySink*;

  class reader {
   public:
    template <bool is_request, class Fields>
    explicit reader(boost::beast::http::header<is_request, Fields>&, value_type& sink)
        : sink_(&sink) {}
    void init(const boost::optional<uint64_t>&, boost::beast::error_code& error) { error = {}; }
    template <class Buffers>
    size_t put(const Buffers& buffers, boost::beast::error_code& error) {
      size_t taken = 0;
      for (const boost::asio::const_buffer buffer : boost::beast::buffers_range_ref(buffers)) {
        (*sink_)->Append(static_cast<const char*>(buffer.data()), buffer.size());
        taken += buffer.size();
      }
      error = {};
      return taken;
    }
    void finish(boost::beast::error_code& error) { error = {}; }

   private:
    value_type* sink_;
  };
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Shard> shard, boost::asio::ip::tcp::socket socket);
  ~Connection();

  void Start();
  // On the loop: enforces time-outs.
  void CheckDeadlines(int64_t now_ns);
  // On the loop: finishes what is under way, then closes.
  void Drain();
  void Close();
  // From any thread.
  void Respond(uint64_t slot_id, HttpResponse response);

 private:
  // An answer that has its place in the order but may not be there yet.
  struct Slot {
    std::string head;
    std::string body;
    std::shared_ptr<const std::string> shared_body;
    std::shared_ptr<std::atomic<bool>> disconnected;
    int64_t charged = 0;
    bool ready = false;
    bool interim = false;  // a 100 Continue
    bool is_head = false;
    bool keep_alive = true;
    bool is_http10 = false;
  };
  using Parser = boost::beast::http::request_parser<SinkBody>;

  void Read();
  void OnRead(const boost::beast::error_code& error, size_t bytes);
  void OnReadClosed();
  void Consume();
  bool ConsumeSome();  // false: wait for more bytes, an answer or the end
  void BeginRequest();
  void OnHeader();
  void TakeHeader();
  void OnRequestComplete();
  void Dispatch(HttpRequest request, HttpMatch match);
  void FailParse(const boost::beast::error_code& error);
  void FailBody(HttpBodyError error);
  void AnswerBodyState(bool close);
  Slot& AddSlot();
  HttpResponder ResponderOf(uint64_t slot_id);
  void Fill(Slot* slot, HttpResponse response);
  void OnResponse(uint64_t slot_id, HttpResponse response);
  void Write();
  void OnWritten(const boost::beast::error_code& error, size_t bytes);
  void FinishOutput();
  void MarkDisconnected();

  std::shared_ptr<Shard> shard_;
  ServerShared& shared_;
  boost::asio::ip::tcp::socket socket_;
  std::string peer_ip_;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  BodySink sink_;
  HttpRequest request_;
  HttpMatch match_;
  bool header_taken_ = false;
  bool is_head_request_ = false;

  std::deque<Slot> slots_;
  uint64_t first_slot_id_ = 0;
  size_t writing_ = 0;  // slots at the front whose bytes are on their way
  std::vector<boost::asio::const_buffer> output_;

  bool reading_ = false;
  bool consuming_ = false;
  bool read_closed_ = false;  // the client sends nothing more
  bool no_more_requests_ = false;
  bool lingering_ = false;    // all is answered; the rest of the input is dropped until the client closes
  bool closed_ = false;
  int64_t last_read_ns_ = 0;
  int64_t last_write_ns_ = 0;
  int64_t phase_begin_ns_ = 0;
};

}  // namespace hoglet::internal
