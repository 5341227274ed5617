import { spawn } from "node:child_process"
import { once } from "node:events"
import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { afterAll, describe, expect, it } from "vitest"
import { temporaryDirectory } from "../scripts/servers/directory.ts"
import { readResults } from "./result.ts"

const MAIN = fileURLToPath(new URL("main.ts", import.meta.url))

const { path: directory, remove } = await temporaryDirectory()
afterAll(remove)

/** Everything it starts is put into the test's directory, so what it leaves behind is seen there. */
const start = (...argv: string[]) => startWith({ DATABASE_URL: "", REDIS_URL: "" }, ...argv)

const startWith = (urls: Readonly<Record<string, string>>, ...argv: string[]) => {
  const child = spawn(process.execPath, [MAIN, ...argv], {
    env: {
      ...process.env,
      TMPDIR: directory,
      BENCH_RESULTS: join(directory, "results"),
      ...urls,
    },
    stdio: ["ignore", "pipe", "pipe"],
  })
  let output = ""
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text
    })
  }
  return { child, exited: once(child, "close"), output: () => output }
}

const leftovers = async () =>
  (await readdir(directory)).filter((name) => name.startsWith("write-buffer-"))

/** Seven services start, one after the other, on a machine that may run other tests. */
const LIMIT_MILLIS = 240_000

describe("npm run bench", { timeout: LIMIT_MILLIS }, () => {
  it("measures sync and async at both distances, and loses no write", async () => {
    const file = join(directory, "out.json")
    const options = ["--connections", "4", "--duration", "0.3", "--rounds", "1"]
    const { exited, output } = start("--only", "main,reads,steady", ...options, "--json", file)
    const [code] = await exited
    expect(code, output()).toBe(0)
    const { loads, steady = [], roundTrip } = await readResults(file)
    const names = loads.map(({ contender, work = "upsert", distance }) =>
      [contender, work, distance].join(" "),
    )
    expect(names.sort()).toEqual([
      ...["async append near", "async bulk far", "async bulk near", "async mixed near"],
      ...["async upsert far", "async upsert near", "async wait far", "async wait near"],
      ...["ceiling upsert near", "reader read far", "reader read near", "sync append near"],
      ...["sync mixed near", "sync read far", "sync read near"],
      ...["sync upsert far", "sync upsert near"],
    ])
    for (const load of loads) {
      expect(load.accepted).toBeGreaterThan(0)
      expect(load.refused + load.unanswered).toBe(0)
      expect(load.p50).toBeLessThanOrEqual(load.p99)
      const isStored = load.work !== "read" && load.contender !== "ceiling"
      expect(load.missing).toBe(isStored ? 0 : null)
      expect(load.cpuSeconds.server).toEqual(
        process.platform === "linux" ? expect.any(Number) : null,
      )
    }
    expect(
      steady.map(({ contender, distance, missing }) => [contender, distance, missing]),
    ).toEqual([
      ...[
        ["sync", "near", 0],
        ["async", "near", 0],
        ["sync", "far", 0],
        ["async", "far", 0],
      ],
    ])
    expect(roundTrip.far - roundTrip.near).toBeGreaterThan(17)
    expect(output()).toMatch(/write throughput, far, .*\/s/)
    expect(await readFile(join(directory, "results/report.html"), "utf8")).toContain("<figure>")
    expect(await leftovers()).toEqual([])
  })

  it("measures many shards, and loses no write", async () => {
    const file = join(directory, "scale.json")
    const { exited, output } = start(
      ...["--only", "scale", "--duration", "0.3", "--rounds", "1", "--json", file],
    )
    const [code] = await exited
    expect(code, output()).toBe(0)
    const { scale } = await readResults(file)
    expect(scale?.loads.map(({ shards, rate, missing }) => [shards, rate, missing])).toEqual([
      ...[1, 12, 64].map((shards) => [shards, 4_000, 0]),
      ...[1, 12, 64].map((shards) => [shards, null, 0]),
    ])
    for (const load of scale?.loads ?? []) expect(load.batches).toBeGreaterThan(0)
    expect(scale?.idle.map(({ shards }) => shards)).toEqual([1, 12, 64])
    expect(await leftovers()).toEqual([])
  })

  it("stops all it started and prints what is there on Ctrl-C", async () => {
    const { child, exited, output } = start("--only", "outage", "--rounds", "1")
    while (!output().includes("PostgreSQL away")) await once(child.stdout, "data")
    child.kill("SIGINT")
    const [code] = await exited
    expect(code, output()).toBe(130)
    expect(output()).toContain("write throughput, near")
    expect(await leftovers()).toEqual([])
  })

  it("answers a URL of a server that it cannot measure with one line", async () => {
    const urls = { DATABASE_URL: "postgres://user:secret@one,two/db", REDIS_URL: "" }
    const { exited, output } = startWith(urls)
    expect(await exited).toEqual([1, null])
    expect(output().trim().split("\n").at(-1)).toBe(
      "bench: DATABASE_URL names several hosts; allowed is one: it is one that is measured",
    )
    expect(output()).not.toMatch(/secret|one,/)
    expect(await leftovers()).toEqual([])
  })

  it("answers an unknown option with one line", async () => {
    const { exited, output } = start("--fast")
    expect(await exited).toEqual([1, null])
    expect(output()).toBe(
      "bench: Unknown option '--fast'; npm run bench -- --help says what is allowed\n",
    )
  })
})
