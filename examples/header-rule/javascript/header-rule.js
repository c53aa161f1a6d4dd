// The header rule in JavaScript.

import request from "sluice:plugin/request@0.1.0";
import requestEdit from "sluice:plugin/request-edit@0.1.0";

const SCHEMA = {
  type: "object",
  properties: {
    header: { type: "string", description: "The header that must be there, once." },
    allow: {
      type: "array",
      items: { type: "string" },
      minItems: 1,
      description: "The values that it may have: visible ASCII.",
    },
    stamp: { type: "string", description: "A header to set where the request passes." },
  },
  required: ["header", "allow"],
  additionalProperties: false,
};

// A token of RFC 9110.
const NAME = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
const VISIBLE = /^[!-~]+$/;

// Set once, by `configure`.
let rule = null;

// A result of WIT is a returned value, or a thrown error.
export const lifecycle = {
  describe() {
    return {
      summary: "Lets in requests that carry a header with an allowed value.",
      configSchema: JSON.stringify(SCHEMA),
    };
  },

  configure(json) {
    const config = JSON.parse(json);
    const problems = problemsOf(config);
    if (problems.length > 0) throw problems;
    rule = { ...config, allow: new Set(config.allow) };
  },
};

export const onRequest = {
  onRequest() {
    const wrong = whatIsWrong();
    if (wrong !== null) {
      return { tag: "respond", val: forbidden(`The header ${rule.header} ${wrong}.`) };
    }
    if (rule.stamp !== undefined) requestEdit.setHeader(rule.stamp, bytes("1"));
    return { tag: "next" };
  },
};

function whatIsWrong() {
  switch (request.headerCount(rule.header)) {
    case 0:
      return "is missing";
    case 1:
      return rule.allow.has(text(request.header(rule.header)))
        ? null
        : "has a value that is not allowed";
    default:
      return "came more than once";
  }
}

function problemsOf(config) {
  const problems = [];
  const check = (fits, at, message) => fits || problems.push({ at, message });
  const isName = (value) => typeof value === "string" && NAME.test(value);
  for (const key of Object.keys(config)) {
    const place = "/" + key.replaceAll("~", "~0").replaceAll("/", "~1");
    check(Object.hasOwn(SCHEMA.properties, key), place, "unknown key; known are `header`, `allow`, `stamp`");
  }
  check(isName(config.header), "/header", "expected the name of a header");
  if (Array.isArray(config.allow) && config.allow.length > 0) {
    config.allow.forEach((value, i) => {
      const fits = typeof value === "string" && VISIBLE.test(value);
      check(fits, `/allow/${i}`, "expected visible ASCII");
    });
  } else {
    check(false, "/allow", "expected a list with at least one value");
  }
  check(!("stamp" in config) || isName(config.stamp), "/stamp", "expected the name of a header");
  return problems;
}

// RFC 9457
function forbidden(detail) {
  const problem = { type: "about:blank", title: "Forbidden", status: 403, detail };
  return {
    status: 403,
    headers: [{ name: "content-type", value: bytes("application/problem+json") }],
    body: bytes(JSON.stringify(problem)),
  };
}

// QuickJS has no TextEncoder. Everything here is ASCII: `configure` saw to it.
function bytes(ascii) {
  return Uint8Array.from(ascii, (character) => character.charCodeAt(0));
}

function text(bytes) {
  return String.fromCharCode(...bytes);
}
