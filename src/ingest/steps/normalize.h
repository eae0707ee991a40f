#pragma once

#include "src/base/arena.h"
#include "src/ingest/parsed_event.h"

namespace hoglet {

// $set and $set_once of an event while they are worked on.
struct PersonAssignments {
  JsonObjectView set;
  JsonObjectView set_once;
};

// Copies the automatic person properties present in `properties` into $set and $set_once, and folds
// the alias $os_name. A $set or $set_once that is no object is replaced, if there is anything to
// copy. Writes both back into `properties` where they changed. `assignments` gets their members.
void CopyAutomaticProperties(JsonObjectView* properties, Arena* arena,
                             PersonAssignments* assignments);

// The steps of normalisation and preparation on a parsed event: `root` is the event object,
// event->properties its properties. Fills event->request and the row's properties.
void NormalizeEvent(const JsonObjectView& root, Arena* arena, ParsedEvent* event);

}  // namespace hoglet
