#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "include/hoglet/event.h"
#include "src/base/arena.h"
#include "storage/part.h"

namespace hoglet {

// Rebuilds documents of one granule (of documents) of a part, member for member as they were
// inserted. Columns are decoded when a document first needs them. One thread; the part outlives it.
class DocumentReader {
 public:
  static absl::StatusOr<std::unique_ptr<DocumentReader>> Open(const Part& part, JsonColumn column,
                                                              size_t granule);

  size_t documents() const { return shapes_.size(); }
  // Views live as long as the reader. kDataLoss if columns and shape do not fit together.
  absl::Status Read(size_t document, JsonObjectView* members);
  // Members without columns only, in order.
  absl::Status ReadResidual(size_t document, JsonObjectView* members);
  // Ends the life of all members read so far, so that reading on takes no more memory.
  void ReleaseTexts() { arena_.Reset(); }

 private:
  DocumentReader(const Part& part, JsonColumn column, size_t granule)
      : part_(part), column_(column), granule_(granule) {}

  struct KeyColumn {
    JsonVariant variant;
    Vector values;
  };
  struct Key {
    bool loaded = false;
    std::vector<KeyColumn> columns;
  };

  absl::Status Load(uint32_t key);
  absl::StatusOr<const std::vector<uint32_t>*> ShapeOf(size_t document);
  absl::Status Damaged(const char* what) const;

  const Part& part_;
  const JsonColumn column_;
  const size_t granule_;
  Vector shapes_;
  Vector residual_;
  std::vector<Key> keys_;
  std::vector<std::vector<uint32_t>> parsed_shapes_;  // by dictionary code
  std::vector<bool> shape_parsed_;
  std::vector<uint32_t> scratch_shape_;
  JsonObjectView scratch_members_;
  Arena arena_;
};

}  // namespace hoglet
