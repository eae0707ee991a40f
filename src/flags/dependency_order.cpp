#include "src/flags/dependency_order.h"

#include <algorithm>
#include <cstddef>

namespace hoglet {
namespace {

// Tarjan's strongly connected components, which come out dependencies first. The way down is kept
// in a list: chains may be as long as there are nodes.
class Components {
 public:
  explicit Components(const std::vector<std::vector<uint32_t>>& dependencies)
      : dependencies_(dependencies), numbers_(dependencies.size()), lows_(dependencies.size()) {
    out_.is_cyclic.resize(dependencies.size());
    is_open_.resize(dependencies.size());
  }

  DependencyOrder Run() {
    for (uint32_t node = 0; node < dependencies_.size(); ++node) {
      if (numbers_[node] == 0) Visit(node);
    }
    return std::move(out_);
  }

 private:
  struct Step {
    uint32_t node;
    size_t next = 0;  // dependency
  };

  void Open(uint32_t node) {
    numbers_[node] = lows_[node] = ++count_;
    is_open_[node] = true;
    open_.push_back(node);
    path_.push_back({node});
  }

  void Visit(uint32_t root) {
    Open(root);
    while (!path_.empty()) {
      Step& step = path_.back();
      const uint32_t node = step.node;
      if (step.next < dependencies_[node].size()) {
        const uint32_t other = dependencies_[node][step.next++];
        if (other == node) out_.is_cyclic[node] = true;
        if (numbers_[other] == 0) {
          Open(other);
        } else if (is_open_[other]) {
          lows_[node] = std::min(lows_[node], numbers_[other]);
        }
        continue;
      }
      path_.pop_back();
      if (!path_.empty()) {
        uint32_t& low = lows_[path_.back().node];
        low = std::min(low, lows_[node]);
      }
      if (lows_[node] == numbers_[node]) Close(node);
    }
  }

  // Everything opened since `first` is one component with it.
  void Close(uint32_t first) {
    const bool is_cycle = open_.back() != first;
    uint32_t node = 0;
    do {
      node = open_.back();
      open_.pop_back();
      is_open_[node] = false;
      if (is_cycle) out_.is_cyclic[node] = true;
      out_.order.push_back(node);
    } while (node != first);
  }

  const std::vector<std::vector<uint32_t>>& dependencies_;
  std::vector<uint32_t> numbers_;  // in order of the first visit, from 1; 0: not visited
  std::vector<uint32_t> lows_;     // the smallest number reached from here
  std::vector<uint8_t> is_open_;
  std::vector<uint32_t> open_;
  std::vector<Step> path_;
  uint32_t count_ = 0;
  DependencyOrder out_;
};

}  // namespace

DependencyOrder OrderByDependency(const std::vector<std::vector<uint32_t>>& dependencies) {
  return Components(dependencies).Run();
}

}  // namespace hoglet
