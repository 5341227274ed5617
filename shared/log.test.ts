import process from "node:process"
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { type Log, makeLog, makeSparingLog } from "./log.ts"

describe("the log", () => {
  const lines: string[] = []
  beforeEach(() => {
    lines.length = 0
    vi.spyOn(process.stdout, "write").mockImplementation((text) => lines.push(String(text)) > 0)
  })
  afterEach(() => {
    vi.restoreAllMocks()
  })

  test("writes a line of JSON with the service and the fields", () => {
    makeLog("ingest", { LOG_LEVEL: "info", LOG_FORMAT: "json" })("warn", "refused", { writes: 3 })
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/^\{.*\}\n$/)
    expect(JSON.parse(lines[0] ?? "")).toEqual({
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      level: "warn",
      service: "ingest",
      message: "refused",
      writes: 3,
    })
  })

  test("writes text for people", () => {
    makeLog("ingest", { LOG_LEVEL: "info", LOG_FORMAT: "pretty" })("info", "listening", { port: 1 })
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} info {2}listening port=1\n$/)
  })

  test("leaves out what is below its level", () => {
    const log = makeLog("ingest", { LOG_LEVEL: "error", LOG_FORMAT: "json" })
    log("warn", "left out")
    log("error", "written")
    makeLog("ingest", { LOG_LEVEL: "silent", LOG_FORMAT: "json" })("error", "left out")
    expect(lines).toHaveLength(1)
  })
})

describe("a sparing log", () => {
  test("writes a message once a second, and says how many it left out", () => {
    const lines: Array<Parameters<Log>> = []
    const clock = vi.spyOn(performance, "now").mockReturnValue(0)
    const log = makeSparingLog((...line) => lines.push(line))
    for (let i = 0; i < 5; i++) log("warn", "read failed", { reason: "ECONNREFUSED" })
    log("warn", "another", {})
    clock.mockReturnValue(1_000)
    log("warn", "read failed", { reason: "57P01" })
    clock.mockReturnValue(2_000)
    log("warn", "read failed", { reason: "57P01" })
    vi.restoreAllMocks()
    expect(lines).toEqual([
      ["warn", "read failed", { reason: "ECONNREFUSED" }],
      ["warn", "another", {}],
      ["warn", "read failed", { reason: "57P01", omitted: 4 }],
      ["warn", "read failed", { reason: "57P01" }],
    ])
  })
})
