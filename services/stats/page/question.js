/** The question before what throws something away or sets much in motion. */

const template = document.getElementById("question")

let dismiss = null

/**
 * Resolves to whether the answer was yes. Each question has a dialog of its own: the browser tells of an
 * answer some time after it was given, and the next question may stand by then.
 */
export const ask = (title, text, yes) =>
  new Promise((resolve) => {
    dismiss?.()
    const dialog = template.content.firstElementChild.cloneNode(true)
    const answer = (isYes) => {
      dialog.remove()
      resolve(isYes)
    }
    dismiss = () => answer(false)
    dialog.querySelector("h2").textContent = title
    dialog.querySelector("p").textContent = text
    dialog.querySelector("[value=yes]").textContent = yes
    dialog.onclose = () => answer(dialog.returnValue === "yes")
    document.body.append(dialog)
    dialog.showModal()
  })
