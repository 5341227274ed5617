/**
 * What is written of a batch, as pure functions: the newest write of each key, and when PostgreSQL can
 * never store that one, the next older write of the same key.
 */

import type { Item } from "../../shared/item.ts"
import { identity } from "../../shared/write.ts"

export interface Coalesced {
  /** One item for each key, the newest, sorted by key. */
  readonly newest: ReadonlyArray<Item>
  /** The next older write of the same key; each may be asked for once. Undefined when there is none. */
  readonly nextOlder: (item: Item) => Item | undefined
}

const byKey = (a: Item, b: Item) => {
  const left = identity(a.write)
  const right = identity(b.write)
  return left < right ? -1 : left > right ? 1 : 0
}

/** Keeps the newest write of each key. The order of the items does not matter; their versions do. */
export const coalesce = (items: ReadonlyArray<Item>): Coalesced => {
  // A Map, because "__proto__" is a key like any other.
  const byIdentity = new Map<string, Item[]>()
  for (const item of items) {
    const key = identity(item.write)
    const writes = byIdentity.get(key)
    if (writes) writes.push(item)
    else byIdentity.set(key, [item])
  }
  const newest: Item[] = []
  for (const writes of byIdentity.values()) {
    if (writes.length > 1) writes.sort((a, b) => a.version - b.version)
    newest.push(writes.pop() as Item)
  }
  return {
    newest: newest.sort(byKey),
    nextOlder: ({ write }) => byIdentity.get(identity(write))?.pop(),
  }
}

/** Two halves, the first not smaller; what stands alone is not halved. */
export const halve = <A>(items: ReadonlyArray<A>): [ReadonlyArray<A>, ReadonlyArray<A>] => {
  const middle = Math.ceil(items.length / 2)
  return [items.slice(0, middle), items.slice(middle)]
}
