#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Early returns for absl::Status, and the assertion that stays on in the shipped binary.
//
// Anything a client, an operator or a disk can cause is a Status. HOGLET_ASSERT speaks of the
// program only: when it fails, the file and line go to stderr and the process aborts, because its
// memory can no longer be trusted.

#define HOGLET_CONCAT_INNER_(a, b) a##b
#define HOGLET_CONCAT_(a, b) HOGLET_CONCAT_INNER_(a, b)

#define HOGLET_RETURN_IF_ERROR(expression)                                                       \
  do {                                                                                           \
    if (absl::Status hoglet_status_ = (expression); !hoglet_status_.ok()) return hoglet_status_; \
  } while (false)

// HOGLET_ASSIGN_OR_RETURN(auto value, Compute()): returns the error, or declares `value`.
#define HOGLET_ASSIGN_OR_RETURN(declaration, expression) \
  HOGLET_ASSIGN_OR_RETURN_IMPL_(HOGLET_CONCAT_(hoglet_or_, __LINE__), declaration, expression)
#define HOGLET_ASSIGN_OR_RETURN_IMPL_(temporary, declaration, expression) \
  auto temporary = (expression);                                          \
  if (!temporary.ok()) return std::move(temporary).status();              \
  declaration = *std::move(temporary)

#define HOGLET_ASSERT(condition)                     \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::hoglet::AssertionFailed(#condition, __FILE__, __LINE__))

namespace hoglet {

[[noreturn]] void AssertionFailed(const char* condition, const char* file, int line);

}  // namespace hoglet
