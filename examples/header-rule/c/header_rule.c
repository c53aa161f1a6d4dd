// The header rule in C.

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define JSMN_STATIC
#define JSMN_STRICT
#define JSMN_PARENT_LINKS
#include <jsmn.h>

#include "header_rule.h"

// Values in a configuration, and problems that are told at once.
enum { MAX_TOKENS = 1024, MAX_PROBLEMS = 32 };

typedef header_rule_string_t text;
typedef sluice_plugin_types_bytes_t bytes;
typedef exports_sluice_plugin_lifecycle_problem_t problem;
typedef exports_sluice_plugin_lifecycle_list_problem_t problems;
typedef exports_sluice_plugin_on_request_verdict_t verdict;

static const char SUMMARY[] = "Lets in requests that carry a header with an allowed value.";
static const char SCHEMA[] =
    "{\"type\":\"object\",\"properties\":{"
    "\"header\":{\"type\":\"string\",\"description\":\"The header that must be there, once.\"},"
    "\"allow\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"minItems\":1,"
    "\"description\":\"The values that it may have: visible ASCII.\"},"
    "\"stamp\":{\"type\":\"string\",\"description\":\"A header to set where the request passes.\"}},"
    "\"required\":[\"header\",\"allow\"],\"additionalProperties\":false}";

// Set once, by `configure`. A name that is not there is empty.
static struct {
  text header;
  text allow[MAX_TOKENS];
  size_t allow_len;
  text stamp;
} rule;

// Text that is not copied, and not to be freed.
static text literal(const char *string) {
  return (text){(uint8_t *)string, strlen(string)};
}

// Without memory there is nothing to do but trap, which costs this call and this
// instance.
static void *allocate(size_t count, size_t size) {
  void *memory = calloc(count, size);
  if (memory == NULL && count > 0) abort();
  return memory;
}

// One text of several, on the heap: the bindings free what a call returns.
static text join(const text *parts, size_t count) {
  text whole = {NULL, 0};
  for (size_t i = 0; i < count; i++) whole.len += parts[i].len;
  uint8_t *end = whole.ptr = allocate(whole.len, 1);
  for (size_t i = 0; i < count; i++) {
    memcpy(end, parts[i].ptr, parts[i].len);
    end += parts[i].len;
  }
  return whole;
}
#define JOIN(...) join((text[]){__VA_ARGS__}, sizeof((text[]){__VA_ARGS__}) / sizeof(text))

static bool equal(text a, const char *b) {
  return a.len == strlen(b) && memcmp(a.ptr, b, a.len) == 0;
}

static bool is_visible(text value) {
  for (size_t i = 0; i < value.len; i++)
    if (value.ptr[i] <= ' ' || value.ptr[i] > '~') return false;
  return value.len > 0;
}

// A token of RFC 9110.
static bool is_name(text value) {
  for (size_t i = 0; i < value.len; i++)
    if (strchr("\"(),/:;<=>?@[\\]{}", value.ptr[i]) != NULL) return false;
  return is_visible(value);
}

static void complain(problems *found, text at, const char *message) {
  if (found->len == MAX_PROBLEMS) return;
  if (found->ptr == NULL) found->ptr = allocate(MAX_PROBLEMS, sizeof(problem));
  found->ptr[found->len++] = (problem){JOIN(at), JOIN(literal(message))};
}

// The string in a token. It is empty where there is no string, or one with
// escapes that visible ASCII does not need.
static text string_in(const char *json, const jsmntok_t *token) {
  text value = {(uint8_t *)json + token->start, (size_t)(token->end - token->start)};
  if (token->type != JSMN_STRING) value.len = 0;
  value = JOIN(value);
  size_t len = 0;
  for (size_t i = 0; i < value.len; i++) {
    if (value.ptr[i] == '\\' && strchr("\"\\/", value.ptr[++i]) == NULL) {
      len = 0;
      break;
    }
    value.ptr[len++] = value.ptr[i];
  }
  value.len = len;
  return value;
}

// A key as a step of a JSON Pointer (RFC 6901).
static text step(text key) {
  text at = {allocate(1 + 2 * key.len, 1), 0};
  at.ptr[at.len++] = '/';
  for (size_t i = 0; i < key.len; i++) {
    bool escape = key.ptr[i] == '~' || key.ptr[i] == '/';
    if (escape) at.ptr[at.len++] = '~';
    at.ptr[at.len++] = !escape ? key.ptr[i] : key.ptr[i] == '~' ? '0' : '1';
  }
  return at;
}

// `/allow/INDEX`
static text place_in_allow(size_t index) {
  uint8_t digits[4];
  size_t begin = sizeof digits;
  do digits[--begin] = (uint8_t)('0' + index % 10);
  while ((index /= 10) > 0 && begin > 0);
  return JOIN(literal("/allow/"), (text){digits + begin, sizeof digits - begin});
}

