/**
 * `npm run test:mutants [-- <part of a name>…]`: makes one mistake after the other in a copy of the tree
 * and runs the one test that has to fail. Prints a table; exits with 1 when a mistake goes unnoticed, or
 * when its text or its test is not there any more.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { cp, mkdir, readFile, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { temporaryDirectory } from "../../scripts/servers/directory.ts"
import type { Edit, Mutation } from "./mutation.ts"
import { EVIDENCE_MUTATIONS } from "./mutations-evidence.ts"
import { PROCESS_MUTATIONS } from "./mutations-process.ts"
import { PROMISE_MUTATIONS } from "./mutations-promises.ts"
import { PROTOCOL_MUTATIONS } from "./mutations-protocol.ts"
import { SHARD_MUTATIONS } from "./mutations-shards.ts"

/** One test with its servers takes some seconds; a mutant may wait for what never comes. */
const TEST_LIMIT_MILLIS = 180_000

const ROOT = fileURLToPath(new URL("../..", import.meta.url))
const COPIED = [
  "services",
  "shared",
  "scripts",
  "package.json",
  "tsconfig.json",
  "vitest.config.ts",
]

/** Two trees, for most of a test's time is waiting. */
const TREES = 2

type Verdict = "passed" | "failed" | "not run"
type Test = Mutation["caughtBy"]

const CONFIG = "services/faults/vitest.config.ts"
const isFault = ([file]: Test) => file.startsWith("services/faults/")

const toPattern = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")

/** Runs these tests, which have one configuration, in the tree; what became of each. */
const runTests = async (tree: string, tests: ReadonlyArray<Test>) => {
  const report = join(tree, "report.json")
  const pattern = tests.map(([, test]) => toPattern(test)).join("|")
  const parameters = [
    ...[join(ROOT, "node_modules/vitest/vitest.mjs"), "run", "-t", pattern],
    ...["--reporter=json", `--outputFile=${report}`],
    ...(tests.some(isFault) ? ["--config", CONFIG] : []),
    ...new Set(tests.map(([file]) => file)),
  ]
  await writeFile(report, "{}")
  // A mutant that never drains need not be waited for as long as a busy machine.
  const env = { ...process.env, FAULTS_DRAIN_SECONDS: "10" }
  const child = spawn(process.execPath, parameters, { cwd: tree, env, stdio: "ignore" })
  const timer = setTimeout(() => child.kill("SIGTERM"), TEST_LIMIT_MILLIS * tests.length)
  await once(child, "exit")
  clearTimeout(timer)
  const { testResults = [] } = JSON.parse(await readFile(report, "utf8"))
  const results: Array<{ title: string; status: string }> = testResults.flatMap(
    (found: { assertionResults: [] }) => found.assertionResults,
  )
  return ([, test]: Test): Verdict => {
    const found = results.filter(({ title }) => title === test).map(({ status }) => status)
    if (found.includes("failed")) return "failed"
    return found.includes("passed") ? "passed" : "not run"
  }
}

/** Replaces the text; resolves to what puts it back. */
const apply = async (tree: string, { file, from, to }: Edit): Promise<() => Promise<void>> => {
  const path = join(tree, file)
  const text = await readFile(path, "utf8")
  const found = text.split(from).length - 1
  if (found !== 1) throw new Error(`${file} has ${found} times, not once: ${from}`)
  await writeFile(
    path,
    text.replace(from, () => to),
  )
  return () => writeFile(path, text)
}

/** What is wrong with a mutation or its test; null when it was caught. */
const judge = async (tree: string, { edits, caughtBy }: Mutation): Promise<string | null> => {
  const undo: Array<() => Promise<void>> = []
  try {
    for (const edit of edits) undo.unshift(await apply(tree, edit))
    const verdict = (await runTests(tree, [caughtBy]))(caughtBy)
    return verdict === "failed" ? null : verdict === "passed" ? "SURVIVED" : "its test did not run"
  } catch (error) {
    return (error as Error).message
  } finally {
    for (const restore of undo) await restore()
  }
}

/** Only a test that passes without a mistake can have found it. */
const judgeTests = async (trees: ReadonlyArray<string>, tests: ReadonlyArray<Test>) => {
  const groups = [tests.filter(isFault), tests.filter((test) => !isFault(test))]
  const bad = await Promise.all(
    groups.map(async (group, index) => {
      if (group.length === 0) return []
      const verdict = await runTests(trees[index % trees.length] as string, group)
      return group
        .filter((test) => verdict(test) !== "passed")
        .map((test) => `without any mistake ${verdict(test)}: "${test[1]}"`)
    }),
  )
  return bad.flat()
}

const copy = async (tree: string) => {
  await mkdir(tree)
  for (const name of COPIED) await cp(join(ROOT, name), join(tree, name), { recursive: true })
  await symlink(join(ROOT, "node_modules"), join(tree, "node_modules"))
}

const main = async () => {
  const wanted = process.argv.slice(2)
  const mutations = [
    ...PROTOCOL_MUTATIONS,
    ...PROCESS_MUTATIONS,
    ...EVIDENCE_MUTATIONS,
    ...PROMISE_MUTATIONS,
    ...SHARD_MUTATIONS,
  ].filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  const directory = await temporaryDirectory()
  const begin = performance.now()
  const bad: string[] = []
  const verdicts = new Map<Mutation, string | null>()
  try {
    const trees = Array.from({ length: TREES }, (_, index) => join(directory.path, String(index)))
    await Promise.all(trees.map(copy))
    const tests = mutations.map(({ caughtBy }) => caughtBy)
    bad.push(...(await judgeTests(trees, tests)))
    const left = [...mutations]
    const work = async (tree: string) => {
      for (let mutation = left.shift(); mutation; mutation = left.shift()) {
        const problem = await judge(tree, mutation)
        verdicts.set(mutation, problem)
        if (problem !== null) bad.push(`${problem}: ${mutation.name}`)
        console.log(`${problem ?? "caught"}: ${mutation.name}`)
      }
    }
    await Promise.all(trees.map(work))
  } finally {
    await directory.remove()
  }
  console.log("\n| mutant | result | the test that finds it |\n|---|---|---|")
  for (const mutation of mutations) {
    const result = verdicts.get(mutation) === null ? "caught" : "NOT caught"
    console.log(`| ${mutation.name} | ${result} | ${mutation.caughtBy.join(": ")} |`)
  }
  for (const line of bad) console.error(line)
  const seconds = Math.round((performance.now() - begin) / 1_000)
  console.log(`${mutations.length} mutants, ${bad.length} problems, ${seconds} s`)
  process.exitCode = bad.length > 0 || mutations.length === 0 ? 1 : 0
}

await main()
