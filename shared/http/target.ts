/**
 * What a request names in its path and its query, decoded strictly: null for what cannot be decoded. Hono
 * leaves that as it is, so that two targets would name one key.
 */
import { isAt } from "./route.ts"

const decode = (text: string): string | null => {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}

export interface Target {
  /** Of the pattern, in its order. */
  readonly parameters: ReadonlyArray<string | null>
  /** All values of this name in the query, in its order. As in every query, a + is a space. */
  readonly valuesOf: (name: string) => ReadonlyArray<string | null>
}

const valuesIn = (search: string, name: string) =>
  search
    .slice(1)
    .split("&")
    .map((pair) => {
      const at = pair.indexOf("=")
      return at < 0 ? [pair, ""] : [pair.slice(0, at), pair.slice(at + 1)]
    })
    .filter(([found = ""]) => decode(found) === name)
    .map(([, text = ""]) => decode(text.replaceAll("+", " ")))

/**
 * The target of a request whose path was found to be one of the pattern. Null when it is another: a server
 * may resolve the dots in a path before, or pass them on, and both must mean the same.
 */
export const targetOf = (pattern: string, url: string): Target | null => {
  const { pathname, search } = new URL(url)
  if (!isAt(pattern, pathname)) return null
  const wanted = pattern.split("/")
  const isParameter = (_: string, index: number) => wanted[index]?.startsWith(":") ?? false
  return {
    parameters: pathname.split("/").filter(isParameter).map(decode),
    valuesOf: (name) => (search === "" ? [] : valuesIn(search, name)),
  }
}
