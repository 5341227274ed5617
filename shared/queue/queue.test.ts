import { describe, expect, test } from "vitest"
import { SCRIPTS } from "./queue.ts"
import { list, number, script, text } from "./script.ts"

describe("the scripts", () => {
  const { enqueue, look, oldest, snapshot, ...draining } = SCRIPTS

  test("that drain work when Redis is full, and the one that fills does not", () => {
    for (const [name, { lua }] of Object.entries(draining)) {
      expect(`${name} ${lua}`).toMatch(/^\w+ #!lua flags=allow-oom\n/)
    }
    // Without flags Redis looks before it runs anything of it.
    expect(enqueue.lua).toMatch(/^#!lua\n/)
  })

  test("that only look may run on a replica and in a full Redis", () => {
    for (const { lua } of [look, oldest, snapshot]) {
      expect(lua.startsWith("#!lua flags=allow-oom,no-writes\n")).toBe(true)
    }
  })

  test("use every key and every argument that they declare", () => {
    for (const [name, { lua }] of Object.entries(SCRIPTS)) {
      const [, declared = "", body = ""] =
        /^((?:local \w+ = .*(?:KEYS|ARGV|argumentsFrom).*\n)+)([\s\S]*)$/m.exec(lua) ?? []
      for (const [, local = ""] of declared.matchAll(/^local (\w+)/gm)) {
        expect(`${name}: ${body}`).toMatch(new RegExp(`\\b${local}\\b`))
      }
    }
  })
})

describe("a script", () => {
  const sample = script({
    mode: "drains",
    keys: ["waiting", "batch"],
    args: { id: text, most: number, letters: list },
    reply: (count: number) => ({ count }),
    lua: "return 1",
  })

  test("gives Redis its keys and arguments in the order of their declaration", () => {
    const keys = { waiting: "w", batch: (id: string) => `b:${id}` } as never
    const call = { letters: ["x", "y"], most: 3, id: "7" }
    expect(sample.parametersOf(keys, call)).toEqual(["w", "b:7", "7", 3, "x", "y"])
    expect(sample.numberOfKeys).toBe(2)
    expect(sample.reply(4)).toEqual({ count: 4 })
    expect(sample.lua).toContain(
      "local batch = KEYS[2]\nlocal id = ARGV[1]\nlocal most = tonumber(ARGV[2])",
    )
  })

  test("that is declared or called wrongly does not compile", () => {
    const rest = { mode: "drains", reply: (count: number) => count, lua: "" } as const
    const keys = {} as Parameters<typeof sample.parametersOf>[0]
    const wrong = [
      // @ts-expect-error no such key
      () => script({ ...rest, keys: ["waitin"], args: {} }),
      // @ts-expect-error a batch has an id
      () => script({ ...rest, keys: ["batch"], args: {} }),
      // @ts-expect-error an argument is left out
      () => sample.parametersOf(keys, { id: "7", most: 3 }),
      // @ts-expect-error an argument is of another kind
      () => sample.parametersOf(keys, { id: 7, most: 3, letters: [] }),
      // @ts-expect-error the reply has no such member
      () => sample.reply(1).sum,
    ]
    expect(wrong).toHaveLength(5)
  })
})
