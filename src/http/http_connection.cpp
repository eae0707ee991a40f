#include "src/http/http_connection.inc"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <charconv>
#include <cstring>
#include <utility>

#include "include/hoglet/status.h"
#include "src/base/buffer_pool.h"
#include "src/http/api_error.h"

namespace hoglet::internal {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;

constexpr int64_t kNanosPerMilli = 1'000'000;
constexpr size_t kReadBytesMin = 4 << 10;
constexpr size_t kReadBytesMax = 64 << 10;
// A body's buffer grows ahead of it to so many times what has come. Then the copies on the way to a
// large body are a small part of it, and so is what a client makes us hold that stops sending.
constexpr size_t kBodyGrowth = 8;
// Of one body before other connections have their turn.
constexpr size_t kBodyReadBytesMax = 256 << 10;
// simdjson reads up to this far past the end of its input.
constexpr size_t kBodySpareBytes = 64;
// After the last answer of a connection: how long a silent client is waited for, and a busy one.
constexpr int64_t kLingerSilenceMs = 2'000;
constexpr int64_t kLingerMs = 30'000;
// An idle connection gives its buffer back after this.
constexpr int64_t kBufferIdleMs = 1'000;
// Unrouted requests: enough to read away what a mistaken client sends.
constexpr uint64_t kUnroutedBodyBytesMax = 1 << 20;

std::string_view ToStd(boost::beast::string_view text) { return {text.data(), text.size()}; }

void AppendNumber(uint64_t value, std::string* out) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  out->append(digits, end);
}

// A line break would let a value end the header.
void AppendHeaderValue(std::string_view value, std::string* out) {
  for (const char c : value) {
    if (c != '\r' && c != '\n' && c != '\0') out->push_back(c);
  }
}

HttpResponse Busy(std::string_view what) {
  HttpResponse response = HttpApiError(503, what);
  response.headers.Add("retry-after", "1");
  return response;
}

// What is wrong with the Host of a request (RFC 9112 3.2); null if nothing is.
template <typename Message>
const char* HostFault(const Message& message) {
  const size_t count = message.count(http::field::host);
  if (count > 1) return "more than one Host";
  if (count == 0) return message.version() < 11 ? nullptr : "no Host";
  for (const char c : ToStd(message[http::field::host])) {
    const bool is_plain = c > ' ' && c < 0x7f && !strchr("\"#/<>?@\\^`{|}", c);
    if (!is_plain) return "bad Host";
  }
  return nullptr;
}

}  // namespace

void BodySink::Begin(ServerShared* shared, uint64_t bytes_max, uint64_t announced) {
  Reset();
  shared_ = shared;
  bytes_max_ = bytes_max;
  announced_ = announced;
}

void BodySink::Reset() {
  Refuse(State::kKeeping);
  received_ = 0;
}

void BodySink::Refuse(State state) {
  if (charged_ > 0) shared_->body_bytes_in_flight.fetch_sub(charged_);
  charged_ = 0;
  kept_ = 0;
  BufferPool::Default()->Give(std::exchange(body_, std::string()));
  state_ = state;
}

// Brings what is charged to `bytes`, if the budget has it.
bool BodySink::Charge(size_t bytes) {
  const int64_t more = static_cast<int64_t>(bytes) - charged_;
  if (more <= 0) return true;
  const auto limit = static_cast<int64_t>(shared_->options.body_bytes_in_flight_max);
  if (shared_->body_bytes_in_flight.fetch_add(more) + more > limit) {
    shared_->body_bytes_in_flight.fetch_sub(more);
    return false;
  }
  charged_ += more;
  return true;
}

// Room for `bytes` in all; refuses the body if there is no memory for it.
bool BodySink::Grow(size_t bytes) {
  if (bytes + kBodySpareBytes <= body_.capacity() && static_cast<int64_t>(bytes) <= charged_) {
    return true;
  }
  // In few steps to the announced length; without one, by doubling.
  const uint64_t ahead = announced_ > 0 ? std::min<uint64_t>(announced_, bytes * kBodyGrowth)
                                        : std::min<uint64_t>(bytes_max_, bytes * 2);
  size_t target = std::max<size_t>(bytes, ahead);
  if (!Charge(target)) {
    target = bytes;
    if (!Charge(target)) {
      Refuse(State::kNoMemory);
      return false;
    }
  }
  if (target + kBodySpareBytes <= body_.capacity()) return true;
  std::string larger = BufferPool::Default()->Take(target + kBodySpareBytes);
  if (larger.size() < kept_) larger.resize(kept_);
  std::memcpy(larger.data(), body_.data(), kept_);
  BufferPool::Default()->Give(std::exchange(body_, std::move(larger)));
  return true;
}

