/**
 * Texts that cost l1l2_from_json most for their length, or did once, of any length.
 */
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

struct WorstText {
    std::string name;
    /// Makes a text that is at most so long, and less than one unit shorter.
    std::function<std::string(std::size_t length)> of;
};

/// `unit(0)`, `unit(1)` and so on, as many as fit between `start` and `end`.
inline WorstText repeated(std::string name, std::string start,
                          std::function<std::string(std::size_t)> unit, std::string end) {
    return {std::move(name), [=](std::size_t length) {
                std::string text = start;
                std::string next = unit(0);
                for (std::size_t i = 1; text.size() + next.size() + end.size() <= length; ++i) {
                    text += next;
                    next = unit(i);
                }
                return text + end;
            }};
}

inline WorstText repeated(std::string name, std::string start, std::string unit, std::string end) {
    return repeated(
        std::move(name), std::move(start), [unit](std::size_t) { return unit; }, std::move(end));
}

inline std::vector<WorstText> worst_texts() {
    const auto distinct_key = [](std::size_t i) { return '"' + std::to_string(i) + "\":1,"; };
    std::vector<WorstText> texts = {
        repeated("white space in an object", R"({"l1": 0.1)", " ", "}"),
        repeated("white space around an object", "", "\n", "{}"),
        repeated("white space between tokens", "[", "1 \t\r\n, ", "1]"),
        repeated("repeated keys", "{", R"("l1":1,)", R"("l1":2})"),
        repeated("distinct keys", "{", distinct_key, R"("l1":1})"),
        repeated("distinct keys beside a class", R"({"class_name":"L1",)", distinct_key,
                 R"("l":1})"),
        repeated("empty keys", R"({"class_name":"L1",)", R"("":"",)", R"("l":1})"),
        repeated("repeated configurations", R"({"class_name":"L1",)", R"("config":{"l1":1},)",
                 R"("config":null})"),
        repeated("keys of a configuration", R"({"class_name":"L1","config":{)", distinct_key,
                 R"("l":1}})"),
        repeated("arrays that do not end", "", "[", ""),
        repeated("objects that do not end", "", R"({"":)", ""),
        repeated("configurations that do not end", "", R"({"config":)", ""),
        {"nested arrays",
         [](std::size_t n) { return std::string(n / 2, '[') + std::string(n / 2, ']'); }},
        repeated("empty arrays", "[", "[],", "[]]"),
        repeated("empty objects", "[", "{},", "{}]"),
        repeated("a string", "\"", "a", "\""),
        repeated("a string that does not end", "\"", "a", ""),
        repeated("a key", "{\"", "k", "\":1}"),
        repeated("strings", "[", R"("",)", R"(""])"),
        repeated("escapes", "\"", R"(\n)", "\""),
        repeated("escaped quotes", "{\"", R"(\")", "\":1}"),
        repeated("escaped code points", "\"", R"(\u00e9)", "\""),
        repeated("escaped surrogates", "\"", R"(\ud83d\ude00)", "\""),
        repeated("half a surrogate at the end", "\"", R"(\ud83d\ude00)", R"(\ud83d")"),
        repeated("control characters in a key", "{\"", R"(\u0001)", "\":1}"),
        repeated("UTF-8", "\"", "\xC3\xA9", "\""),
        repeated("UTF-8 of four bytes", "\"", "\xF0\x9F\x98\x80", "\""),
        repeated("broken UTF-8", "", "\xFF", ""),
        repeated("broken UTF-8 at the end", "\"", "a", "\xFF\""),
        repeated("a NUL at the end", "\"", "a", std::string(1, '\0')),
        repeated("literals", "[", "true,", "null]"),
        repeated("a broken literal", "", "nul", ""),
    };
    // A single number.
    for (const char* const start : {"7", "0.", "0.7", "1e", "1e-", "1e0", "-"}) {
        for (const char* const digit : {"0", "7"}) {
            texts.push_back(repeated(start + std::string(digit) + "...", start, digit, "1"));
        }
    }
    texts.push_back(repeated("0.0...1e60000", "0.", "0", "1e60000"));
    // Many of them.
    for (const std::string number :
         {"1", "-1", "1.5", "1e5", "1.1e99", "1.1e-99", "1.1e300", "1.1e-300", "5e-324", "4.9e-320",
          "1e-400", "2.2250738585072014e-308", "1.7976931348623157e308", "18446744073709551616"}) {
        texts.push_back(repeated("an array of " + number, "[", number + ",", "1]"));
        texts.push_back(
            repeated("members of " + number, "{", R"("l1":)" + number + ",", R"("l1":1})"));
    }
    texts.push_back(repeated("an array of 299 digits", "[", std::string(299, '7') + ",", "1]"));
    texts.push_back(
        repeated("an array of 297 decimals", "[", "0." + std::string(297, '7') + ",", "1]"));
    return texts;
}
