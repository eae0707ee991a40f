#pragma once

#include <string>
#include <string_view>

#include "include/hoglet/event.h"
#include "src/base/arena.h"
#include "src/ingest/cookieless_salts.h"
#include "src/ingest/parsed_event.h"

namespace hoglet {

// Gives an event without cookies the ids of its day, made of the address, the browser and the site
// (spec ingestion.md section 21, stateless), and takes what they were made of away. `root` are the
// members of the event object; `salts` may be null. False: the event ends here.
bool RewriteCookieless(CookielessSalts* salts, Arena* arena, JsonObjectView* root,
                       ParsedEvent* event);

// The site of a host or URL as it goes into the ids: the registrable domain ("app.example.co.uk" ->
// "example.co.uk") with the port if there is one; addresses and single words as they are.
std::string CookielessRootDomain(std::string_view host);

}  // namespace hoglet
