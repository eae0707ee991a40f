#pragma once

#include <cstdint>
#include <vector>

namespace hoglet {

struct DependencyOrder {
  std::vector<uint32_t> order;     // every node, after those it depends on unless in a cycle
  std::vector<uint8_t> is_cyclic;  // by node: it depends on itself, if by way of others
};

// `dependencies[i]` are the nodes that node i depends on.
DependencyOrder OrderByDependency(const std::vector<std::vector<uint32_t>>& dependencies);

}  // namespace hoglet
