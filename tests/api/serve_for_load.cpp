// A capture server over a real log in the folder given, for load generators: serve_for_load FOLDER
// PORT [THREADS]. Ends with its input.

#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "src/api/server.h"
#include "tests/api/fake_parts.h"

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  using namespace hoglet;
  Env* env = Env::Posix();
  auto log = hoglet::Log::Open(env, argv[1], {});
  if (!log.ok()) {
    std::cerr << log.status() << "\n";
    return 1;
  }
  FakeProjects projects;
  FakeEngine engine;
  ServerParts parts;
  parts.env = env;
  parts.log = log->get();
  parts.query_engine = &engine;
  parts.projects = &projects;
  parts.version = "load";
  ServerOptions options;
  options.http.port = static_cast<uint16_t>(std::atoi(argv[2]));
  if (argc > 3) options.http.threads = static_cast<unsigned>(std::atoi(argv[3]));
  auto server = Server::Start(parts, options);
  if (!server.ok()) {
    std::cerr << server.status() << "\n";
    return 1;
  }
  std::printf("port %u\n", (*server)->port());
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
  }
  (*server)->Stop();
  return 0;
}
