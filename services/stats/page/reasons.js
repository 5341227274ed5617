/** How many dead letters there are for which reason, and the choice of one of the reasons. */

import { call } from "./call.js"
import { count } from "./format.js"
import { fill } from "./list.js"
import { element, make } from "./show.js"

/** Calls for the counts until all are counted. `filter` has no reason: the groups are of all of them. */
export const countReasons = async (filter) => {
  const counts = new Map()
  let others = 0
  let answer = { next: 0 }
  while (answer.next !== null) {
    const parameters = new URLSearchParams({ after: answer.next, ...filter })
    answer = await call("GET", `dead/reasons?${parameters}`)
    for (const group of answer.reasons) {
      counts.set(group.reason, (counts.get(group.reason) ?? 0) + group.writes)
    }
    others += answer.others
  }
  const sum = [...counts.values()].reduce((all, one) => all + one, others)
  return { counts, sum, total: answer.total, newest: answer.newest }
}

/** `chosen` is the reason that is looked at, null for any; `choose(reason)` looks at another. */
export const showReasons = ({ counts, sum }, chosen, choose) => {
  const groups = [...counts].sort((one, other) => other[1] - one[1])
  const items = [[null, sum], ...groups].map(([text, writes]) => ({
    ...{ text, writes },
    isChosen: text === chosen,
  }))
  const show = (item, { text, writes, isChosen }) => {
    const button = item.querySelector("button") ?? make("button", "", { type: "button" })
    button.replaceChildren(make("b", count(writes)), make("span", text ?? "all reasons"))
    button.setAttribute("aria-pressed", String(isChosen))
    button.onclick = () => choose(text)
    if (!button.isConnected) item.append(button)
  }
  fill(element("reasons"), items, {
    keyOf: ({ text }) => JSON.stringify(text),
    show,
    otherwise: element("refresh"),
  })
  element("reasons").hidden = sum === 0
}