void BodySink::Extend(size_t bytes) {
  if (body_.size() < bytes) body_.resize(bytes);
}

void BodySink::Append(const char* data, size_t bytes) {
  received_ += bytes;
  if (state_ != State::kKeeping) return;
  if (received_ > bytes_max_) {
    Refuse(State::kTooLarge);
    return;
  }
  if (!Grow(kept_ + bytes)) return;
  Extend(kept_ + bytes);
  std::memcpy(body_.data() + kept_, data, bytes);
  kept_ += bytes;
}

std::span<char> BodySink::Room(uint64_t bytes_max) {
  if (state_ != State::kKeeping) return {};
  if (!Grow(kept_ + std::min<uint64_t>(bytes_max, kReadBytesMin))) return {};
  const size_t room =
      std::min<uint64_t>({bytes_max, static_cast<uint64_t>(charged_) - kept_,
                          body_.capacity() - kBodySpareBytes - kept_, kBodyReadBytesMax});
  Extend(kept_ + room);
  return {body_.data() + kept_, room};
}

void BodySink::Commit(size_t bytes) {
  received_ += bytes;
  kept_ += bytes;
}

std::string BodySink::TakeBody() {
  body_.resize(std::exchange(kept_, 0));
  return std::exchange(body_, std::string());
}

Connection::Connection(std::shared_ptr<Shard> shard, boost::asio::ip::tcp::socket socket)
    : shard_(std::move(shard)), shared_(shard_->shared()), socket_(std::move(socket)) {
  shared_.connections.fetch_add(1);
  shared_.connections_open->Add(1);
}

Connection::~Connection() {
  for (const Slot& slot : slots_) shared_.body_bytes_in_flight.fetch_sub(slot.charged);
  sink_.Reset();
  shared_.connections.fetch_sub(1);
  shared_.connections_open->Add(-1);
}

void Connection::Start() {
  error_code error;
  socket_.set_option(boost::asio::ip::tcp::no_delay(true), error);
  socket_.non_blocking(true, error);
  const auto peer = socket_.remote_endpoint(error);
  if (!error) {
    auto address = peer.address();
    if (address.is_v6() && address.to_v6().is_v4_mapped()) {
      address = boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6());
    }
    peer_ip_ = address.to_string();
  }
  last_read_ns_ = last_write_ns_ = phase_begin_ns_ = shared_.env->MonotonicNanos();
  Read();
}

void Connection::Read() {
  if (reading_ || read_closed_ || closed_) return;
  reading_ = true;
  if (!parser_) {
    // Between requests no buffer is held ready: most connections are here most of the time.
    shard_->MarkIdle(this);
    socket_.async_wait(
        boost::asio::socket_base::wait_read,
        [self = shared_from_this()](const error_code& error) { self->OnReadable(error); });
    return;
  }
  if (is_plain_body_ && !no_more_requests_ && sink_.state() == BodySink::State::kKeeping) {
    boost::asio::post(socket_.get_executor(), [self = shared_from_this()] { self->ReadBody(); });
    return;
  }
  const size_t wanted = header_taken_ ? kReadBytesMax : kReadBytesMin;
  socket_.async_read_some(buffer_.prepare(wanted),
                          [self = shared_from_this()](const error_code& error, size_t bytes) {
                            self->OnRead(error, bytes);
                          });
}

void Connection::OnReadable(const error_code& error) {
  unlink();
  if (error || closed_) {
    OnRead(error, 0);
    return;
  }
  error_code read_error;
  const size_t bytes = socket_.read_some(buffer_.prepare(kReadBytesMin), read_error);
  if (read_error == boost::asio::error::would_block) {
    reading_ = false;
    Read();
    return;
  }
  OnRead(read_error, bytes);
}

