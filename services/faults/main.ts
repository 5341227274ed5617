/**
 * `npm run test:faults -- [--seed N] [--seconds N] [--down-seconds N] [--runtime deno]
 * [what vitest takes]`: breaks every part of the stack on purpose, then all of them at once in a storm,
 * and asks the oracle after each.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import process from "node:process"
import { fileURLToPath } from "node:url"

const OPTIONS: Readonly<Record<string, string>> = {
  "--seed": "FAULTS_SEED",
  "--seconds": "FAULTS_SECONDS",
  "--down-seconds": "FAULTS_DOWN_SECONDS",
  "--runtime": "FAULTS_RUNTIME",
}

/** Splits the options of ours from those of vitest. */
const read = (parameters: ReadonlyArray<string>) => {
  const env: Record<string, string> = {}
  const rest: string[] = []
  for (let at = 0; at < parameters.length; at++) {
    const [name = "", inline] = (parameters[at] as string).split("=")
    const variable = OPTIONS[name]
    if (!variable) {
      rest.push(parameters[at] as string)
      continue
    }
    const value = inline ?? parameters[++at] ?? ""
    const [allowed, words] =
      name === "--runtime" ? [/^(node|deno)$/, "node or deno"] : [/^\d+$/, "a whole number"]
    if (!allowed.test(value)) throw new Error(`${name} takes ${words}`)
    env[variable] = value
  }
  return { env, rest }
}

const { env, rest } = read(process.argv.slice(2))
const file = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const vitest = file("../../node_modules/vitest/vitest.mjs")
const child = spawn(
  process.execPath,
  [vitest, "run", "--config", file("vitest.config.ts"), ...rest],
  { stdio: "inherit", env: { ...process.env, ...env }, cwd: file("../..") },
)
process.on("SIGTERM", () => child.kill("SIGTERM"))
const [code] = await once(child, "exit")
process.exitCode = code ?? 1
