/** A client of the storm: of each kind of write some, most of them plain ones of keys that are written once. */
import type { Ledger } from "../../testing/ledger.ts"
import { type Asked, appendedOf, deletionOf, rowOf } from "../../testing/sent.ts"
import type { Chance } from "./chance.ts"

/** Not for long, so that a client meets many faults and not one. */
const AWAITED: Asked = { wait: 2 }

/** Of one call. */
const MANY = 6

/** Writes under this name; each call takes a key that none had, and resolves when the client knows more. */
export const makeWriter = (
  ledger: Pick<Ledger, "post" | "postInvalid" | "send" | "sendMany" | "repeat" | "repeatMany">,
  chance: Chance,
  name: string,
) => {
  const draft = (key: string) => chance.pick([rowOf, appendedOf])(key, name)
  const asked = () => chance.pick([{}, AWAITED])
  const many = (key: string) => {
    const make = chance.pick([rowOf, appendedOf])
    return Array.from({ length: MANY }, (_, index) => make(`${key} ${index}`, name))
  }
  const kinds: ReadonlyArray<readonly [share: number, write: (key: string) => Promise<unknown>]> = [
    [50, (key) => ledger.post(key, name)],
    [10, (key) => ledger.send(draft(key), AWAITED)],
    [
      16,
      async (key) => {
        const [write, how] = [draft(key), asked()]
        await ledger.repeat(write, key, how)
        // As after an answer that was lost.
        await ledger.send(write, { ...how, once: key })
      },
    ],
    [4, (key) => ledger.sendMany(many(key), asked())],
    [4, (key) => ledger.repeatMany(many(key), key, asked())],
    [
      10,
      async (key) => {
        await ledger.post(key, name)
        await ledger.repeat(deletionOf(key), key, asked())
      },
    ],
    [3, (key) => ledger.send(rowOf(key, name, true), asked())],
    [3, (key) => ledger.postInvalid(`${key} invalid`)],
  ]
  const lots = kinds.flatMap(([share, write]) => Array.from({ length: share }, () => write))
  return (key: string) => chance.pick(lots)(key)
}
