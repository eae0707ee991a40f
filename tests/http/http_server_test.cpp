#include "src/http/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "src/http/http_client.h"
#include "tests/http/raw_client.h"

namespace hoglet {
namespace {

using std::chrono::milliseconds;

constexpr uint64_t kBodyBytesMax = 100'000;

HttpResponse PlainBodyError(const HttpRequest&, HttpBodyError error, uint64_t limit) {
  if (error == HttpBodyError::kTimeout) return HttpText(408, "client stopped sending data");
  return HttpText(413, "limit " + std::to_string(limit));
}

class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest() : router_(Env::Posix(), &metrics_) {
    options_.worker_threads = 1;
    options_.stop_grace_ms = 2000;
    HttpRouteOptions route;
    route.body_bytes_max = kBodyBytesMax;
    route.body_error = PlainBodyError;
    router_.Add(
        "GET POST", "/echo", route, [](HttpRequest request, const HttpResponder& responder) {
          responder(HttpText(200, request.method + " " + request.query + " " + request.body));
        });
    // Answers from another thread, later ones sooner.
    router_.Add("GET", "/late/:ms", route, [this](HttpRequest request, HttpResponder responder) {
      const int ms = std::stoi(std::string(request.PathParameter("ms")));
      std::lock_guard lock(threads_mutex_);
      threads_.emplace_back([ms, responder = std::move(responder)] {
        std::this_thread::sleep_for(milliseconds(ms));
        responder(HttpText(200, "late " + std::to_string(ms)));
      });
    });
    router_.Add("GET", "/never", route, [](HttpRequest, HttpResponder) {});
    router_.Add("GET", "/wait", route, [this](HttpRequest request, HttpResponder responder) {
      std::lock_guard lock(threads_mutex_);
      threads_.emplace_back([this, gone = request.disconnected, responder = std::move(responder)] {
        for (int i = 0; i < 300 && !gone->load(); ++i)
          std::this_thread::sleep_for(milliseconds(10));
        saw_disconnect_ = gone->load();
        responder(HttpText(200, "waited"));
      });
    });
    HttpRouteOptions worker = route;
    worker.on_worker = true;
    router_.Add("GET", "/slow", worker, [](const HttpRequest&, const HttpResponder& responder) {
      std::this_thread::sleep_for(milliseconds(200));
      responder(HttpText(200, "slow"));
    });
  }

  ~HttpServerTest() override {
    if (server_ != nullptr) server_->Stop();
    for (std::thread& thread : threads_) thread.join();
  }