// No read is left pending in the sink's memory, which may be gone by the time it is served.
void Connection::ReadBody() {
  const bool is_wanted = !closed_ && !no_more_requests_ && parser_ && is_plain_body_;
  const std::span<char> room = is_wanted ? sink_.Room(body_left_) : std::span<char>();
  if (room.empty()) {
    reading_ = false;
    Consume();
    return;
  }
  error_code error;
  const size_t bytes = socket_.read_some(boost::asio::buffer(room.data(), room.size()), error);
  if (error == boost::asio::error::would_block) {
    socket_.async_wait(boost::asio::socket_base::wait_read,
                       [self = shared_from_this()](const error_code& wait_error) {
                         if (wait_error) {
                           self->OnRead(wait_error, 0);
                         } else {
                           self->ReadBody();
                         }
                       });
    return;
  }
  sink_.Commit(bytes);
  body_left_ -= bytes;
  shared_.bytes_in->Add(bytes);
  OnRead(error, 0);
}

void Connection::OnRead(const error_code& error, size_t bytes) {
  reading_ = false;
  if (closed_) return;
  if (error == boost::asio::error::eof) {
    OnReadClosed();
    return;
  }
  if (error) {
    Close();
    return;
  }
  buffer_.commit(bytes);
  shared_.bytes_in->Add(bytes);
  last_read_ns_ = shared_.env->MonotonicNanos();
  Consume();
}

// The client may have closed its sending side only, so what it asked for is still answered.
void Connection::OnReadClosed() {
  read_closed_ = true;
  no_more_requests_ = true;
  MarkDisconnected();
  parser_.reset();
  sink_.Reset();
  if (slots_.empty() || lingering_) Close();
}

void Connection::MarkDisconnected() {
  for (Slot& slot : slots_) {
    if (slot.disconnected != nullptr) slot.disconnected->store(true, std::memory_order_relaxed);
  }
}

// Handlers may answer at once, which leads back here through OnWritten; the flag keeps the loop
// flat.
void Connection::Consume() {
  if (consuming_) return;
  consuming_ = true;
  while (!closed_ && ConsumeSome()) {
  }
  consuming_ = false;
}

bool Connection::ConsumeSome() {
  if (lingering_ || no_more_requests_) {
    if (lingering_) linger_bytes_ += buffer_.size();
    buffer_.consume(buffer_.size());
    if (linger_bytes_ > linger_bytes_max_) {
      Close();
      return false;
    }
    Read();
    return false;
  }
  if (!parser_) {
    if (slots_.size() >= shared_.options.pipeline_max) return false;
    if (buffer_.size() == 0) {
      Read();
      return false;
    }
    BeginRequest();
  }
  if (is_plain_body_) return ConsumeBody();
  if (buffer_.size() == 0) {
    Read();
    return false;
  }
  error_code error;
  const size_t used = parser_->put(buffer_.data(), error);
  buffer_.consume(used);
  // Whole chunks leave the parser wishing for more: a hopeless body is not read on for that.
  if (error == http::error::need_more && !sink_.IsHopeless()) {
    Read();
    return false;
  }
  if (error && error != http::error::need_more) {
    FailParse(error);
    return false;
  }
  if (parser_->is_header_done() && !header_taken_) {
    // A body whose end is unknown would be read as the next request.
    if (parser_->get().count(http::field::transfer_encoding) > 0 && !parser_->chunked()) {
      FailParse(make_error_code(http::error::bad_transfer_encoding));
      return false;
    }
    if (const char* fault = HostFault(parser_->get()); fault != nullptr) {
      Refuse(HttpText(400, std::string("malformed HTTP request: ") + fault));
      return false;
    }
    OnHeader();
  }
  if (closed_ || !parser_) return !closed_;
  if (is_plain_body_) return true;
  if (sink_.IsHopeless()) {
    AnswerBodyState(true);
    return true;
  }
  if (parser_->is_done()) OnRequestComplete();
  return true;
}

// What of the body came with other bytes is in the buffer; the rest is read into the sink.
bool Connection::ConsumeBody() {
  const size_t bytes = std::min<uint64_t>(buffer_.size(), body_left_);
  if (bytes > 0) sink_.Append(static_cast<const char*>(buffer_.data().data()), bytes);
  buffer_.consume(bytes);
  body_left_ -= bytes;
  if (body_left_ > 0) {
    Read();
    return false;
  }
  OnRequestComplete();
  return true;
}

