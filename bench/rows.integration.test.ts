import { describe, expect, test } from "vitest"
import { usePostgres } from "../services/testing/postgres.ts"
import { writeOne } from "../shared/table/baseline.ts"
import { selectRows } from "../shared/table/select.ts"
import { Ledger } from "./ledger.ts"
import { findTable } from "./mark.ts"
import { clearRows, demandAccepted, WriteLost } from "./rows.ts"

const postgres = usePostgres()
const kept = findTable()
const appended = findTable("events")
const store = ({ table, write } = kept, mark: string, version?: number) =>
  postgres().run((sql) => writeOne(sql, table, write(mark).row, version))

/** One client whose first and third write were accepted, and whose second was refused. */
const openLedger = (label: string, marked = kept) => {
  const ledger = new Ledger(label, marked)
  const account = ledger.open()
  for (const isAccepted of [true, false, true]) {
    account.sent += 1
    ledger.answer(account, isAccepted)
  }
  return ledger
}

describe("the rows of a run", () => {
  test.each([kept, appended])("fail it when an accepted write has none: $path", async (marked) => {
    await clearRows(postgres(), marked)
    const ledger = openLedger("lost-1", marked)
    const demand = () => demandAccepted(postgres(), marked, ledger, "a")
    await store(marked, ledger.mark(0, 0), 1)
    await store(marked, marked.mark("other-2", 0, 0), 2)
    await expect(demand()).rejects.toThrow(
      new WriteLost("1 accepted writes of a are not in the table"),
    )
    await store(marked, ledger.mark(0, 2), 3)
    expect(await demand()).toBe(0)
  })

  test("fail it when an appended one is there twice, also one that nobody promised", async () => {
    await clearRows(postgres(), appended)
    const ledger = openLedger("twice-1", appended)
    for (const [number, version] of [0, 2, 1, 1].entries()) {
      await store(appended, ledger.mark(0, version), number)
    }
    await expect(demandAccepted(postgres(), appended, ledger, "a")).rejects.toThrow(
      new WriteLost("1 writes of a are in the table once more"),
    )
  })

  test("count their own versions without a queue, and are gone when the table is emptied", async () => {
    await store(kept, "twice")
    await store(kept, "twice")
    const read = async () =>
      (await postgres().run((sql) => selectRows(sql, kept.table, ["twice"]))).get("twice")?.row
    expect(await read()).toMatchObject({ ...kept.write("twice").row, version: 2 })
    await clearRows(postgres(), kept)
    expect(await read()).toBeUndefined()
  })
})
