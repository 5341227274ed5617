/** Bodies with many rows. */
export const GZIP = { "content-encoding": "gzip" }

export const EVENT = { type: "click", payload: { x: 1 }, at: "2026-11-25T10:00:00.000Z" }

export const ROWS = [
  { key: "a", value: "ä🗝" },
  { key: "b", value: "\n" },
]

export const lines = (rows: ReadonlyArray<unknown>): string =>
  rows.map((row) => `${JSON.stringify(row)}\n`).join("")

export const many = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ key: `${index}`, value: "" }))
