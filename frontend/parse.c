// Scan, match brackets, parse.
#include "frontend/parse.h"

#include "frontend/ast_build.h"
#include "frontend/parser.h"
#include "frontend/recover.h"

#include <string.h>

// What an unterminated string swallowed may define names.
static void lose_words(Parser *p, const char *text, Span s, Intern *names) {
  for (uint32_t i = s.begin; i < s.end; i++) {
    uint32_t n =
        (uint32_t)strspn(text + i, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    if (n && i + n <= s.end) LIST_ADD(p, p->lost, intern_n(names, text + i, n));
    i += n;
  }
}

// `x := e` means to define x.
static void lose_defined(Parser *p, const char *text) {
  const TokenVec *t = &p->scanned->tokens;
  for (size_t i = 1; i < t->len; i++)
    if (t->data[i].kind == '=' && text[t->data[i].begin] == ':' && t->data[i - 1].kind == T_IDENT)
      LIST_ADD(p, p->lost, t->data[i - 1].value.word);
}

static bool parenthesis(const Parser *p, const Problem *q) {
  const Source *s = source_get(diags_sources(p->diags), p->source);
  return !q->settled && (q->code == DIAG_E0108 || q->code == DIAG_E0109) &&
         strchr("()[]", s->text[q->span.begin]);
}

bool unbalanced(const Parser *p, Span at) {
  const ProblemVec *all = &p->scanned->problems;
  for (size_t k = 0; k < all->len; k++)
    if (all->data[k].torn && all->data[k].at == at.end) return true;
  for (size_t k = 0; k < all->len; k++)
    if (parenthesis(p, &all->data[k]) && all->data[k].span.begin >= at.begin &&
        all->data[k].span.begin < at.end)
      return true;
  return false;
}

bool head_torn(const Parser *p, Span at) {
  const ProblemVec *all = &p->scanned->problems;
  for (size_t k = 0; k < all->len; k++)
    if (all->data[k].code == DIAG_E0108 && parenthesis(p, &all->data[k]) &&
        all->data[k].span.begin >= at.begin && all->data[k].span.begin < at.end)
      return true;
  return false;
}

// A statement whose parentheses do not match means something else than was meant: that was said, and whatever
// else is wrong with it as it stands is no news.
static void mute_unbalanced(Parser *p) {
  const ProblemVec *all = &p->scanned->problems;
  const TokenVec *t = &p->scanned->tokens;
  p->resumed = NO_TOKEN;
  for (size_t k = 0; k < all->len && diags_errors(p->diags); k++) {
    Span at = all->data[k].span;
    if (!parenthesis(p, &all->data[k])) continue;
    uint32_t i = 0;
    while (i + 1 < t->len && t->data[i].begin < at.begin) i++;
    uint32_t end = i;
    while (end + 1 < t->len && t->data[end].kind != ';' &&
           (t->data[end].kind != '{' || t->data[end].in_expression))
      end++;
    uint32_t start = item_start(p, i);
    diags_mute(p->diags, (Span){p->source, t->data[start].begin, t->data[end].begin});
    for (uint32_t j = start; j < end; j++) // it may apply a model
      if (t->data[j].kind == T_IDENT) LIST_ADD(p, p->lost, t->data[j].value.word);
  }
}

// Where the item begins in whose middle the text ends: after a sign that asks for more, in a bracket that is
// never closed, or on the line of a word that may be half a word. Who only forgets the last `;` ends the
// line. `open`: the grammar will complain of the end.
static uint32_t cut_item(const Parser *p, const Source *text, bool *open) {
  const TokenVec *t = &p->scanned->tokens;
  uint32_t end = (uint32_t)t->len - 1, last = end;
  bool bracket = false;
  for (; last > 0 && t->data[last - 1].inserted; last--) bracket |= t->data[last - 1].kind != ';';
  if (last == 0) return NO_TOKEN;
  const Token *k = &t->data[last - 1];
  *open = last == end && k->kind != ';' && k->kind != '}';
  return *open || bracket || (last < end && !strchr(text->text + k->end, '\n')) ? item_start(p, last - 1)
                                                                                : NO_TOKEN;
}

static bool says_cut(const Problem *q) { return q->code == DIAG_E0107 || q->code == DIAG_E0108; }

// That a text ends in half a lexeme (`|`, `1e-`) is no news where something else will say that it is cut off.
static void forget_half(ProblemVec *all, size_t end, bool open) {
  size_t kept = 0;
  bool said = false;
  for (size_t i = 0; i < all->len; i++) said |= says_cut(&all->data[i]);
  for (size_t i = 0; i < all->len; i++) {
    const Problem *q = &all->data[i];
    bool consequence = open ? !q->covers : said && !says_cut(q);
    if (!consequence || q->span.end + 1 < end) all->data[kept++] = *q;
  }
  all->len = kept;
}

// Nor is what the last item of such a text, `cut`, and the heads of the blocks around it mean so.
static void mute_cut(Parser *p, uint32_t cut, const Source *text) {
  const TokenVec *t = &p->scanned->tokens;
  diags_mute(p->diags, (Span){p->source, t->data[cut].begin, (uint32_t)text->len});
  for (uint32_t i = cut; i < t->len; i++) {
    uint32_t open = t->data[i].kind == '}' && t->data[i].inserted ? t->data[i].partner : NO_TOKEN;
    if (open != NO_TOKEN)
      diags_mute(p->diags, (Span){p->source, t->data[item_start(p, open)].begin,
                                  t->data[open].in_expression ? (uint32_t)text->len : t->data[open].end});
  }
}

File *parse_source(uint32_t source, const SourceMap *sources, Intern *names, Diags *diags, Arena *a) {
  File *file = ARENA_NEW(a, File);
  file->source = source;
  const Source *text = source_get(sources, source);
  if (text->len > MAX_SOURCE_BYTES) {
    Diag *g = diag_error(diags, DIAG_E0802, (Span){source, 0, 0}, "this file is too large");
    diag_label(g, "%zu bytes, at most %d are read", text->len, MAX_SOURCE_BYTES);
    return file;
  }
  Parser p = {.arena = a, .diags = diags, .source = source, .file = file, .resumed = NO_TOKEN};
  p.scanned = scan_source(source, text, names, a);
  repair_kinds(p.scanned, source, a);
  repair_brackets(p.scanned, source, text->text, a);
  sort_problems(p.scanned);
  for (size_t i = 0; i < p.scanned->problems.len; i++)
    if (p.scanned->problems.data[i].code == DIAG_E0105)
      lose_words(&p, text->text, p.scanned->problems.data[i].span, names);
  lose_defined(&p, text->text);
  bool open = false;
  uint32_t cut = cut_item(&p, text, &open);
  if (cut != NO_TOKEN) forget_half(&p.scanned->problems, text->len, open);
  p.cut = open ? NO_TOKEN : cut;
  nn_yyparse(&p); // its result only says whether the last recovery reached the end
  mute_unbalanced(&p);
  for (uint32_t i = 0; i < p.n_misused; i++) // after a dot they are names
    LIST_ADD(&p, p.lost, intern(names, p.misused[i]));
  if (cut != NO_TOKEN) mute_cut(&p, cut, text);
  file->cut_off = cut != NO_TOKEN;
  file->lost = p.lost.data;
  file->n_lost = p.lost.len;
  file->n_nameless = p.n_nameless;
  file->decls.span = (Span){source, 0, (uint32_t)text->len};
  return file;
}
