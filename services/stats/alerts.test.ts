/** The alert rules, by Prometheus' own tool; skipped where it is not installed. */
import { spawnSync } from "node:child_process"
import { readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { describe, expect, test } from "vitest"
import { exposition } from "../../shared/http/metrics.ts"
import { snapshot } from "../../shared/queue/snapshot.ts"
import { toCount } from "./count.ts"
import { makeFigures } from "./metrics.ts"

const SNAPSHOT = snapshot.reply([0, 0, 0, 0, 0, 0, 0, [], [], [["events", 1]]])

const cwd = fileURLToPath(new URL(".", import.meta.url))

const promtool = (...parameters: string[]) => {
  const { status, stdout, stderr, error } = spawnSync("promtool", parameters, { cwd })
  return { status, output: `${stdout}${stderr}`, isMissing: error !== undefined }
}

const hasPromtool = !promtool("--version").isMissing

describe("the alert rules", () => {
  test.runIf(hasPromtool)("are valid, and raised by what each is for", () => {
    expect(promtool("check", "rules", "alerts.yml")).toMatchObject({ status: 0 })
    expect(promtool("test", "rules", "alerts.test.yml")).toMatchObject({ status: 0 })
  })

  test("ask for figures that stats and ingest give", async () => {
    const rules = await readFile(`${cwd}/alerts.yml`, "utf8")
    const asked = new Set(rules.match(/write_buffer_\w+/g))
    const count = async () =>
      toCount(["0", "1"].map((shard) => ({ shard, isCurrent: true, snapshot: SNAPSHOT })))
    const scrape = exposition(await makeFigures(count, async () => null)())
    const given = new Set((await scrape.text()).match(/write_buffer_\w+/g))
    expect([...asked].filter((name) => !given.has(name))).toEqual([
      "write_buffer_http_request_duration_seconds_count",
    ])
  })
})