  void Start() {
    auto server = HttpServer::Start(options_, &router_, Env::Posix(), &metrics_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  static std::string Post(std::string_view body, std::string_view more = "") {
    return "POST /echo HTTP/1.1\r\nHost: x\r\n" + std::string(more) +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
  }
  static std::string Get(std::string_view path) {
    return "GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n\r\n";
  }
  static size_t CountOf(std::string_view text, std::string_view piece) {
    size_t count = 0;
    for (size_t at = 0; (at = text.find(piece, at)) != std::string_view::npos; at += piece.size())
      ++count;
    return count;
  }

  MetricRegistry metrics_;
  HttpRouter router_;
  HttpServerOptions options_;
  std::unique_ptr<HttpServer> server_;
  std::mutex threads_mutex_;
  std::vector<std::thread> threads_;
  std::atomic<bool> saw_disconnect_{false};
};

TEST_F(HttpServerTest, KeepsConnectionsOpen) {
  Start();
  HttpClient client("127.0.0.1", server_->port());
  for (int i = 0; i < 5; ++i) {
    const auto response = client.Send("POST", "/echo?a=b", {}, "body " + std::to_string(i));
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->body, "POST a=b body " + std::to_string(i));
    EXPECT_TRUE(response->headers.Has("date"));
  }
  EXPECT_EQ(server_->open_connections(), 1u);
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInOrder) {
  Start();
  RawClient client(server_->port());
  ASSERT_TRUE(client.Send(Get("/late/80") + Get("/late/1") + Get("/echo") + Get("/late/30")));
  const std::string got = client.ReadAnswers(4);
  const size_t first = got.find("late 80");
  const size_t second = got.find("late 1");
  const size_t third = got.find("GET  ");
  const size_t fourth = got.find("late 30");
  ASSERT_NE(fourth, std::string::npos) << got;
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_LT(third, fourth);
}

TEST_F(HttpServerTest, PipelineBeyondTheBoundIsServedInTurn) {
  options_.pipeline_max = 2;
  Start();
  RawClient client(server_->port());
  std::string requests;
  for (int i = 0; i < 200; ++i) requests += Post("n" + std::to_string(i) + ";");
  ASSERT_TRUE(client.Send(requests));
  const std::string got = client.ReadAnswers(200);
  EXPECT_EQ(CountOf(got, "HTTP/1.1 200"), 200u);
  EXPECT_NE(got.find("n199;"), std::string::npos);
}

TEST_F(HttpServerTest, TakesARequestByteByByte) {
  Start();
  RawClient client(server_->port());
  for (const char c : Post("slowly")) {
    ASSERT_TRUE(client.Send(std::string(1, c)));
    std::this_thread::sleep_for(milliseconds(1));
  }
  EXPECT_NE(client.ReadAnswers(1).find("slowly"), std::string::npos);
}

TEST_F(HttpServerTest, BodiesOfEveryLengthAndManner) {
  Start();
  RawClient client(server_->port());
  std::string body;
  for (int i = 0; body.size() < kBodyBytesMax; ++i) body += std::to_string(i) + ',';
  for (const size_t bytes : {1u, 63u, 3'900u, 4'096u, 30'000u, 65'536u, 99'999u, 100'000u}) {
    const std::string wanted = body.substr(0, bytes);
    // In pieces, with the next request right behind the last.
    const std::string request = Post(wanted) + Get("/echo");
    const size_t piece = std::max<size_t>(1, request.size() / 5);
    for (size_t at = 0; at < request.size(); at += piece) {
      ASSERT_TRUE(client.Send(request.substr(at, piece)));
      std::this_thread::sleep_for(milliseconds(2));
    }
    const std::string got = client.ReadAnswers(2);
    EXPECT_EQ(CountOf(got, "HTTP/1.1 200"), 2u);
    EXPECT_NE(got.find("\r\n\r\nPOST  " + wanted + "HTTP/1.1 200"), std::string::npos) << bytes;
  }
}

TEST_F(HttpServerTest, ALargeBodyThatStallsIs408) {
  options_.body_stall_timeout_ms = 60;
  Start();
  RawClient client(server_->port());
  ASSERT_TRUE(client.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99000\r\n\r\n" +
                          std::string(70'000, 'a')));
  std::this_thread::sleep_for(milliseconds(200));
  // What comes too late is read away.
  client.Send(std::string(29'000, 'a'));
  EXPECT_TRUE(client.ReadAll().starts_with("HTTP/1.1 408"));
}

TEST_F(HttpServerTest, AClientThatLeavesInTheMiddleOfABody) {
  Start();
  for (int i = 0; i < 20; ++i) {
    RawClient client(server_->port());
    ASSERT_TRUE(client.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99000\r\n\r\n" +
                            std::string(static_cast<size_t>(i) * 4'000, 'a')));
    if (i % 2 == 0) client.Abort();
  }
  RawClient client(server_->port());
  ASSERT_TRUE(client.Send(Post("still here")));
  EXPECT_NE(client.ReadAnswers(1).find("still here"), std::string::npos);
}

TEST_F(HttpServerTest, ChunkedBodies) {
  Start();
  RawClient client(server_->port());
  ASSERT_TRUE(
      client.Send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
                  "chunked\r\n\r\n4\r\nwiki\r\n5;name=value\r\npedia\r\n0\r\n\r\n" +
                  Get("/echo")));
  const std::string got = client.ReadAnswers(2);
  EXPECT_NE(got.find("POST  wikipedia"), std::string::npos) << got;
  EXPECT_EQ(CountOf(got, "HTTP/1.1 200"), 2u);
}

TEST_F(HttpServerTest, MalformedChunksAre400) {
  Start();
  RawClient client(server_->port());
  ASSERT_TRUE(client.Send(
      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nwiki\r\n"));
  const std::string got = client.ReadAll();
  EXPECT_TRUE(got.starts_with("HTTP/1.1 4")) << got;
}

TEST_F(HttpServerTest, MalformedRequestsAre400) {
  Start();
  for (const char* text :
       {"nonsense\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"}) {
    RawClient client(server_->port());
    ASSERT_TRUE(client.Send(text));
    EXPECT_TRUE(client.ReadAll().starts_with("HTTP/1.1 400")) << text;
  }
}

TEST_F(HttpServerTest, ARequestHasOneHost) {
  Start();
  const std::pair<const char*, const char*> cases[] = {
      {"GET /echo HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
      {"GET http://example.com/echo HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
      {"GET /echo HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "HTTP/1.1 400"},
      {"GET /echo HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "HTTP/1.1 400"},
      {"GET /echo HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "HTTP/1.1 400"},
      {"GET /echo HTTP/1.1\r\nHost: a/b\r\n\r\n", "HTTP/1.1 400"},
      {"GET /echo HTTP/1.1\r\nHost: a b\r\n\r\n", "HTTP/1.1 400"},
      {"GET /echo HTTP/1.0\r\n\r\n", "HTTP/1.1 200"},
      {"GET /echo HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", "HTTP/1.1 200"},
      {"GET /echo HTTP/1.1\r\nhOST: [::1]:8000\r\nConnection: close\r\n\r\n", "HTTP/1.1 200"},
  };
  for (const auto& [text, status] : cases) {
    RawClient client(server_->port());
    ASSERT_TRUE(client.Send(text));
    EXPECT_TRUE(client.ReadAll().starts_with(status)) << text;
  }
}

TEST_F(HttpServerTest, HugeHeadersAre431) {
  Start();
  RawClient client(server_->port());
  client.Send("GET /echo HTTP/1.1\r\nHost: x\r\nX-Big: " + std::string(200'000, 'a') + "\r\n\r\n");
  EXPECT_TRUE(client.ReadAll().starts_with("HTTP/1.1 431"));
}

TEST_F(HttpServerTest, BodyOverTheLimitLeavesTheConnectionUsable) {
  Start();
  RawClient client(server_->port());
  ASSERT_TRUE(client.Send(Post(std::string(kBodyBytesMax + 1, 'a'))));
  EXPECT_NE(client.ReadAnswers(1).find("413 Payload Too Large"), std::string::npos);
  ASSERT_TRUE(client.Send(Post("again")));
  EXPECT_NE(client.ReadAnswers(1).find("POST  again"), std::string::npos);
}

TEST_F(HttpServerTest, ChunkedBodyOverTheLimitLeavesTheConnectionUsable) {
  Start();
  RawClient client(server_->port());
  std::string chunks = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 15; ++i) chunks += "2710\r\n" + std::string(10'000, 'a') + "\r\n";
  ASSERT_TRUE(client.Send(chunks + "0\r\n\r\n" + Post("again")));
  const std::string got = client.ReadAnswers(2);
  EXPECT_NE(got.find("limit 100000"), std::string::npos) << got;
  EXPECT_NE(got.find("POST  again"), std::string::npos) << got;
}

TEST_F(HttpServerTest, EndlessBodyIsCutAfterItsAnswer) {
  Start();
  RawClient client(server_->port());
  client.Send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "2710\r\n" + std::string(10'000, 'a') + "\r\n";
  for (int i = 0; i < 30 && client.Send(chunk); ++i) {
  }
  const std::string got = client.ReadAll();
  EXPECT_TRUE(got.starts_with("HTTP/1.1 413")) << got.substr(0, 200);
  EXPECT_NE(got.find("connection: close"), std::string::npos);
}

// However the chunks fall upon the reads of the server: here each read ends with a chunk.
TEST_F(HttpServerTest, EndlessBodyInWholeChunksIsAnsweredToo) {
  Start();
  RawClient client(server_->port());
  ASSERT_TRUE(client.Send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"));
  const std::string chunk = "2710\r\n" + std::string(10'000, 'a') + "\r\n";
  for (int i = 0; i < 21; ++i) {
    ASSERT_TRUE(client.Send(chunk));
    std::this_thread::sleep_for(milliseconds(2));
  }
  EXPECT_TRUE(client.ReadAnswers(1).starts_with("HTTP/1.1 413"));
}

TEST_F(HttpServerTest, DeclaredTooLargeIsAnsweredAtOnce) {
  Start();
  RawClient client(server_->port());
  ASSERT_TRUE(client.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"));
  EXPECT_TRUE(client.ReadAll().starts_with("HTTP/1.1 413"));
}

TEST_F(HttpServerTest, Expect100Continue) {
  Start();
  RawClient client(server_->port());
  ASSERT_TRUE(client.Send(
      "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"));
  EXPECT_EQ(client.ReadAnswers(1), "HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(client.Send("hello"));
  EXPECT_NE(client.ReadAnswers(1).find("POST  hello"), std::string::npos);
  RawClient greedy(server_->port());
  ASSERT_TRUE(greedy.Send(
      "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 150000\r\n\r\n"));
  EXPECT_TRUE(greedy.ReadAnswers(1).starts_with("HTTP/1.1 413"));
}

TEST_F(HttpServerTest, HeadHasTheLengthButNoBody) {
  Start();
  RawClient client(server_->port());
  ASSERT_TRUE(client.Send("HEAD /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
  const std::string got = client.ReadAll();
  EXPECT_NE(got.find("content-length: 5"), std::string::npos) << got;
  EXPECT_TRUE(got.ends_with("\r\n\r\n"));
}

TEST_F(HttpServerTest, StalledBodyIs408) {
  options_.body_stall_timeout_ms = 60;
  Start();
  RawClient client(server_->port());
  ASSERT_TRUE(client.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc"));
  const std::string got = client.ReadAll();
  EXPECT_TRUE(got.starts_with("HTTP/1.1 408")) << got;
  EXPECT_NE(got.find("client stopped sending data"), std::string::npos);
}

TEST_F(HttpServerTest, SlowBodyIs408EvenIfItNeverStalls) {
  options_.request_timeout_ms = 150;
  Start();
  RawClient client(server_->port());
  ASSERT_TRUE(client.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"));
  for (int i = 0; i < 60 && client.Send("a"); ++i) std::this_thread::sleep_for(milliseconds(5));
  EXPECT_TRUE(client.ReadAll().starts_with("HTTP/1.1 408"));
}

TEST_F(HttpServerTest, SlowHeaderIs408) {
  options_.header_timeout_ms = 60;
  Start();
  RawClient client(server_->port());
  ASSERT_TRUE(client.Send("GET /ec"));
  EXPECT_TRUE(client.ReadAll().starts_with("HTTP/1.1 408"));
}

TEST_F(HttpServerTest, IdleConnectionsAreClosedSilently) {
  options_.idle_timeout_ms = 60;
  Start();
  RawClient client(server_->port());
  ASSERT_TRUE(client.Send(Get("/echo")));
  client.ReadAnswers(1);
  EXPECT_EQ(client.ReadAll(), "");
}

TEST_F(HttpServerTest, ClientThatReadsNothingIsCut) {
  options_.write_timeout_ms = 100;
  options_.pipeline_max = 1000;
  Start();
  RawClient client(server_->port());
  ASSERT_TRUE(client.Send(Get("/echo")));
  client.ReadAnswers(1);
  ASSERT_EQ(server_->open_connections(), 1u);
  const std::string request = Post(std::string(90'000, 'a'));
  for (int i = 0; i < 400 && client.Send(request); ++i) {
  }
  for (int i = 0; i < 100 && server_->open_connections() > 0; ++i)
    std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(server_->open_connections(), 0u);
}

TEST_F(HttpServerTest, ConnectionsBeyondTheCapAreTurnedAway) {
  options_.connections_max = 2;
  Start();
  RawClient first(server_->port());
  RawClient second(server_->port());
  first.Send(Get("/echo"));
  second.Send(Get("/echo"));
  first.ReadAnswers(1);
  second.ReadAnswers(1);
  RawClient third(server_->port());
  EXPECT_TRUE(third.ReadAll().starts_with("HTTP/1.1 503"));
  first.Send(Get("/echo"));
  EXPECT_TRUE(first.ReadAnswers(1).starts_with("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, AtTheCapTheLongestIdleConnectionMakesRoom) {
  options_.threads = 1;
  options_.connections_max = 2;
  options_.evictable_after_ms = 50;
  Start();
  RawClient first(server_->port());
  RawClient second(server_->port());
  first.Send(Get("/echo"));
  second.Send(Get("/echo"));
  first.ReadAnswers(1);
  second.ReadAnswers(1);
  std::this_thread::sleep_for(milliseconds(100));
  first.Send(Get("/echo"));
  EXPECT_TRUE(first.ReadAnswers(1).starts_with("HTTP/1.1 200"));
  RawClient third(server_->port());
  third.Send(Get("/echo"));
  EXPECT_TRUE(third.ReadAnswers(1).starts_with("HTTP/1.1 200"));
  EXPECT_EQ(second.ReadAll(), "") << "closed without a word";
  first.Send(Get("/echo"));
  EXPECT_TRUE(first.ReadAnswers(1).starts_with("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, BodyMemoryIsBounded) {
  options_.body_bytes_in_flight_max = 80'000;
  Start();
  RawClient holder(server_->port());
  ASSERT_TRUE(holder.Send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n" +
                          std::string(65'000, 'a')));
  std::this_thread::sleep_for(milliseconds(50));
  RawClient second(server_->port());
  ASSERT_TRUE(second.Send(Post(std::string(60'000, 'b'))));
  const std::string refused = second.ReadAnswers(1);
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 503")) << refused.substr(0, 100);
  EXPECT_NE(refused.find("retry-after: 1"), std::string::npos);
  holder.Abort();
  std::this_thread::sleep_for(milliseconds(50));
  ASSERT_TRUE(second.Send(Post(std::string(60'000, 'b'))));
  EXPECT_TRUE(second.ReadAnswers(1).starts_with("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, AFullWorkerQueueIs503) {
  options_.worker_queue_max = 1;
  Start();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 8; ++i) {
    clients.push_back(std::make_unique<RawClient>(server_->port()));
    ASSERT_TRUE(clients.back()->Send(Get("/slow")));
  }
  int ok = 0;
  int busy = 0;
  for (const auto& client : clients) {
    const std::string got = client->ReadAnswers(1);
    ok += got.starts_with("HTTP/1.1 200");
    busy += got.starts_with("HTTP/1.1 503");
  }
  EXPECT_EQ(ok + busy, 8);
  EXPECT_GE(ok, 1);
  EXPECT_GE(busy, 1);
}

TEST_F(HttpServerTest, AResponderThatIsDroppedStillAnswers) {
  Start();
  RawClient client(server_->port());
  ASSERT_TRUE(client.Send(Get("/never")));
  EXPECT_TRUE(client.ReadAnswers(1).starts_with("HTTP/1.1 500"));
}

TEST_F(HttpServerTest, HandlersLearnThatTheClientIsGone) {
  Start();
  {
    RawClient client(server_->port());
    ASSERT_TRUE(client.Send(Get("/wait")));
    std::this_thread::sleep_for(milliseconds(50));
    client.Abort();
  }
  for (int i = 0; i < 200 && !saw_disconnect_; ++i) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_TRUE(saw_disconnect_);
}

TEST_F(HttpServerTest, AHalfClosedClientGetsItsAnswer) {
  Start();
  RawClient client(server_->port());
  ASSERT_TRUE(client.Send(Get("/late/30")));
  client.FinishSending();
  EXPECT_NE(client.ReadAll().find("late 30"), std::string::npos);
}

TEST_F(HttpServerTest, Http10ClosesUnlessAskedNotTo) {
  Start();
  RawClient closing(server_->port());
  ASSERT_TRUE(closing.Send("GET /echo HTTP/1.0\r\n\r\n"));
  EXPECT_NE(closing.ReadAll().find("connection: close"), std::string::npos);
  RawClient keeping(server_->port());
  ASSERT_TRUE(keeping.Send("GET /echo HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
  EXPECT_NE(keeping.ReadAnswers(1).find("connection: keep-alive"), std::string::npos);
  ASSERT_TRUE(keeping.Send(Get("/echo")));
  EXPECT_TRUE(keeping.ReadAnswers(1).starts_with("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, AbsoluteTargets) {
  Start();
  RawClient client(server_->port());
  ASSERT_TRUE(client.Send("GET http://example.com/echo?q=http://x HTTP/1.1\r\nHost: x\r\n\r\n"));
  EXPECT_NE(client.ReadAnswers(1).find("GET q=http://x "), std::string::npos);
}

TEST_F(HttpServerTest, StopLetsRequestsUnderWayFinish) {
  Start();
  RawClient busy(server_->port());
  RawClient idle(server_->port());
  ASSERT_TRUE(idle.Send(Get("/echo")));
  idle.ReadAnswers(1);
  ASSERT_TRUE(busy.Send(Get("/late/150")));
  std::this_thread::sleep_for(milliseconds(30));
  std::thread stopper([this] { server_->Stop(); });
  const std::string got = busy.ReadAll();
  EXPECT_NE(got.find("late 150"), std::string::npos) << got;
  EXPECT_NE(got.find("connection: close"), std::string::npos);
  busy.Close();
  stopper.join();
  EXPECT_TRUE(idle.IsClosedWithin(1000));
  EXPECT_EQ(server_->open_connections(), 0u);
  HttpClient late("127.0.0.1", server_->port());
  EXPECT_FALSE(late.Get("/echo").ok());
}

TEST_F(HttpServerTest, RespondersMayOutliveTheServer) {
  options_.stop_grace_ms = 20;
  Start();
  RawClient client(server_->port());
  ASSERT_TRUE(client.Send(Get("/late/200")));
  std::this_thread::sleep_for(milliseconds(30));
  server_->Stop();
  server_.reset();
  EXPECT_TRUE(client.IsClosedWithin(1000));
}

TEST_F(HttpServerTest, ABusyPortIsAnError) {
  Start();
  options_.port = server_->port();
  const auto second = HttpServer::Start(options_, &router_, Env::Posix(), &metrics_);
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(std::string(second.status().message()), testing::HasSubstr("Address already in use"));
  EXPECT_EQ(HttpServer::CheckAddress(options_.address, options_.port), second.status());
  server_->Stop();
  EXPECT_TRUE(HttpServer::CheckAddress(options_.address, options_.port).ok());
  EXPECT_TRUE(HttpServer::CheckAddress(options_.address, 0).ok());
}

TEST_F(HttpServerTest, AnAddressNotOfThisMachineIsAnError) {
  options_.address = "203.0.113.77";
  EXPECT_FALSE(HttpServer::Start(options_, &router_, Env::Posix(), &metrics_).ok());
  options_.address = "not an address";
  EXPECT_FALSE(HttpServer::Start(options_, &router_, Env::Posix(), &metrics_).ok());
}

}  // namespace
}  // namespace hoglet
