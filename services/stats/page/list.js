/**
 * Lists that are asked for again while somebody works in them by keyboard: what stays keeps its element,
 * and with it the focus. Where the focused item is gone, the focus goes to the same button of the next.
 */

/** An action is what a button does, the same in each item: `data-action`. */
const focusNear = (list, index, action, otherwise) => {
  const item = list.children[Math.min(index, list.children.length - 1)]
  const button = action && item?.querySelector(`[data-action="${action}"]`)
  const target = button || otherwise
  target.focus()
}

/**
 * Makes the children of `list` those of `items`, in order. `keyOf` tells items apart; `show(element, item)`
 * fills the element of an item that is new or has changed. `otherwise` gets the focus of an empty list.
 */
export const fill = (list, items, { keyOf, show, otherwise }) => {
  const focused = list.contains(document.activeElement) ? document.activeElement : null
  const at = focused ? [...list.children].findIndex((child) => child.contains(focused)) : -1
  const known = new Map([...list.children].map((child) => [child.dataset.key, child]))
  const wanted = items.map((item) => {
    const key = String(keyOf(item))
    const child = known.get(key) ?? document.createElement("li")
    known.delete(key)
    const content = JSON.stringify(item)
    if (child.dataset.content !== content) show(child, item)
    Object.assign(child.dataset, { key, content })
    return child
  })
  for (const child of known.values()) child.remove()
  for (const [index, child] of wanted.entries()) {
    // An element that is put where it is already would lose the focus.
    if (list.children[index] !== child) list.insertBefore(child, list.children[index] ?? null)
  }
  if (focused?.isConnected) focused.focus()
  else if (focused) focusNear(list, at, focused.dataset.action, otherwise)
}
