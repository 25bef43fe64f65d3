// The functions that rules.def names: one a result that text can't say.
#ifndef NNC_PASSES_RULE_FNS_H
#define NNC_PASSES_RULE_FNS_H

#include "passes/rewrite.h"

#define RULE(name, pattern, result, before, after, unless)
#define RULE_F(name, pattern, function, before, after, unless) RuleFn rule_##function;
#include "passes/rules.def"
#undef RULE
#undef RULE_F

#endif
