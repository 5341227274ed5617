import { describe, expect, test } from "vitest"
import type { Item } from "../../shared/item.ts"
import { coalesce, halve } from "./coalesce.ts"
import { item } from "./testing/kit.ts"

const shown = (items: ReadonlyArray<Item>) => items.map(({ write }) => write.row.value)

describe("coalesce", () => {
  test("keeps the newest write of each key, sorted by key, whatever the order", () => {
    const items = [item("b", 2), item("a", 1), item("b", 5), item("c", 3), item("b", 4)]
    expect(shown(coalesce(items).newest)).toEqual(["a1", "b5", "c3"])
    expect(shown(coalesce(items.toReversed()).newest)).toEqual(["a1", "b5", "c3"])
    expect(coalesce([]).newest).toEqual([])
  })

  test("gives the older writes of a key one after the other, newest first, each once", () => {
    const { newest, nextOlder } = coalesce([item("a", 1), item("a", 3), item("b", 9), item("a", 2)])
    const [a, b] = newest as [Item, Item]
    expect(nextOlder(a)).toEqual(item("a", 2))
    expect(nextOlder(b)).toBeUndefined()
    expect(nextOlder(a)).toEqual(item("a", 1))
    expect(nextOlder(a)).toBeUndefined()
  })

  test("takes the names of Object's members for keys like any other", () => {
    const names = ["__proto__", "constructor", "hasOwnProperty", "toString"]
    const { newest, nextOlder } = coalesce(names.flatMap((name) => [item(name, 1), item(name, 2)]))
    expect(shown(newest)).toEqual(names.map((name) => `${name}2`))
    expect(nextOlder(newest[0] as Item)).toEqual(item("__proto__", 1))
  })

  test("sorts by code units, the same order in every worker and locale", () => {
    const keys = ["é", "z", "Z", "a b", "a", "", "🙂", "\uffff"]
    const { newest } = coalesce(keys.map((key) => item(key, 1)))
    expect(newest.map(({ write }) => write.row.key)).toEqual(keys.toSorted())
  })

  test("leaves the items it was given as they were", () => {
    const items = [item("b", 2), item("b", 1), item("a", 3)]
    const before = [...items]
    coalesce(items)
    expect(items).toEqual(before)
  })
})

describe("halve", () => {
  test("splits in two, the first not smaller, and ends at one", () => {
    expect(halve([1, 2, 3, 4])).toEqual([
      [1, 2],
      [3, 4],
    ])
    expect(halve([1, 2, 3])).toEqual([[1, 2], [3]])
    expect(halve([1, 2])).toEqual([[1], [2]])
    expect(halve([1])).toEqual([[1], []])
  })
})
