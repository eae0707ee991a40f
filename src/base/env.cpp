#include "include/hoglet/env.h"

#include <algorithm>

#include "include/hoglet/status.h"
#include "src/base/directories.h"
#include "src/base/strings.h"

namespace hoglet {

absl::Status WritableFile::WritePiecesAt(uint64_t offset,
                                         std::span<const std::string_view> pieces) {
  std::string whole;
  for (const std::string_view piece : pieces) whole.append(piece);
  return WriteAt(offset, whole);
}

absl::StatusOr<std::string> Env::ReadWholeFile(const std::string& path, uint64_t bytes_max) {
  HOGLET_ASSIGN_OR_RETURN(auto file, OpenForRead(path));
  HOGLET_ASSIGN_OR_RETURN(const uint64_t bytes, file->Size());
  if (bytes > bytes_max) {
    return absl::ResourceExhaustedError(
        StrCat(path, ": ", bytes, " bytes, the limit is ", bytes_max));
  }
  std::string text(bytes, '\0');
  // The file may shrink meanwhile; what was read counts.
  HOGLET_ASSIGN_OR_RETURN(const std::string_view read, file->Read(0, bytes, text.data()));
  if (read.data() != text.data()) std::copy(read.begin(), read.end(), text.begin());
  text.resize(read.size());
  return text;
}

absl::Status Env::ReplaceFile(const std::string& path, std::string_view data) {
  const std::string temporary = path + ".tmp";
  HOGLET_ASSIGN_OR_RETURN(auto file, OpenForWrite(temporary, OpenMode::kTruncate));
  absl::Status status = file->Append(data);
  if (status.ok()) status = file->Sync();
  if (absl::Status closed = file->Close(); status.ok()) status = closed;
  if (status.ok()) status = Rename(temporary, path);
  if (!status.ok()) {
    Remove(temporary).IgnoreError();
    return status;
  }
  return SyncDirectory(ParentDirectory(path));
}

}  // namespace hoglet
