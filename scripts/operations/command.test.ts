import { describe, expect, test } from "vitest"
import { readCommand } from "./command.ts"
import { UsageError } from "./usage.ts"

const read = (line: string) => readCommand(line.split(" ").filter((word) => word !== ""))

describe("the command line", () => {
  test("is a command, and what it takes", () => {
    expect(read("depth --json")).toMatchObject({ name: "depth", versions: [], json: true })
    expect(read("dead --limit 3 --after 20 --reason r --key k --table t")).toMatchObject({
      ...{ limit: "3", after: "20", reason: "r", key: "k", table: "t" },
    })
    expect(read("replay 1 2 --json")).toMatchObject({ name: "replay", versions: ["1", "2"] })
    expect(read("discard --all --key=-x --confirm 2")).toMatchObject({
      ...{ all: true, key: "-x", confirm: "2", versions: [] },
    })
  })

  test("takes a number of shards, or none", () => {
    expect(read("shards")).toMatchObject({ name: "shards", versions: [] })
    expect(read("shards 6 --json")).toMatchObject({ versions: ["6"], json: true })
  })

  test.each(["help", "-h", "--help", "discard --help", "help purge"])(
    "asks for help: %s",
    (line) => {
      expect(read(line)).toBeNull()
    },
  )

  test.each([
    ["", "no command"],
    ["dance", "no command dance"],
    ["toString", "no command toString"],
    ["dead --nothing", "Unknown option '--nothing'"],
    ["dead --limit", "Option '--limit <value>' argument missing"],
    ["dead --limit -5", "Option '--limit' argument is ambiguous"],
    // Each of these would do more than was meant if what is wrong in it were ignored.
    ["purge 1111 --confirm 1", "purge does not take 1111"],
    ["depth foo", "depth does not take foo"],
    ["adopt other", "adopt does not take other"],
    ["shards 6 7", "shards does not take 7"],
    ["shards --all", "shards takes no --all"],
    ["pause --all", "pause takes no --all"],
    ["reasons --limit 3", "reasons takes no --limit"],
    ["purge --confirm 1 --key k", "purge takes no --key"],
    ["purge --confirm 1 --table t", "purge takes no --table"],
    ["replay 1 --table t", "name versions and no options, or --all"],
    ["discard --all --table=", "--table is empty"],
    ["replay", "name versions and no options, or --all"],
    ["replay --reason r", "name versions and no options, or --all"],
    ["replay 1 --all", "name versions and no options, or --all"],
    ["discard 1 --reason r --key k", "name versions and no options, or --all"],
    ["discard 1 --confirm 1", "name versions and no options, or --all"],
    ["discard --all --reason=", "--reason is empty"],
    ["replay --all --key=", "--key is empty"],
    ["discard --all --reason good --reason bad", "--reason is there twice"],
  ])("is refused: %s", (line, sentence) => {
    expect(() => read(line)).toThrow(new UsageError(sentence))
  })
})
