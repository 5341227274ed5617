import { describe, expect, it } from "vitest"
import { sampleResults } from "../result-sample.ts"
import { capacityTable } from "./capacity.ts"

const cellsOf = (table: string | null) =>
  (table?.split("\n") ?? [])
    .filter((line) => line.startsWith("|"))
    .slice(2)
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )

describe("the table of capacity", () => {
  it("plans each process for 60 % of a core, of what a write was measured to cost", () => {
    expect(cellsOf(capacityTable(sampleResults()))).toEqual([
      // 10,000 writes of 50 µs are half a core of ingest, whose only one is full at twice as many.
      ["10k", "1", "1 (1)", "1", "1", "3.05 MiB", "114 MiB", "ingest, 20k"],
      // Of 20 µs they are two cores of Redis; there are shards then, with which a write costs 40.
      ["100k", "13", "7 (64)", "5", "1", "30.5 MiB", "1.12 GiB", "worker, 170k"],
      // 64 MiB of WAL are 209,715 writes of 320 bytes, of which 60 % are planned for.
      ["1M", "125", "67 (1,024)", "50", "8", "305 MiB", "11.2 GiB", "ingest, 1.7M"],
      ["10M", "1,250", "670 (10,240)", "500", "80", "2.98 GiB", "112 GiB", "ingest, 17M"],
    ])
  })

  it("says what it assumes, and where its figures come from", () => {
    const table = capacityTable(sampleResults()) ?? ""
    expect(table).toContain(
      "with one shard ingest 50 µs, Redis 20 µs, worker 25 µs, PostgreSQL 10 µs and 320 B of WAL",
    )
    expect(table).toContain("with 64 on one Redis ingest 75 µs, Redis 40 µs, worker 30 µs")
    expect(table).toContain("8 cores, the rows in memory, and a disk that takes 64 MiB of WAL")
    expect(table).toContain("commit abc1234")
  })

  it("is none of a run that has not measured all of it", () => {
    const { scale, ...before } = sampleResults()
    expect(capacityTable(before)).toBeNull()
    const loads = scale?.loads.filter(({ rate }) => rate !== null) ?? []
    expect(capacityTable(sampleResults({ scale: { loads, idle: [], queued: [] } }))).toBeNull()
  })
})
