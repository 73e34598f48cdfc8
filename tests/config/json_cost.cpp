/// Reads each of the worst texts at half of the permitted length and at all of it, so that
/// linear_cost.sh can count the instructions of each call. Prints the names.
#include "l1l2.h"
#include "worst_texts.hpp"

#include <cstdio>

int main() {
    for (const WorstText& text : worst_texts()) {
        std::printf("%s\n", text.name.c_str());
        for (const std::size_t length : {L1L2_JSON_MAX_LENGTH / 2, L1L2_JSON_MAX_LENGTH}) {
            const std::string json = text.of(length);
            l1l2_regularizer* regularizer = nullptr;
            char message[256];
            l1l2_from_json(json.data(), json.size(), &regularizer, message, sizeof message);
            l1l2_destroy(regularizer);
        }
    }
    return 0;
}
