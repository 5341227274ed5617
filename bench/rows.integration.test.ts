import { describe, expect, test } from "vitest"
import { usePostgres } from "../services/testing/postgres.ts"
import { truncate, writeOne } from "../shared/table/baseline.ts"
import { selectRows } from "../shared/table/select.ts"
import { Ledger } from "./ledger.ts"
import { demandAccepted, sampleWrite, TABLE, WriteLost } from "./rows.ts"

const postgres = usePostgres()
const store = (key: string) => postgres().run((sql) => writeOne(sql, TABLE, sampleWrite(key).row))

/** One client whose first and third write were accepted, and whose second was refused. */
const openLedger = (label: string) => {
  const ledger = new Ledger(label)
  const account = ledger.open()
  for (const isAccepted of [true, false, true]) {
    account.sent += 1
    ledger.answer(account, isAccepted)
  }
  return ledger
}

describe("the rows of a run", () => {
  test("fail it when an accepted write has none, however many others have one", async () => {
    const ledger = openLedger("lost")
    const demand = () => demandAccepted(postgres(), ledger, "a")
    await store(ledger.key(0, 0))
    await store("another")
    await expect(demand()).rejects.toThrow(
      new WriteLost("1 accepted writes of a are not in the table"),
    )
    await store(ledger.key(0, 2))
    expect(await demand()).toBe(0)
  })

  test("count their own versions without a queue, and are gone when the table is emptied", async () => {
    await store("twice")
    await store("twice")
    const read = async () =>
      (await postgres().run((sql) => selectRows(sql, TABLE, ["twice"]))).get("twice")
    expect(await read()).toMatchObject({ ...sampleWrite("twice").row, version: 2 })
    await postgres().run((sql) => truncate(sql, TABLE))
    expect(await read()).toBeUndefined()
  })
})
