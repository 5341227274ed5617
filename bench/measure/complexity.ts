/**
 * Complexity, counted: the processes and stores of both paths, and the lines of code that they run, which
 * are those of their entry files and of all that these import from this repository.
 */
import { readFile } from "node:fs/promises"
import type { Complexity } from "../result.ts"

const ROOT = new URL("../../", import.meta.url)

const IMPORT = /^(?:import|export)\b[^"]*?from "(\.[^"]+)"/gms

/** The files that `entries` need, these included. */
export const closure = async (
  entries: ReadonlyArray<URL>,
): Promise<ReadonlyMap<string, string>> => {
  const found = new Map<string, string>()
  const waiting = [...entries]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (found.has(next.href)) continue
    const text = await readFile(next, "utf8")
    found.set(next.href, text)
    for (const [, path = ""] of text.matchAll(IMPORT)) waiting.push(new URL(path, next))
  }
  return found
}

/** Lines that hold code: neither blank nor only a comment. */
export const countLines = (text: string): number =>
  text
    .replaceAll(/^\s*\/\*[\s\S]*?\*\/\s*$/gm, "")
    .split("\n")
    .filter((line) => line.trim() !== "" && !/^\s*\/\//.test(line)).length

const count = async (
  processes: Readonly<Record<string, string>>,
  stores: ReadonlyArray<string>,
): Promise<Complexity> => {
  const files = await closure(Object.values(processes).map((path) => new URL(path, ROOT)))
  const lines = [...files.values()].reduce((sum, text) => sum + countLines(text), 0)
  return { processes: Object.keys(processes), stores, files: files.size, lines }
}

export const countComplexity = async () => ({
  sync: await count({ sync: "bench/sync.ts", reader: "services/reader/main.ts" }, ["PostgreSQL"]),
  async: await count(
    {
      ingest: "services/ingest/main.ts",
      worker: "services/worker/main.ts",
      reader: "services/reader/main.ts",
      stats: "services/stats/main.ts",
    },
    ["Redis", "PostgreSQL"],
  ),
})
