/**
 * The newest dead letter of each list in one text, as answers name it and calls give it back. Of a single
 * list it is the mark alone; of several each mark has the number of its list in front.
 */

/** The marks of all lists in their order, null of one without a letter. Null when none has any. */
export const writeMarks = (marks: ReadonlyArray<string | null>): string | null => {
  const [only = null, ...others] = marks
  if (others.length === 0) return only
  const parts = marks.flatMap((mark, index) =>
    mark === null ? [] : [`${index}:${encodeURIComponent(mark)}`],
  )
  return parts.length > 0 ? parts.join(" ") : null
}

const decode = (text: string) => {
  try {
    return decodeURIComponent(text)
  } catch {
    // Nobody's: as that of a letter that is gone.
    return text
  }
}

/** The marks by the number of the list. One of before there were several lists is the first one's. */
export const readMarks = (text: string, lists: number): ReadonlyMap<number, string> =>
  lists === 1 || !/^\d+:/.test(text)
    ? new Map([[0, text]])
    : new Map(
        text.split(" ").map((part) => {
          const [, index = "", mark = ""] = /^(\d{1,4}):(.*)$/.exec(part) ?? []
          return [Number(index), decode(mark)]
        }),
      )
