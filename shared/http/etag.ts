/** Validators of what is answered (RFC 9110, section 8.8.3): whether a client has it already. */

/** Of a row: its version changes whenever the row does. */
export const etagOf = (version: number): string => `"${version}"`

/** A tag in a list; a comma may be part of it. The W/ in front of a weak one makes no difference here. */
const TAG = /"[\x21\x23-\x7e\x80-\xff]*"/g

/** Whether If-None-Match, null where there is none, names what there is. */
export const isKnown = (ifNoneMatch: string | null, etag: string): boolean => {
  if (ifNoneMatch === null) return false
  if (ifNoneMatch.trim() === "*") return true
  return [...ifNoneMatch.matchAll(TAG)].some(([tag]) => tag === etag)
}
