/** A dead letter as operators meet it: what is shown of it, what names it, and whether a filter is for it. */
import { decodeDeadLetter } from "../../../shared/item.ts"

export interface Letter extends ReturnType<typeof decodeDeadLetter> {
  /** As it stands in the list. */
  readonly text: string
}

/** Letters with exactly this reason, with this text in their key, of exactly this table. */
export interface Filter {
  readonly reason?: string
  readonly key?: string
  readonly table?: string
}

/** In UTF-16 units: what one call to Redis sends, each letter and, for a replay, the item that it was. */
const MOVE_MAX_LENGTH = 1024 * 1024

export const decodeLetter = (text: string): Letter => ({ text, ...decodeDeadLetter(text) })

/** Names a letter among all: one that was replayed and died again is another. */
export const markOf = ({ shown: { version, at } }: Letter) => `${version}@${at}`

export const matches = ({ shown }: Letter, { reason, key, table }: Filter) =>
  (reason === undefined || shown.reason === reason) &&
  (table === undefined || shown.table === table) &&
  (key === undefined || (shown.key ?? "").includes(key))

/** Letters in groups that one call to Redis can take. */
export const inGroups = (letters: ReadonlyArray<Letter>): ReadonlyArray<ReadonlyArray<Letter>> => {
  const groups: Letter[][] = []
  let room = 0
  for (const letter of letters) {
    if (letter.text.length > room) {
      groups.push([])
      room = MOVE_MAX_LENGTH
    }
    groups.at(-1)?.push(letter)
    room -= letter.text.length
  }
  return groups
}
