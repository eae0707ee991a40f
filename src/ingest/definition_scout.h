#pragma once

#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "src/base/arena.h"
#include "src/ingest/parsed_event.h"

namespace hoglet {

// Finds the event and property names of events that this thread has not met before, or not with a
// type (spec ingestion.md section 14). What one scout passes over, it has itself handed on from an
// earlier event; so whoever takes the events in log order meets every name at its first event.
class DefinitionScout {
 public:
  // Fills event->definitions from a normalised event.
  void Scan(Arena* arena, ParsedEvent* event);

 private:
  // What was handed on of a name.
  struct Known {
    bool has_type = false;
    int64_t seen_at_us = 0;  // events
  };

  void SeeEvent(ParsedEvent* event);
  // Whether the type of the property has been handed on.
  bool SeeProperty(DefinitionKind kind, uint64_t hash, const JsonMember& member, Arena* arena,
                   ParsedEvent* event);
  // Whether there is nothing left to hand on of the property on this event.
  bool SeeOnEvent(uint64_t property_seed, uint64_t pair_seed, const JsonMember& member,
                  Arena* arena, ParsedEvent* event);

  // Whether nothing of an event with these names can be new.
  bool IsCompletelyKnown(const ParsedEvent& event, uint64_t* names_hash) const;

  // By hash; emptied when it is full.
  absl::flat_hash_map<uint64_t, Known> known_;
  // Hashes of an event's name and all its properties' names, where every type has been handed on:
  // most events have the names of an earlier one.
  absl::flat_hash_set<uint64_t> complete_;
};

}  // namespace hoglet