void Connection::BeginRequest() {
  parser_.emplace();
  is_plain_body_ = false;
  parser_->header_limit(shared_.options.header_bytes_max);
  parser_->body_limit(boost::none);
  parser_->eager(false);
  parser_->get().body() = &sink_;
  header_taken_ = false;
  phase_begin_ns_ = shared_.env->MonotonicNanos();
}

void Connection::TakeHeader() {
  const auto& message = parser_->get();
  request_ = HttpRequest();
  request_.method = ToStd(message.method_string());
  std::string_view target = ToStd(message.target());
  if (const size_t scheme = target.find("://");
      scheme != std::string_view::npos && !target.starts_with('/')) {
    const size_t slash = target.find('/', scheme + 3);
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  target = target.substr(0, target.find('#'));
  const size_t question = target.find('?');
  request_.path = target.substr(0, question);
  if (question != std::string_view::npos) request_.query = target.substr(question + 1);
  for (const auto& field : message) {
    request_.headers.Add(ToStd(field.name_string()), ToStd(field.value()));
  }
  request_.peer_ip = peer_ip_;
  is_head_request_ = request_.method == "HEAD";
  match_ = shared_.router->Find(request_.method, request_.path);
}

void Connection::OnHeader() {
  header_taken_ = true;
  parser_->eager(true);
  phase_begin_ns_ = last_read_ns_ = shared_.env->MonotonicNanos();
  TakeHeader();
  const uint64_t limit =
      match_.route != nullptr ? match_.route->options().body_bytes_max : kUnroutedBodyBytesMax;
  const auto length = parser_->content_length();
  sink_.Begin(&shared_, limit, length.value_or(0));
  linger_bytes_max_ = limit;
  const bool expects = EqualsIgnoreCase(request_.headers.Find("expect"), "100-continue");
  if (length && *length > limit) {
    sink_.Refuse(BodySink::State::kTooLarge);
    // A client that waits for leave to send, or means to send far too much, is answered right away.
    if (expects || *length > 2 * limit) {
      AnswerBodyState(true);
      return;
    }
  }
  is_plain_body_ = length && *length > 0;
  body_left_ = length.value_or(0);
  if (sink_.state() != BodySink::State::kKeeping) return;
  if (expects && !parser_->is_done() && buffer_.size() == 0) {
    Slot& slot = AddSlot();
    slot.head = "HTTP/1.1 100 Continue\r\n\r\n";
    slot.interim = true;
    slot.ready = true;
    Write();
  }
}

Connection::Slot& Connection::AddSlot() {
  Slot& slot = slots_.emplace_back();
  slot.is_head = is_head_request_;
  if (parser_ && header_taken_) {
    slot.keep_alive = parser_->keep_alive();
    slot.is_http10 = parser_->get().version() < 11;
  }
  return slot;
}

// Answers a request whose body was refused.
void Connection::AnswerBodyState(bool close) {
  HttpResponse response;
  if (sink_.state() == BodySink::State::kNoMemory) {
    response = Busy("The server is holding too many request bodies, please retry.");
  } else if (match_.route != nullptr) {
    response = match_.route->BodyError(request_, HttpBodyError::kTooLarge);
  } else {
    response = HttpApiError(413, "Request body too large.");
  }
  HttpRouter::AddCorsHeaders(match_, request_, &response);
  if (match_.route != nullptr) match_.route->Count(response.status, 0);
  response.close = close;
  Slot& slot = AddSlot();
  sink_.Reset();
  parser_.reset();
  Fill(&slot, std::move(response));
  Write();
}

void Connection::FailBody(HttpBodyError error) {
  HttpResponse response = match_.route != nullptr
                              ? match_.route->BodyError(request_, error)
                              : HttpApiError(408, "The client stopped sending data.");
  HttpRouter::AddCorsHeaders(match_, request_, &response);
  if (match_.route != nullptr) match_.route->Count(response.status, 0);
  response.close = true;
  Slot& slot = AddSlot();
  sink_.Reset();
  parser_.reset();
  Fill(&slot, std::move(response));
  Write();
}

void Connection::FailParse(const error_code& error) {
  if (header_taken_) {
    FailBody(HttpBodyError::kBroken);
    return;
  }
  Refuse(error == http::error::header_limit
             ? HttpText(431, "request header too large")
             : HttpText(400, "malformed HTTP request: " + error.message()));
}

void Connection::Refuse(HttpResponse response) {
  response.close = true;
  is_head_request_ = false;
  Slot& slot = AddSlot();
  parser_.reset();
  Fill(&slot, std::move(response));
  Write();
}

void Connection::OnRequestComplete() {
  if (sink_.state() != BodySink::State::kKeeping) {
    AnswerBodyState(false);
    return;
  }
  const uint64_t slot_id = first_slot_id_ + slots_.size();
  Slot& slot = AddSlot();
  slot.charged = sink_.TakeCharge();
  slot.disconnected = std::make_shared<std::atomic<bool>>(false);
  request_.disconnected = slot.disconnected;
  request_.body = sink_.TakeBody();
  if (!slot.keep_alive) no_more_requests_ = true;
  parser_.reset();
  sink_.Reset();

  HttpResponder responder = ResponderOf(slot_id);
  const bool on_worker =
      match_.route != nullptr && (match_.route->options().on_worker ||
                                  request_.body.size() > shared_.options.inline_body_bytes_max);
  if (!on_worker) {
    shared_.router->Dispatch(match_, std::move(request_), std::move(responder));
    return;
  }
  HttpResponse busy = Busy("The server is busy, please retry.");
  HttpRouter::AddCorsHeaders(match_, request_, &busy);
  auto request = std::make_shared<HttpRequest>(std::move(request_));
  auto task = [match = match_, request, responder, router = shared_.router] {
    router->Dispatch(match, std::move(*request), responder);
  };
  if (!shared_.workers->TrySubmit(std::move(task))) {
    match_.route->Count(503, 0);
    responder(std::move(busy));
  }
}

HttpResponder Connection::ResponderOf(uint64_t slot_id) {
  // One that is dropped unused still answers, so that a lost callback never leaves a client
  // waiting.
  struct State {
    std::shared_ptr<Connection> connection;
    uint64_t slot_id;
    std::atomic<bool> used{false};

    ~State() {
      if (!used.exchange(true)) {
        connection->Respond(slot_id, HttpApiError(500, "The request was not answered."));
      }
    }
  };
  auto state = std::make_shared<State>();
  state->connection = shared_from_this();
  state->slot_id = slot_id;
  return [state](HttpResponse response) {
    if (state->used.exchange(true)) return;
    state->connection->Respond(state->slot_id, std::move(response));
  };
}

void Connection::Respond(uint64_t slot_id, HttpResponse response) {
  auto boxed = std::make_shared<HttpResponse>(std::move(response));
  shard_->Post([self = shared_from_this(), slot_id, boxed] {
    self->OnResponse(slot_id, std::move(*boxed));
  });
}

void Connection::OnResponse(uint64_t slot_id, HttpResponse response) {
  if (closed_ || slot_id < first_slot_id_ || slot_id - first_slot_id_ >= slots_.size()) return;
  Slot& slot = slots_[slot_id - first_slot_id_];
  if (slot.ready) return;
  Fill(&slot, std::move(response));
  Write();
}

void Connection::Fill(Slot* slot, HttpResponse response) {
  if (response.close || shard_->draining()) slot->keep_alive = false;
  if (!slot->keep_alive) no_more_requests_ = true;
  const std::string_view body = response.Body();
  std::string& head = slot->head;
  head.reserve(320);
  head += "HTTP/1.1 ";
  AppendNumber(static_cast<uint64_t>(response.status), &head);
  head += ' ';
  head += ToStd(http::obsolete_reason(static_cast<http::status>(response.status)));
  head += "\r\ndate: ";
  head += shard_->DateHeader();
  if (!response.content_type.empty()) {
    head += "\r\ncontent-type: ";
    AppendHeaderValue(response.content_type, &head);
  }
  const bool has_body = response.status != 204 && response.status != 304;
  if (has_body) {
    head += "\r\ncontent-length: ";
    AppendNumber(body.size(), &head);
  }
  if (!slot->keep_alive) {
    head += "\r\nconnection: close";
  } else if (slot->is_http10) {
    head += "\r\nconnection: keep-alive";
  }
  for (const auto& [name, value] : response.headers.items()) {
    head += "\r\n";
    AppendHeaderValue(name, &head);
    head += ": ";
    AppendHeaderValue(value, &head);
  }
  head += "\r\n\r\n";
  if (has_body && !slot->is_head) {
    slot->shared_body = std::move(response.shared_body);
    if (slot->shared_body == nullptr) slot->body = std::move(response.body);
  }
  slot->ready = true;
  shared_.body_bytes_in_flight.fetch_sub(std::exchange(slot->charged, 0));
}

void Connection::Write() {
  if (writing_ > 0 || closed_) return;
  output_.clear();
  for (const Slot& slot : slots_) {
    if (!slot.ready) break;
    output_.push_back(boost::asio::buffer(slot.head));
    const std::string& body = slot.shared_body != nullptr ? *slot.shared_body : slot.body;
    if (!body.empty()) output_.push_back(boost::asio::buffer(body));
    ++writing_;
    if (!slot.keep_alive) break;
  }
  if (writing_ == 0) return;
  last_write_ns_ = shared_.env->MonotonicNanos();
  auto on_progress = [self = shared_from_this()](const error_code& error, size_t) -> size_t {
    self->last_write_ns_ = self->shared_.env->MonotonicNanos();
    return error ? 0 : kReadBytesMax;
  };
  boost::asio::async_write(socket_, output_, on_progress,
                           [self = shared_from_this()](const error_code& error, size_t bytes) {
                             self->OnWritten(error, bytes);
                           });
}

void Connection::OnWritten(const error_code& error, size_t bytes) {
  if (closed_) return;
  if (error) {
    Close();
    return;
  }
  shared_.bytes_out->Add(bytes);
  last_write_ns_ = last_read_ns_ = shared_.env->MonotonicNanos();
  bool keep_alive = true;
  for (; writing_ > 0; --writing_) {
    keep_alive = slots_.front().keep_alive;
    slots_.pop_front();
    ++first_slot_id_;
  }
  if (!keep_alive) {
    FinishOutput();
    return;
  }
  Write();
  if (slots_.empty() && (read_closed_ || (shard_->draining() && !parser_))) {
    Close();
    return;
  }
  Consume();
}

// Closing at once could reset the connection and take the answer with it, if the client is still
// sending.
void Connection::FinishOutput() {
  if (read_closed_) {
    Close();
    return;
  }
  MarkDisconnected();
  lingering_ = true;
  no_more_requests_ = true;
  phase_begin_ns_ = last_read_ns_ = shared_.env->MonotonicNanos();
  error_code ignored;
  socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
  Consume();
}

void Connection::Drain() {
  if (slots_.empty() && !parser_) Close();
}

void Connection::Close() {
  if (closed_) return;
  closed_ = true;
  MarkDisconnected();
  unlink();
  error_code ignored;
  socket_.close(ignored);
  shard_->Remove(this);
}

void Connection::CheckDeadlines(int64_t now_ns) {
  const HttpServerOptions& options = shared_.options;
  const auto passed = [now_ns](int64_t since_ns, int64_t limit_ms) {
    return now_ns - since_ns > limit_ms * kNanosPerMilli;
  };
  if (lingering_) {
    if (passed(last_read_ns_, kLingerSilenceMs) || passed(phase_begin_ns_, kLingerMs)) Close();
    return;
  }
  if (writing_ > 0) {
    if (!passed(last_write_ns_, options.write_timeout_ms)) return;
    shared_.timeouts->Add();
    Close();
    return;
  }
  if (parser_ && !header_taken_) {
    if (!passed(phase_begin_ns_, options.header_timeout_ms)) return;
    shared_.timeouts->Add();
    Refuse(HttpText(408, "client stopped sending data"));
    return;
  }
  if (parser_) {
    if (!passed(last_read_ns_, options.body_stall_timeout_ms) &&
        !passed(phase_begin_ns_, options.request_timeout_ms)) {
      return;
    }
    shared_.timeouts->Add();
    FailBody(HttpBodyError::kTimeout);
    return;
  }
  if (!slots_.empty()) return;
  if (buffer_.size() == 0 && passed(last_read_ns_, kBufferIdleMs)) buffer_.shrink_to_fit();
  if (passed(last_read_ns_, options.idle_timeout_ms)) Close();
}

}  // namespace hoglet::internal
