#include "src/ingest/command.h"

#include <cstring>

#include "include/hoglet/status.h"
#include "src/base/bytes.h"
#include "src/base/strings.h"

namespace hoglet {
namespace {

constexpr uint8_t kMagic = 0xfe;
constexpr uint8_t kVersion = 1;
constexpr uint8_t kDeletesEvents = 1;
constexpr uint8_t kKeepsPersons = 2;

void PutTexts(std::string* out, const std::vector<std::string>& texts) {
  HOGLET_ASSERT(texts.size() <= kCommandTextsMax);
  PutVarint(out, texts.size());
  for (const std::string& text : texts) PutString(out, text);
}

bool GetTexts(ByteReader* in, std::vector<std::string>* texts) {
  uint64_t count = 0;
  if (!in->GetVarint(&count) || count > kCommandTextsMax) return false;
  for (uint64_t i = 0; i < count; ++i) {
    std::string_view text;
    if (!in->GetString(&text)) return false;
    texts->emplace_back(text);
  }
  return true;
}

bool GetHashKeys(ByteReader* in, IngestCommand* command) {
  std::string_view hash_key;
  if (!GetTexts(in, &command->distinct_ids) || !GetTexts(in, &command->flags) ||
      !in->GetString(&hash_key)) {
    return false;
  }
  command->hash_key = std::string(hash_key);
  return true;
}

}  // namespace

std::string EncodeCommand(const IngestCommand& command) {
  HOGLET_ASSERT(command.uuids.size() <= kCommandUuidsMax);
  std::string out;
  PutLittle(&out, kMagic);
  PutLittle(&out, kVersion);
  PutLittle(&out, static_cast<uint8_t>(command.kind));
  PutLittle(&out, static_cast<uint8_t>((command.deletes_events ? kDeletesEvents : 0) |
                                       (command.keeps_persons ? kKeepsPersons : 0)));
  PutLittle(&out, command.team_id);
  PutLittle(&out, command.from_us);
  PutLittle(&out, command.to_us);
  PutVarint(&out, command.uuids.size());
  for (const Uuid& uuid : command.uuids) {
    out.append(reinterpret_cast<const char*>(uuid.bytes.data()), uuid.bytes.size());
  }
  if (command.kind != IngestCommand::Kind::kKeepFlagHashKeys) return out;
  PutTexts(&out, command.distinct_ids);
  PutTexts(&out, command.flags);
  PutString(&out, command.hash_key);
  return out;
}

bool IsCommand(std::string_view value) {
  return !value.empty() && static_cast<uint8_t>(value[0]) == kMagic;
}

absl::StatusOr<IngestCommand> DecodeCommand(std::string_view value) {
  ByteReader in(value);
  IngestCommand command;
  uint8_t magic = 0;
  uint8_t version = 0;
  uint8_t kind = 0;
  uint8_t flags = 0;
  uint64_t count = 0;
  if (!in.GetLittle(&magic) || magic != kMagic || !in.GetLittle(&version)) {
    return absl::DataLossError("not a command");
  }
  if (version != kVersion) {
    return absl::UnimplementedError(StrCat("a command of version ", version));
  }
  const bool has_head = in.GetLittle(&kind) && in.GetLittle(&flags) &&
                        in.GetLittle(&command.team_id) && in.GetLittle(&command.from_us) &&
                        in.GetLittle(&command.to_us) && in.GetVarint(&count);
  std::string_view uuids;
  if (!has_head || kind < static_cast<uint8_t>(IngestCommand::Kind::kDeletePersons) ||
      kind > static_cast<uint8_t>(IngestCommand::Kind::kKeepFlagHashKeys) ||
      count > kCommandUuidsMax || !in.GetBytes(count * sizeof(Uuid), &uuids)) {
    return absl::DataLossError("a damaged command");
  }
  command.kind = static_cast<IngestCommand::Kind>(kind);
  command.deletes_events = (flags & kDeletesEvents) != 0;
  command.keeps_persons = (flags & kKeepsPersons) != 0;
  command.uuids.resize(count);
  if (count > 0) std::memcpy(command.uuids.data(), uuids.data(), uuids.size());
  const bool has_keys = command.kind == IngestCommand::Kind::kKeepFlagHashKeys;
  if ((has_keys && !GetHashKeys(&in, &command)) || !in.left().empty()) {
    return absl::DataLossError("a damaged command");
  }
  return command;
}

}  // namespace hoglet
