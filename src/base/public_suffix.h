#pragma once

#include <string_view>

namespace hoglet {

// The part of a host name under which one owner registers names: the public suffix and the label
// before it ("a.b.co.uk" -> "b.co.uk", "x.y.github.io" -> "y.github.io"). Empty if the host is a
// single label or itself a public suffix. Letter case does not matter and is kept; a view into
// `host`.
//
// The list is that of publicsuffix.org, as it was when the program was built. Thread-safe; the
// first call indexes it.
std::string_view RegistrableDomain(std::string_view host);

}  // namespace hoglet
