import { describe, expect, test } from "vitest"
import { LOTS_MAX, OTHERS, parkedWarnings, toParked } from "./parked.ts"
import { STATS } from "./testing/app.ts"

const ofLots = (lots: Readonly<Record<string, number>>) => toParked(new Map(Object.entries(lots)))
const warnings = (parked: Readonly<Record<string, number>>, held: ReadonlyArray<string> = []) =>
  parkedWarnings({ ...STATS, parked, held })

describe("parked writes", () => {
  test("are counted by lot, in the order of names, and empty lots are none", () => {
    expect(ofLots({})).toEqual({})
    const found = ofLots({ views_in_tests: 3, "events.note": 1, events: 7, gone: 0 })
    expect(Object.entries(found)).toEqual([
      ["events", 7],
      ["events.note", 1],
      ["views_in_tests", 3],
    ])
  })

  test("are of so many lots, those with the most writes, and of others", () => {
    const many = Array.from({ length: LOTS_MAX + 5 }, (_, at) => [`table_${at}`, at + 1] as const)
    const found = toParked(new Map(many))
    expect(Object.keys(found)).toHaveLength(LOTS_MAX + 1)
    expect(found).toMatchObject({ [`table_${LOTS_MAX + 4}`]: LOTS_MAX + 5, [OTHERS]: 15 })
    expect(toParked(new Map([...many, [OTHERS, 1_000]]))[OTHERS]).toBe(1_000 + 21)
  })

  test("of a lot that no worker has named are not repeated, only counted", () => {
    const found = ofLots({ 'canary"}': 2, "a.b.c": 1, ["x".repeat(64)]: 4, "": 1, __proto: 1 })
    expect(found).toEqual({ __proto: 1, [OTHERS]: 8 })
  })

  test("are explained: by a hold, by a column or by a table that no worker knows", () => {
    const held = [
      "PostgreSQL does not answer (ECONNREFUSED)",
      "events: The table is missing (42P01)",
    ]
    expect(
      warnings({ events: 3, "events.newcol": 3, views_in_tests: 1_200, event: 1 }, held),
    ).toEqual([
      "1,200 writes of views_in_tests wait for a worker that knows the table views_in_tests.",
      "3 writes of events are set aside until the table can be written.",
      "3 writes of events wait for a worker that knows the column newcol.",
      "1 write of event waits for a worker that knows the table event.",
    ])
    expect(warnings({ events: 1 }, ["events: The table is missing"])).toEqual([
      "1 write of events is set aside until the table can be written.",
    ])
  })

  test("have a line for each of the ten largest lots, and one for all others", () => {
    const lots = Object.fromEntries(Array.from({ length: 12 }, (_, at) => [`t${at}`, at + 1]))
    const lines = warnings({ ...lots, [OTHERS]: 1 })
    expect(lines).toHaveLength(11)
    expect(lines[0]).toMatch(/^12 writes of t11 wait/)
    expect(lines[10]).toBe("4 writes of other tables or columns are set aside.")
  })
})
