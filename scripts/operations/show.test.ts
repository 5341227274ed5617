import { afterEach, describe, expect, test, vi } from "vitest"
import { show } from "./show.ts"

afterEach(() => {
  vi.restoreAllMocks()
})

/** What was printed: lines, and the rows of tables. */
const printed = (answer: object) => {
  const lines = vi.spyOn(console, "log").mockReturnValue()
  const tables = vi.spyOn(console, "table").mockReturnValue()
  show(answer)
  return { text: lines.mock.calls.flat().join("\n"), rows: tables.mock.calls.flat(2) }
}

describe("an answer", () => {
  test("shows writes of any table, a dash for what they have not, and deletions as such", () => {
    const parked = { "events.note": 1_200, views_in_tests: 1 }
    const { text, rows } = printed({
      success: true,
      queue: [
        { version: 1, table: "events", key: null, value: '{"type":"a"}', parked: "events.note" },
        { version: 2, table: "key_values", key: "k", value: "", deleted: true },
        { version: null, unreadable: "junk" },
      ],
      parked,
    })
    expect(rows).toEqual([
      { version: 1, table: "events", key: "–", value: '{"type":"a"}', parked: "events.note" },
      { version: 2, table: "key_values", key: "k", value: "(deletes the row)" },
      { version: "–", unreadable: "junk" },
    ])
    expect(text).toMatch(/^\nparked {2}1,200 events\.note\n {8}1 views_in_tests$/)
  })

  test("shows dead letters with their table, and that nothing is parked", () => {
    const letter = { version: 1, table: null, key: null, value: "x".repeat(61), sqlstate: null }
    const { rows } = printed({ success: true, dead: [letter], total: 1, next: null })
    expect(rows).toEqual([
      { version: 1, table: "–", key: "–", value: `${"x".repeat(60)}… (61)`, sqlstate: "–" },
    ])
    expect(printed({ queue_depth: 3, parked: {}, held: [] }).text).toContain(
      "queue_depth  3\nparked       no\nheld         no",
    )
  })
})
