import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { Ledger, writeNumber } from "./ledger.ts"
import { findTable } from "./mark.ts"

const send = (account: { sent: number }, writes: number) => {
  account.sent += writes
}

describe("Ledger", () => {
  it("counts accepted and refused writes, and which were not promised", () => {
    const ledger = new Ledger("a", findTable())
    const account = ledger.open()
    for (const isAccepted of [true, false, true]) {
      send(account, 1)
      ledger.answer(account, isAccepted)
    }
    expect([ledger.accepted, ledger.refused]).toEqual([2, 1])
    expect([...account.unpromised]).toEqual([1])
  })

  it("holds nobody to a write whose connection was lost", () => {
    const ledger = new Ledger("a", findTable())
    const account = ledger.open()
    send(account, 1)
    ledger.lose(account)
    send(account, 1)
    ledger.answer(account, true)
    expect([ledger.accepted, ledger.unanswered]).toEqual([1, 1])
    expect([...account.unpromised]).toEqual([0])
  })

  it("counts what is under way at the end neither as accepted nor as a failure", () => {
    const ledger = new Ledger("a", findTable())
    const account = ledger.open()
    send(account, 1)
    ledger.close()
    expect([ledger.accepted, ledger.refused, ledger.unanswered]).toEqual([0, 0, 0])
    expect([...account.unpromised]).toEqual([0])
  })

  it("names the mark of each write that was accepted", () => {
    const ledger = new Ledger("a", findTable())
    for (const isAccepted of [true, false]) {
      const account = ledger.open()
      send(account, 1)
      ledger.answer(account, isAccepted)
    }
    expect([...ledger.promised()]).toEqual([ledger.mark(0, 0)])
  })

  it("knows which requests were refused when they are answered in another order", () => {
    const ledger = new Ledger("a", findTable())
    const account = ledger.open()
    send(account, 3)
    ledger.answer(account, false, 2)
    ledger.answer(account, true, 0)
    ledger.answer(account, true, 1)
    ledger.close()
    expect([...ledger.promised()]).toEqual([ledger.mark(0, 0), ledger.mark(0, 1)])
  })

  it("counts all writes of a request", () => {
    const ledger = new Ledger("a", findTable(), 2)
    const account = ledger.open()
    send(account, 1)
    ledger.lose(account)
    for (const isAccepted of [true, false]) {
      send(account, 1)
      ledger.answer(account, isAccepted)
    }
    expect([ledger.accepted, ledger.refused, ledger.unanswered]).toEqual([2, 2, 2])
    expect([...ledger.promised()]).toEqual([ledger.mark(0, 2), ledger.mark(0, 3)])
  })

  it("gives each write of each client a mark of its own, all of one length", () => {
    const ledger = new Ledger("load", findTable())
    expect(ledger.mark(7, 12)).toBe("load:007:00000012")
    expect(ledger.mark(999, 12_345_678)).toHaveLength(ledger.mark(0, 0).length)
  })
})

describe("writeNumber", () => {
  it("replaces the digits that end there, and nothing else", () => {
    const bytes = Buffer.from('{"key":"load:001:00000000","value":"x"}')
    writeNumber(bytes, bytes.indexOf('","value"'), 4_031)
    expect(bytes.toString()).toBe('{"key":"load:001:00004031","value":"x"}')
  })
})
