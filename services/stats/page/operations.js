/** What operators do, from the page: unlocked by the token. What throws something away asks first. */

import { attempt, call, setToken } from "./call.js"
import {
  clearLetters,
  filterBy,
  listLetters,
  moveAll,
  refreshLetters,
  showNews,
  turn,
} from "./letters.js"
import { element } from "./show.js"
import { clearWaiting, listWaiting, mark, purge, showPaused } from "./waiting.js"

let latest = null

const isUnlocked = (unlocked) => {
  element("unlock").hidden = unlocked
  for (const id of ["unlocked", "data"]) element(id).hidden = !unlocked
}

const unlock = async (event) => {
  event.preventDefault()
  const input = element("token")
  setToken(input.value)
  input.value = ""
  await attempt(async () => {
    // Once the token is right, nothing that the lists hold keeps an operator from working.
    await call("GET", "queue?limit=1")
    const hasFocus = element("unlock").contains(document.activeElement)
    isUnlocked(true)
    if (hasFocus) element("refresh").focus()
    await Promise.all([listLetters(), listWaiting()])
  })
}

const lock = async () => {
  setToken(null)
  clearLetters()
  clearWaiting()
  for (const id of ["filter-key", "filter-table"]) element(id).value = ""
  isUnlocked(false)
  element("token").focus()
}

const WORK = {
  pause: () => mark("pause"),
  resume: () => mark("resume"),
  purge: () => purge(latest?.stats),
  lock,
  refresh: refreshLetters,
  "refresh-waiting": listWaiting,
  previous: () => turn({ forward: false }),
  next: () => turn({ forward: true }),
  "replay-all": () => moveAll("replay"),
  "discard-all": () => moveAll("discard"),
}

element("unlock").onsubmit = unlock
element("filter").onsubmit = (event) => {
  event.preventDefault()
  const [key, table] = ["filter-key", "filter-table"].map((id) => element(id).value.trim())
  attempt(() => filterBy({ key, table }))
}
for (const [id, work] of Object.entries(WORK)) element(id).onclick = () => attempt(work)

/** Which of them there are at the moment. */
export const showOperations = (event) => {
  latest = event
  element("operations-off").hidden = event.hasOperations
  if (element("unlocked").hidden) element("unlock").hidden = !event.hasOperations
  else showNews(event.stats?.dead_letters)
  showPaused(event.health.paused === true)
}
