/** What a client prefers (RFC 7240), as far as it is known here; what is not known is ignored, as it says. */

/** Nobody waits for longer, whatever they prefer. */
export const WAIT_MAX_SECONDS = 30

/** A preference with its value, quoted or not, and parameters, which none of ours has. */
const PREFERENCE = /^\s*([\w-]+)\s*(?:=\s*(?:"([^"]*)"|([^\s;]*)))?\s*(?:;.*)?$/

/** All preferences by name; of one that is said twice the first counts. */
const readPreferences = (header: string): ReadonlyMap<string, string> => {
  const found = new Map<string, string>()
  for (const part of header.split(",")) {
    const [, name, quoted, plain] = PREFERENCE.exec(part) ?? []
    const key = name?.toLowerCase()
    if (key !== undefined && !found.has(key)) found.set(key, quoted ?? plain ?? "")
  }
  return found
}

export interface Preferences {
  /** For how many seconds the client waits; 0 when it does not. */
  readonly wait: number
  /** It wants to be told about each of its writes. */
  readonly isVerbose: boolean
}

const NONE: Preferences = { wait: 0, isVerbose: false }

export const preferencesOf = (headers: Headers): Preferences => {
  const header = headers.get("prefer")
  if (header === null) return NONE
  const preferences = readPreferences(header)
  const wait = preferences.get("wait") ?? ""
  return {
    wait: /^\d{1,9}$/.test(wait) ? Math.min(Number(wait), WAIT_MAX_SECONDS) : 0,
    isVerbose: preferences.get("return") === "representation",
  }
}
