// SPDX-License-Identifier: MIT
#include <ringrpc/base/intrusive_list.hpp>

#include <array>
#include <memory>
#include <random>
#include <vector>

#include <doctest/doctest.h>

using namespace ringrpc;

namespace {
struct item : list_node {
  explicit item(int given) : number(given) {}
  int number;
};
using list = intrusive_list<item>;

std::vector<int> numbers(list& from) {
  std::vector<int> seen;
  for (item* at = from.front(); at != nullptr; at = from.next(*at)) seen.push_back(at->number);
  return seen;
}
using order = std::vector<int>;
}  // namespace

static_assert(!std::is_move_constructible_v<list_node> && !std::is_move_constructible_v<list>);

TEST_CASE("intrusive_list: items come out in the order in which they went in") {
  list queue;
  CHECK(queue.empty());
  CHECK(queue.front() == nullptr);
  CHECK(queue.pop_front() == nullptr);
  item one{1};
  item two{2};
  item three{3};
  CHECK_FALSE(one.linked());
  queue.push_back(two);
  queue.push_back(three);
  queue.push_front(one);
  CHECK(one.linked());
  CHECK_FALSE(queue.empty());
  CHECK(numbers(queue) == order{1, 2, 3});
  CHECK(queue.pop_front() == &one);
  CHECK_FALSE(one.linked());
  CHECK(queue.pop_front() == &two);
  CHECK(queue.pop_front() == &three);
  CHECK(queue.empty());
}

TEST_CASE("intrusive_list: an item leaves from any place, and twice is once") {
  for (std::size_t leaving : {0u, 1u, 2u}) {
    CAPTURE(leaving);
    list queue;
    std::array<item, 3> items{item{0}, item{1}, item{2}};
    for (item& each : items) queue.push_back(each);
    items[leaving].unlink();
    items[leaving].unlink();
    order expected{0, 1, 2};
    expected.erase(expected.begin() + static_cast<std::ptrdiff_t>(leaving));
    CHECK(numbers(queue) == expected);
    queue.push_back(items[leaving]);
    expected.push_back(static_cast<int>(leaving));
    CHECK(numbers(queue) == expected);
  }
}

TEST_CASE("intrusive_list: an item that dies leaves its list") {
  list queue;
  item one{1};
  auto two = std::make_unique<item>(2);
  item three{3};
  queue.push_back(one);
  queue.push_back(*two);
  queue.push_back(three);
  two.reset();
  CHECK(numbers(queue) == order{1, 3});
}

TEST_CASE("intrusive_list: items outlive their list, unlinked") {
  item one{1};
  item two{2};
  {
    list queue;
    queue.push_back(one);
    queue.push_back(two);
  }
  CHECK_FALSE(one.linked());
  CHECK_FALSE(two.linked());
  list another;
  another.push_back(two);
  CHECK(numbers(another) == order{2});
}

TEST_CASE("intrusive_list: splicing moves all items to the end of the other list") {
  list to;
  list from;
  item one{1};
  item two{2};
  item three{3};
  to.splice_back(from);
  CHECK(to.empty());
  from.push_back(one);
  from.push_back(two);
  to.splice_back(from);  // into an empty one
  CHECK(numbers(to) == order{1, 2});
  CHECK(from.empty());
  from.push_back(three);
  to.splice_back(from);
  CHECK(numbers(to) == order{1, 2, 3});
  to.splice_back(from);  // from an empty one
  CHECK(numbers(to) == order{1, 2, 3});
  two.unlink();
  CHECK(numbers(to) == order{1, 3});
  from.push_back(two);  // the emptied list is usable
  CHECK(numbers(from) == order{2});
}

TEST_CASE("intrusive_list: random operations agree with a vector") {
  std::mt19937 random{20'240'601};
  std::array<std::unique_ptr<item>, 12> items;
  for (std::size_t i = 0; i < items.size(); ++i) items[i] = std::make_unique<item>(int(i));
  list queue;
  order model;
  for (int step = 0; step < 20'000; ++step) {
    const std::size_t index = random() % items.size();
    item& chosen = *items[index];
    const int number = static_cast<int>(index);
    switch (random() % 5) {
      case 0:
        if (!chosen.linked()) queue.push_back(chosen), model.push_back(number);
        break;
      case 1:
        if (!chosen.linked()) queue.push_front(chosen), model.insert(model.begin(), number);
        break;
      case 2:
        chosen.unlink();
        std::erase(model, number);
        break;
      case 3:
        items[index] = std::make_unique<item>(number);
        std::erase(model, number);
        break;
      default:
        const item* popped = queue.pop_front();
        REQUIRE((popped == nullptr) == model.empty());
        if (popped != nullptr) {
          REQUIRE(popped->number == model.front());
          model.erase(model.begin());
        }
    }
    REQUIRE(numbers(queue) == model);
  }
}
