#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <string_view>

namespace hoglet {

// A TCP connection to a port of this machine, for tests that must say every byte themselves.
class RawClient {
 public:
  explicit RawClient(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  }
  ~RawClient() { Close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }
  // False once the server has closed.
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  void FinishSending() { ::shutdown(socket_, SHUT_WR); }
  // Closes so that the server sees a reset.
  void Abort() {
    const linger now{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    Close();
  }
  void Close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }

  // What comes until `count` whole answers are there, the server closes or `timeout_ms` has gone by
  // without a byte.
  std::string ReadAnswers(int count, int timeout_ms = 3000) {
    std::string got;
    while (CountAnswers(got) < count && ReadSome(timeout_ms, &got)) {
    }
    return got;
  }
  // Everything until the server closes.
  std::string ReadAll(int timeout_ms = 3000) {
    std::string got;
    while (ReadSome(timeout_ms, &got)) {
    }
    return got;
  }
  // Whether the server closes within the time.
  bool IsClosedWithin(int timeout_ms) {
    std::string got;
    while (true) {
      pollfd poll{socket_, POLLIN, 0};
      if (::poll(&poll, 1, timeout_ms) <= 0) return false;
      char bytes[4096];
      if (::recv(socket_, bytes, sizeof(bytes), 0) <= 0) return true;
    }
  }

 private:
  bool ReadSome(int timeout_ms, std::string* got) {
    pollfd poll{socket_, POLLIN, 0};
    if (::poll(&poll, 1, timeout_ms) <= 0) return false;
    char bytes[1 << 16];
    const ssize_t size = ::recv(socket_, bytes, sizeof(bytes), 0);
    if (size <= 0) return false;
    got->append(bytes, static_cast<size_t>(size));
    return true;
  }

  // Whole answers in the text, by their content-length.
  static int CountAnswers(std::string_view text) {
    int count = 0;
    while (true) {
      const size_t end = text.find("\r\n\r\n");
      if (end == std::string_view::npos) return count;
      const size_t at = text.substr(0, end).find("content-length: ");
      size_t body = 0;
      if (at != std::string_view::npos) body = std::stoul(std::string(text.substr(at + 16, 12)));
      if (text.size() < end + 4 + body) return count;
      text.remove_prefix(end + 4 + body);
      ++count;
    }
  }

  int socket_;
  bool connected_ = false;
};

}  // namespace hoglet
