/**
 * The rules of the layout that the linter has no words for, as two tables: what may import what, and what
 * may stand where. A rule is a pattern and the sentence said of what it matches; a test breaks each once.
 */
import { posix } from "node:path"

const FILE_MAX_LINES = 250

/** Tests, what they are made of, and the fault suite. */
const TEST = /\.(test|suite)\.ts$|\/(testing|faults)\//

/** Each is tried on every import of production code, as one text: `services/ingest/main.ts → hono`. */
const IMPORTS: ReadonlyArray<readonly [RegExp, string]> = [
  [/^shared\/.* → (services|scripts)\//, "shared imports nothing of ours but shared"],
  [/^services\/.* → scripts\//, "services import shared and nothing else of ours"],
  [/^services\/([\w-]+)\/.* → services\/(?!\1\/)/, "no service imports another"],
  [/^scripts\/.* → services\//, "scripts import shared and nothing else of ours"],
  [
    /^(?!shared\/redis\/(redis|connector|seeds)\.ts ).* → ioredis(\/|$)/,
    "shared/redis alone opens Redis",
  ],
  [
    /^(?!shared\/postgres\/connection\.ts ).* → postgres(\/|$)/,
    "shared/postgres/connection.ts alone opens PostgreSQL",
  ],
  [
    /^(?!shared\/tracing\/).* → shared\/tracing\/(?!(context|open|variables)\.ts$)/,
    "what makes traces is loaded by shared/tracing/open.ts, where traces are asked for",
  ],
  [/ → .*(\/testing\/|\.(test|suite)\.ts$)/, "only tests import what is made for tests"],
]

/** Those of tests as well. */
const IMPORTS_ANYWHERE: typeof IMPORTS = [
  [/^(?!bench\/).* → bench\//, "only bench imports bench"],
  [/ → .*\/main\.ts$/, "main.ts wires and starts; nobody imports it"],
]

interface LineRule {
  readonly files: RegExp
  readonly except: RegExp
  readonly forbidden: RegExp
  readonly why: string
}

/**
 * For the TypeScript of production. The tables are those that are shipped, by their names alone: what somebody
 * calls a table or a column of his own may be any word of this code.
 */
const LINE_RULES: ReadonlyArray<LineRule> = [
  {
    files: /^(shared|services|scripts)\//,
    except: /^shared\/(tables\.ts|item\.ts|table\/.*)$/,
    forbidden: /(["'`])(key_values|events)\1/,
    why: "only shared/tables.ts, shared/table/ and shared/item.ts name a table",
  },
  {
    files: /^(shared|services)\//,
    except: /^services\/worker\/main\.ts$/,
    forbidden: /\bEffect\.run[A-Z]\w*/,
    why: "effects are run in services/worker/main.ts only",
  },
  {
    files: /^services\/worker\//,
    except: /^services\/worker\/main\.ts$/,
    forbidden: /\b(Date\.now|Math\.random|setTimeout|setInterval|setImmediate)\b/,
    why: "the worker's time and chance are Effect's, so that tests can drive them",
  },
]

/** What a file imports, statically or not, and on which line. Ours is named from the root. */
const importsOf = (file: string, code: string) =>
  [...code.matchAll(/\b(?:from|import)\s*\(?\s*["']([^"'\n]+)["']/g)].map(
    ({ 0: found, 1: name = "", index }) => ({
      target: name.startsWith(".") ? posix.join(posix.dirname(file), name) : name,
      line: code.slice(0, index + found.length).split("\n").length,
    }),
  )

/** A sentence, with its place, for each rule that a file breaks. */
export const breaches = (file: string, text: string): ReadonlyArray<string> => {
  const bad: string[] = []
  const length = text.split("\n").length - 1
  if (length > FILE_MAX_LINES) {
    bad.push(`${file}: ${length} lines; at most ${FILE_MAX_LINES}: are these two nouns?`)
  }
  const isTest = TEST.test(file)
  // A comment may speak of anything. Its lines stay, so that the others keep their numbers.
  const code = text.replaceAll(/^[ \t]*(\*|\/\*|\/\/).*$/gm, "")
  const importRules = isTest ? IMPORTS_ANYWHERE : [...IMPORTS, ...IMPORTS_ANYWHERE]
  for (const { target, line } of importsOf(file, code)) {
    for (const [pattern, why] of importRules) {
      if (pattern.test(`${file} → ${target}`)) bad.push(`${file}:${line}: ${target}: ${why}`)
    }
  }
  if (isTest || !file.endsWith(".ts")) return bad
  for (const { files, except, forbidden, why } of LINE_RULES) {
    if (!files.test(file) || except.test(file)) continue
    for (const [index, line] of code.split("\n").entries()) {
      const found = forbidden.exec(line)
      if (found) bad.push(`${file}:${index + 1}: ${found[0].trim()}: ${why}`)
    }
  }
  return bad
}
