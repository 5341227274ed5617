import { describe, expect, it } from "vitest"
import { OptionsError, parseOptions } from "./options.ts"

describe("parseOptions", () => {
  it("measures all, three times, without options", () => {
    expect(parseOptions([])).toEqual({
      quick: false,
      only: [
        ...["main", "reads", "steady", "visibility", "outage", "drain", "durability", "growth"],
      ],
      connections: [32, 1, 100, 256, 500],
      duration: 2.5,
      rounds: 3,
      json: null,
      runtime: "node",
      table: "key_values",
    })
  })

  it("measures what the table needs with --quick", () => {
    const quick = parseOptions(["--quick"])
    expect(quick?.only).toEqual(["main", "steady", "visibility", "outage"])
    expect(quick?.connections).toEqual([32, 1])
  })

  it("lets each option be set, also with --quick", () => {
    const line =
      "--quick --only drain,growth --connections 8,64 --duration 0.5 --rounds 2 --json a.json --runtime deno --table events"
    expect(parseOptions(line.split(" "))).toEqual({
      quick: true,
      only: ["drain", "growth"],
      connections: [8, 64],
      duration: 0.5,
      rounds: 2,
      json: "a.json",
      runtime: "deno",
      table: "events",
    })
  })

  it("measures of appended rows what needs no key", () => {
    expect(parseOptions(["--quick", "--table", "events"])?.only).toEqual([
      ...["main", "steady", "outage"],
    ])
  })

  it("is null when help is asked for", () => {
    expect(parseOptions(["--help"])).toBeNull()
  })

  it.each([
    ["--fast", "Unknown option '--fast'; npm run bench -- --help says what is allowed"],
    ["quick", "Unexpected argument 'quick'"],
    ["--only all", '--only is "all"; allowed is main, reads, steady, visibility'],
    ["--rounds 0", '--rounds is "0"; allowed is a whole number from 1 to 50'],
    ["--rounds 1.5", '--rounds is "1.5"; allowed is a whole number from 1 to 50'],
    ["--duration long", '--duration is "long"; allowed is a number from 0.2 to 60'],
    ["--connections 32,", '--connections is ""; allowed is a whole number from 1 to 500'],
    ["--runtime bun", '--runtime is "bun"; allowed is node or deno'],
    ["--table none", '--table is "none"; allowed is key_values, events'],
    ["--table events --only visibility", '--only is "visibility"; allowed is main, steady, outage'],
  ])("refuses %s in one line", (line, message) => {
    const parse = () => parseOptions(line.split(" "))
    expect(parse).toThrow(OptionsError)
    expect(parse).toThrow(message)
    expect(parse).not.toThrow("\n")
  })
})
