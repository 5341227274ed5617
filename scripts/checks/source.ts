/**
 * `npm run check:source`: the rules of the layout that the linter has no words for. Prints a line for
 * each place that breaks one and exits with 1. The names of the table are read from the migrations, so
 * that a buffer for another table is held to the same rule.
 */
import { readdir, readFile } from "node:fs/promises"
import process from "node:process"

const ROOT = new URL("../../", import.meta.url)
const MIGRATIONS = "shared/migrations/"
const FILE_MAX_LINES = 250

/** `key` is the identity in the contract, and `version` the queue's; both outlive a change of table. */
const GENERIC = new Set(["key", "version"])

interface Rule {
  readonly files: RegExp
  readonly except: RegExp
  readonly forbidden: RegExp
  readonly why: string
}

/** The names a migration creates: the table, and the columns that are the table's own. */
const tableNames = async (): Promise<ReadonlyArray<string>> => {
  const files = (await readdir(new URL(MIGRATIONS, ROOT))).filter((file) => file.endsWith(".sql"))
  const texts = await Promise.all(
    files.map((file) => readFile(new URL(MIGRATIONS + file, ROOT), "utf8")),
  )
  const names = texts.flatMap((text) =>
    [...text.matchAll(/create table (\w+) \(([\s\S]*?)\n\)/g)].flatMap(
      ([, table = "", body = ""]) => [
        table,
        ...[...body.matchAll(/^\s+(\w+)\s/gm)].map(([, column = ""]) => column),
      ],
    ),
  )
  return names.filter((name) => !GENERIC.has(name))
}

const rules = (names: ReadonlyArray<string>): ReadonlyArray<Rule> => [
  {
    files: /^(shared|services)\//,
    except: /^shared\/(write|item|table)\.ts$/,
    forbidden: new RegExp(`[.?]\\s*(${names.join("|")})\\b|["'](${names.join("|")})["']`),
    why: `only shared/write.ts, item.ts, table.ts and migrations name ${names.join(", ")}`,
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

const isSource = (file: string) =>
  file.endsWith(".ts") && !/\.(test|suite)\.ts$|\/testing\//.test(file)

const main = async () => {
  const bad: string[] = []
  const table = rules(await tableNames())
  for (const folder of ["shared", "services", "scripts", "bench"]) {
    const files = await readdir(new URL(folder, ROOT), { recursive: true }).catch(() => [])
    for (const file of files
      .map((name) => `${folder}/${name}`)
      .filter((name) => name.endsWith(".ts"))) {
      const lines = (await readFile(new URL(file, ROOT), "utf8")).split("\n")
      if (lines.length - 1 > FILE_MAX_LINES) {
        bad.push(
          `${file}: ${lines.length - 1} lines; at most ${FILE_MAX_LINES}: are these two nouns?`,
        )
      }
      const broken = table.filter(({ files, except }) => files.test(file) && !except.test(file))
      for (const [index, line] of isSource(file) ? lines.entries() : []) {
        // A comment may speak of anything.
        if (/^\s*(\*|\/\*|\/\/)/.test(line)) continue
        for (const { forbidden, why } of broken) {
          const found = forbidden.exec(line)
          if (found) bad.push(`${file}:${index + 1}: ${found[0].trim()}: ${why}`)
        }
      }
    }
  }
  for (const line of bad) console.error(line)
  process.exitCode = bad.length > 0 ? 1 : 0
}

await main()
