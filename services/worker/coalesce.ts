/**
 * What is written of a table's items in a batch, as pure functions: the newest write of each key, and when
 * PostgreSQL can never store that one, the next older write of the same key.
 */
import type { Item } from "../../shared/item.ts"
import { identity } from "../../shared/write.ts"

export interface Coalesced {
  /** One item for each key, the newest, sorted by key; where rows have no key all, sorted by version. */
  readonly newest: ReadonlyArray<Item>
  /** The next older write of the same key; each may be asked for once. Undefined when there is none. */
  readonly nextOlder: (item: Item) => Item | undefined
}

const keyOf = ({ write }: Item) => identity(write) ?? ""
const byVersion = (a: Item, b: Item) => a.version - b.version

/** Keeps the newest write of each key. The order of the items does not matter; their versions do. */
export const coalesce = (items: ReadonlyArray<Item>): Coalesced => {
  if (items[0] && identity(items[0].write) === null) {
    return { newest: items.toSorted(byVersion), nextOlder: () => undefined }
  }
  // A Map, because "__proto__" is a key like any other.
  const byKey = new Map<string, Item[]>()
  for (const item of items) {
    const key = keyOf(item)
    const writes = byKey.get(key)
    if (writes) writes.push(item)
    else byKey.set(key, [item])
  }
  const newestOf = (key: string) => {
    const writes = byKey.get(key) ?? []
    if (writes.length > 1) writes.sort(byVersion)
    return writes.pop() as Item
  }
  return {
    // Texts alone are sorted faster than items by a comparison of their keys.
    newest: [...byKey.keys()].sort().map(newestOf),
    nextOlder: (item) => byKey.get(keyOf(item))?.pop(),
  }
}

/** Two halves, the first not smaller; what stands alone is not halved. */
export const halve = <A>(items: ReadonlyArray<A>): [ReadonlyArray<A>, ReadonlyArray<A>] => {
  const middle = Math.ceil(items.length / 2)
  return [items.slice(0, middle), items.slice(middle)]
}
