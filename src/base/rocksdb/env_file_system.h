#pragma once

#include <memory>

#include "include/hoglet/env.h"

namespace rocksdb {
class Env;
}

namespace hoglet {

// A RocksDB environment whose files are those of `env` (not owned; outlives it), so that RocksDB
// meets the same faults, crashes and limits as the rest of the server. Its threads and clocks are
// the process's own: RocksDB only measures with them.
//
// Free space is not told: RocksDB would poll for it and heal itself behind our back, whereas a
// store that met an error is opened anew (PersonDatabase, ObjectStore). Not there, because a store
// of ours never asks: hard links, modification times, files for reading and writing at once.
std::shared_ptr<rocksdb::Env> MakeRocksEnv(Env* env);

}  // namespace hoglet
