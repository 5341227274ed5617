/**
 * Calls of the service, with the token that was typed in, which is in a variable here and nowhere else; and
 * what came of them, said where it is seen wherever one has scrolled to.
 */

import { count } from "./format.js"
import { element, setText } from "./show.js"

let token = null

export const setToken = (typed) => {
  token = typed
}

/** Asks the service; what went wrong is thrown as a sentence. The path is relative to the page. */
export const call = async (method, path, body) => {
  const response = await fetch(path, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body && { "content-type": "application/json" }),
    },
    ...(body && { body: JSON.stringify(body) }),
  }).catch(() => {
    throw new Error("The stats service does not answer.")
  })
  const answer = await response.json().catch(() => {
    throw new Error(`Something else than the stats service answers (${response.status}).`)
  })
  if (!response.ok) throw new Error(`${answer.title}. ${answer.detail}`)
  return answer
}

export const say = (text, isBad = false) => {
  setText("outcome", text)
  element("toast").classList.toggle("bad", isBad)
  element("dismiss").hidden = text === ""
}

/** A call that answers with the body of the next as long as it is not done; sums up what `name` counts. */
export const callUntilDone = async (method, path, first, name) => {
  let done = 0
  let answer
  for (let body = first; body; body = answer.next) {
    answer = await call(method, path, body).catch((error) => {
      throw done === 0
        ? error
        : new Error(`${error.message} ${count(done)} were ${name} until then.`)
    })
    done += answer[name]
    if (answer.next) say(`${count(done)} ${name}, and on it goes …`)
  }
  return { ...answer, [name]: done }
}

/** Says what came of some work: the text it resolves to, or why it failed. */
export const attempt = async (work) => {
  say("")
  try {
    const outcome = await work()
    if (outcome !== undefined) say(outcome)
  } catch (error) {
    say(error.message, true)
  }
}

element("dismiss").onclick = () => say("")
addEventListener("keydown", ({ key }) => {
  if (key === "Escape" && !document.querySelector("dialog[open]")) say("")
})
