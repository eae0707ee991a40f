#include "src/http/http_client.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <charconv>
#include <optional>

#include "absl/strings/str_cat.h"
#include "include/hoglet/status.h"

namespace hoglet {

namespace http = boost::beast::http;
using boost::asio::ip::tcp;
using boost::beast::error_code;

absl::StatusOr<HttpUrl> ParseHttpUrl(std::string_view url) {
  const auto invalid = [url](const char* why) {
    return absl::InvalidArgumentError(
        absl::StrCat("not a usable URL (", why, "): ", std::string(url)));
  };
  std::string_view rest = url;
  if (!rest.starts_with("http://")) return invalid("it must begin with http://");
  rest.remove_prefix(7);
  HttpUrl parsed;
  const size_t slash = rest.find_first_of("/?");
  if (slash != std::string_view::npos) {
    parsed.target = std::string(rest.substr(slash));
    if (parsed.target.front() == '?') parsed.target.insert(0, 1, '/');
  }
  std::string_view authority = rest.substr(0, slash);
  const size_t colon = authority.rfind(':');
  const bool has_port =
      colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos;
  if (has_port) {
    const std::string_view port = authority.substr(colon + 1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), parsed.port);
    if (error != std::errc() || end != port.data() + port.size()) return invalid("bad port");
    authority = authority.substr(0, colon);
  }
  if (authority.starts_with('[') && authority.ends_with(']')) {
    authority = authority.substr(1, authority.size() - 2);
  }
  if (authority.empty()) return invalid("no host");
  parsed.host = std::string(authority);
  return parsed;
}

struct HttpClient::Impl {
  std::string host;
  uint16_t port = 0;
  Options options;
  boost::asio::io_context context{1};
  std::optional<boost::beast::tcp_stream> stream;
  boost::beast::flat_buffer buffer;

  // Runs the loop until the operation in flight has ended.
  void Await() {
    context.restart();
    context.run();
  }

  absl::Status Error(const char* what, const error_code& error) {
    stream.reset();
    const std::string text = absl::StrCat(what, " ", host, ":", port, ": ", error.message());
    if (error == boost::beast::error::timeout) return absl::DeadlineExceededError(text);
    return absl::UnavailableError(text);
  }

  absl::Status Connect() {
    error_code error;
    tcp::resolver resolver(context);
    const auto endpoints = resolver.resolve(host, std::to_string(port), error);
    if (error) return Error("cannot resolve", error);
    stream.emplace(context);
    stream->expires_after(std::chrono::milliseconds(options.timeout_ms));
    stream->async_connect(
        endpoints, [&error](const error_code& result, const tcp::endpoint&) { error = result; });
    Await();
    if (error) return Error("cannot connect to", error);
    error_code ignored;
    stream->socket().set_option(tcp::no_delay(true), ignored);
    buffer.clear();
    return absl::OkStatus();
  }

  absl::StatusOr<HttpResponse> Exchange(const http::request<http::string_body>& request) {
    stream->expires_after(std::chrono::milliseconds(options.timeout_ms));
    error_code error;
    http::async_write(*stream, request,
                      [&error](const error_code& result, size_t) { error = result; });
    Await();
    if (error) return Error("cannot send to", error);
    http::response_parser<http::string_body> parser;
    parser.body_limit(options.response_bytes_max);
    if (request.method_string() == "HEAD") parser.skip(true);
    http::async_read(*stream, buffer, parser,
                     [&error](const error_code& result, size_t) { error = result; });
    Await();
    if (error) return Error("no answer from", error);
    HttpResponse response;
    auto message = parser.release();
    response.status = static_cast<int>(message.result_int());
    for (const auto& field : message) {
      response.headers.Add({field.name_string().data(), field.name_string().size()},
                           {field.value().data(), field.value().size()});
    }
    response.content_type = response.headers.Find("content-type");
    response.body = std::move(message.body());
    if (!message.keep_alive()) stream.reset();
    return response;
  }
};

HttpClient::HttpClient(std::string host, uint16_t port, Options options)
    : impl_(std::make_unique<Impl>()) {
  impl_->host = std::move(host);
  impl_->port = port;
  impl_->options = options;
}

HttpClient::~HttpClient() = default;

absl::StatusOr<HttpResponse> HttpClient::Send(std::string_view method, std::string_view target,
                                              const HttpHeaders& headers, std::string_view body) {
  http::request<http::string_body> request;
  request.version(11);
  request.method_string({method.data(), method.size()});
  request.target({target.data(), target.size()});
  request.set(http::field::host, absl::StrCat(impl_->host, ":", impl_->port));
  for (const auto& [name, value] : headers.items()) request.set(name, value);
  request.body() = std::string(body);
  if (!body.empty() || method == "POST" || method == "PUT" || method == "PATCH") {
    request.content_length(body.size());
  }
  const bool reused = impl_->stream.has_value();
  if (!reused) HOGLET_RETURN_IF_ERROR(impl_->Connect());
  auto response = impl_->Exchange(request);
  // The server may have closed a connection that lay idle: one fresh try.
  if (!response.ok() && reused && absl::IsUnavailable(response.status())) {
    HOGLET_RETURN_IF_ERROR(impl_->Connect());
    response = impl_->Exchange(request);
  }
  return response;
}

}  // namespace hoglet