static void read_allow(const char *json, const jsmntok_t *tokens, int count, int list,
                       problems *found) {
  for (int i = list + 1; i < count; i++) {
    if (tokens[i].parent != list) continue;
    text value = string_in(json, &tokens[i]);
    if (!is_visible(value))
      complain(found, place_in_allow(rule.allow_len), "expected visible ASCII");
    rule.allow[rule.allow_len++] = value;
  }
}

static void read_config(const char *json, size_t len, problems *found) {
  static jsmntok_t tokens[MAX_TOKENS];
  jsmn_parser parser;
  jsmn_init(&parser);
  int count = jsmn_parse(&parser, json, len, tokens, MAX_TOKENS);
  if (count < 1 || tokens[0].type != JSMN_OBJECT) {
    complain(found, literal(""), "expected a table with fewer than 1000 values");
    return;
  }
  for (int i = 1; i + 1 < count; i++) {
    if (tokens[i].parent != 0) continue;
    text key = string_in(json, &tokens[i]);
    if (equal(key, "header")) {
      rule.header = string_in(json, &tokens[i + 1]);
    } else if (equal(key, "stamp")) {
      rule.stamp = string_in(json, &tokens[i + 1]);
      if (!is_name(rule.stamp))
        complain(found, literal("/stamp"), "expected the name of a header");
    } else if (equal(key, "allow")) {
      if (tokens[i + 1].type == JSMN_ARRAY) read_allow(json, tokens, count, i + 1, found);
    } else {
      complain(found, step(key), "unknown key; known are `header`, `allow`, `stamp`");
    }
    header_rule_string_free(&key);
  }
  if (!is_name(rule.header))
    complain(found, literal("/header"), "expected the name of a header");
  if (rule.allow_len == 0)
    complain(found, literal("/allow"), "expected a list with at least one value");
}

void exports_sluice_plugin_lifecycle_describe(
    exports_sluice_plugin_lifecycle_description_t *description) {
  description->summary = JOIN(literal(SUMMARY));
  description->config_schema = JOIN(literal(SCHEMA));
}

bool exports_sluice_plugin_lifecycle_configure(text *config, problems *found) {
  found->ptr = NULL;
  found->len = 0;
  read_config((const char *)config->ptr, config->len, found);
  header_rule_string_free(config);
  return found->len == 0;
}

// The request

static bool is_allowed(bytes value) {
  for (size_t i = 0; i < rule.allow_len; i++)
    if (value.len == rule.allow[i].len && memcmp(value.ptr, rule.allow[i].ptr, value.len) == 0)
      return true;
  return false;
}

// What is wrong with the request; NULL where nothing is.
static const char *what_is_wrong(void) {
  uint32_t count = sluice_plugin_request_header_count(&rule.header);
  if (count > 1) return "came more than once";
  bytes value;
  if (count == 0 || !sluice_plugin_request_header(&rule.header, &value)) return "is missing";
  bool allowed = is_allowed(value);
  sluice_plugin_types_bytes_free(&value);
  return allowed ? NULL : "has a value that is not allowed";
}

// RFC 9457. A name of a header needs no escapes in JSON.
static sluice_plugin_types_reply_t forbidden(const char *wrong) {
  text body = JOIN(literal("{\"type\":\"about:blank\",\"title\":\"Forbidden\",\"status\":403,"
                           "\"detail\":\"The header "),
                   rule.header, literal(" "), literal(wrong), literal(".\"}"));
  text media_type = JOIN(literal("application/problem+json"));
  sluice_plugin_types_field_t *headers = allocate(1, sizeof *headers);
  headers->name = JOIN(literal("content-type"));
  headers->value = (bytes){media_type.ptr, media_type.len};
  return (sluice_plugin_types_reply_t){403, {headers, 1}, {body.ptr, body.len}};
}

// False is an error: the plugin's own failure.
bool exports_sluice_plugin_on_request_on_request(verdict *answer, text *error) {
  const char *wrong = what_is_wrong();
  if (wrong != NULL) {
    answer->tag = EXPORTS_SLUICE_PLUGIN_ON_REQUEST_VERDICT_RESPOND;
    answer->val.respond = forbidden(wrong);
    return true;
  }
  if (rule.stamp.len > 0) {
    bytes one = {(uint8_t *)"1", 1};
    sluice_plugin_request_edit_rejected_t rejected;
    if (!sluice_plugin_request_edit_set_header(&rule.stamp, &one, &rejected)) {
      *error = JOIN(literal("the gateway refused the header "), rule.stamp);
      return false;
    }
  }
  answer->tag = EXPORTS_SLUICE_PLUGIN_ON_REQUEST_VERDICT_NEXT;
  return true;
}
